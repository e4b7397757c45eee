"""Rows: their schema, the one reader of files, and the one validation.

Training, batch prediction, monitoring and the API check rows by the same schemas. An instance of
the API is a row without the target.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from .config import UserError, describe

Array = NDArray[Any]
IntArray = NDArray[np.int64]
Features = dict[str, Array]
Rows = Sequence[Mapping[str, Any]]
# A row as dictionaries takes about a kilobyte.
BATCH_ROWS = 10_000


class Row(BaseModel):
    """Base of the schemas: no unknown field, no number in quotes, no NaN, no infinity."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Validation:
    """The valid rows, their indices, and by index why each other row was refused."""

    rows: list[dict[str, Any]]
    indices: list[int]
    refused: dict[int, str]


def validate(rows: Sequence[Any], schema: type[Row]) -> Validation:
    """Check rows of a file or table, where numbers may be given as text."""
    adapter = TypeAdapter(list[schema])  # type: ignore[valid-type] # known at run time only
    indices, refused = list(range(len(rows))), {}
    accepted: list[Row]
    try:
        accepted = adapter.validate_python(rows, strict=False)
    except ValidationError as error:
        refused = first_errors(error)
        indices = [index for index in indices if index not in refused]
        accepted = adapter.validate_python([rows[index] for index in indices], strict=False)
    return Validation([row.__dict__ for row in accepted], indices, refused)


def first_errors(error: ValidationError) -> dict[int, str]:
    """The first problem of each row, by the row's index."""
    messages: dict[int, str] = {}
    for problem in error.errors(include_url=False, include_context=False):
        index, *field = problem["loc"]
        messages.setdefault(int(index), describe({**problem, "loc": field}))
    return messages


@dataclass(frozen=True)
class Batch:
    """Consecutive rows of a file or table.

    Attributes:
        rows: A mapping of column to value for each row; None is a missing value.
        first_row: Number of the first row; in a file from 1, and the header of a CSV counts.
        labels: Names of the rows, where errors should give these in place of numbers.
        table: The rows of a file as they were read (a pyarrow.RecordBatch).
    """

    rows: list[dict[str, Any]]
    first_row: int
    labels: list[str] | None = None
    table: Any = None

    def label(self, index: int) -> str:
        """What errors call rows[index]."""
        return self.labels[index] if self.labels else f"row {self.first_row + index}"

    def select(self, schema: type[Row]) -> list[dict[str, Any]]:
        """The columns of the schema that the rows have."""
        fields = schema.model_fields
        return [{name: row[name] for name in fields if name in row} for row in self.rows]

    def validate(self, schema: type[Row], source: str) -> list[dict[str, Any]]:
        """The columns of the schema, typed as it says.

        Raises:
            UserError: Names the first row and field that break the schema.
        """
        checked = validate(self.select(schema), schema)
        if checked.refused:
            index, reason = next(iter(checked.refused.items()))
            raise UserError(f"{source}, {self.label(index)}: {reason}.")
        return checked.rows


@dataclass(frozen=True)
class RowFile:
    """A file of rows that can be read in batches."""

    path: Path
    columns: list[str]
    n_rows: int
    batches: Iterator[Batch]


def require_columns(columns: Collection[str], fields: Collection[str], source: str) -> None:
    """Raises UserError with the first field that is no column of the source."""
    for name in fields:
        if name not in columns:
            found = ", ".join([*columns][:30])
            raise UserError(f'{source} has no column "{name}"; it has {found}.')


def open_rows(path: Path, missing_values: Sequence[str]) -> RowFile:
    """Open a file of rows; its suffix selects the reader.

    Args:
        path: A file; READERS lists the kinds.
        missing_values: The cells of a CSV that mean "missing", such as "" and "NA".

    Raises:
        UserError: The kind is unknown, the file cannot be read, or two columns share a name.
    """
    if not path.exists():
        raise UserError(f"{path}: there is no such file.", 2)
    kind = "folder" if path.is_dir() else path.suffix.lower()
    # pyarrow decompresses it.
    if path.name.lower().endswith(".csv.gz"):
        kind = ".csv"
    if kind not in READERS:
        kinds = ", ".join(READERS)
        raise UserError(f"{path}: unknown kind of file; supported are {kinds}.", 2)
    try:
        file = READERS[kind](path, missing_values)
    except (OSError, ValueError) as error:
        # pyarrow puts its own steps before the reason.
        reason = first_line(error).rpartition("Invalid: ")[2]
        raise UserError(f"{path} cannot be read: {reason}", 2) from error
    repeated = [name for name in file.columns if file.columns.count(name) > 1]
    if repeated:
        raise UserError(f'{path} has more than one column "{repeated[0]}".', 2)
    return file


def read_csv(path: Path, missing_values: Sequence[str]) -> RowFile:
    """A CSV in UTF-8 with a header; every cell is text until the schema types it."""
    from pyarrow import csv, dataset, string  # noqa: PLC0415 - the API does not need it

    kind = dataset.CsvFileFormat(
        csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            default_column_type=string(),
            null_values=list(missing_values),
            strings_can_be_null=True,
        ),
    )
    return scan(path, kind, 2)


def read_parquet(path: Path, missing_values: Sequence[str]) -> RowFile:  # noqa: ARG001 - it has null
    """A Parquet file; its nulls are the missing values."""
    return scan(path, "parquet", 1)


READERS: dict[str, Callable[[Path, Sequence[str]], RowFile]] = {
    ".csv": read_csv,
    ".parquet": read_parquet,
}


def scan(path: Path, kind: Any, first_row: int) -> RowFile:
    """Rows of a file that pyarrow.dataset reads."""
    from pyarrow import dataset  # noqa: PLC0415 - the API does not need it

    source = dataset.dataset(path, format=kind)

    def batches() -> Iterator[Batch]:
        number = first_row
        for table in source.to_batches(batch_size=BATCH_ROWS):
            rows = table.to_pylist()
            if rows:
                yield Batch(rows, number, table=table)
            number += len(rows)

    return RowFile(path, source.schema.names, source.count_rows(), batches())


def csv_writer(path: Path, schema: Any) -> Any:
    """A pyarrow writer of a CSV file."""
    from pyarrow import csv  # noqa: PLC0415 - the API does not need it

    return csv.CSVWriter(path, schema)


def parquet_writer(path: Path, schema: Any) -> Any:
    """A pyarrow writer of a Parquet file."""
    from pyarrow import parquet  # noqa: PLC0415 - the API does not need it

    return parquet.ParquetWriter(path, schema)


WRITERS: dict[str, Callable[[Path, Any], Any]] = {".csv": csv_writer, ".parquet": parquet_writer}


def first_line(error: Exception) -> str:
    """The message's first line, or the kind of error where there is no message."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def table_rows(table: Any) -> list[dict[str, Any]]:
    """The rows of a pandas.DataFrame; missing values become None."""
    import pyarrow as pa  # noqa: PLC0415 - the API does not need it

    rows: list[dict[str, Any]] = pa.Table.from_pandas(table, preserve_index=False).to_pylist()
    return rows
