"""A sheet of an Excel workbook as a Parquet file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile
from zlib import error as ZlibError  # noqa: N812 - it is an error

import duckdb
from openpyxl import load_workbook
from openpyxl.cell.cell import ERROR_CODES
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.workbook import Workbook

from scaffold.errors import ScaffoldError, sentence
from scaffold.own.batches import is_missing, write_parquet
from scaffold.own.source import choose_table, require_names

# The first bytes of a file of Excel before 2007, and of one with a password.
OLE = b"\xd0\xcf\x11\xe0"
PASSWORD = "EncryptedPackage".encode("utf-16-le")
# What openpyxl raises for a damaged file, whose parts may be missing or not what they should be.
DAMAGED = (
    *(BadZipFile, InvalidFileException, ParseError, ZlibError, EOFError),
    *(AttributeError, IndexError, KeyError, TypeError, ValueError),
)


def convert_sheet(path: Path, sheet: str, connection: duckdb.DuckDBPyConnection) -> Path:
    """Write a sheet as Parquet: values of formulas as Excel stored them, dates as dates.

    Raises:
        ScaffoldError: The file cannot be read, or the sheet is no table.
    """
    require_workbook(path)
    try:
        book = load_workbook(path, read_only=True, data_only=True)
        sheets = [name for name in book.sheetnames if any(True for _ in read_lines(book, name))]
        name = choose_table(path, sheets, sheet, "sheet")
        lines = read_lines(book, name)
        header = read_names(path, next(lines)[1])
        return write_parquet(header, read_cells(path, lines, len(header)), connection)
    except DAMAGED as error:
        raise ScaffoldError(
            sentence(f"{path} is damaged, or no workbook of Excel: open and save it there again")
        ) from error


def require_workbook(path: Path) -> None:
    """Raise ScaffoldError for a workbook with a password, or of Excel before 2007."""
    with path.open("rb") as file:
        if file.read(len(OLE)) != OLE:
            return
        rest = file.read()
    if PASSWORD in rest:
        raise ScaffoldError(sentence(f"{path} has a password; save it without one"))
    raise ScaffoldError(
        sentence(f"{path} is a workbook of Excel before 2007; save it as .xlsx or .csv")
    )


def read_lines(book: Workbook, name: str) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """The lines of a sheet that are not empty, with their numbers, without empty last cells."""
    sheet = book[name]
    if not hasattr(sheet, "reset_dimensions"):  # a chart
        return
    # Some programs write a wrong size.
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        values = tuple(None if is_empty(value) else value for value in cells)
        while values and values[-1] is None:
            values = values[:-1]
        if values:
            yield number, values


def is_empty(value: Any) -> bool:
    """Whether a cell is empty, or a formula has no result."""
    return is_missing(value) or value in ERROR_CODES


def read_names(path: Path, cells: tuple[Any, ...]) -> list[str]:
    """The names of the columns; raises ScaffoldError where the first line does not hold them."""
    header = ["" if value is None else str(value).strip() for value in cells]
    if "" in header:
        column = get_column_letter(header.index("") + 1)
        raise ScaffoldError(
            sentence(
                f"{path}: the first line must name each column, and has an empty or merged cell in "
                f"column {column}; remove titles above the names"
            )
        )
    require_names(path, header)
    return header


def read_cells(
    path: Path, lines: Iterator[tuple[int, tuple[Any, ...]]], n_columns: int
) -> Iterator[tuple[Any, ...]]:
    """The cells of each line below the names; raises ScaffoldError for one without a name."""
    for number, cells in lines:
        if len(cells) > n_columns:
            column = get_column_letter(len(cells))
            raise ScaffoldError(
                sentence(f"{path}, line {number}: column {column} has a value, but no name")
            )
        yield cells + (None,) * (n_columns - len(cells))
