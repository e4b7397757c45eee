"""Rows of Python values as a typed Parquet file, a batch in memory at a time."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from itertools import islice
from math import isnan
from pathlib import Path
from typing import Any

import duckdb

from scaffold.own.source import identifier, quoted, temporary_folder

BATCH_ROWS = 10_000
# Bytes of a BLOB that are shown; what a table's model reads is no longer.
MAX_BYTES = 32


def write_parquet(
    names: Sequence[str], rows: Iterable[Sequence[Any]], connection: duckdb.DuckDBPyConnection
) -> Path:
    """Write rows to a Parquet file, which is removed when the program ends.

    A column gets the type that all its values have; else it is text.
    """
    folder = temporary_folder()
    staged, target = folder / "staged.duckdb", folder / "rows.parquet"
    connection.execute(f"ATTACH {quoted(staged)} AS staged")
    columns = ", ".join(f"{identifier(name)} VARCHAR" for name in names)
    connection.execute(f"CREATE TABLE staged.rows ({columns})")
    kinds: list[set[str]] = [set() for _ in names]
    places = ", ".join(["unnest(?::VARCHAR[])"] * len(names))
    for batch in in_batches(rows):
        converted = [convert_cells(cells) for cells in zip(*batch, strict=True)]
        for found, (_, new) in zip(kinds, converted, strict=True):
            found.update(new)
        texts = [cells for cells, _ in converted]
        connection.execute(f"INSERT INTO staged.rows SELECT {places}", texts)
    cells = ", ".join(
        f"CAST({identifier(name)} AS {common_type(found)}) AS {identifier(name)}"
        for name, found in zip(names, kinds, strict=True)
    )
    connection.execute(
        f"COPY (SELECT {cells} FROM staged.rows) TO {quoted(target)} (FORMAT parquet)"
    )
    connection.execute("DETACH staged")
    staged.unlink()
    return target


def in_batches(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    """Lists of consecutive rows."""
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH_ROWS)):
        yield batch


def convert_cells(cells: Sequence[Any]) -> tuple[list[str | None], set[str]]:
    """Cells of a column as texts that DuckDB casts back, and the types that they have."""
    types = {type(value) for value in cells} - {type(None)}
    # Most columns have texts only, or whole numbers only, and these are quick.
    if types == {str}:
        texts = [value if value and not value.isspace() else None for value in cells]
        return texts, {"VARCHAR"} if any(texts) else set()
    if types == {int}:
        present = [value for value in cells if value is not None]
        texts = [None if value is None else str(value) for value in cells]
        return texts, {kind_of(min(present)), kind_of(max(present))}
    return [to_text(value) for value in cells], {kind_of(value) for value in cells} - {""}


def kind_of(value: Any) -> str:
    """DuckDB's type of a value; empty for a missing one."""
    if is_missing(value):
        return ""
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, int):
        return "BIGINT" if -(2**63) <= value < 2**63 else "VARCHAR"
    if isinstance(value, float):
        return "DOUBLE"
    if isinstance(value, date):
        return "DATE" if is_day(value) else "TIMESTAMP"
    return "VARCHAR"


def common_type(kinds: set[str]) -> str:
    """The type of a column whose values have these types."""
    if len(kinds) == 1:
        return next(iter(kinds))
    if kinds == {"BIGINT", "DOUBLE"}:
        return "DOUBLE"
    return "TIMESTAMP" if kinds == {"DATE", "TIMESTAMP"} else "VARCHAR"


def to_text(value: Any) -> str | None:
    """A value as a text that DuckDB casts back; None where it is missing."""
    if is_missing(value):
        return None
    if isinstance(value, bytes):
        return value[:MAX_BYTES].hex()
    if isinstance(value, date):
        day = value.strftime("%Y-%m-%d")
        return day if is_day(value) else f"{day} {value.strftime('%H:%M:%S')}"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing: an empty text does."""
    if isinstance(value, float):
        return isnan(value)
    return value is None or (isinstance(value, str) and not value.strip())


def is_day(value: date) -> bool:
    """Whether a date has no time, or midnight."""
    return not isinstance(value, datetime) or value.time() == time()
