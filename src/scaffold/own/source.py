"""Opening a file of rows in DuckDB: its encoding, delimiter and header."""

import atexit
import csv
import gzip
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import duckdb
from charset_normalizer import from_bytes

from scaffold.errors import ScaffoldError, sentence

DELIMITED, PARQUET, JSON_LINES = ".csv", ".parquet", ".jsonl"
WORKBOOK, DATABASE = ".xlsx", ".sqlite"
# The suffix of a file, without that of a compression, and how it is read.
SUFFIXES = {
    ".csv": DELIMITED,
    ".tsv": DELIMITED,
    ".txt": DELIMITED,
    ".parquet": PARQUET,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".xlsx": WORKBOOK,
    ".sqlite": DATABASE,
    ".sqlite3": DATABASE,
    ".db": DATABASE,
    ".duckdb": DATABASE,
}
# Files that hold several tables; the chosen one is converted to Parquet.
SEVERAL_TABLES = (WORKBOOK, DATABASE)
# What a column without a name is called, as pandas does: usually numbers or names of the rows.
UNNAMED = "Unnamed: "
# Of a file, to find its encoding and delimiter.
FIRST_BYTES = 1_000_000
# The encoding of most files that are not in UTF-8, and how much less tidy it may make a text.
WESTERN, MAX_CHAOS = "cp1252", 0.02
# How files begin that are called .csv, and are something else.
OTHERS = {
    rb"%PDF": "a PDF",
    rb"PK\x03\x04": "a workbook or an archive",
    rb"\s*<(!doctype html|html)": "a web page",
    rb"PAR1": "a Parquet file",
    rb"SQLite format": "a database",
}
# What DuckDB says, and what it means.
CAUSES = {
    "unterminated quote": "a quotation mark within a cell is not doubled",
    "invalid state": "its lines end in different ways; save it again",
    "No magic bytes": "it is no Parquet file, or only a part of one",
    "Out of Memory": "its cells need more memory than there is; take fewer columns",
}
# DuckDB counts and samples in blocks; more memory is not needed at any number of rows.
MEMORY = "400MB"


@dataclass(frozen=True)
class Source:
    """A file of rows that can be queried.

    Attributes:
        path: The file.
        kind: DELIMITED, PARQUET or JSON_LINES; a table of a workbook or a database is PARQUET.
        connection: DuckDB; the table `source` has the rows.
        columns: Names of the columns, in the order of the file.
        types: DuckDB's type of each column; a delimited file has texts only.
        readable: The file, or a copy of it in UTF-8 or as Parquet.
        delimiter: Between the cells of a delimited file.
        origin: What the owner gave: a path, or an address without credentials.
        encoding: Of a delimited file.
    """

    path: Path
    kind: str
    connection: duckdb.DuckDBPyConnection
    columns: list[str]
    types: list[str]
    readable: Path
    delimiter: str = ","
    origin: str = ""
    encoding: str = "utf-8"

    def one_row(self, query: str) -> tuple[Any, ...]:
        """The first row that a query finds; empty if it finds none."""
        return self.connection.execute(query).fetchone() or ()

    def type_of(self, name: str) -> str:
        """DuckDB's type of a column."""
        return self.types[self.columns.index(name)]


def open_source(path: Path, table: str = "", origin: str = "") -> Source:
    """Open a file of rows.

    Args:
        path: The file.
        table: Of a workbook or a database with several tables, the one to read.
        origin: What the owner gave, where it is not this path.

    Raises:
        ScaffoldError: The file cannot be read; with the line where there is one.
    """
    if not path.is_file():
        raise ScaffoldError(sentence(f"{path}: there is no such file"))
    kind = find_kind(path)
    if table and kind not in SEVERAL_TABLES:
        raise ScaffoldError(sentence(f"{path} is one table: leave --table out"))
    connection = connect()
    try:
        if kind == DELIMITED:
            source = open_delimited(path, connection)
        elif kind in SEVERAL_TABLES:
            source = open_typed(path, PARQUET, connection, convert(path, kind, table, connection))
        else:
            source = open_typed(path, kind, connection)
    except duckdb.Error as error:
        raise unreadable(path, error) from error
    return replace(source, origin=origin or str(path))


def connect() -> duckdb.DuckDBPyConnection:
    """A database in memory, which is bounded."""
    return duckdb.connect(config={"memory_limit": MEMORY, "preserve_insertion_order": False})


def find_kind(path: Path) -> str:
    """How a file is read, by its suffix; raises ScaffoldError if that is not known."""
    name = path.name.lower()
    suffix = Path(name.removesuffix(".gz")).suffix
    if suffix == ".xls":
        raise ScaffoldError(
            sentence(f"{path} is a workbook of Excel before 2007; save it as .xlsx or .csv")
        )
    if suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise ScaffoldError(sentence(f"{path}: this kind of file is not known; known are {known}"))
    kind = SUFFIXES[suffix]
    if name.endswith(".gz") and kind in SEVERAL_TABLES:
        raise ScaffoldError(sentence(f"{path} is compressed; decompress it first"))
    return kind


def convert(path: Path, kind: str, table: str, connection: duckdb.DuckDBPyConnection) -> Path:
    """A table of a workbook or a database, as a Parquet file."""
    # Here, because both use this module, and openpyxl takes a while to import.
    if kind == WORKBOOK:
        from scaffold.own.workbooks import convert_sheet  # noqa: PLC0415

        return convert_sheet(path, table, connection)
    from scaffold.own.databases import convert_table  # noqa: PLC0415

    return convert_table(path, table, connection)


def open_typed(
    path: Path, kind: str, connection: duckdb.DuckDBPyConnection, converted: Path | None = None
) -> Source:
    """Open a file that brings the types of its columns, or what it was converted to."""
    readable = converted or path
    reader = "read_parquet" if kind == PARQUET else "read_json"
    if kind == JSON_LINES:
        require_lines(path)
    options = "" if kind == PARQUET else ", format='newline_delimited', sample_size=-1"
    connection.execute(f"CREATE VIEW source AS SELECT * FROM {reader}({quoted(readable)}{options})")
    described = connection.execute("DESCRIBE source").fetchall()
    columns, types = ([str(row[index]) for row in described] for index in (0, 1))
    require_unique(path, columns)
    return Source(path, kind, connection, columns, types, readable)


def open_packed(path: Path, mode: str, **options: Any) -> Any:
    """Open a file, which gzip may have compressed, as open() does."""
    opening: Any = gzip.open if path.suffix.lower() == ".gz" else open
    return opening(path, mode, **options)


def require_lines(path: Path) -> None:
    """Raise ScaffoldError for JSON that is one array, and not an object on each line."""
    with open_packed(path, "rb") as file:
        start = file.read(100).lstrip()
    if start.startswith(b"["):
        raise ScaffoldError(
            sentence(f"{path} is one JSON array; write one object on each line, without commas")
        )


def open_delimited(path: Path, connection: duckdb.DuckDBPyConnection) -> Source:
    """Open a CSV or TSV file; every cell is text."""
    require_table(path)
    encoding = find_encoding(path)
    readable = path if encoding in ("utf-8", "utf-8-sig") else to_utf_8(path, encoding)
    found = connection.execute(
        f"SELECT Delimiter, Quote FROM sniff_csv({quoted(readable)}, sample_size=20480)"
    ).fetchone()
    delimiter = found[0] if found else ","
    columns = read_header(readable, delimiter)
    texts = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in columns)
    connection.execute(
        f"CREATE VIEW source AS SELECT * FROM read_csv({quoted(readable)}, auto_detect=false, "
        f"header=true, delim={quoted(delimiter)}, quote='\"', escape='\"', columns={{{texts}}})"
    )
    types = ["VARCHAR"] * len(columns)
    return Source(
        path, DELIMITED, connection, columns, types, readable, delimiter, encoding=encoding
    )


def require_table(path: Path) -> None:
    """Raise ScaffoldError for a file that is no text, whatever it is called."""
    with path.open("rb") as file:
        start = file.read(1000)
    for pattern, what in OTHERS.items():
        if re.match(pattern, start, re.IGNORECASE):
            raise ScaffoldError(sentence(f"{path} is {what}, and no table of text"))
    if path.suffix.lower() != ".gz" and start[1::2].count(0) > len(start) // 4:
        raise ScaffoldError(
            sentence(f"{path} is text in UTF-16 without a byte-order mark; save it in UTF-8")
        )


def to_utf_8(path: Path, encoding: str) -> Path:
    """A copy of the file in UTF-8, which is removed when the program ends."""
    target = temporary_folder() / path.name
    try:
        with (
            path.open(encoding=encoding, newline="") as old,
            target.open("w", encoding="utf-8", newline="") as new,
        ):
            shutil.copyfileobj(old, new)
    except UnicodeDecodeError as error:
        raise ScaffoldError(
            sentence(f"{path} seems to be encoded as {encoding}, but byte {error.start} is not")
        ) from error
    return target


def temporary_folder() -> Path:
    """A folder that is removed when the program ends."""
    folder = Path(mkdtemp(prefix="scaffold-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def choose_table(path: Path, names: Sequence[str], given: str, what: str) -> str:
    """The given table of a file, or its only one.

    Args:
        path: The file.
        names: Its tables.
        given: The value of --table; may be empty.
        what: What a table of this file is called: "table" or "sheet".

    Raises:
        ScaffoldError: There is no such table, no table, or more than one and none was given.
    """
    known = ", ".join(names)
    if given and given not in names:
        raise ScaffoldError(sentence(f'{path} has no {what} "{given}"; it has {known or "none"}'))
    if not names:
        raise ScaffoldError(sentence(f"{path} has no {what} with rows"))
    if len(names) > 1 and not given:
        raise ScaffoldError(
            sentence(f"{path} has {len(names)} {what}s, choose one by --table: {known}")
        )
    return given or names[0]


def find_encoding(path: Path) -> str:
    """The encoding of a file's first megabyte; "utf-8-sig" is UTF-8 with a byte-order mark.

    A compressed file is taken for UTF-8.
    """
    if path.suffix.lower() == ".gz":
        return "utf-8"
    with path.open("rb") as file:
        content = file.read(FIRST_BYTES)
    if content.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    for end in range(4):  # the last character may be cut
        with suppress(UnicodeDecodeError):
            content[: len(content) - end].decode("utf-8")
            return "utf-8"
    matches = from_bytes(content)
    best = matches.best()
    if best is None:
        raise ScaffoldError(sentence(f"{path} is no text in a known encoding"))
    # Of few letters that are not ASCII, several encodings make words; this is the most common.
    western = [match for match in matches if match.encoding == WESTERN]
    is_as_likely = western and western[0].chaos <= best.chaos + MAX_CHAOS
    return WESTERN if is_as_likely and western[0].coherence >= best.coherence else best.encoding


def read_header(path: Path, delimiter: str) -> list[str]:
    """The names of the columns; raises ScaffoldError where the first line does not hold them."""
    with open_packed(path, "rt", encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file, delimiter=delimiter), [])
    if not header:
        raise ScaffoldError(sentence(f"{path} is empty"))
    header = [name if name.strip() else f"{UNNAMED}{index}" for index, name in enumerate(header)]
    require_names(path, header)
    if len(header) == 1 and re.search(r"[,;\t|]", header[0]):
        raise ScaffoldError(
            sentence(
                f'{path}: the rows have not as many cells as the first line, "{header[0][:60]}", '
                "whatever stands between them"
            )
        )
    return header


def require_names(path: Path, header: list[str]) -> None:
    """Raise ScaffoldError with a cell of the first line that cannot be the name of a column."""
    require_unique(path, header)
    unnamed = [number for number, name in enumerate(header, 1) if name.startswith(UNNAMED)]
    if len(unnamed) > 1:
        numbers = ", ".join(map(str, unnamed))
        raise ScaffoldError(
            sentence(f"{path}: columns {numbers} have no name; name or remove them")
        )
    for number, name in enumerate(header, 1):
        # Years name the columns of many tables of statistics.
        is_number = re.fullmatch(r"(?!(18|19|20)\d\d$)[-+]?[\d.,]+", name.strip())
        if not name.strip() or is_number:
            raise ScaffoldError(
                sentence(
                    f"{path}: the first line must name the columns, and column {number} is called "
                    f'"{name}"'
                )
            )


def require_unique(path: Path, names: list[str]) -> None:
    """Raise ScaffoldError with a name that several columns have, in any case of its letters."""
    for name, count in Counter(names).items():
        if count > 1:
            raise ScaffoldError(sentence(f'{path}: {count} columns are called "{name}"'))
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(name.lower(), name)
        if other != name:
            raise ScaffoldError(
                sentence(
                    f'{path}: the columns "{other}" and "{name}" differ in case only; rename one'
                )
            )


def unreadable(path: Path, error: duckdb.Error) -> ScaffoldError:
    """The error for the user: DuckDB's reason, with the line of the file where it names one."""
    text = str(error)
    line = re.search(r"Line: (\d+)", text)
    cells = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
    known = [meaning for said, meaning in CAUSES.items() if said in text]
    cause = text.partition("\n")[0].partition("Error: ")[2]
    if cells:
        cause = (
            f"it has {cells[2]} cells, and the first line {cells[1]}; the first line must name the "
            "columns"
        )
    elif known:
        cause = known[0]
    place = f", line {line[1]}" if line else ""
    return ScaffoldError(sentence(f"{path}{place} cannot be read: {cause or text}"))


def quoted(value: object) -> str:
    """A text of SQL."""
    return "'" + str(value).replace("'", "''") + "'"


def cell_text(name: str) -> str:
    """SQL for the text of a cell without blanks around it; null where it is empty."""
    return f"nullif(trim(CAST({identifier(name)} AS VARCHAR)), '')"


def identifier(name: str) -> str:
    """A name of SQL."""
    return '"' + name.replace('"', '""') + '"'
