"""Projects about an owner's rows, installed and used without a network."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from scaffold.own.asking import Wanted, contents_from, contents_of_given
from scaffold.own.writing import Contents, adopt
from support import environments
from support.combinations import COMBINATIONS
from support.own import (
    customers,
    customers_competition,
    messages,
    purchases,
    sales,
    visits,
    write_orders,
)
from support.projects import ENVIRONMENT, Project
from support.textures import write_images

pytestmark = pytest.mark.slow


GUESSED = Wanted(defaults=True)
CUSTOMERS = Wanted("gekündigt", "ja", defaults=True)


@dataclass(frozen=True)
class Kind:
    """Rows of one kind, and the project that they make.

    Attributes:
        combination: Of the project; where a rotation leaves it out, so it does these tests.
        write: Writes the rows to a path.
        suffix: Of the path.
        wanted: What the owner says.
        counts: How many rows `predict` takes and refuses: of the file, or of the test set.
        of_test_set: Whether an instance is a history, and a raw row is not.
        of_competition: Whether the rows are those of a competition, and what writes them returns
            its files.
    """

    combination: str
    write: Callable[[Path], Any]
    suffix: str = ".csv"
    wanted: Wanted = GUESSED
    counts: tuple[int, int] = (1500, 0)
    of_test_set: bool = False
    of_competition: bool = False


KINDS = {
    "categories": Kind(
        "tabular-classification-sklearn",
        lambda path: path.write_text(customers(1500), encoding="cp1252"),
        wanted=CUSTOMERS,
    ),
    # A network, of the customers of a competition.
    "train": Kind(
        "tabular-classification-pytorch",
        lambda path: customers_competition(path.parent),
        wanted=Wanted(positive="ja", defaults=True, framework="pytorch"),
        counts=(1200, 0),
        of_competition=True,
    ),
    "numbers": Kind(
        "tabular-regression-sklearn",
        write_orders,
        suffix=".parquet",
        wanted=Wanted("price", defaults=True),
    ),
    # Ten messages have no text.
    "texts": Kind(
        "nlp-sklearn",
        lambda path: path.write_text(messages(1500), "utf-8"),
        wanted=Wanted("complaint", "yes", defaults=True),
        counts=(1490, 10),
    ),
    "images": Kind("vision-sklearn", write_images, suffix="", counts=(180, 0)),
    # Ten visits have no sales.
    "clusters": Kind(
        "clustering-sklearn",
        lambda path: path.write_text(visits(1500), "utf-8"),
        wanted=Wanted(variant="clustering", defaults=True),
        counts=(1490, 10),
    ),
    "series": Kind(
        "time-series-sklearn",
        lambda path: path.write_text(sales(), "utf-8"),
        counts=(186, 0),
        of_test_set=True,
    ),
    "items": Kind(
        "recommender-sklearn",
        lambda path: path.write_text(purchases(), "utf-8"),
        counts=(599, 0),
        of_test_set=True,
    ),
}
# What a competition has beside its training rows.
OF_TEST = ("test.csv", "sample_submission.csv")
# Where `predict` writes what it refuses.
REFUSED = "out-refused.csv"


def contents_of(name: str, folder: Path) -> Contents:
    """The project that rows of one kind make."""
    kind = KINDS[name]
    path = folder / f"{name}{kind.suffix}"
    written, console = kind.write(path), Console(quiet=True)
    if kind.of_competition:
        return contents_of_given(written, kind.wanted, console)
    return contents_from(str(path), kind.wanted, console)


@pytest.fixture(
    scope="module",
    params=[*KINDS],
    ids=[f"{name}-{kind.combination}" for name, kind in KINDS.items()],
)
def own(
    request: pytest.FixtureRequest,
    template: Path,
    workshop: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Project]:
    """A project about rows: installed, committed and run."""
    contents = contents_of(request.param, tmp_path_factory.mktemp("rows"))
    combination = COMBINATIONS[KINDS[request.param].combination]
    assert combination.id == f"{contents.variant}-{contents.framework}"
    with environments.rendered_project(combination, template, workshop) as folder:
        project = Project(folder, combination)
        adopt(contents, folder)
        project.online("git", "init", "--quiet")
        environments.sync(folder, folder / ".venv", ENVIRONMENT)
        # As `scaffold new` does.
        project.offline("ruff", "format", "--quiet", "src", "tests", "notebooks")
        project.offline("ruff", "check", "--quiet", "--fix", "src", "tests")
        project.commit()
        project.offline("churn-radar", "run")
        yield project


def test_model_of_own_rows_is_promoted(own: Project) -> None:
    metrics = own.json("reports/metrics.json")
    assert metrics["gate"]["passed"], metrics["gate"]["reasons"]
    assert metrics["improvement"]["ci_low"] > 0
    assert metrics["export"]["max_abs_diff"] <= 1e-4


def test_checks_of_own_project_pass(own: Project) -> None:
    """Lint, types, declared dependencies, results and hooks, and its tests."""
    own.online("git", "add", "--all")
    own.offline("prek", "run", "--all-files")
    own.offline("mypy")
    assert "passed" in own.offline("pytest")


def count_rows(path: Path) -> int:
    """The rows of a CSV file; 0 without one."""
    return len(path.read_text("utf-8").splitlines()) - 1 if path.exists() else 0


def check_submission(own: Project) -> None:
    """It has all rows of the sample, in its order; a test row that is missing is an error."""
    raw = own.folder / "data/raw"
    options = ("--output", "out.csv", "--submission", str(raw / "sample_submission.csv"))
    predict = ("churn-radar", "predict", *options, "--input")
    output = own.offline(*predict, str(raw / "test.csv"))
    assert "out-submission.csv is the submission." in output
    sample = (raw / "sample_submission.csv").read_text("utf-8").splitlines()
    submission = own.folder / "out-submission.csv"
    found = submission.read_text("utf-8").splitlines()
    assert [line.partition(",")[0] for line in found] == [line.partition(",")[0] for line in sample]
    assert {line.partition(",")[2] for line in found[1:]} == {"ja", "nein"}
    submission.unlink()
    fewer = own.folder / "fewer.csv"
    fewer.write_text("\n".join((raw / "test.csv").read_text("utf-8").splitlines()[:-1]), "utf-8")
    output = own.offline(*predict, str(fewer), status=1)
    assert 'out.csv has no prediction for Nr "1500" of' in output
    assert not submission.exists()
    for path in (fewer, own.folder / "out.csv"):
        path.unlink()


def test_raw_file_is_predicted_and_monitored(own: Project, request: pytest.FixtureRequest) -> None:
    """The file itself, with its names, delimiter and formats, is read like any later one."""
    kind = KINDS[request.node.callspec.params["own"]]
    (raw,) = (path for path in (own.folder / "data/raw").iterdir() if path.name not in OF_TEST)
    if kind.of_test_set:
        raw = own.folder / "data/splits/test.parquet"
    own.offline("churn-radar", "predict", "--input", str(raw), "--output", "out.csv")
    found = tuple(count_rows(own.folder / name) for name in ("out.csv", REFUSED))
    assert found == kind.counts
    own.offline("churn-radar", "monitor", "--current", str(raw))
    for name in ("out.csv", REFUSED):
        (own.folder / name).unlink(missing_ok=True)
    if kind.of_competition:
        check_submission(own)


def test_missing_raw_file_is_one_sentence(own: Project) -> None:
    raw = own.folder / "data/raw"
    moved = shutil.move(raw, own.folder / "elsewhere")
    try:
        output = own.offline("churn-radar", "data", status=1)
    finally:
        shutil.rmtree(raw, ignore_errors=True)
        shutil.move(moved, raw)
    assert re.search(r"error: (data/raw/\S+ is missing|kaggle:\S+ cannot be downloaded)", output)
    assert "Traceback" not in output
