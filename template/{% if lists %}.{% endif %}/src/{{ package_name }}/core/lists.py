"""Fields that hold lists: a cell of a CSV file holds such a value as JSON, such as "[1, 2]".

features.py registers both names, so that every command reads and writes such files:

    READERS[".csv"] = read_csv_lists
    WRITERS[".csv"] = CsvListWriter

Parquet files and the API hold lists as they are.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter

from .rows import Batch, open_writer, read_csv

LIST = TypeAdapter(list[Any])


def read_csv_lists(path: Path, missing_values: Sequence[str]) -> Iterator[Batch]:
    """Read a CSV as core.rows.read_csv does, with lists where cells hold JSON arrays."""
    return map(parse_batch, read_csv(path, missing_values))


def parse_batch(batch: Batch) -> Batch:
    """Parse the cells of all rows."""
    rows = [{name: parse_cell(cell) for name, cell in row.items()} for row in batch.rows]
    return replace(batch, rows=rows)


def parse_cell(cell: str | None) -> Any:
    """The list that a cell holds; any other cell as it is, for the schema to accept or refuse."""
    if cell is None or not cell.startswith("["):
        return cell
    try:
        return LIST.validate_json(cell)
    except ValueError:
        return cell


class CsvListWriter:
    """A writer of a CSV file for tables with columns of lists.

    Args:
        path: The file to write.
        schema: The pyarrow.Schema of the tables.
    """

    def __init__(self, path: Path, schema: Any) -> None:
        self.writer = open_writer(path, lists_to_json(schema.empty_table()).schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.writer.close()

    def write_table(self, table: Any) -> None:
        """Append the rows of a pyarrow.Table."""
        self.writer.write_table(lists_to_json(table))


def lists_to_json(table: Any) -> Any:
    """The table with JSON text in place of lists."""
    import pyarrow as pa  # noqa: PLC0415 - the API does not need it

    for index, field in enumerate(table.schema):
        if pa.types.is_nested(field.type):
            values = table[index].to_pylist()
            cells = [None if v is None else json.dumps(v, ensure_ascii=False) for v in values]
            table = table.set_column(index, field.name, pa.array(cells, pa.string()))
    return table
