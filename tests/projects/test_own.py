"""Projects about an owner's rows, installed and used without a network."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaffold.own import images, tables
from scaffold.own.columns import look
from scaffold.own.proposal import propose
from scaffold.own.source import open_source
from scaffold.own.writing import Contents, adopt
from support import environments
from support.combinations import COMBINATIONS
from support.own import customers, write_orders
from support.projects import ENVIRONMENT, Project
from support.textures import write_images

pytestmark = pytest.mark.slow


def contents_of(kind: str, folder: Path) -> Contents:
    """The project that rows of one kind make."""
    if kind == "images":
        write_images(folder / "textures")
        return images.contents(images.look(folder / "textures"))
    if kind == "categories":
        path = folder / "customers.csv"
        path.write_text(customers(1500), encoding="cp1252")
        return tables.contents(propose(look(open_source(path)), "gekündigt", "ja"))
    path = folder / "orders.parquet"
    write_orders(path)
    return tables.contents(propose(look(open_source(path)), "price"))


# How many lines the predictions of the raw rows have, with the header.
N_LINES = {"categories": 1501, "numbers": 1501, "images": 181}


@pytest.fixture(scope="module", params=[*N_LINES])
def own(
    request: pytest.FixtureRequest,
    template: Path,
    workshop: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Project]:
    """A project about rows: installed, committed and run."""
    contents = contents_of(request.param, tmp_path_factory.mktemp("rows"))
    combination = COMBINATIONS[f"{contents.variant}-sklearn"]
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


def test_raw_file_is_predicted_and_monitored(own: Project, request: pytest.FixtureRequest) -> None:
    """The file itself, with its names, delimiter and formats, is read like any later one."""
    (raw,) = (own.folder / "data/raw").iterdir()
    own.offline("churn-radar", "predict", "--input", str(raw), "--output", "out.csv")
    n_rows = len((own.folder / "out.csv").read_text("utf-8").splitlines())
    assert n_rows == N_LINES[request.node.callspec.params["own"]]
    own.offline("churn-radar", "monitor", "--current", str(raw))
    (own.folder / "out.csv").unlink()


def test_missing_raw_file_is_one_sentence(own: Project) -> None:
    raw = own.folder / "data/raw"
    moved = shutil.move(raw, own.folder / "elsewhere")
    try:
        output = own.offline("churn-radar", "data", status=2)
    finally:
        shutil.move(moved, raw)
    assert "there is no such file" in output
    assert "Traceback" not in output
