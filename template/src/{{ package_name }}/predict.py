"""Batch predictions: a CSV or Parquet file, or a folder, in; the same rows with answers out."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from glob import escape
from io import BytesIO
from pathlib import Path
from shutil import rmtree
from typing import Any

import pyarrow as pa
from pyarrow import csv, dataset, parquet
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress

from .bundle import FIELDS, Predictor, instance_of
from .files import hash_of, write_whole
from .locate import locate
from .prepare import Instance
from .settings import UserError, explain

WRITERS: dict[str, Any] = {".csv": csv.CSVWriter, ".parquet": parquet.ParquetWriter}
# Rows as they are, and what makes instances of them, which may find that one is none.
Block = tuple[pa.RecordBatch, Callable[[], list[dict[str, Any]]]]


def predict_file(bundle: str, source: Path, target: Path) -> None:
    """Write the rows with answers: the whole file or none; after a kill, what was done is kept."""
    if not (source.suffix in WRITERS or source.is_dir()) or target.suffix not in WRITERS:
        raise UserError("--input and --output must end in .csv or .parquet.", 2)
    try:
        predictor, state = Predictor(locate(bundle)), source.stat()
        run = f"{predictor.version} {source.resolve()} {state.st_size} {state.st_mtime_ns}"
        parts = target.with_name(f".{target.name}-{hash_of(run.encode())[:16]}")
        # What another model, or a source that has changed since, left behind is of no use.
        for other in {*target.parent.glob(f".{escape(target.name)}-{'[0-9a-f]' * 16}")} - {parts}:
            rmtree(other)
        try:
            answer_blocks(predictor, source, parts)
            join(parts, source, target)
        except UserError:
            rmtree(parts, ignore_errors=True)
            raise
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{source} to {target}: {str(error).splitlines()[0]}", 2) from error


def answer_blocks(predictor: Predictor, source: Path, parts: Path) -> None:
    """Write each block with its answers to a file of its own, unless it is there already."""
    count, blocks = folder_blocks(source) if source.is_dir() else file_blocks(source)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(f"predict, {count:,} rows", total=count)
        for number, (rows, instances) in enumerate(blocks):
            path = parts / f"{number:06}.parquet"
            if not path.is_file():
                answers = predictor.task.answers(predictor.output(instances()))
                parquet.write_table(beside(rows, answers, source), file := BytesIO())
                write_whole(path, file.getvalue())
            progress.advance(task, rows.num_rows)


def beside(rows: pa.RecordBatch, answers: list[dict[str, Any]], source: Path) -> pa.Table:
    answered = pa.RecordBatch.from_pylist(answers)
    for name in set(answered.schema.names) & set(rows.schema.names):
        raise UserError(f'{source} has a column "{name}", as the answers do; rename it.')
    return pa.table({n: part[n] for part in (rows, answered) for n in part.schema.names})


def join(parts: Path, source: Path, target: Path) -> None:
    """All blocks in one file, one after another, because together they may not fit into memory."""
    blocks = sorted(parts.glob("*.parquet"))
    if not blocks:
        raise UserError(f"{source} has no rows.")
    tables = map(parquet.read_table, blocks)
    if target.suffix == ".csv":
        tables = map(as_text, tables)
    # Its name is none of a block's, or a call that goes on after a kill would take it for one.
    unfinished, first = parts / "joined", next(tables)
    with WRITERS[target.suffix](unfinished, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)
    unfinished.replace(target)
    rmtree(parts)


def as_text(table: pa.Table) -> pa.Table:
    """A cell of a CSV holds no list, but it can hold JSON."""
    for place, column in enumerate(table.columns):
        if pa.types.is_list(column.type):
            texts = pa.array(map(json.dumps, column.to_pylist()))
            table = table.set_column(place, table.schema.names[place], texts)
    return table


def folder_blocks(source: Path) -> tuple[int, Iterator[Block]]:
    """The files of a folder, each of them one instance."""
    paths = sorted(path for path in source.iterdir() if path.is_file())
    names = (pa.RecordBatch.from_pylist([{"file": path.name}]) for path in paths)
    return len(paths), zip(names, (partial(from_file, path) for path in paths), strict=True)


def from_file(path: Path) -> list[dict[str, Any]]:
    with said_of(path):
        return [Instance.from_file(path).model_dump()]


def file_blocks(source: Path) -> tuple[int, Iterator[Block]]:
    """The rows of a file; in a CSV every cell is text."""
    lines = csv.ParseOptions(newlines_in_values=True)
    cells = csv.ConvertOptions(default_column_type=pa.string())
    kind: Any = dataset.CsvFileFormat(lines, convert_options=cells)
    rows = dataset.dataset(source, format=kind if source.suffix == ".csv" else "parquet")
    for name in FIELDS:
        if name not in rows.schema.names:
            raise UserError(f'{source} has no column "{name}".')
    return rows.count_rows(), blocks_of(rows, source)


def blocks_of(rows: Any, source: Path) -> Iterator[Block]:
    start = 1
    for batch in rows.to_batches():
        if batch.num_rows:
            yield batch, partial(from_rows, batch, source, start)
        start += batch.num_rows


def from_rows(batch: pa.RecordBatch, source: Path, start: int) -> list[dict[str, Any]]:
    instances = []
    for number, row in enumerate(batch.select(FIELDS).to_pylist(), start):
        with said_of(f"{source}, row {number}"):
            instances.append(instance_of(row).model_dump())
    return instances


@contextmanager
def said_of(place: object) -> Iterator[None]:
    """What is wrong with an instance is said with the place that it has in the source."""
    try:
        yield
    except ValidationError as error:
        raise UserError(f"{place}: {explain(error)}") from error
    except json.JSONDecodeError as error:
        raise UserError(f"{place}: a list must be written as JSON; {error}.") from error
    except UserError as error:
        raise UserError(f"{place}: {error}") from error
