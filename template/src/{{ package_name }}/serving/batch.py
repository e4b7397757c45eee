"""The command `predict`: the rows of a file, with predictions beside them."""

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from shutil import rmtree
from typing import Any

import pyarrow as pa
from pyarrow import parquet
from rich.console import Console
from rich.progress import track

from ..core.bundle import Predictor
from ..core.config import UserError
from ..core.files import sha256, write_atomic
from ..core.rows import WRITERS, Batch, first_line, open_rows
from ..features import MISSING_VALUES, Instance

# The column of refused rows that says why.
REASON = "refused"


def predict_file(source: Path, output: Path, bundle: Path, max_refused: float) -> None:
    """Write the valid rows of `source` with predictions to `output`, the refused ones beside it.

    Finished blocks are stored next to the output; a second call continues from them.

    Args:
        source: A file of rows.
        output: A .csv or .parquet file; "-refused" is added to its name for refused rows.
        bundle: The folder of the bundle.
        max_refused: The share of refused rows from which on there is no output.

    Raises:
        UserError: A file cannot be read or written, or too many rows break the schema.
    """
    if output.suffix.lower() not in WRITERS:
        raise UserError(f"--output {output} must end in {' or '.join(WRITERS)}.", 2)
    predictor = Predictor(bundle)
    batches = open_rows(source, MISSING_VALUES)
    blocks = block_folder(predictor, source, output)
    try:
        n_rows, refused = predict_blocks(predictor, batches, source, blocks)
        write_refused(refused, n_rows, output, max_refused)
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
) -> tuple[int, list[dict[str, Any]]]:
    """Write each block of valid rows, with predictions, to a Parquet file of its own.

    Returns:
        The number of valid rows, and the refused ones with the reasons.

    Raises:
        UserError: The source has no rows, or one of them cannot be predicted.
    """
    n_rows = 0
    refused = []
    for number, batch in enumerate(track(batches, "predict", console=Console(stderr=True))):
        batch.require_columns(Instance, str(source))
        valid, reasons = batch.check(Instance)
        n_rows += len(valid)
        for index, reason in reasons.items():
            refused.append({**batch.rows[index], REASON: f"{batch.label(index)}: {reason}"})
        path = blocks / f"{number:06}.parquet"
        if valid and not path.is_file():
            block = BytesIO()
            parquet.write_table(predict_batch(predictor, batch, valid, str(source)), block)
            write_atomic(path, block.getvalue())
    if not n_rows and not refused:
        raise UserError(f"{source} has no rows.")
    return n_rows, refused


def predict_batch(
    predictor: Predictor, batch: Batch, valid: dict[int, Any], source: str
) -> pa.Table:
    """The valid rows, by their indices, and the columns of the predictions.

    Raises:
        UserError: They cannot be predicted, or a column has the name of a prediction's.
    """
    try:
        predictions = pa.Table.from_pylist(predictor.predict(list(valid.values())))
    except UserError as error:
        raise UserError(f"{source}, from {batch.label(0)} on: {error}") from error
    table = pa.Table.from_batches([batch.table]).take(list(valid))
    for name in predictions.column_names:
        if name in table.column_names:
            raise UserError(f'{source} has a column "{name}", as the predictions do; rename it.')
        table = table.append_column(name, predictions[name])
    return table


def write_refused(
    refused: list[dict[str, Any]], n_rows: int, output: Path, max_refused: float
) -> None:
    """Write the refused rows beside the output.

    Raises:
        UserError: They are too many, or all.
    """
    path = output.with_stem(f"{output.stem}-refused")
    path.unlink(missing_ok=True)
    if not refused:
        return
    table = pa.Table.from_pylist(refused)
    with WRITERS[path.suffix.lower()](path, table.schema) as writer:
        writer.write_table(table)
    n_rows += len(refused)
    message = f"{len(refused)} of {n_rows} rows are refused ({refused[0][REASON]}): see {path}."
    if len(refused) > max_refused * n_rows or len(refused) == n_rows:
        raise UserError(message)
    Console(stderr=True).print(message, highlight=False, markup=False, soft_wrap=True)


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
