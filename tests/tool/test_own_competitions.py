"""Competitions: what is predicted, which columns are fields, and what a submission holds."""

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from scaffold import render
from scaffold.own.asking import Wanted, contents_of_given
from scaffold.own.competitions import CLI, keep_option, with_option
from scaffold.own.writing import Contents
from support.own import competition, customers_competition, lines, made, passes_linter

GUESSED = Wanted(defaults=True)
TEST = ["size,place", *(f"{i % 37},{'xy'[i % 2]}" for i in range(60))]


def numbered(rows: list[str]) -> str:
    """Rows with a number before each, as a competition has them."""
    return "\n".join(f"{number or 'Id'},{row}" for number, row in enumerate(rows))


def contents_for(folder: Path, *files: str, wanted: Wanted = GUESSED) -> tuple[Contents, str]:
    """The project about a competition with these files, and what is said about it."""
    console = Console(file=StringIO(), width=300)
    contents = contents_of_given(competition(folder, *files), wanted, console)
    assert isinstance(console.file, StringIO)
    return contents, console.file.getvalue()


def train(target: str, values: list[str], n_rows: int = 240) -> str:
    """Training rows: the columns of TEST, and a target with these values."""
    rows = (f"{i % 37},{'xy'[i % 2]},{values[i % len(values)]}" for i in range(n_rows))
    return numbered([f"size,place,{target}", *rows])


def sample(header: str, values: str) -> str:
    """A sample of a submission, with the same predictions for each test row."""
    return lines(f"Id,{header}", *(f"{number},{values}" for number in range(1, 61)))


@pytest.mark.parametrize(
    ("values", "header", "predicted", "columns"),
    [
        ("ab", "kind", "a", {"kind": "label"}),
        ("01", "kind", "0", {"kind": "label"}),
        ("01", "kind", "0.5", {"kind": "probability_1"}),
        ("01", "score", "0.5", {"score": "probability_1"}),
        ("abc", "kind_A,kind_b,kind_c", "0,0,1", dict(zip(
            ("kind_A", "kind_b", "kind_c"),
            (f"probability_{name}" for name in "abc"),
            strict=True,
        ))),
        ("abc", "kind", "c", {"kind": "label"}),
    ],
)  # fmt: skip
def test_sample_says_what_is_predicted(
    tmp_path: Path, values: str, header: str, predicted: str, columns: dict[str, str]
) -> None:
    text = train("kind", [*values, values[0]])
    contents, told = contents_for(tmp_path, text, numbered(TEST), sample(header, predicted))
    assert contents.context["submission_columns"] == {"Id": "Id", **columns}
    assert contents.context["target"].name == "kind"
    assert "`predict --submission` writes" in told
    assert not contents.committed


def test_number_is_its_value(tmp_path: Path) -> None:
    text = train("price", [str(i) for i in range(97)])
    contents, _ = contents_for(tmp_path, text, numbered(TEST), sample("price", "0"))
    assert contents.variant == "tabular-regression"
    assert contents.context["submission_columns"] == {"Id": "Id", "price": "value"}


@pytest.mark.parametrize(
    ("header", "predicted", "message"),
    [
        (
            "kind_a,kind_d",
            "0,1",
            '(kind_a, kind_d) are no predictions of "kind", which has the classes',
        ),
        ("kind_a,kind_b", "0,1", "(kind_a, kind_b) are no predictions of"),
        ("kind", "0.5", "(kind) are no predictions of"),
        ("size,kind", "1,a", "have 2 columns in common, and one is needed"),
    ],
)
def test_sample_that_does_not_fit_makes_no_submission(
    tmp_path: Path, header: str, predicted: str, message: str
) -> None:
    files = (train("kind", [*"abc"]), numbered(TEST), sample(header, predicted))
    contents, told = contents_for(tmp_path, *files)
    assert f"There is no submission: {'' if 'common' in message else 'the columns of '}" in told
    assert message in told
    assert CLI not in contents.edits


def test_columns_of_training_rows_only_are_no_fields(tmp_path: Path) -> None:
    """Such as those that are known after the fact; and what misses in test rows may miss."""
    rows = [f"{i % 37},{'xy'[i % 2]},{i % 4},{'ab'[i % 3 == 0]}" for i in range(240)]
    text = numbered(["size,place,registered,kind", *rows])
    test = [TEST[0], *(f"{'NA' if i % 9 == 0 else i % 37 + 4.5},x" for i in range(60))]
    contents, told = contents_for(tmp_path, text, numbered(test), sample("kind", "a"))
    assert [column.name for column in contents.context["fields"]] == ["size", "place"]
    assert '"registered", because the competition\'s test rows do not have it' in told
    size = contents.context["fields"][0]
    assert (size.kind, size.marks, size.maximum) == ("number", ("NA",), 39.5)
    assert size.missing > 0
    # Which of two such columns is predicted, the sample says; else the owner.
    contents, _ = contents_for(tmp_path, text, numbered(test), sample("registered", "1"))
    assert contents.context["target"].name == "registered"
    wanted = Wanted("registered", defaults=True)
    contents, told = contents_for(
        tmp_path, text, numbered(test), sample("kind", "1"), wanted=wanted
    )
    assert contents.context["target"].name == "registered"
    assert 'are no predictions of "registered"' in told


def test_project_has_the_files_of_the_competition(tmp_path: Path) -> None:
    given = customers_competition(tmp_path)
    contents = contents_of_given(given, Wanted(positive="ja", defaults=True), Console(quiet=True))
    folder = tmp_path / "own"
    apart = made(contents, folder)
    names = ["sample_submission.csv", "test.csv", "train.csv"]
    assert sorted(path.name for path in apart) == names
    assert passes_linter(folder)
    assert 'COLUMNS = {"Nr": "Nr", "gekündigt": "label"}' in (
        folder / "src/own/serving/submission.py"
    ).read_text("utf-8")
    assert "--submission data/raw/sample_submission.csv" in (folder / "README.md").read_text(
        "utf-8"
    )


def test_texts_of_a_competition_are_submitted(tmp_path: Path) -> None:
    rows = [
        f"The parcel number {i} was {'late' if i % 3 else 'fine'}, and I say so."
        for i in range(300)
    ]
    text = numbered(["body,bad", *(f'"{row}",{i % 3 and 1}' for i, row in enumerate(rows))])
    test = numbered(["body", *(f'"{row}"' for row in rows[:60])])
    contents, _ = contents_for(tmp_path, text, test, sample("bad", "0"))
    assert contents.variant == "nlp"
    assert contents.context["submission_columns"] == {"Id": "Id", "bad": "label"}
    made(contents, tmp_path / "own")
    assert passes_linter(tmp_path / "own")


def test_option_stays_in_an_update(tmp_path: Path) -> None:
    """Both renderings have it where the project has it, so that it is no change."""
    project, rendering = tmp_path / "project", tmp_path / "rendering"
    render(rendering, {"package_name": "own", "description": "Own."})
    path = rendering / "src/own/cli.py"
    before = path.read_text("utf-8")
    assert before.count("submission") == 0
    (project / "src/own").mkdir(parents=True)
    (project / "src/own/cli.py").write_text(before, "utf-8")
    keep_option(project, rendering)
    assert path.read_text("utf-8") == before
    changed = with_option(before)
    assert json.dumps(changed).count("submission: Annotated") == 1
    assert changed.count("write_submission(output, submission)") == 1
    (project / "src/own/cli.py").write_text(changed, "utf-8")
    keep_option(project, rendering)
    assert path.read_text("utf-8") == changed
