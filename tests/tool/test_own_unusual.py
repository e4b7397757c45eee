"""Files as programs of many kinds export them: signs, dates, names, widths and what is no table."""

import ast
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from scaffold.errors import ScaffoldError
from scaffold.own import columns
from scaffold.own.asking import Wanted, contents_from
from scaffold.own.columns import MAX_COLUMNS, Column, field_names, look
from scaffold.own.proposal import Proposal, propose
from scaffold.own.source import open_source
from scaffold.own.tables import contents
from support.own import lines, made, passes_linter


def write(folder: Path, content: str | bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def column_of(folder: Path, *cells: str) -> Column:
    """What is found of a column with these cells, again and again, beside a number."""
    rows = (f'{i},"{cells[i % len(cells)]}"' for i in range(120))
    return look(open_source(write(folder, lines("n,x", *rows)))).column("x")


def proposal_of(folder: Path, header: str, row: Callable[[int], str], target: str) -> Proposal:
    """The project about 300 rows."""
    path = write(folder, lines(header, *map(row, range(300))))
    return propose(look(open_source(path)), target)


# Numbers.


@pytest.mark.parametrize(
    ("cells", "minimum", "minus"),
    [
        (("3.5-", "1.0", "2.0"), -3.5, "-"),
        (("1,700.00-", "250.00"), -1700, "-"),
        (("\N{MINUS SIGN}5.0", "2.5"), -5, "\N{MINUS SIGN}"),
        (("5,0\N{MINUS SIGN}", "2,5"), -5, "\N{MINUS SIGN}-"),
        (("-$1,000.50", "$20.00"), -1000.5, ""),
    ],
)
def test_negative_numbers_stay_negative(
    tmp_path: Path, cells: tuple[str, ...], minimum: float, minus: str
) -> None:
    """In the look, and in the function that the project reads them with."""
    found = column_of(tmp_path, *cells)
    assert (found.kind, found.minimum, found.minus) == ("formatted", minimum, minus)

    def row(i: int) -> str:
        return f'{"ab"[i % 7 < 3]},"{cells[i % len(cells)]}",{i % 11}'

    made(contents(proposal_of(tmp_path, "y,x,n", row, "y")), tmp_path / "own")
    assert passes_linter(tmp_path / "own")
    tree = ast.parse((tmp_path / "own/src/own/features.py").read_text("utf-8"))
    code = [node for node in tree.body if getattr(node, "name", "").startswith("to_")]
    names: dict[str, Any] = {"Any": Any, "re": __import__("re")}
    exec(compile(ast.Module(code, []), "features.py", "exec"), names)  # noqa: S102 - ours
    function = names.get("to_number") or names["to_comma_number"]
    assert float(function(cells[0])) == minimum


@pytest.mark.parametrize(
    "cells", [("S-141", "S-7"), ("A153", "A9"), ("C536365", "489434"), ("1.3M", "900")]
)
def test_codes_are_no_numbers(tmp_path: Path, cells: tuple[str, ...]) -> None:
    assert column_of(tmp_path, *cells).kind == "category"


@pytest.mark.parametrize(
    "cells", [("12 kr", "7 kr"), ("USD 3.50", "USD 4"), ("R$ 2,50", "R$ 3,00")]
)
def test_currencies_are_signs(tmp_path: Path, cells: tuple[str, ...]) -> None:
    assert column_of(tmp_path, *cells).kind == "formatted"


# Dates.


@pytest.mark.parametrize(
    ("pattern", "date_format"),
    [
        ("2013-03-{:02} 00:00:00+00:00", "%Y-%m-%d %H:%M:%S%z"),
        ("2013-03-{:02}T06:00:00Z", "%Y-%m-%dT%H:%M:%S%z"),
        ("201303{:02}", "%Y%m%d"),
        ("03/{:02}/13 12:00 AM", "%m/%d/%y %I:%M %p"),
        ("Mar {:02} 2013", "%b %d %Y"),
        ("2013年03月{:02}日", "%Y年%m月%d日"),
    ],
)
def test_dates_of_programs_are_read(tmp_path: Path, pattern: str, date_format: str) -> None:
    found = column_of(tmp_path, *(pattern.format(day) for day in range(1, 29)))
    assert (found.kind, found.date_format) == ("date", date_format)


def test_months_as_numbers_are_dates_and_other_numbers_are_not(tmp_path: Path) -> None:
    months = [f"{year}{month:02}" for year in range(1990, 2000) for month in range(1, 13)]
    assert column_of(tmp_path, *months).date_format == "%Y%m"
    assert column_of(tmp_path, "199013", *months).kind == "integer"
    assert column_of(tmp_path, "199001", "199002").kind == "integer"
    assert column_of(tmp_path, *(str(20130000 + i) for i in range(100))).kind == "integer"


def test_times_with_a_zone_are_a_series(tmp_path: Path) -> None:
    rows = (
        f"2013-{1 + i // 672:02}-{1 + i % 672 // 24:02}T{i % 24:02}:00:00Z,{i % 24 + i % 5}"
        for i in range(1344)
    )
    path = write(tmp_path, lines("time,value", *rows))
    found = contents_from(str(path), Wanted("value", variant="time-series", defaults=True), QUIET)
    assert found.variant == "time-series"
    made(found, tmp_path / "own")
    assert passes_linter(tmp_path / "own")
    # NumPy warns of a zone, and takes the time of another clock.
    code = (tmp_path / "own/src/own/features.py").read_text("utf-8")
    assert "strptime(text, time_format).replace(tzinfo=None)" in code


def test_time_that_the_sample_does_not_have_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "SAMPLE_ROWS", 20)
    days = [f"{date(2013, 1, 1) + timedelta(i)}" for i in range(900)]
    days[500] = "tomorrow"
    path = write(tmp_path, lines("day,value", *(f"{day},{i % 9}" for i, day in enumerate(days))))
    with pytest.raises(ScaffoldError, match=r"rows\.csv cannot be read: .*tomorrow"):
        contents_from(str(path), Wanted("value", variant="time-series", defaults=True), QUIET)


def test_dates_in_several_formats_are_left_out_with_the_reason(tmp_path: Path) -> None:
    def row(i: int) -> str:
        day = ("2013-03-{:02}", "{:02}.03.2013", "{:02} Mar 2013")[i % 3].format(1 + i % 28)
        return f"{day},{i % 11},{'ab'[i % 2]}"

    reason = proposal_of(tmp_path, "day,n,y", row, "y").left_out["day"]
    assert reason == "it has dates in several formats; write them all as 2024-01-31"


# Names.


@pytest.mark.parametrize("name", ["y", "k", "n", "pairs", "K"])
def test_columns_may_be_called_as_a_query_calls_its_own(tmp_path: Path, name: str) -> None:
    def row(i: int) -> str:
        return f"{i % 7},{'uv'[i % 2]},{'ab'[i % 3 == 0]}"

    assert proposal_of(tmp_path, f"{name},kind,target", row, "target").baseline


def test_no_field_has_the_name_of_another_column() -> None:
    """Else a file with the names of the fields would be read in another way than the first one."""
    names = ["a.b", "a b", "a_b", "a-b", "total.sales", "total_sales"]
    fields = field_names(names)
    assert fields == ["a_b_", "a_b__", "a_b", "a_b___", "total_sales_", "total_sales"]


def test_column_without_a_name_is_left_out(tmp_path: Path) -> None:
    """As pandas and R write the numbers or the names of rows."""

    def row(i: int) -> str:
        return f"{i % 100},{i % 7},{'ab'[i % 3 == 0]}"

    proposal = proposal_of(tmp_path, ",n,y", row, "y")
    assert proposal.left_out == {"Unnamed: 0": "it has no name in the file"}


@pytest.mark.parametrize(
    ("header", "personal"),
    [("name", "names"), ("first", "name or"), ("dob", "date of birth"), ("born on", "")],
)
def test_persons_are_noticed_in_any_case(tmp_path: Path, header: str, personal: str) -> None:
    def row(i: int) -> str:
        first, last = chr(97 + i % 26) * 4, chr(97 + i // 26) * 5
        day = f"19{50 + i % 40}-{i % 12 + 1:02}-{i % 28 + 1:02}"
        cells = {"name": f"{first} {last}", "first": f"{first}{i // 2}", "dob": day, "born on": day}
        return f"{cells[header]},{i % 7},{'ab'[i % 3 == 0]}"

    proposal = proposal_of(tmp_path, f"{header},n,y", row, "y")
    assert proposal.table.column(header).personal.startswith(personal)
    assert (header in proposal.left_out) == bool(personal)


# Leakage.


@pytest.mark.parametrize("copy", ["{0}", "{0} USD", "{1}", "{2:.6f}"])
def test_copies_of_a_skewed_number_are_left_out(tmp_path: Path, copy: str) -> None:
    """In other units, with a tax, or as a logarithm."""

    def row(i: int) -> str:
        value = 1.04 ** (i * 37 % 300)
        shown = copy.format(f"{value:.4f}", round(value * 1.19, 4), i * 37 % 300)
        return f"{value:.4f},{shown},{i % 7}"

    proposal = proposal_of(tmp_path, "price,copy,n", row, "price")
    assert "possible target leakage" in proposal.left_out["copy"]
    assert "n" not in proposal.left_out


def test_whether_a_date_is_there_may_give_the_target_away(tmp_path: Path) -> None:
    def row(i: int) -> str:
        day = f"2013-{i % 12 + 1:02}-{i % 28 + 1:02}" if i % 3 == 0 else ""
        return f"{day},{i % 7},{'ab'[i % 3 == 0]}"

    assert "leakage" in proposal_of(tmp_path, "arrest,n,y", row, "y").left_out["arrest"]


# Width, and what is no table.

QUIET = Console(quiet=True)


def test_wide_tables_are_read_up_to_a_limit(tmp_path: Path) -> None:
    """The memory of a query does not depend on the number of columns."""

    def rows(n_columns: int) -> str:
        names = ",".join(f"c{i}" for i in range(n_columns))
        cells = (",".join(str((i * j) % 11) for j in range(n_columns)) for i in range(1500))
        return lines(names, *cells)

    assert len(look(open_source(write(tmp_path, rows(120)))).columns) == 120
    with pytest.raises(ScaffoldError, match=f"has 501 columns, and {MAX_COLUMNS} are the most"):
        look(open_source(write(tmp_path, rows(501))))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", b"%PDF-1.4\n1,2\n", "is a PDF, and no table of text"),
        ("rows.csv", b"\n<!DOCTYPE html>\n<p>", "is a web page"),
        ("rows.csv", b"PK\x03\x04abc", "is a workbook or an archive"),
        ("rows.csv", "a,b\n1,2\n".encode("utf-16-le"), "is text in UTF-16 without"),
        ("rows.csv", b'a,b\n1,2\n"x"y,2\n' * 99, "a quotation mark within a cell is not doubled"),
        (
            "rows.csv",
            b"# by a tool\na,b\n" + b"1,2\n" * 99,
            "line 2 cannot be read: it has 2 cells",
        ),
        ("rows.parquet", b"PAR1" + b"x" * 99, "it is no Parquet file, or only a part of one"),
        ("rows.jsonl", b'[{"a": 1},\n{"a": 2}]', "is one JSON array"),
    ],
)
def test_what_is_no_table_is_one_sentence(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(ScaffoldError, match=message) as error:
        look(open_source(write(tmp_path, content, name)))
    assert str(error.value).startswith(str(tmp_path / name))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "encoding"), [("naïve, Köln\n", "cp1252"), ("Привет, как дела\n", "cp1251")]
)
def test_encoding_of_few_letters_is_the_most_common(
    tmp_path: Path, text: str, encoding: str
) -> None:
    path = write(tmp_path, ("a,b\n" + text * 60).encode(encoding))
    assert open_source(path).encoding == encoding
