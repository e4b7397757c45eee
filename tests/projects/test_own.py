"""Projects about an owner's rows, installed and used without a network."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from scaffold.own.asking import Wanted, contents_from
from scaffold.own.networks import PYTORCH, SKLEARN
from scaffold.own.writing import Contents, adopt
from support import environments
from support.combinations import COMBINATIONS
from support.own import customers, messages, visits, write_orders
from support.projects import ENVIRONMENT, Project
from support.textures import write_images

pytestmark = pytest.mark.slow

# How many raw rows are predicted and refused: ten messages have no text, ten visits no sales.
COUNTS = {
    "categories": (1500, 0),
    "numbers": (1500, 0),
    "texts": (1490, 10),
    "images": (180, 0),
    "clusters": (1490, 10),
    "network": (1500, 0),
}
# Where `predict` writes what it refuses.
REFUSED = "out-refused.csv"


def contents_of(kind: str, folder: Path) -> Contents:
    """The project that rows of one kind make."""
    wanted = Wanted(defaults=True)
    path = folder / kind
    if kind == "images":
        write_images(path)
    elif kind in ("categories", "network"):
        path = path.with_suffix(".csv")
        path.write_text(customers(1500), encoding="cp1252")
        framework = PYTORCH if kind == "network" else SKLEARN
        wanted = Wanted("gekündigt", "ja", defaults=True, framework=framework)
    elif kind == "texts":
        path = path.with_suffix(".csv")
        path.write_text(messages(1500), "utf-8")
        wanted = Wanted("complaint", "yes", defaults=True)
    elif kind == "clusters":
        path = path.with_suffix(".csv")
        path.write_text(visits(1500), "utf-8")
        wanted = Wanted(variant="clustering", defaults=True)
    else:
        path = path.with_suffix(".parquet")
        write_orders(path)
        wanted = Wanted("price", defaults=True)
    return contents_from(str(path), wanted, Console(quiet=True))


@pytest.fixture(scope="module", params=[*COUNTS])
def own(
    request: pytest.FixtureRequest,
    template: Path,
    workshop: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Project]:
    """A project about rows: installed, committed and run."""
    contents = contents_of(request.param, tmp_path_factory.mktemp("rows"))
    combination = COMBINATIONS[f"{contents.variant}-{contents.framework}"]
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


def test_raw_file_is_predicted_and_monitored(own: Project, request: pytest.FixtureRequest) -> None:
    """The file itself, with its names, delimiter and formats, is read like any later one."""
    (raw,) = (own.folder / "data/raw").iterdir()
    own.offline("churn-radar", "predict", "--input", str(raw), "--output", "out.csv")
    found = tuple(count_rows(own.folder / name) for name in ("out.csv", REFUSED))
    assert found == COUNTS[request.node.callspec.params["own"]]
    own.offline("churn-radar", "monitor", "--current", str(raw))
    for name in ("out.csv", REFUSED):
        (own.folder / name).unlink(missing_ok=True)


def test_missing_raw_file_is_one_sentence(own: Project) -> None:
    raw = own.folder / "data/raw"
    moved = shutil.move(raw, own.folder / "elsewhere")
    try:
        output = own.offline("churn-radar", "data", status=2)
    finally:
        shutil.move(moved, raw)
    assert "there is no such file" in output
    assert "Traceback" not in output
