"""Making projects: rendering alone, or with a repository, an environment and a first run."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import copier
import yaml
from copier.errors import CopierError, InteractiveSessionError
from uv import find_uv_bin

from scaffold.matrix import ROOT, questionnaire


class ScaffoldError(Exception):
    """Something the user can mend; the command line prints it as one sentence."""


def render(
    destination: Path,
    answers: Mapping[str, Any],
    *,
    template: Path = ROOT,
    defaults: bool = True,
    quiet: bool = True,
) -> None:
    """Render the template into a new or empty folder; a refused answer writes nothing.

    Raises ScaffoldError for an unknown question, a refused answer or a destination in use.
    """
    unknown = sorted(set(answers) - set(questions()))
    if unknown:
        raise ScaffoldError(
            f'There is no question "{unknown[0]}"; the questions are {", ".join(questions())}.'
        )
    refuse_used(destination)
    try:
        copier.run_copy(
            str(template), destination, data=dict(answers), defaults=defaults, quiet=quiet
        )
    except InteractiveSessionError as error:
        raise ScaffoldError("There is no terminal to ask in; give --defaults and -d.") from error
    except (CopierError, ValueError, OSError) as error:
        # Copier's own sentence; a validator's stands behind the name of its question.
        raise ScaffoldError(str(error).removeprefix("Validation error for ")) from error


def refuse_used(destination: Path) -> None:
    """Raises ScaffoldError unless the folder is new or empty."""
    if destination.is_file() or (destination.is_dir() and any(destination.iterdir())):
        raise ScaffoldError(f"{destination} is in use; name a folder that is new or empty.")


def questions() -> list[str]:
    """The questions that may be answered, in order; hidden ones are derived from them."""
    return [
        name
        for name, details in questionnaire().items()
        if not name.startswith("_") and details.get("when", True) is not False
    ]


@contextmanager
def plain_template() -> Iterator[Path]:
    """A copy of the template without a git history, which Copier renders without cloning it."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "template-copy"
        copy.mkdir()
        shutil.copy(ROOT / "copier.yml", copy)
        for name in ("includes", "template"):
            ignored = shutil.ignore_patterns("__pycache__", ".*_cache")
            shutil.copytree(ROOT / name, copy / name, ignore=ignored)
        yield copy


def new(
    destination: Path, answers: Mapping[str, Any], *, defaults: bool = False, run: bool = False
) -> None:
    """Render, make the git repository and the environment, and with `run` run the pipeline."""
    render(destination, answers, defaults=defaults, quiet=False)
    uv = find_uv_bin()
    call("git", "init", "--quiet", "--initial-branch=main", folder=destination)
    call(uv, "sync", folder=destination)
    call("git", "add", "--all", folder=destination)
    identity = []
    if not succeeds("git", "config", "user.email", folder=destination):
        identity = ["-c", "user.name=scaffold", "-c", "user.email=scaffold@localhost"]
    commit = ["commit", "--quiet", "--message", "Generate the project"]
    call("git", *identity, *commit, folder=destination)
    if run:
        call(uv, "run", command_of(destination), "run", folder=destination)


def command_of(project: Path) -> str:
    """The command of a generated project."""
    return str(recorded_answers(project)["package_name"]).replace("_", "-")


def recorded_answers(project: Path) -> dict[str, Any]:
    """The answers that a generated project was made with."""
    content = (project / ".copier-answers.yml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(content))


def call(*command: str, folder: Path) -> None:
    """Run a program that speaks for itself; raises ScaffoldError when it fails."""
    try:
        result = subprocess.run(command, cwd=folder, check=False)  # noqa: S603 - fixed programs
    except FileNotFoundError as error:
        raise ScaffoldError(f"{command[0]} is needed and not installed.") from error
    if result.returncode:
        raise ScaffoldError(f"`{' '.join(command)}` failed in {folder}; what it said stands above.")


def succeeds(*command: str, folder: Path) -> bool:
    """Whether a quiet program ends with 0."""
    result = subprocess.run(command, cwd=folder, check=False, capture_output=True)  # noqa: S603 - fixed programs
    return result.returncode == 0
