"""`scaffold new` in the surroundings of its users: variables, settings and repositories of git.

uv is replaced by a script that writes a lock file; test_cli.py runs the real one.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scaffold import ScaffoldError, cli
from scaffold.commands import new as making
from scaffold.git.surroundings import KEPT, enclosing, identity, leave_callers_repository
from scaffold.project import find_project
from scaffold.template import destination
from support.command import SCAFFOLD
from support.git import IDENTITY, git

REGISTRY = 'source = { registry = "https://mirror.example/simple" }'
LOCK = f'version = 1\n\n[[package]]\nname = "typer"\n{REGISTRY}\n'


@pytest.fixture(autouse=True)
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A uv that only writes uv.lock, and a user of git with no settings."""
    script = tmp_path / "bin" / "uv"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\ncat > uv.lock <<'END'\n{LOCK}END\n")
    script.chmod(0o755)
    monkeypatch.setattr(making, "find_uv_bin", lambda: str(script))
    for name, value in {**IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull}.items():
        monkeypatch.setenv(name, value)


def files(project: Path) -> set[str]:
    """What is committed."""
    return set(git(project, "ls-tree", "-r", "--name-only", "HEAD").splitlines())


def test_variables_that_name_another_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    (other / "mine.txt").write_text("mine")
    for name, value in (
        ("GIT_DIR", other / ".git"),
        ("GIT_WORK_TREE", other),
        ("GIT_INDEX_FILE", other / "index"),
        ("GIT_OBJECT_DIRECTORY", other / "objects"),
    ):
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(sys, "argv", ["scaffold", "new", str(tmp_path / "p"), "--defaults"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code in (0, None)
    assert (other / ".git/HEAD").is_file()
    assert not list((other / ".git/refs/heads").iterdir())
    assert "README.md" in files(tmp_path / "p")


def test_only_identity_and_settings_of_git_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_NAMESPACE", "x")
    monkeypatch.setenv("GIT_SSH_COMMAND", "ssh -4")
    leave_callers_repository()
    left = {name for name in os.environ if name.startswith("GIT_")}
    assert left >= {"GIT_AUTHOR_NAME", "GIT_CONFIG_GLOBAL", "GIT_SSH_COMMAND"}
    assert all(KEPT.fullmatch(name) for name in left)
    # What git itself calls local to a repository, but for its ways to pass settings on.
    local = git(Path(), "rev-parse", "--local-env-vars").split()
    passed = {"GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"}
    assert not [name for name in local if KEPT.fullmatch(name) and name not in passed]


@pytest.mark.parametrize("ignored", ["*.lock", "*.ipynb", ".github/", "*.py"])
def test_what_was_rendered_is_committed_whatever_the_user_ignores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ignored: str
) -> None:
    (tmp_path / "ignored").write_text(f"{ignored}\n")
    settings = tmp_path / "gitconfig"
    settings.write_text(f"[core]\nexcludesFile = {tmp_path / 'ignored'}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    cli.new(tmp_path / "p", defaults=True)
    committed = files(tmp_path / "p")
    assert committed >= {"uv.lock", "notebooks/explore.ipynb", ".github/workflows/ci.yml"}
    assert "src/p/cli.py" in committed
    assert not git(tmp_path / "p", "status", "--porcelain")


def test_a_clone_of_an_empty_repository_is_filled(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "origin")
    git(tmp_path, "clone", "--quiet", "origin", "p")
    cli.new(tmp_path / "p", defaults=True)
    assert "README.md" in files(tmp_path / "p")
    assert git(tmp_path / "p", "remote").strip() == "origin"


def test_a_repository_whose_files_are_gone_is_refused(tmp_path: Path) -> None:
    project = tmp_path / "p"
    git(tmp_path, "init", "--quiet", "p")
    (project / "mine.txt").write_text("mine")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "Mine")
    (project / "mine.txt").unlink()
    with pytest.raises(ScaffoldError, match="git restore"):
        cli.new(project, defaults=True)
    assert [path.name for path in project.iterdir()] == [".git"]


def test_in_a_larger_repository_none_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    larger = tmp_path / "larger"
    git(tmp_path, "init", "--quiet", "larger")
    cli.new(larger / "one" / "p", defaults=True)
    assert f"part of the repository {larger.resolve()}" in capsys.readouterr().err
    assert not (larger / "one/p/.git").exists()
    assert (larger / "one/p/README.md").is_file()
    # One that ignores the folder has nothing to do with it.
    (larger / ".gitignore").write_text("own/\n")
    assert enclosing(larger / "own" / "p") is None
    assert enclosing(larger / "one" / "q") == larger.resolve()


def test_a_project_is_found_from_a_folder_of_it(tmp_path: Path) -> None:
    cli.new(tmp_path / "p", defaults=True)
    assert find_project(tmp_path / "p/src/p") == tmp_path / "p"
    assert find_project(tmp_path) == tmp_path


@pytest.mark.parametrize("known", ["", "name", "email", "both"])
def test_what_an_identity_lacks_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: str
) -> None:
    for name in IDENTITY:
        monkeypatch.delenv(name)
    settings = tmp_path / "gitconfig"
    lines = ["[user]", "useConfigOnly = true"]
    lines += ["name = Ada"] * (known in ("name", "both"))
    lines += ["email = ada@example.org"] * (known in ("email", "both"))
    settings.write_text("\n".join(lines))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    assert len(identity(tmp_path)) == {"": 4, "both": 0}.get(known, 2)
    cli.new(tmp_path / "p", defaults=True)
    author = git(tmp_path / "p", "log", "--format=%an %ae").strip()
    assert author.split() == [
        "Ada" if known in ("name", "both") else "scaffold",
        "ada@example.org" if known in ("email", "both") else "scaffold@localhost",
    ]


def test_a_message_is_in_utf_8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text("[i18n]\ncommitEncoding = UTF-16\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    cli.new(tmp_path / "p", defaults=True)
    assert git(tmp_path / "p", "log", "--format=%s").strip() == "Generate the project"


def test_a_mirror_in_the_lock_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.new(tmp_path / "p", defaults=True)
    assert "uv.lock names https://mirror.example/simple" in capsys.readouterr().err


def test_uncommitted_changes_of_the_template_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    template = tmp_path / "template"
    (template / "template").mkdir(parents=True)
    git(template, "init", "--quiet")
    monkeypatch.setattr(cli, "ROOT", template)
    cli.new(tmp_path / "p", defaults=True)
    assert "cannot be updated" not in capsys.readouterr().err
    (template / "copier.yml").touch()
    cli.new(tmp_path / "q", defaults=True)
    assert "cannot be updated" in capsys.readouterr().err


def test_nothing_half_made_is_left_after_sigterm(tmp_path: Path) -> None:
    process = subprocess.Popen(  # noqa: S603 - ours
        [str(SCAFFOLD), "new", str(tmp_path / "made/p"), "--defaults"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("made/.scaffold-*")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.terminate()
    assert process.wait(60) == 128 + signal.SIGTERM
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("name", [".git", ".gitignore"])
def test_only_a_repository_may_be_there_already(tmp_path: Path, name: str) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / name).mkdir()
    if name == ".git":
        destination.check(tmp_path / "p")
    else:
        with pytest.raises(ScaffoldError, match="in use"):
            destination.check(tmp_path / "p")


@pytest.mark.parametrize(
    ("name", "answers"),
    [("Ada Lovelace", {"author_name": "Ada Lovelace"}), ("Ada\nLovelace", {}), ("", {})],
)
def test_the_author_is_that_of_git_where_the_question_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, answers: dict[str, str]
) -> None:
    settings = tmp_path / "gitconfig"
    settings.touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    if name:
        git(tmp_path, "config", "--file", str(settings), "user.name", name)
    assert making.known_answers(tmp_path / "new/project") == answers
