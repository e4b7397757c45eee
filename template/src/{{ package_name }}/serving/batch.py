"""The command `predict`: the rows of a file, with predictions beside them."""

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from shutil import rmtree

import pyarrow as pa
from pyarrow import parquet
from rich.console import Console
from rich.progress import track

from ..core.bundle import Predictor
from ..core.config import UserError
from ..core.files import sha256, write_atomic
from ..core.rows import WRITERS, Batch, first_line, open_rows
from ..features import MISSING_VALUES, Instance


def predict_file(source: Path, output: Path, bundle: Path) -> None:
    """Write all rows of `source` with predictions to `output`, or nothing.

    Finished blocks are stored next to the output; a second call continues from them.

    Raises:
        UserError: A file cannot be read or written, or a row breaks the schema.
    """
    if output.suffix.lower() not in WRITERS:
        raise UserError(f"--output {output} must end in {' or '.join(WRITERS)}.", 2)
    predictor = Predictor(bundle)
    batches = open_rows(source, MISSING_VALUES)
    blocks = block_folder(predictor, source, output)
    try:
        n_rows = predict_blocks(predictor, batches, source, blocks)
        join_blocks(blocks, n_rows, output)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{source} to {output}: {first_line(error)}", 2) from error
    except UserError as error:
        # Blocks are kept where the file may be read on, such as after a failure of the network.
        if not isinstance(error.__cause__, OSError):
            rmtree(blocks, ignore_errors=True)
        raise


def block_folder(predictor: Predictor, source: Path, output: Path) -> Path:
    """The folder for the blocks of this model and this version of the source and its files."""
    key = predictor.version
    for path in sorted([source, *source.rglob("*")]):
        state = path.stat()
        key += f" {path.resolve()} {state.st_size} {state.st_mtime_ns}"
    return output.with_name(f".{output.name}-{sha256(key.encode())[:16]}")


def predict_blocks(
    predictor: Predictor, batches: Iterator[Batch], source: Path, blocks: Path
) -> int:
    """Write each block of rows, with predictions, to a Parquet file of its own.

    Returns:
        The number of rows.

    Raises:
        UserError: The source has no rows, or one of them cannot be predicted.
    """
    n_rows = 0
    for number, batch in enumerate(track(batches, "predict", console=Console(stderr=True))):
        n_rows += len(batch.rows)
        path = blocks / f"{number:06}.parquet"
        if not path.is_file():
            block = BytesIO()
            parquet.write_table(predict_batch(predictor, batch, str(source)), block)
            write_atomic(path, block.getvalue())
    if not n_rows:
        raise UserError(f"{source} has no rows.")
    return n_rows


def predict_batch(predictor: Predictor, batch: Batch, source: str) -> pa.Table:
    """The columns of the batch and those of the predictions.

    Raises:
        UserError: A row breaks the schema, or a column has the name of a prediction's.
    """
    batch.require_columns(Instance, source)
    instances = batch.validate(Instance, source)
    try:
        predictions = pa.Table.from_pylist(predictor.predict(instances))
    except UserError as error:
        raise UserError(f"{source}, from {batch.label(0)} on: {error}") from error
    table = pa.Table.from_batches([batch.table])
    for name in predictions.column_names:
        if name in table.column_names:
            raise UserError(f'{source} has a column "{name}", as the predictions do; rename it.')
        table = table.append_column(name, predictions[name])
    return table


def join_blocks(blocks: Path, n_rows: int, output: Path) -> None:
    """Write all blocks to one file, one after another, and remove them.

    Raises:
        UserError: Another call of predict has removed blocks.
    """
    paths = sorted(blocks.glob("[0-9]*.parquet"))
    if sum(parquet.read_metadata(path).num_rows for path in paths) != n_rows:
        raise UserError(f"Another predict writes {output}, too; run this one again, alone.")
    suffix = output.suffix.lower()
    joined = blocks / f"joined-{os.getpid()}{suffix}"
    with WRITERS[suffix](joined, parquet.read_schema(paths[0])) as writer:
        for path in paths:
            writer.write_table(parquet.read_table(path))
    joined.replace(output)
    rmtree(blocks, ignore_errors=True)
