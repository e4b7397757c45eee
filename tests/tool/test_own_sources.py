"""Rows in workbooks, in databases and at addresses; each service is played by a local server."""

import json
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from email.message import Message
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest
from openpyxl import Workbook
from rich.console import Console

from scaffold import render
from scaffold.errors import ScaffoldError
from scaffold.own import batches, remote, tables
from scaffold.own.asking import Wanted, contents_from
from scaffold.own.columns import look
from scaffold.own.dependencies import data_packages, declare_packages
from scaffold.own.proposal import propose
from scaffold.own.remote import Location, download, is_remote, local_copy, without_secrets
from scaffold.own.source import Source, open_source
from scaffold.own.tables import contents, store, stored_name
from scaffold.own.writing import adopt
from support.command import scaffold
from support.own import FetchError, fetching, lines, made, passes_linter

CSV = lines("size,label", *(f"{i % 37},{'ab'[i % 2]}" for i in range(200)))


def rows_of(source: Source) -> list[tuple[Any, ...]]:
    return source.connection.execute("SELECT * FROM source").fetchall()


# Rows of Python values.


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None, 2**62], "BIGINT"),
        ([1, 2**70], "VARCHAR"),
        ([1, 2.5, float("nan")], "DOUBLE"),
        ([True, False, ""], "BOOLEAN"),
        ([date(2020, 1, 31), datetime(2021, 1, 1, tzinfo=UTC)], "DATE"),
        ([date(2020, 1, 31), datetime(2021, 1, 1, 13, 30, tzinfo=UTC)], "TIMESTAMP"),
        ([1, "x"], "VARCHAR"),
        ([True, 1], "VARCHAR"),
        (["x", " ", None], "VARCHAR"),
        ([None, " "], "VARCHAR"),
        ([b"\x00\x01", None], "VARCHAR"),
    ],
)
def test_column_gets_the_type_of_all_its_values(values: list[Any], kind: str) -> None:
    path = batches.write_parquet(["a"], [(value,) for value in values], duckdb.connect())
    assert duckdb.read_parquet(str(path)).types == [kind]


def test_types_are_those_of_all_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 2)
    rows = [(2.5, "x\n\"'"), (2, ""), (" ", "é\0"), (None, None), (1, "y")]
    path = batches.write_parquet(["n", "t"], rows, duckdb.connect())
    assert duckdb.read_parquet(str(path)).fetchall() == [
        (2.5, "x\n\"'"),
        (2.0, None),
        (None, "é\0"),
        (None, None),
        (1.0, "y"),
    ]


# Workbooks.


def write_workbook(path: Path, **sheets: list[list[Any]]) -> Path:
    book = Workbook()
    assert book.active is not None
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


TABLE: list[list[Any]] = [
    ["n", "day", "flag"],
    [1, date(2020, 1, 31), True],
    [2.5, date(2020, 2, 29), False],
]


def test_sheet_is_read_with_its_types(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "rows.xlsx", empty=[], rows=[*TABLE, [], ["#N/A", None, True]])
    source = open_source(path)
    assert (source.columns, source.types) == (TABLE[0], ["DOUBLE", "DATE", "BOOLEAN"])
    expected = [(1.0, date(2020, 1, 31), True), (2.5, date(2020, 2, 29), False)]
    assert rows_of(source)[:2] == expected
    assert rows_of(source)[2:] == [(None, None, True)]
    assert (source.origin, source.path) == (str(path), path)


def test_formulas_have_their_stored_values(tmp_path: Path) -> None:
    """As Excel writes them: the formula and its last result."""
    path = write_workbook(tmp_path / "rows.xlsx", rows=[["n", "double"], [2, "=A2*2"]])
    replace_in_archive(path, "xl/worksheets/sheet1.xml", "<v></v>", "<v>4</v>")
    replace_in_archive(path, "xl/worksheets/sheet1.xml", "<v />", "<v>4</v>")
    assert rows_of(open_source(path)) == [(2, 4)]


def replace_in_archive(path: Path, name: str, old: str, new: str) -> None:
    from zipfile import ZipFile  # noqa: PLC0415 - here only

    with ZipFile(path) as archive:
        files = {item: archive.read(item) for item in archive.namelist()}
    files[name] = files[name].replace(old.encode(), new.encode())
    with ZipFile(path, "w") as archive:
        for item, content in files.items():
            archive.writestr(item, content)


def test_sheet_is_chosen_by_its_name(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "rows.xlsx", first=TABLE, second=[["x"], ["y"]])
    with pytest.raises(ScaffoldError, match="has 2 sheets, choose one by --table: first, second"):
        open_source(path)
    assert rows_of(open_source(path, "second")) == [("y",)]
    with pytest.raises(ScaffoldError, match='has no sheet "third"; it has first, second'):
        open_source(path, "third")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "has no sheet with rows"),
        ([["Report"], ["a", "b"], [1, 2]], "line 2: column B has a value, but no name"),
        ([["a", None, "c"], [1, 2, 3]], "empty or merged cell in column B"),
        ([["a", "a"], [1, 2]], '2 columns are called "a"'),
        ([[1, 2], [3, 4]], 'column 1 is called "1"'),
    ],
)
def test_sheets_that_are_no_table_are_refused(
    tmp_path: Path, rows: list[list[Any]], message: str
) -> None:
    path = write_workbook(tmp_path / "rows.xlsx", rows=rows)
    with pytest.raises(ScaffoldError, match=re.escape(message)):
        open_source(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.xls", b"", "is a workbook of Excel before 2007"),
        ("rows.xlsx", b"\xd0\xcf\x11\xe0 old", "is a workbook of Excel before 2007"),
        (
            "rows.xlsx",
            b"\xd0\xcf\x11\xe0 " + "EncryptedPackage".encode("utf-16-le"),
            "has a password; save it without one",
        ),
        ("rows.xlsx", b"PK\x03\x04 and nothing", "is damaged, or no workbook of Excel"),
        ("rows.xlsx.gz", b"", "is compressed; decompress it first"),
    ],
)
def test_unreadable_workbooks_are_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ScaffoldError, match=re.escape(message)):
        open_source(path)


def test_workbook_with_a_damaged_sheet_is_refused(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "rows.xlsx", rows=TABLE)
    replace_in_archive(path, "xl/worksheets/sheet1.xml", "</sheetData>", "</cut>")
    with pytest.raises(ScaffoldError, match="is damaged, or no workbook of Excel"):
        open_source(path)


# Databases.


def write_sqlite(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()
    return path


ORDERS = (
    'CREATE TABLE "my orders" (id INTEGER, size REAL, code, note TEXT)',
    "INSERT INTO \"my orders\" VALUES (1, 2.5, 7, 'x'), (2, NULL, 'seven', ''), (3, 4, 1.5, 'y')",
)


@pytest.mark.parametrize("name", ["rows.sqlite", "rows.sqlite3", "rows.db"])
def test_table_of_sqlite_is_read_with_its_types(tmp_path: Path, name: str) -> None:
    source = open_source(write_sqlite(tmp_path / name, *ORDERS))
    assert source.types == ["BIGINT", "DOUBLE", "VARCHAR", "VARCHAR"]
    assert rows_of(source) == [(1, 2.5, "7", "x"), (2, None, "seven", None), (3, 4.0, "1.5", "y")]


def write_duckdb(path: Path, *statements: str) -> Path:
    with duckdb.connect(path) as database:
        for statement in statements:
            database.execute(statement)
    return path


@pytest.mark.parametrize("name", ["rows.duckdb", "rows.db"])
def test_table_of_duckdb_is_read_with_its_types(tmp_path: Path, name: str) -> None:
    select = (
        "SELECT 1::HUGEINT AS h, 2.5::DECIMAL(9, 2) AS d, 'x'::ENUM('x') AS e, DATE '2020-01-31' "
        "AS day, TIMESTAMPTZ '2020-01-01 10:00:00+00' AS t"
    )
    source = open_source(write_duckdb(tmp_path / name, f"CREATE TABLE t AS {select}"))
    assert source.types == ["DOUBLE", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP"]
    assert rows_of(source)[0][:4] == (1.0, 2.5, "x", date(2020, 1, 31))
    assert str(rows_of(source)[0][4]) == "2020-01-01 10:00:00"


@pytest.mark.parametrize("write", [write_sqlite, write_duckdb], ids=["SQLite", "DuckDB"])
def test_table_is_chosen_by_its_name(tmp_path: Path, write: Callable[..., Path]) -> None:
    path = write(
        tmp_path / "rows.db",
        "CREATE TABLE a (x INTEGER)",
        "INSERT INTO a VALUES (1)",
        "CREATE VIEW b AS SELECT x + 1 AS y FROM a",
    )
    with pytest.raises(ScaffoldError, match="has 2 tables, choose one by --table: a, b"):
        open_source(path)
    assert rows_of(open_source(path, "b")) == [(2,)]
    with pytest.raises(ScaffoldError, match='has no table "c"; it has a, b'):
        open_source(path, "c")


def test_reading_leaves_databases_as_they_are(tmp_path: Path) -> None:
    """Also changes that another program has not yet moved into the database stay where they are."""
    original, lite, duck = (tmp_path / name for name in ("o.sqlite", "a.sqlite", "a.duckdb"))
    write_sqlite(original, "PRAGMA journal_mode = WAL", "CREATE TABLE t (x)")
    with closing(sqlite3.connect(original)) as database:
        database.execute("INSERT INTO t VALUES (1)")
        database.commit()
        for suffix in ("", "-wal"):
            shutil.copy(f"{original}{suffix}", f"{lite}{suffix}")
    write_duckdb(duck, "PRAGMA disable_checkpoint_on_shutdown", "CREATE TABLE t AS SELECT 1 AS x")
    files = [*tmp_path.glob("a.*")]
    assert len(files) == 4
    before = [path.read_bytes() for path in files]
    for path in (lite, duck):
        assert rows_of(open_source(path)) == [(1,)]
    assert [path.read_bytes() for path in files] == before


def damage(path: Path, start: int, content: bytes) -> Path:
    whole = bytearray(path.read_bytes())
    whole[start : start + len(content)] = content
    path.write_bytes(whole)
    return path


def write_version(path: Path, version: int) -> Path:
    """Make a database one of another version of DuckDB: its first block has a checksum."""
    damage(path, 12, version.to_bytes(8, "little"))
    checksum = 5381
    for (word,) in struct.iter_unpack("<Q", path.read_bytes()[8:4096]):
        checksum ^= word * 0xBF58476D1CE4E5B9 % 2**64
    return damage(path, 0, checksum.to_bytes(8, "little"))


def test_damaged_databases_are_refused(tmp_path: Path) -> None:
    lite = write_sqlite(tmp_path / "a.sqlite", *ORDERS)
    with pytest.raises(ScaffoldError, match=r"a\.sqlite cannot be read by SQLite: "):
        open_source(damage(lite, 100, b"\xff" * 200))
    duck = write_duckdb(tmp_path / "a.duckdb", "CREATE TABLE t AS SELECT 1 AS x")
    newer = write_duckdb(tmp_path / "b.duckdb", "CREATE TABLE t AS SELECT 1 AS x")
    with pytest.raises(ScaffoldError, match=r"a\.duckdb cannot be read: "):
        open_source(damage(duck, 4096, b"\xff" * 8192))
    with pytest.raises(ScaffoldError, match=r"another version of DuckDB than .* wrote it"):
        open_source(write_version(newer, 900))
    other = tmp_path / "c.db"
    other.write_bytes(b"no database at all")
    with pytest.raises(ScaffoldError, match="is no database of SQLite or DuckDB"):
        open_source(other)
    empty = write_sqlite(tmp_path / "d.sqlite", "CREATE TABLE t (x)", "DROP TABLE t")
    with pytest.raises(ScaffoldError, match="has no table with rows"):
        open_source(empty)


def test_database_that_is_open_elsewhere_is_refused(tmp_path: Path) -> None:
    path = write_duckdb(tmp_path / "a.duckdb", "CREATE TABLE t AS SELECT 1 AS x")
    program = (
        f"import duckdb\nopened = duckdb.connect({str(path)!r})\nprint('open', flush=True)\ninput()"
    )
    with subprocess.Popen(  # noqa: S603 - ours
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(ScaffoldError, match="another program has it open; close it first"):
            open_source(path)
        other.communicate("\n")


def test_other_files_have_no_tables(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(CSV)
    with pytest.raises(ScaffoldError, match="is one table: leave --table out"):
        open_source(path, "rows")


def test_new_kinds_are_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.docx"
    path.touch()
    with pytest.raises(ScaffoldError, match=r"\.xlsx, \.sqlite, \.sqlite3, \.db, \.duckdb"):
        open_source(path)


def test_converted_rows_are_stored_as_parquet(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["size", "label"]]
    rows += [["NA" if i % 9 == 0 else i % 50, "ab"[i % 2]] for i in range(200)]
    proposal = propose(look(open_source(write_workbook(tmp_path / "a b.xlsx", t=rows))), "label")
    target = tmp_path / stored_name(proposal.table)
    assert target.name == "a-b.parquet"
    store(proposal.table, target)
    stored = duckdb.read_parquet(str(target)).aggregate("count(*), count(size), max(label)")
    # 200 / 9 sizes are "NA", which the project's reader of Parquet does not know.
    assert stored.fetchall() == [(200, 177, "b")]


# Addresses.


class Server:
    """A web server whose responses are functions of the path of a request."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler, bytes], None]] = {}
        self.requests: list[Message] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                path = self.path.partition("?")[0]
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.requests.append(self.headers)
                answer = server.answers.get(path)
                if answer:
                    answer(self, content)
                else:
                    reply(404)(self, content)

            do_GET = do_HEAD = do_POST = respond  # noqa: N815 - as http.server calls them

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        serve = partial(self.server.serve_forever, poll_interval=0.05)
        threading.Thread(target=serve, daemon=True).start()

    def credentials(self) -> set[str]:
        """The credentials of all requests."""
        return {headers.get("Authorization", "") for headers in self.requests}


def reply(
    status: int = 200, content: bytes | str | Any = b"", **headers: str
) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    """A response; what is no text is JSON."""
    if isinstance(content, str):
        content = content.encode()
    elif not isinstance(content, bytes):
        content = json.dumps(content).encode()
        headers.setdefault("Content_Type", "application/json")
    headers.setdefault("Content_Length", str(len(content)))

    def answer(request: BaseHTTPRequestHandler, _: bytes) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(content)

    return answer


@pytest.fixture
def server() -> Iterator[Server]:
    started = Server()
    yield started
    started.server.shutdown()
    started.server.server_close()


def fetch(address: str, folder: Path) -> Path:
    return download(address, folder, lambda *_: None).path


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://u:p@example.org:8080/a.csv?key=secret#x", "https://example.org:8080/a.csv"),
        ("S3://bucket/a.csv", "s3://bucket/a.csv"),
        ("hf:a/b", "hf:a/b"),
        ("rows.csv", "rows.csv"),
        (r"C:\rows.csv", r"C:\rows.csv"),
    ],
)
def test_addresses_are_told_without_secrets(given: str, expected: str) -> None:
    assert without_secrets(given) == expected
    assert is_remote(given) == ("rows.csv" not in given)


@pytest.mark.parametrize(
    ("path", "headers", "name"),
    [
        ("/rows.csv", {}, "rows.csv"),
        ("/my%20rows.csv.gz", {}, "my-rows.csv.gz"),
        ("/größe.csv", {}, "größe.csv"),
        ("/get", {"Content_Disposition": 'attachment; filename="../../x y.tsv"'}, "x-y.tsv"),
        ("/rows.csv", {"Content_Disposition": 'attachment; filename="blob"'}, "rows.csv"),
    ],
)
def test_files_are_downloaded(
    server: Server, tmp_path: Path, path: str, headers: dict[str, str], name: str
) -> None:
    server.answers[quote(path, safe="/%")] = reply(200, CSV, **headers)
    downloaded = fetch(f"{server.url}{path}?token=secret", tmp_path)
    assert downloaded == tmp_path / name
    assert downloaded.read_text() == CSV


def test_redirects_are_followed(server: Server, tmp_path: Path) -> None:
    server.answers["/latest"] = reply(302, Location=f"{server.url}/rows.csv")
    server.answers["/rows.csv"] = reply(200, CSV)
    assert fetch(f"{server.url}/latest", tmp_path).name == "rows.csv"
    server.answers["/latest"] = reply(302, Location="http://example.org/rows.csv?key=secret")
    with pytest.raises(
        ScaffoldError, match=r"http://example\.org/rows\.csv, where .* leads, is not"
    ):
        fetch(f"{server.url}/latest", tmp_path)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (reply(404), "does not exist (status 404)"),
        (reply(403), "may not be read without credentials (status 403)"),
        (reply(500), "cannot be read now (status 500)"),
        (
            reply(200, "<html>", Content_Type="text/html; charset=utf-8"),
            "is a web page and no file",
        ),
        (reply(200, CSV, Content_Length="100000"), "ended after 951 of 100,000 bytes"),
        (reply(200, b"", Content_Length="3000000000"), "is larger than 2 GB"),
    ],
)
def test_downloads_that_fail_are_one_sentence(
    server: Server,
    tmp_path: Path,
    answer: Callable[[BaseHTTPRequestHandler, bytes], None],
    message: str,
) -> None:
    server.answers["/rows.csv"] = answer
    with pytest.raises(ScaffoldError, match=re.escape(message)) as error:
        fetch(f"{server.url}/rows.csv?key=secret", tmp_path)
    assert "secret" not in str(error.value)
    assert f"{server.url}/rows.csv" in str(error.value)


def test_downloads_without_a_length_are_limited(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(request: BaseHTTPRequestHandler, _: bytes) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(CSV.encode())

    server.answers["/rows.csv"] = endless
    assert fetch(f"{server.url}/rows.csv", tmp_path).read_text() == CSV
    monkeypatch.setattr(remote, "MAX_DOWNLOAD", len(CSV) - 1)
    with pytest.raises(ScaffoldError, match="take a sample of its rows"):
        fetch(f"{server.url}/rows.csv", tmp_path)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://example.org/a.csv", "is not encrypted; only https:// is read"),
        ("https://me:word@example.org/a.csv", "addresses with a password are not read"),
        ("https:///a.csv", "is no address"),
        ("https://example.org:x/a.csv", "is no address"),
        ("https://[example.org/a.csv", "is no address"),
        (f"https://{'a' * 70}.org/a.csv", "cannot be downloaded: "),
        ("https://example.org/a b.csv", "write spaces as %20"),
        ("ftp://example.org/a.csv", "this kind of address is not known; known are https://"),
        ("https://127.0.0.1:1/a.csv", "cannot be downloaded: "),
        ("hf:owner", "must be hf:OWNER/NAME[/FILE]"),
        ("kaggle:owner", "must be kaggle:OWNER/NAME[/FILE]"),
        ("openml:credit-g", "must be openml:ID, with the number of a data set"),
    ],
)
def test_addresses_that_cannot_be_read_are_refused(
    tmp_path: Path, address: str, message: str
) -> None:
    with pytest.raises(ScaffoldError, match=re.escape(message)) as error:
        fetch(address, tmp_path)
    assert "word@" not in str(error.value)


def test_unknown_kind_of_file_is_refused(server: Server, tmp_path: Path) -> None:
    server.answers["/rows.pdf"] = reply(200, "x")
    with pytest.raises(ScaffoldError, match=r"rows\.pdf names no file of a kind that is known"):
        fetch(f"{server.url}/rows.pdf", tmp_path)


def test_errors_name_the_address_and_not_the_copy(server: Server) -> None:
    server.answers["/rows.csv"] = reply(200, "a,a\n1,2\n")
    address, console = f"{server.url}/rows.csv", Console(file=StringIO())
    with (
        pytest.raises(ScaffoldError) as error,
        local_copy(f"{address}?key=secret", console) as (path, origin, *_),
    ):
        open_source(path, origin=origin)
    assert str(error.value) == f'{address}: 2 columns are called "a".'
    with local_copy("rows.csv", console) as given:
        assert given == (Path("rows.csv"), "rows.csv", None, None)


def test_project_records_the_address(server: Server, tmp_path: Path) -> None:
    server.answers["/rows.csv"] = reply(200, CSV)
    console = Console(file=StringIO())
    with local_copy(f"{server.url}/rows.csv?key=secret", console) as (path, origin, *_):
        proposal = propose(look(open_source(path, origin=origin)), "label")
    folder = tmp_path / "own"
    render(folder, {"variant": proposal.variant, "package_name": "own", "description": "Own."})
    adopt(contents(proposal), folder)
    assert f'SOURCE = "{server.url}/rows.csv"' in (folder / "src/own/data.py").read_text("utf-8")
    assert (folder / "data/raw/rows.csv").read_text("utf-8") == CSV
    own = contents(propose(look(open_source(path)), "label"))
    assert (own.context["origin"], own.context["file"]) == ("rows.csv", "rows.csv")


# Services.


def parquet_bytes(folder: Path) -> bytes:
    path = folder / "made.parquet"
    duckdb.execute(f"COPY (SELECT range AS size FROM range(200)) TO '{path}'")  # noqa: S608 - ours
    return path.read_bytes()


def test_openml_is_read(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "OPENML", server.url)
    described = {"name": "credit-g", "parquet_url": f"{server.url}/dataset_31.pq"}
    server.answers["/api/v1/json/data/31"] = reply(200, {"data_set_description": described})
    server.answers["/dataset_31.pq"] = reply(200, parquet_bytes(tmp_path))
    path = fetch("openml:31", tmp_path)
    assert path.name == "credit-g.parquet"
    assert open_source(path).columns == ["size"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            reply(412, {"error": {"code": "111", "message": "Unknown dataset"}}),
            "openml:31 does not exist, or is private",
        ),
        (reply(500), "openml:31 cannot be read now (status 500)"),
        (reply(200, "<html>"), "does not describe openml:31"),
        (reply(200, {"data_set_description": {"name": "x"}}), "openml:31 is not there as Parquet"),
        (
            reply(200, {"data_set_description": {"parquet_url": "http://127.0.0.1:1/x.pq"}}),
            "the Parquet file of openml:31 cannot be downloaded",
        ),
    ],
)
def test_openml_that_fails_is_one_sentence(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[BaseHTTPRequestHandler, bytes], None],
    message: str,
) -> None:
    monkeypatch.setattr(remote, "OPENML", server.url)
    server.answers["/api/v1/json/data/31"] = answer
    with pytest.raises(ScaffoldError, match=re.escape(message)):
        fetch("openml:31", tmp_path)


SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The Hugging Face Hub with a data set of one file, and a read-me."""
    template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    serve_repository(server, "README.md", "data/rows.csv")
    return server


def serve_repository(server: Server, *names: str, size: int = len(CSV)) -> None:
    siblings = [{"rfilename": name, "size": size} for name in names]
    info = {"id": "owner/rows", "sha": SHA, "siblings": siblings, "tags": [], "private": False}
    server.answers["/api/datasets/owner/rows"] = reply(200, info)
    for name in names:
        headers = {"X_Repo_Commit": SHA, "ETag": '"1234"'}
        path = f"/datasets/owner/rows/resolve/{SHA}/{name}"
        server.answers[path] = reply(200, CSV, **headers)


@pytest.mark.parametrize("address", ["hf:owner/rows", "hf:owner/rows/data/rows.csv"])
def test_hugging_face_is_read(hub: Server, tmp_path: Path, address: str) -> None:
    path = fetch(address, tmp_path)
    assert (path.name, path.read_text()) == ("rows.csv", CSV)
    assert path.is_relative_to(tmp_path)
    assert "Bearer hf_secret" in hub.credentials()


@pytest.mark.parametrize(
    ("address", "status", "headers", "message"),
    [
        ("hf:owner/rows/no.csv", 0, {}, 'has no file "no.csv"; it has data/rows.csv'),
        (
            "hf:owner/rows",
            401,
            {"X_Error_Code": "RepoNotFound"},
            "hf:owner/rows does not exist, or is private and HF_TOKEN",
        ),
        (
            "hf:owner/rows",
            403,
            {"X_Error_Code": "GatedRepo"},
            "hf:owner/rows is gated: accept its terms",
        ),
        ("hf:owner/rows", 418, {}, "cannot be read from the Hugging Face Hub (status 418)"),
        ("hf:owner/a--b", 0, {}, "cannot be read from the Hugging Face Hub (HFValidationError)"),
    ],
)
def test_hugging_face_that_fails_is_one_sentence(
    hub: Server, tmp_path: Path, address: str, status: int, headers: dict[str, str], message: str
) -> None:
    if status:
        hub.answers["/api/datasets/owner/rows"] = reply(status, {"error": "no"}, **headers)
    with pytest.raises(ScaffoldError, match=re.escape(message)) as error:
        fetch(address, tmp_path)
    assert "hf_secret" not in str(error.value)


def test_files_of_a_repository_are_listed(hub: Server, tmp_path: Path) -> None:
    serve_repository(hub, "a.csv", "b.parquet", "README.md")
    message = "hf:owner/rows has 2 files, name one as in hf:owner/rows/a.csv: a.csv, b.parquet."
    with pytest.raises(ScaffoldError, match=re.escape(message)):
        fetch("hf:owner/rows", tmp_path)
    serve_repository(hub, *(f"{i:02}.csv" for i in range(20)))
    with pytest.raises(ScaffoldError, match=r"has 20 files, .* 11\.csv and 8 more\."):
        fetch("hf:owner/rows", tmp_path)
    serve_repository(hub, "README.md")
    with pytest.raises(ScaffoldError, match="has no file of a kind that is known"):
        fetch("hf:owner/rows", tmp_path)
    serve_repository(hub, "a.csv", size=3_000_000_000)
    with pytest.raises(ScaffoldError, match=r"hf:owner/rows/a\.csv is larger than 2 GB"):
        fetch("hf:owner/rows", tmp_path)


def test_hugging_face_out_of_reach_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(ScaffoldError, match=r"Hugging Face Hub \(ConnectError\)"):
        fetch("hf:owner/rows", tmp_path)


KAGGLE = "/v1/datasets.DatasetApiService"


@pytest.fixture
def kaggle(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    """The API of Kaggle with a data set of one file, and a read-me."""
    from kagglesdk import kaggle_env  # type: ignore[import-untyped]  # noqa: PLC0415 - slow

    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, server.url)  # noqa: SLF001 - no other way to any port
    monkeypatch.setenv("KAGGLE_API_TOKEN", "kaggle-secret")
    monkeypatch.setenv("HOME", str(tmp_path))
    serve_dataset(server, "README.md", "rows.csv")
    server.answers[f"{KAGGLE}/GetDataset"] = reply(200, {"currentVersionNumber": 3})
    server.answers[f"{KAGGLE}/DownloadDataset"] = reply(
        302, Location=f"{server.url}/storage/rows.csv"
    )
    server.answers["/storage/rows.csv"] = reply(200, CSV)
    return server


def serve_dataset(server: Server, *names: str, size: int = len(CSV)) -> None:
    files = [{"name": name, "totalBytes": size} for name in names]
    server.answers[f"{KAGGLE}/ListDatasetFiles"] = reply(200, {"datasetFiles": files})


@pytest.mark.parametrize("address", ["kaggle:owner/rows", "kaggle:owner/rows/rows.csv"])
def test_kaggle_is_read(
    kaggle: Server, tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = fetch(address, tmp_path)
    assert (path.name, path.read_text()) == ("rows.csv", CSV)
    assert path.is_relative_to(tmp_path)
    assert "Bearer kaggle-secret" in kaggle.credentials()
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("ListDatasetFiles", 403, "does not exist, or may not be read (status 403)"),
        ("GetDataset", 404, "does not exist, or may not be read (status 404)"),
        ("DownloadDataset", 401, "does not exist, or may not be read (status 401)"),
        ("ListDatasetFiles", 500, "cannot be read from Kaggle (status 500)"),
    ],
)
def test_kaggle_that_fails_is_one_sentence(
    kaggle: Server, tmp_path: Path, name: str, status: int, message: str
) -> None:
    kaggle.answers[f"{KAGGLE}/{name}"] = reply(status, {"code": status, "message": "no"})
    with pytest.raises(ScaffoldError, match=re.escape(f"kaggle:owner/rows {message}")) as error:
        fetch("kaggle:owner/rows", tmp_path)
    assert "kaggle-secret" not in str(error.value)


def test_files_of_kaggle_are_listed(kaggle: Server, tmp_path: Path) -> None:
    serve_dataset(kaggle, "a.csv", "b.xlsx")
    message = "has 2 files, name one as in kaggle:owner/rows/a.csv: a.csv, b.xlsx."
    with pytest.raises(ScaffoldError, match=re.escape(message)):
        fetch("kaggle:owner/rows", tmp_path)
    serve_dataset(kaggle, "a.csv", size=3_000_000_000)
    with pytest.raises(ScaffoldError, match=r"kaggle:owner/rows/a\.csv is larger than 2 GB"):
        fetch("kaggle:owner/rows", tmp_path)


def test_kaggle_out_of_reach_is_one_sentence(kaggle: Server, tmp_path: Path) -> None:
    kaggle.server.shutdown()
    kaggle.server.server_close()
    with pytest.raises(ScaffoldError, match="cannot be read from Kaggle: ConnectionError"):
        fetch("kaggle:owner/rows", tmp_path)


COMPETITION = "/v1/competitions.CompetitionApiService"
FILES = ("test.csv", "train.csv", "sample_submission.csv")


@pytest.fixture
def churn(kaggle: Server) -> Server:
    """The API of Kaggle with a competition; of its files, all have the same rows."""
    listed = [{"name": name, "totalBytes": len(CSV)} for name in FILES]
    kaggle.answers[f"{COMPETITION}/ListDataFiles"] = reply(200, {"files": listed})
    kaggle.answers[f"{COMPETITION}/DownloadDataFile"] = reply(
        302, Location=f"{kaggle.url}/storage/rows.csv"
    )
    return kaggle


def test_competition_is_read(churn: Server, tmp_path: Path) -> None:
    found = download("kaggle:competitions/churn", tmp_path, lambda *_: None)
    assert found.location == Location("competition", "churn", "train.csv")
    assert found.competition
    paths = (found.path, *found.competition)
    assert [path.name for path in paths] == ["train.csv", "test.csv", "sample_submission.csv"]
    assert {path.read_text() for path in paths} == {CSV}
    assert "Bearer kaggle-secret" in churn.credentials()


def test_competition_without_test_rows_has_no_submission(churn: Server, tmp_path: Path) -> None:
    listed = [{"name": name, "totalBytes": len(CSV)} for name in ("a.csv", *FILES[1:])]
    churn.answers[f"{COMPETITION}/ListDataFiles"] = reply(200, {"files": listed})
    address = "kaggle:competitions/churn"
    assert download(f"{address}/a.csv", tmp_path, lambda *_: None).competition is None
    folder = make_project(address, tmp_path / "own")
    assert not (folder / "src/own/serving/submission.py").exists()
    assert "submission" not in (folder / "src/own/cli.py").read_text("utf-8")
    check_fetching(folder, "kagglehub")


@pytest.mark.parametrize(
    ("name", "status"), [("ListDataFiles", 404), ("DownloadDataFile", 403), ("", 0)]
)
def test_competition_that_may_not_be_read_is_one_sentence(
    churn: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, status: int
) -> None:
    """Of a competition whose rules were not accepted, or without a token."""
    if name:
        churn.answers[f"{COMPETITION}/{name}"] = reply(status, {"code": status, "message": "no"})
    else:
        monkeypatch.delenv("KAGGLE_API_TOKEN")
    message = (
        f"kaggle:competitions/churn does not exist, or may not be read "
        f"({f'status {status}' if name else 'no token'}): accept the rules on "
        "www.kaggle.com/competitions/churn, and set KAGGLE_API_TOKEN to a token of"
    )
    with pytest.raises(ScaffoldError, match=re.escape(message)):
        download("kaggle:competitions/churn", tmp_path, lambda *_: None)


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - slow

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def s3(s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of a bucket, in an environment without other credentials."""
    import boto3  # type: ignore[import-untyped]  # noqa: PLC0415 - slow

    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_url)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3-secret")
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    client.put_object(Bucket="bucket", Key="one/rows.csv", Body=CSV.encode())
    for name in ("a.csv", "b.csv"):
        client.put_object(Bucket="bucket", Key=f"two/{name}", Body=CSV.encode())
    return client


@pytest.mark.parametrize("address", ["s3://bucket/one/rows.csv", "s3://bucket/one/"])
@pytest.mark.usefixtures("s3")
def test_s3_is_read(tmp_path: Path, address: str) -> None:
    arrived: list[tuple[int, int]] = []
    path, *_ = download(address, tmp_path, lambda *numbers: arrived.append(numbers))
    assert path == tmp_path / "rows.csv"
    assert path.read_text() == CSV
    assert arrived[-1] == (len(CSV), len(CSV))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("s3://bucket/no.csv", "s3://bucket/no.csv does not exist"),
        ("s3://nobody-has-it/rows.csv", "s3://nobody-has-it/rows.csv does not exist"),
        ("s3://nobody-has-it/", "s3://nobody-has-it/ does not exist"),
        ("s3://bucket/two/", "has 2 files, name one as in s3://bucket/two/a.csv: a.csv, b.csv"),
        ("s3://bucket/none/", "has no file of a kind that is known"),
        ("s3:///rows.csv", "cannot be read: ParamValidationError"),
    ],
)
@pytest.mark.usefixtures("s3")
def test_s3_that_fails_is_one_sentence(tmp_path: Path, address: str, message: str) -> None:
    with pytest.raises(ScaffoldError, match=re.escape(message)):
        fetch(address, tmp_path)


def test_refused_credentials_of_s3_are_one_sentence(
    server: Server, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del s3
    # boto3 keeps the credentials that it has found.
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    server.answers["/bucket/rows.csv"] = reply(403)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    with pytest.raises(ScaffoldError, match="may not be read with these credentials") as error:
        fetch("s3://bucket/rows.csv", tmp_path)
    assert "s3-secret" not in str(error.value)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    with pytest.raises(ScaffoldError, match="needs credentials of AWS"):
        fetch("s3://bucket/rows.csv", tmp_path)


@pytest.mark.usefixtures("s3")
def test_large_objects_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "MAX_DOWNLOAD", 10)
    with pytest.raises(ScaffoldError, match=r"s3://bucket/one/rows\.csv is larger than"):
        fetch("s3://bucket/one/rows.csv", tmp_path)


@pytest.mark.parametrize(
    ("address", "module"),
    [("hf:a/b", "huggingface_hub"), ("kaggle:a/b", "kagglehub"), ("s3://a/b.csv", "boto3")],
)
def test_missing_client_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    message = f'{address} needs further packages: pip install "ml-portfolio-scaffold[sources]".'
    with pytest.raises(ScaffoldError, match=re.escape(message)):
        fetch(address, tmp_path)


# Fetching again, by the project.


def make_project(source: str, folder: Path) -> Path:
    """A project about rows whose target is `label`."""
    wanted = Wanted("label", "b", defaults=True)
    made(contents_from(source, wanted, Console(quiet=True)), folder)
    return folder


def check_fetching(folder: Path, package: str) -> None:
    """The raw file is fetched if it is missing, and no other content is taken or replaced."""
    assert passes_linter(folder)
    assert package in data_packages(folder)[0]
    project = fetching(folder)
    (raw,) = (folder / "data/raw").iterdir()
    content = raw.read_bytes()
    assert project.fetch() == f"data/raw/{raw.name} is there, and is the recorded file."
    shutil.rmtree(folder / "data")
    assert project.fetch() == f"data/raw/{raw.name} was downloaded, and is the recorded file."
    assert raw.read_bytes() == content
    raw.write_text("mine")
    with pytest.raises(FetchError, match="stays as it is, but is not the recorded file"):
        project.fetch()
    assert raw.read_text() == "mine"


def refuse_to_fetch(folder: Path, message: str, project: Any = None) -> None:
    """Without the raw file, fetch() says this, and leaves nothing behind."""
    shutil.rmtree(folder / "data", ignore_errors=True)
    with pytest.raises(FetchError, match=re.escape(message)):
        (project or fetching(folder)).fetch()
    assert not [path for path in (folder / "data").rglob("*") if path.name != "raw"]


def test_rows_of_the_web_are_fetched(server: Server, tmp_path: Path) -> None:
    server.answers["/rows.csv"] = reply(200, CSV)
    address = f"{server.url}/rows.csv"
    folder = make_project(address, tmp_path / "own")
    check_fetching(folder, "pooch")
    server.answers["/rows.csv"] = reply(200, CSV.replace("a", "b"))
    refuse_to_fetch(folder, f"{address} is not the recorded file: if it is the right one, set")
    server.answers["/rows.csv"] = reply(200, CSV, Content_Length="100000")
    refuse_to_fetch(folder, f"{address} cannot be downloaded (ChunkedEncodingError): check")
    server.answers["/rows.csv"] = reply(404)
    refuse_to_fetch(folder, f"{address} cannot be downloaded (status 404): check")
    server.server.shutdown()
    server.server.server_close()
    refuse_to_fetch(folder, f"{address} cannot be downloaded (ConnectionError): check")


def test_rows_of_openml_are_fetched(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "OPENML", server.url)
    described = {"name": "credit-g", "parquet_url": f"{server.url}/dataset_31.pq"}
    server.answers["/api/v1/json/data/31"] = reply(200, {"data_set_description": described})
    path = tmp_path / "made.parquet"
    query = "SELECT range % 37 AS size, ['a', 'b'][range % 2 + 1] AS label FROM range(200)"
    duckdb.execute(f"COPY ({query}) TO '{path}'")
    server.answers["/dataset_31.pq"] = reply(200, path.read_bytes())
    folder = make_project("openml:31", tmp_path / "own")
    check_fetching(folder, "pooch")
    code = (folder / "src/own/data.py").read_text("utf-8")
    assert f'SOURCE = "openml:31"\n# Where fetch() gets the file.\nADDRESS = "{server.url}' in code


def test_rows_of_hugging_face_are_fetched(hub: Server, tmp_path: Path) -> None:
    """Of the revision that was looked at, whatever the newest is."""
    folder = make_project("hf:owner/rows", tmp_path / "own")
    del hub.answers["/api/datasets/owner/rows"]
    check_fetching(folder, "huggingface-hub")
    address = f"/datasets/owner/rows/resolve/{SHA}/data/rows.csv"
    hub.answers[address] = reply(403, X_Error_Code="GatedRepo")
    refuse_to_fetch(folder, "hf:owner/rows cannot be downloaded (status 403): if it is private or")
    hub.answers[address] = reply(404, X_Error_Code="EntryNotFound")
    refuse_to_fetch(folder, "hf:owner/rows cannot be downloaded (status 404)")


@pytest.mark.slow  # the client tries again for 20 s
def test_hugging_face_out_of_reach_is_one_sentence_of_the_project(
    hub: Server, tmp_path: Path
) -> None:
    folder = make_project("hf:owner/rows", tmp_path / "own")
    hub.server.shutdown()
    hub.server.server_close()
    refuse_to_fetch(folder, "hf:owner/rows cannot be downloaded (")


def test_rows_of_kaggle_are_fetched(kaggle: Server, tmp_path: Path) -> None:
    """Of the version that was looked at, whatever the newest is."""
    folder = make_project("kaggle:owner/rows", tmp_path / "own")
    assert '"owner/rows/versions/3"' in (folder / "src/own/data.py").read_text("utf-8")
    del kaggle.answers[f"{KAGGLE}/GetDataset"]
    check_fetching(folder, "kagglehub")
    kaggle.answers[f"{KAGGLE}/DownloadDataset"] = reply(403, {"code": 403, "message": "no"})
    refuse_to_fetch(folder, "kaggle:owner/rows cannot be downloaded (status 403): if it is private")
    kaggle.server.shutdown()
    kaggle.server.server_close()
    refuse_to_fetch(folder, "kaggle:owner/rows cannot be downloaded (ConnectionError)")


def test_files_of_a_competition_are_fetched(
    churn: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_project("kaggle:competitions/churn", tmp_path / "own")
    project, raw = fetching(folder), folder / "data/raw"
    assert sorted(path.name for path in raw.iterdir()) == sorted(FILES)
    shutil.rmtree(raw)
    assert project.fetch() == "data/raw/train.csv was downloaded, and is the recorded file."
    assert sorted(path.name for path in raw.iterdir()) == sorted(FILES)
    churn.answers[f"{COMPETITION}/DownloadDataFile"] = reply(403, {"code": 403, "message": "no"})
    refused = "kaggle:competitions/churn cannot be downloaded ({}): accept the rules of the"
    refuse_to_fetch(folder, refused.format("status 403"))
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    refuse_to_fetch(folder, refused.format("UnauthenticatedError"))


def test_rows_of_s3_are_fetched(s3: Any, tmp_path: Path) -> None:
    folder = make_project("s3://bucket/one/", tmp_path / "own")
    check_fetching(folder, "boto3")
    s3.delete_object(Bucket="bucket", Key="one/rows.csv")
    refuse_to_fetch(folder, "s3://bucket/one/rows.csv cannot be downloaded with the credentials")


@pytest.mark.parametrize("address", ["s3://bucket/one/rows.csv", "http"])
@pytest.mark.usefixtures("s3")
def test_rows_that_are_not_committed_are_fetched_from_a_named_address(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """By the edit that README.md describes."""
    monkeypatch.setattr(tables, "MAX_COMMITTED", 100)
    path = tmp_path / "rows.csv"
    path.write_text(CSV)
    folder = make_project(str(path), tmp_path / "own")
    refuse_to_fetch(folder, "data/raw/rows.csv is missing, and is not part of the repository: copy")
    edited = 'ADDRESS = "s3://BUCKET/rows.csv"'
    assert edited in (folder / "README.md").read_text("utf-8")
    server.answers["/rows.csv"] = reply(200, CSV)
    named = f"{server.url}/rows.csv" if address == "http" else address
    code = folder / "src/own/data.py"
    text = code.read_text("utf-8")
    code.write_text(
        text.replace('ADDRESS = ""', edited.replace("s3://BUCKET/rows.csv", named)), "utf-8"
    )
    shutil.copy(path, folder / "data/raw")
    check_fetching(folder, "boto3")


def test_committed_rows_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(CSV)
    folder = make_project(str(path), tmp_path / "own")
    assert data_packages(folder) == []
    project = fetching(folder)
    assert project.fetch() == "data/raw/rows.csv is there, and is the recorded file."
    (folder / "data/raw/rows.csv").write_text(CSV.replace("a", "b"))
    with pytest.raises(FetchError, match="is not the recorded file"):
        project.fetch()
    refuse_to_fetch(folder, "data/raw/rows.csv is missing: `git restore data/raw/rows.csv` brings")
    assert "--fetch" not in (folder / "README.md").read_text("utf-8").partition("| command")[0]


@pytest.mark.parametrize("name", ["rows.csv?key=s3kret", "rows.jsonl"])
def test_converted_rows_and_secret_addresses_are_not_fetched(
    server: Server, tmp_path: Path, name: str
) -> None:
    """Other bytes would come from the address, or a secret would be in the project."""
    server.answers["/rows.csv"] = reply(200, CSV)
    objects = (json.dumps({"size": i % 37, "label": "ab"[i % 2]}) for i in range(200))
    server.answers["/rows.jsonl"] = reply(200, "\n".join(objects))
    folder = make_project(f"{server.url}/{name}", tmp_path / "own")
    code = (folder / "src/own/data.py").read_text("utf-8")
    assert f'SOURCE = "{server.url}/{name.partition("?")[0]}"' in code
    assert "download" not in code
    assert not any(b"s3kret" in path.read_bytes() for path in folder.rglob("*.*") if path.is_file())


def test_packages_of_the_owner_stay_declared(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(CSV)
    folder = make_project(str(path), tmp_path / "own")
    pyproject = folder / "pyproject.toml"
    text = pyproject.read_text("utf-8")
    pyproject.write_text(text.replace("data = []", 'data = [\n    "polars>=1",\n]'), "utf-8")
    declare_packages(folder, ["pooch[progress]>=1.9"])
    assert data_packages(folder) == ["pooch[progress]>=1.9", "polars>=1"]
    declare_packages(folder, [])
    assert data_packages(folder) == ["polars>=1"]
    # The owner may have removed the group, as README.md of the sample says.
    text = text.replace("data = []\n", "").replace(', "data"', "")
    pyproject.write_text(text, "utf-8")
    declare_packages(folder, ["kagglehub>=1"])
    assert data_packages(folder) == ["kagglehub>=1"]
    settings = pyproject.read_text("utf-8")
    assert 'default-groups = ["train", "data", "dev"]' in settings
    assert 'non_dev_dependency_groups = ["train", "data"]' in settings


# The command.


def test_command_reads_tables_and_addresses(tmp_path: Path, server: Server) -> None:
    path = write_workbook(tmp_path / "rows.xlsx", first=TABLE, second=TABLE)
    arguments = ("new", str(tmp_path / "own"), "--defaults", "--from")
    told = scaffold(*arguments, str(path), status=2)
    assert "has 2 sheets, choose one by --table: first, second." in told
    assert "has 2 rows, too few" in scaffold(*arguments, str(path), "--table", "first", status=2)
    server.answers["/rows.csv"] = reply(200, "a,b\n1,2\n")
    told = scaffold(*arguments, f"{server.url}/rows.csv?key=secret", status=2)
    assert f"error: {server.url}/rows.csv has 1 rows, too few" in told
    assert "secret" not in told
    assert "--table, --target, --positive and --costs need --from." in scaffold(
        "new", str(tmp_path / "own"), "--table", "x", status=2
    )
    assert not (tmp_path / "own").exists()


def test_downloads_are_removed_at_the_end(tmp_path: Path, server: Server) -> None:
    server.answers["/rows.csv"] = reply(200, "a,b\n1,2\n")
    folder = tmp_path / "temporary"
    folder.mkdir()
    address = f"{server.url}/rows.csv"
    arguments = ("new", str(tmp_path / "own"), "--defaults", "--from", address)
    scaffold(*arguments, status=2, TMPDIR=str(folder))
    assert server.requests
    assert not [*folder.iterdir()]
