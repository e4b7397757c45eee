"""Batch predictions: a CSV or Parquet file, or a folder, in; the same rows with answers out."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv, dataset, parquet
from pydantic import ValidationError

from .bundle import FIELDS, Predictor, instance_of
from .locate import locate
from .prepare import Instance
from .settings import UserError, explain

WRITERS: dict[str, Any] = {".csv": csv.CSVWriter, ".parquet": parquet.ParquetWriter}


def predict_file(bundle: str, source: Path, target: Path) -> None:
    """Write the rows with answers, a block at a time: the whole file or none."""
    if not (source.suffix in WRITERS or source.is_dir()) or target.suffix not in WRITERS:
        raise UserError("--input and --output must end in .csv or .parquet.", 2)
    blocks = answer(Predictor(locate(bundle)), source, as_text=target.suffix == ".csv")
    unfinished = target.with_name(f".{os.getpid()}-{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        first = next(blocks, None)
        if first is None:
            raise UserError(f"{source} has no rows.")
        with WRITERS[target.suffix](unfinished, first.schema) as writer:
            for table in chain([first], blocks):
                writer.write_table(table)
        unfinished.replace(target)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{source} to {target}: {str(error).splitlines()[0]}", 2) from error
    finally:
        unfinished.unlink(missing_ok=True)


def answer(predictor: Predictor, source: Path, *, as_text: bool) -> Iterator[pa.Table]:
    for rows, instances in read_folder(source) if source.is_dir() else read_file(source):
        answers = pa.RecordBatch.from_pylist(predictor.task.answers(predictor.output(instances)))
        columns = dict(zip(rows.schema.names, rows, strict=True))
        for name, column in zip(answers.schema.names, answers, strict=True):
            if name in columns:
                raise UserError(f'{source} has a column "{name}", as the answers do; rename it.')
            # A cell of a CSV holds no list, but it can hold JSON.
            as_json = as_text and pa.types.is_list(column.type)
            columns[name] = pa.array(map(json.dumps, column.to_pylist())) if as_json else column
        yield pa.table(columns)


def read_folder(source: Path) -> Iterator[tuple[pa.RecordBatch, list[dict[str, Any]]]]:
    """The files of a folder, each of them one instance."""
    for path in sorted(path for path in source.iterdir() if path.is_file()):
        with said_of(path):
            instance = Instance.from_file(path)
        yield pa.RecordBatch.from_pylist([{"file": path.name}]), [instance.model_dump()]


def read_file(source: Path) -> Iterator[tuple[pa.RecordBatch, list[dict[str, Any]]]]:
    """Rows as they are, in blocks, and as checked instances; in a CSV every cell is text."""
    lines = csv.ParseOptions(newlines_in_values=True)
    cells = csv.ConvertOptions(default_column_type=pa.string())
    kind: Any = dataset.CsvFileFormat(lines, convert_options=cells)
    rows = dataset.dataset(source, format=kind if source.suffix == ".csv" else "parquet")
    for name in FIELDS:
        if name not in rows.schema.names:
            raise UserError(f'{source} has no column "{name}".')
    count = 0
    for batch in rows.to_batches():
        instances = []
        for row in batch.select(FIELDS).to_pylist():
            count += 1
            with said_of(f"{source}, row {count}"):
                instances.append(instance_of(row).model_dump())
        if instances:
            yield batch, instances


@contextmanager
def said_of(place: object) -> Iterator[None]:
    """Errors of one instance, with the place that it has in the source."""
    try:
        yield
    except ValidationError as error:
        raise UserError(f"{place}: {explain(error)}") from error
    except json.JSONDecodeError as error:
        raise UserError(f"{place}: a list must be written as JSON; {error}.") from error
    except UserError as error:
        raise UserError(f"{place}: {error}") from error
