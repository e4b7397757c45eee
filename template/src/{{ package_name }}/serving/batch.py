"""The command `predict`: the rows of a file, with predictions beside them."""

import os
from pathlib import Path
from shutil import rmtree
from typing import Any

import pyarrow as pa
from pyarrow import parquet
from rich.console import Console
from rich.progress import Progress

from ..core.bundle import Predictor
from ..core.config import UserError
from ..core.files import sha256, write_atomic
from ..core.rows import WRITERS, Batch, RowFile, first_line, open_rows, require_columns
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
    file = open_rows(source, MISSING_VALUES)
    require_columns(file.columns, Instance.model_fields, str(source))
    blocks = block_folder(predictor, source, output)
    try:
        predict_blocks(predictor, file, blocks)
        join_blocks(blocks, file, output)
    except UserError:
        rmtree(blocks, ignore_errors=True)
        raise
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{source} to {output}: {first_line(error)}", 2) from error


def block_folder(predictor: Predictor, source: Path, output: Path) -> Path:
    """The folder for the blocks of this model and this version of the source."""
    state = source.stat()
    key = f"{predictor.version} {source.resolve()} {state.st_size} {state.st_mtime_ns}"
    return output.with_name(f".{output.name}-{sha256(key.encode())[:16]}")


def predict_blocks(predictor: Predictor, file: RowFile, blocks: Path) -> None:
    """Write each block of rows, with predictions, to a Parquet file of its own."""
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(f"predict {file.n_rows:,} rows", total=file.n_rows)
        for number, batch in enumerate(file.batches):
            path = blocks / f"{number:06}.parquet"
            if not path.is_file():
                write_block(path, predict_batch(predictor, batch, str(file.path)))
            progress.advance(task, len(batch.rows))


def predict_batch(predictor: Predictor, batch: Batch, source: str) -> pa.Table:
    """The columns of the batch and those of the predictions.

    Raises:
        UserError: A row breaks the schema, or a column has the name of a prediction's.
    """
    instances = batch.validate(Instance, source)
    try:
        predictions = pa.Table.from_pylist(predictor.predict(instances))
    except UserError as error:
        raise UserError(f"{source}, from {batch.label(0)} on: {error}") from error
    for name in predictions.column_names:
        if name in batch.table.schema.names:
            raise UserError(f'{source} has a column "{name}", as the predictions do; rename it.')
    table = pa.Table.from_batches([batch.table])
    for name in predictions.column_names:
        table = table.append_column(name, predictions[name])
    return table


def write_block(path: Path, table: pa.Table) -> None:
    """Write a block atomically."""
    buffer = pa.BufferOutputStream()
    parquet.write_table(table, buffer)
    write_atomic(path, buffer.getvalue().to_pybytes())


def join_blocks(blocks: Path, file: RowFile, output: Path) -> None:
    """Write all blocks to one file, one after another, and remove them.

    Raises:
        UserError: The source has no rows, or another call of predict has removed blocks.
    """
    if not file.n_rows:
        raise UserError(f"{file.path} has no rows.")
    paths = sorted(blocks.glob("*.parquet"))
    if sum(parquet.read_metadata(path).num_rows for path in paths) != file.n_rows:
        raise UserError(f"Another predict writes {output}, too; run this one again, alone.")
    schema: Any = parquet.read_schema(paths[0])
    joined = blocks / f"joined-{os.getpid()}"
    with WRITERS[output.suffix.lower()](joined, schema) as writer:
        for path in paths:
            writer.write_table(parquet.read_table(path))
    joined.replace(output)
    rmtree(blocks, ignore_errors=True)
