"""Batch predictions: a CSV or Parquet file in, the same rows with answers out."""

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv, dataset, parquet
from pydantic import ValidationError

from .bundle import INSTANCES, Predictor
from .prepare import Instance
from .settings import UserError, explain

FIELDS = list(Instance.model_fields)
WRITERS: dict[str, Any] = {".csv": csv.CSVWriter, ".parquet": parquet.ParquetWriter}


def predict_file(bundle: Path, source: Path, target: Path, raw: bool = False) -> None:
    """Write rows with answers, or `raw` outputs, a block at a time: the whole file or none."""
    if source.suffix not in WRITERS or target.suffix not in WRITERS:
        raise UserError("--input and --output must end in .csv or .parquet.", 2)
    blocks = answer(Predictor(bundle), source, raw)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{os.getpid()}-{target.name}")
    try:
        first = next(blocks, None)
        if first is None:
            raise UserError(f"{source} has no rows.")
        with WRITERS[target.suffix](unfinished, first.schema) as writer:
            for table in chain([first], blocks):
                writer.write_table(table)
        unfinished.replace(target)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{source}: {str(error).splitlines()[0]}", 2) from error
    finally:
        unfinished.unlink(missing_ok=True)


def answer(predictor: Predictor, source: Path, raw: bool) -> Iterator[pa.Table]:
    for rows, instances in read(source):
        output = predictor.output(instances)
        if raw:
            yield pa.table({"output": output.tolist()})
        else:
            both = rows, pa.RecordBatch.from_pylist(predictor.task.answers(output))
            yield pa.table({name: part[name] for part in both for name in part.column_names})


def read(source: Path) -> Iterator[tuple[pa.RecordBatch, list[dict[str, Any]]]]:
    text, missing = {name: pa.string() for name in FIELDS}, ["", "NA", "NaN"]
    convert = csv.ConvertOptions(column_types=text, strings_can_be_null=True, null_values=missing)
    kind: Any = dataset.CsvFileFormat(convert_options=convert)
    rows = dataset.dataset(source, format=kind if source.suffix == ".csv" else "parquet")
    for name in FIELDS:
        if name not in rows.schema.names:
            raise UserError(f'{source} has no column "{name}".')
    start = 0
    for batch in rows.to_batches():
        try:
            checked = INSTANCES.validate_python(batch.select(FIELDS).to_pylist(), strict=False)
        except ValidationError as error:
            raise UserError(f"{source}, row {start} + {explain(error)}") from error
        start += len(checked)
        if checked:
            yield batch, [instance.model_dump() for instance in checked]
