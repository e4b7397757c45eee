"""Batch predictions: a CSV or Parquet file, or a folder, in; the same rows with answers out."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
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
from .locate import load_predictor
from .prepare import Instance
from .settings import UserError, explain

WRITERS: dict[str, Any] = {".csv": csv.CSVWriter, ".parquet": parquet.ParquetWriter}


def predict_file(bundle: str, source: Path, target: Path) -> None:
    """Write the rows with answers: the whole file or none; after a kill, what was done is kept."""
    if not (source.suffix in WRITERS or source.is_dir()) or target.suffix not in WRITERS:
        raise UserError("--input and --output must end in .csv or .parquet.", 2)
    try:
        predictor, state = load_predictor(bundle), source.stat()
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
    count, blocks = files_in(source) if source.is_dir() else rows_in(source)
    with Progress(console=Console(stderr=True)) as progress:
        task, start = progress.add_task(f"predict, {count:,} rows", total=count), 1
        for number, rows in enumerate(blocks):
            path = parts / f"{number:06}.parquet"
            if not path.is_file():
                output = predictor.output(instances_in(rows, source, start))
                answered = beside(rows, predictor.task.answers(output), source)
                parquet.write_table(answered, file := BytesIO())
                write_whole(path, file.getvalue())
            progress.advance(task, rows.num_rows)
            start += rows.num_rows


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


def files_in(source: Path) -> tuple[int, Iterator[pa.RecordBatch]]:
    """The files of a folder, each of them one instance, and a block of its own."""
    names = sorted(path.name for path in source.iterdir() if path.is_file())
    return len(names), (pa.RecordBatch.from_pylist([{"file": name}]) for name in names)


def rows_in(source: Path) -> tuple[int, Iterator[pa.RecordBatch]]:
    """The rows of a file, in blocks; in a CSV every cell is text."""
    lines = csv.ParseOptions(newlines_in_values=True)
    cells = csv.ConvertOptions(default_column_type=pa.string())
    kind: Any = dataset.CsvFileFormat(lines, convert_options=cells)
    rows = dataset.dataset(source, format=kind if source.suffix == ".csv" else "parquet")
    for name in FIELDS:
        if name not in rows.schema.names:
            raise UserError(f'{source} has no column "{name}".')
    return rows.count_rows(), (block for block in rows.to_batches() if block.num_rows)


def instances_in(rows: pa.RecordBatch, source: Path, start: int) -> list[dict[str, Any]]:
    """The rows of a block as instances; raises UserError with the place of one that is none."""
    instances, folder = [], source.is_dir()
    cells = rows if folder else rows.select(FIELDS)
    for number, row in enumerate(cells.to_pylist(), start):
        place: Any = source / row["file"] if folder else f"{source}, row {number}"
        with said_of(place):
            instance = Instance.from_file(place) if folder else instance_of(row)
            instances.append(instance.model_dump())
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
