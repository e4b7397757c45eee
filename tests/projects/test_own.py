"""Projects about an owner's rows, installed and used without a network."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaffold.own.asking import contents_of
from scaffold.own.columns import look
from scaffold.own.proposal import Proposal, propose
from scaffold.own.source import open_source
from scaffold.own.writing import adopt
from support import environments
from support.combinations import COMBINATIONS
from support.own import customers, messages, write_orders
from support.projects import ENVIRONMENT, Project

pytestmark = pytest.mark.slow

# Where `predict` writes what it refuses.
REFUSED = "out-refused.csv"


def propose_rows(kind: str, folder: Path) -> Proposal:
    """The proposal for rows of one kind."""
    if kind == "categories":
        path = folder / "customers.csv"
        path.write_text(customers(1500), encoding="cp1252")
        return propose(look(open_source(path)), "gekündigt", "ja")
    if kind == "texts":
        path = folder / "messages.csv"
        path.write_text(messages(1500), "utf-8")
        return propose(look(open_source(path)), "complaint", "yes")
    path = folder / "orders.parquet"
    write_orders(path)
    return propose(look(open_source(path)), "price")


@pytest.fixture(scope="module", params=["categories", "numbers", "texts"])
def own(
    request: pytest.FixtureRequest,
    template: Path,
    workshop: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Project]:
    """A project about rows: installed, committed and run."""
    proposal = propose_rows(request.param, tmp_path_factory.mktemp("rows"))
    combination = COMBINATIONS[f"{proposal.variant}-sklearn"]
    with environments.rendered_project(combination, template, workshop) as folder:
        project = Project(folder, combination)
        adopt(contents_of(proposal), folder)
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


def count_lines(path: Path) -> int:
    """The lines of a file; 0 without one."""
    return len(path.read_text("utf-8").splitlines()) if path.exists() else 0


def test_raw_file_is_predicted_and_monitored(own: Project) -> None:
    """The file itself, with its names, delimiter and formats, is read like any later one."""
    (raw,) = (own.folder / "data/raw").iterdir()
    own.offline("churn-radar", "predict", "--input", str(raw), "--output", "out.csv")
    n_rows, n_refused = count_lines(own.folder / "out.csv"), count_lines(own.folder / REFUSED)
    # Ten messages have no text.
    assert (n_rows, n_refused) == ((1491, 11) if "messages" in raw.name else (1501, 0))
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
