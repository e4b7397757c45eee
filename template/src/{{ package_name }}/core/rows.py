"""Rows: their schema, the one reader of files, and the one validation.

Training, batch prediction, monitoring and the API check rows by the same schemas. An instance of
the API is a row without the target.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from .config import UserError, describe

Array = NDArray[Any]
IntArray = NDArray[np.int64]
Features = dict[str, Array]
# A metric as a function of row indices.
Scorer = Callable[[IntArray], float]
Rows = Sequence[Mapping[str, Any]]
# Rows of a file that are in memory at once.
BATCH_ROWS = 2000


class Row(BaseModel):
    """Base of the schemas: no unknown field, no number in quotes, no NaN, no infinity."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


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

    def require_columns(self, schema: type[Row], source: str) -> None:
        """Raises UserError with the first field of the schema that is no column."""
        columns = list(self.rows[0])
        for name in schema.model_fields:
            if name not in columns:
                found = ", ".join(columns[:30])
                raise UserError(f'{source} has no column "{name}"; it has {found}.')

    def check(self, schema: type[Row]) -> tuple[dict[int, Any], dict[int, str]]:
        """Validate each row; numbers may be given as text, and further columns are left out.

        Returns:
            The valid rows, typed by the schema, and why the others were refused; both by index.
        """
        valid = {}
        refused = {}
        for index, row in enumerate(self.rows):
            try:
                valid[index] = vars(schema.model_validate(row, strict=False, extra="ignore"))
            except ValidationError as error:
                refused[index] = describe(error.errors()[0])
        return valid, refused

    def validate(self, schema: type[Row], source: str) -> list[dict[str, Any]]:
        """Validate all rows, as check() does.

        Raises:
            UserError: Names the first row and field that break the schema.
        """
        valid, refused = self.check(schema)
        for index, reason in refused.items():
            raise UserError(f"{source}, {self.label(index)}: {reason}.")
        return list(valid.values())


# Columns of files that are called otherwise here; features.py fills it.
COLUMN_NAMES: dict[str, str] = {}

# Takes a path and the marks of missing values.
Reader = Callable[[Path, Sequence[str]], Iterator[Batch]]


def open_rows(path: Path, missing_values: Sequence[str]) -> Iterator[Batch]:
    """Read a file of rows in batches; its suffix selects the reader.

    Args:
        path: A file; READERS lists the kinds.
        missing_values: The cells of a CSV that mean "missing", such as "" and "NA".

    Raises:
        UserError: The file is missing, of an unknown kind, or, while it is read, damaged.
    """
    if not path.exists():
        raise UserError(f"{path}: there is no such file.", 2)
    # pyarrow decompresses what ends in .gz.
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    kind = "folder" if path.is_dir() else suffix
    if kind not in READERS:
        kinds = ", ".join(READERS)
        raise UserError(f"{path}: unknown kind of file; supported are {kinds}.", 2)
    return READERS[kind](path, missing_values)


def read_csv(path: Path, missing_values: Sequence[str], delimiter: str = ",") -> Iterator[Batch]:
    """Read a CSV in UTF-8 with a header; every cell is text until the schema types it."""
    from pyarrow import csv, dataset, string  # noqa: PLC0415 - the API does not need it

    kind = dataset.CsvFileFormat(
        csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=csv.ConvertOptions(default_column_type=string()),
    )
    return scan(path, kind, 2, missing_values)


def read_parquet(path: Path, missing_values: Sequence[str]) -> Iterator[Batch]:  # noqa: ARG001 - it has null
    """Read a Parquet file; its nulls are the missing values."""
    return scan(path, "parquet", 1, ())


def scan(path: Path, kind: Any, first_row: int, missing_values: Sequence[str]) -> Iterator[Batch]:
    """Read a file of a kind that pyarrow.dataset knows."""
    from pyarrow import dataset, parquet  # noqa: PLC0415 - the API does not need it

    try:
        if kind == "parquet":
            require_unique(parquet.read_schema(path).names)
        for batch in dataset.dataset(path, format=kind).to_batches(batch_size=BATCH_ROWS):
            names = [COLUMN_NAMES.get(name, name) for name in batch.schema.names]
            table = batch.rename_columns(names)
            rows = replace_missing(table, missing_values).to_pylist()
            if rows:
                yield Batch(rows, first_row, table=table)
            first_row += len(rows)
    except (OSError, ValueError) as error:
        # pyarrow puts its own steps before the reason.
        reason = first_line(error).rpartition("Invalid: ")[2]
        raise UserError(f"{path} cannot be read: {reason}", 2) from error


def require_unique(names: Sequence[str]) -> None:
    """Raises ValueError with a name that several columns have; of a CSV, pyarrow does."""
    for name in Counter(names) - Counter(set(names)):
        raise ValueError(f'several columns are named "{name}"')


def replace_missing(table: Any, missing_values: Sequence[str]) -> Any:
    """The table (a pyarrow.RecordBatch) with nulls in place of these cells."""
    import pyarrow as pa  # noqa: PLC0415 - the API does not need it
    from pyarrow import compute  # noqa: PLC0415

    if not missing_values:
        return table
    marks = pa.array(missing_values)
    columns = [compute.if_else(compute.is_in(c, marks), None, c) for c in table.columns]
    return pa.RecordBatch.from_arrays(columns, schema=table.schema)


READERS: dict[str, Reader] = {".csv": read_csv, ".parquet": read_parquet}


def open_writer(path: Path, schema: Any) -> Any:
    """A pyarrow writer of a file whose suffix is .csv or .parquet."""
    from pyarrow import csv, parquet  # noqa: PLC0415 - the API does not need it

    writer = csv.CSVWriter if path.suffix == ".csv" else parquet.ParquetWriter
    return writer(path, schema)


WRITERS: dict[str, Callable[[Path, Any], Any]] = {".csv": open_writer, ".parquet": open_writer}


def first_line(error: Exception) -> str:
    """The message's first line, or the kind of error where there is no message."""
    return str(error).partition("\n")[0] or type(error).__name__


def table_rows(table: Any) -> list[dict[str, Any]]:
    """The rows of a pandas.DataFrame; missing values become None."""
    import pyarrow as pa  # noqa: PLC0415 - the API does not need it

    return list(pa.Table.from_pandas(table, preserve_index=False).to_pylist())
