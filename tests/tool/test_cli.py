"""The command `scaffold`, as a user meets it."""

import json
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from support.combinations import COMBINATIONS
from support.command import scaffold


def test_variants_as_json() -> None:
    listed = json.loads(scaffold("variants", "--json"))
    assert [item["id"] for item in listed] == list(COMBINATIONS)
    for item in listed:
        assert item["answers"] == {"variant": item["variant"], "framework": item["framework"]}


def test_variants_as_a_table() -> None:
    printed = scaffold("variants")
    assert all(name in printed for name in COMBINATIONS)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("variants", "--json"),
        ("new", "variant=nlp"),
        ("new", "--from"),
        ("update", "--undo"),
        ("check", "nlp-sklearn"),
        ("export", "nlp-sklearn"),
    ],
)
def test_help_teaches(command: str, words: str) -> None:
    assert words in scaffold(command, "--help")


def test_version() -> None:
    assert scaffold("--version") == f"{version('ml-portfolio-scaffold')}\n"


def test_check_names_what_exists() -> None:
    assert "tabular-classification-sklearn" in scaffold("check", "unknown", status=2)


def test_new_refuses_in_one_sentence_and_writes_nothing(tmp_path: Path) -> None:
    used = tmp_path / "used"
    used.mkdir()
    (used / "mine.txt").write_text("mine")
    fresh = tmp_path / "fresh"
    for arguments, words in (
        ([str(used), "--defaults"], "is in use"),
        ([str(used / "mine.txt"), "--defaults"], "is in use"),
        ([str(fresh), "--defaults", "-d", "variant"], "KEY=VALUE"),
        ([str(fresh), "--defaults", "-d", "variant=unknown"], "variant"),
        ([str(fresh), "--defaults", "-d", "package_name=class"], "Python language"),
        ([str(fresh)], "--defaults"),
        ([str(fresh), "--target", "x"], "need --from"),
        ([str(fresh), "--defaults", "--from", str(fresh)], "there is no such file"),
    ):
        said = scaffold("new", *arguments, status=2)
        assert words in said
        assert "Traceback" not in said
    assert not fresh.exists()
    assert [path.name for path in used.iterdir()] == ["mine.txt"]


@pytest.mark.slow
def test_new_runs_to_the_result_table(tmp_path: Path) -> None:
    project = tmp_path / "churn-radar"
    said = scaffold("new", str(project), "--defaults", "--run")
    assert "The model is promoted to champion" in said
    assert "run churn-radar serve" in said
    assert (project / "reports/metrics.json").is_file()
    log = subprocess.run(
        ["git", "log", "--oneline"],  # noqa: S607 - git, from PATH
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    assert log.stdout.count("\n") == 1
