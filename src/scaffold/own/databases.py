"""A table of a SQLite or DuckDB database as a Parquet file."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb

from scaffold.errors import ScaffoldError, sentence
from scaffold.own.batches import write_parquet
from scaffold.own.source import choose_table, identifier, quoted, require_unique, temporary_folder

# The first bytes of both kinds of database; those of DuckDB follow a checksum of 8 bytes.
SQLITE_HEAD, DUCKDB_HEAD = b"SQLite format 3\0", b"DUCK"
# DuckDB's types that Parquet readers do not agree on, and what they become; by their beginning.
PLAIN_TYPES = {
    **dict.fromkeys(("HUGEINT", "UHUGEINT", "UBIGINT", "DECIMAL"), "DOUBLE"),
    "TIMESTAMP": "TIMESTAMP",
    **dict.fromkeys(("ENUM", "UUID", "BLOB", "BIT", "TIME", "INTERVAL"), "VARCHAR"),
}


def convert_table(path: Path, table: str, connection: duckdb.DuckDBPyConnection) -> Path:
    """Write a table as Parquet; the database is only read.

    Raises:
        ScaffoldError: The file is no database, is damaged, or has no such table.
    """
    with path.open("rb") as file:
        head = file.read(16)
    if head == SQLITE_HEAD:
        return convert_sqlite(path, table, connection)
    if head[8:12] == DUCKDB_HEAD:
        return convert_duckdb(path, table, connection)
    raise ScaffoldError(
        sentence(f"{path} is no database of SQLite or DuckDB, or it is encrypted or damaged")
    )


def convert_sqlite(path: Path, table: str, connection: duckdb.DuckDBPyConnection) -> Path:
    """Write a table or view of a SQLite database as Parquet."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            listed = database.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
                "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
            )
            name = choose_table(path, [row[0] for row in listed], table, "table")
            rows = database.execute(f"SELECT * FROM {identifier(name)}")
            columns = [described[0] for described in rows.description]
            require_unique(path, columns)
            return write_parquet(columns, rows, connection)
    except sqlite3.Error as error:
        raise ScaffoldError(sentence(f"{path} cannot be read by SQLite: {error}")) from error


def convert_duckdb(path: Path, table: str, connection: duckdb.DuckDBPyConnection) -> Path:
    """Write a table or view of a DuckDB database as Parquet."""
    target = temporary_folder() / "rows.parquet"
    try:
        connection.execute(f"ATTACH {quoted(path)} AS given (READ_ONLY)")
        listed = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_catalog = 'given' ORDER BY ALL"
        ).fetchall()
        tables = {
            name if schema == "main" else f"{schema}.{name}": (schema, name)
            for schema, name in listed
        }
        schema, name = tables[choose_table(path, list(tables), table, "table")]
        place = f"given.{identifier(schema)}.{identifier(name)}"
        connection.execute("SET TimeZone = 'UTC'")
        described = connection.execute(f"DESCRIBE {place}").fetchall()
        cells = ", ".join(plain_cell(row[0], row[1]) for row in described)
        connection.execute(f"COPY (SELECT {cells} FROM {place}) TO {quoted(target)}")
        connection.execute("DETACH given")
    except duckdb.Error as error:
        raise ScaffoldError(sentence(f"{path} cannot be read: {reason_of(error)}")) from error
    return target


def plain_cell(name: str, kind: str) -> str:
    """SQL for a cell, in a type that every reader of Parquet knows."""
    cell = identifier(name)
    for begin, plain in PLAIN_TYPES.items():
        if kind.startswith(begin) and not kind.endswith("]"):
            return f"CAST({cell} AS {plain}) AS {cell}"
    return cell


def reason_of(error: duckdb.Error) -> str:
    """Why DuckDB cannot open a database, in words that say what to do."""
    text = str(error)
    if "version number" in text or "newer version" in text:
        return (
            f"another version of DuckDB than {duckdb.__version__} wrote it; export the table as "
            "Parquet there"
        )
    if "Could not set lock" in text:
        return "another program has it open; close it first"
    return re.sub(r"^[\w ]+ Error: ", "", text.partition("\n")[0])
