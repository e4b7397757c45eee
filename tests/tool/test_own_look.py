"""What a look at rows shows, and the personal data that it notices."""

import re
from io import StringIO
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from scaffold.own.asking import Wanted, contents_from
from scaffold.own.columns import look
from scaffold.own.people import holds_names, is_name
from scaffold.own.source import open_source
from support.own import customers, lines, visits


def shown(path: Path, target: str = "", width: int = 80, **options: str) -> list[str]:
    """The lines that a look prints."""
    output = StringIO()
    console = Console(file=output, width=width)
    contents_from(str(path), Wanted(target, defaults=True, **options), console)
    return [line.rstrip() for line in output.getvalue().splitlines()]


def test_each_column_is_one_line_of_a_narrow_terminal(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    names = ["id", "paperless_billing", "[bold]zone", "when", "price_of_house"]
    rows = [
        f"{i * 3},{'Month-to-month with a long note'[: i % 2 + 30]},{'xy'[i % 2]},"
        f"0{i % 9 + 1}/0{i % 5 + 1}/2020,{i * 13 % 211 / 2 if i % 8 else ''}"
        for i in range(400)
    ]
    path.write_text(lines(",".join(names), *rows), "utf-8")
    found = shown(path, "price_of_house")
    assert max(map(len, found)) <= 80
    for name in names:
        (line,) = (line for line in found if line.startswith(name))
        assert "…" not in line
    assert any(re.match(r"price_of_house +number +12.5% +\d+ +[\d.]+ +target", x) for x in found)
    text = " ".join(found)
    assert 'Left out: "id", because its values are different in nearly all rows.' in text
    assert '"when" is read with the day first, as in 31/12; no value decides.' in text


@pytest.mark.parametrize("width", [80, 120])
def test_all_that_is_left_out_is_said_with_its_reason(tmp_path: Path, width: int) -> None:
    path = tmp_path / "kunden.csv"
    path.write_text(customers(), "utf-8")
    found = shown(path, "gekündigt", width)
    text = " ".join(found)
    assert max(map(len, found)) <= width
    assert 'Left out: "E-Mail", because it seems to hold personal data (e-mail address).' in text
    assert 'Left out: "Notiz", because it is free text, which only a project' in text
    assert 'Left out: "Land", because it has one value only.' in text
    assert (
        'predicts "gekündigt" (tabular-classification); the rows are split by "Eintritt".' in text
    )
    assert any(line.startswith("Eintritt ") and line.endswith("field, split") for line in found)


def test_steps_of_segments_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_text(visits(), "utf-8")
    found = shown(path, variant="clustering")
    assert max(map(len, found)) <= 80
    assert any(re.match(r"Umsatz .* field, step x [\d.]+$", line) for line in found)
    assert any(re.match(r"Art .* describes$", line) for line in found)
    assert "4 of 600 rows lack a field and are left out." in " ".join(found)


def test_single_rows_outside_the_sample_count(tmp_path: Path) -> None:
    """One of 300,000 rows is hardly ever in the sample of 20,000."""
    path = tmp_path / "rows.parquet"
    single = "CASE WHEN i = 123456 THEN ({})::VARCHAR ELSE ({})::VARCHAR END AS {}"
    columns = [
        single.format("'unknown'", "i % 5000", "text"),
        single.format("'b'", "'a'", "rare"),
        single.format("-1", "i % 90 + 10", "low"),
        single.format("'1.5'", "i % 90", "point"),
        single.format("'NA'", "i % 90", "marked"),
        single.format("repeat('x', 70)", "'x' || i % 2000", "long"),
    ]
    query = f"SELECT {', '.join(columns)} FROM range(300000) AS r(i)"  # noqa: S608 - ours
    duckdb.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    table = look(open_source(path))
    kinds = {column.name: column.kind for column in table.columns}
    assert kinds["text"] in ("formatted", "category")
    assert dict(table.column("rare").values) == {"a": 299_999, "b": 1}
    assert (kinds["low"], table.column("low").minimum) == ("integer", -1)
    assert kinds["point"] == "number"
    assert (kinds["marked"], table.column("marked").distinct) == ("integer", 91)
    assert table.column("long").longest == 70


# Names of persons.

PERSONS = ["Ada King", "Dr. A. von Suttner", "Doe, Jane", "Jean-Luc Picard", "Siân O'Brien"]
THINGS = ["Acme Ltd", "Miller & Sons", "Mazda RX4", "red apple juice", "Berlin", "The end of it"]


def test_names_are_told_from_other_texts() -> None:
    assert [text for text in PERSONS if not is_name(text)] == []
    assert [text for text in THINGS if is_name(text)] == []


@pytest.mark.parametrize(
    ("field", "is_personal"),
    [
        ("customer", True),
        ("Passenger Name", True),
        ("contacts", True),
        ("Mitarbeiter", True),
        ("name", True),
        ("notes", False),
        ("product_name", False),
        ("customer_city", False),
        ("company", False),
    ],
)
def test_names_of_persons_are_left_out(tmp_path: Path, field: str, *, is_personal: bool) -> None:
    first = ["Ada", "Grace", "Alan", "Emmy", "Carl", "Sofia", "Niels", "Marie", "Max", "Lise"]
    last = [f"{start}{end}" for start in ("Ber", "Hol", "Wag", "Lin") for end in ("ger", "mann")]
    path = tmp_path / "rows.csv"
    rows = (
        f"{first[i % 10]} {last[i // 10 % 8]}{'abcdefghij'[i // 80]},{i * 7 % 50},{'ab'[i % 2]}"
        for i in range(400)
    )
    path.write_text(lines(f"{field},n,label", *rows), "utf-8")
    contents = contents_from(str(path), Wanted("label", defaults=True), Console(quiet=True))
    reason = contents.context["left_out"].get(field, "")
    assert ("personal data (names of persons)" in reason) is is_personal
    assert contents.committed is not is_personal


def test_names_that_are_repeated_or_few() -> None:
    texts = [f"Ada {'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[i % 26]}ing" for i in range(200)]
    assert holds_names("customer", texts, 26, 200)
    # Of a place or a thing, names are repeated as well.
    assert not holds_names("name", texts, 26, 200)
    assert not holds_names("customer", texts, 5, 200)
    assert not holds_names("customer", [*texts, *["n/a"] * 100], 27, 300)
    assert not holds_names("customer", [], 30, 200)
