"""`scaffold new`: a project with its repository, its environment and a first run."""

import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from uv import find_uv_bin

from scaffold.errors import ScaffoldError
from scaffold.git.surroundings import UTF_8, ask, enclosing, identity, nearest, require_empty
from scaffold.project import command_of, files_of
from scaffold.template.questions import refusal
from scaffold.template.rendering import render


def known_answers(destination: Path) -> dict[str, str]:
    """Answers that need no question: the author's name, where the settings of git have one."""
    if not shutil.which("git"):
        return {}
    name = ask("config", "user.name", folder=nearest(destination)).stdout.strip()
    return {"author_name": name} if name and not refusal("author_name", name) else {}


def new(
    destination: Path,
    answers: Mapping[str, Any],
    *,
    defaults: bool = False,
    run: bool = False,
    fill: Callable[[Path], list[Path]] | None = None,
) -> Path | None:
    """Render, make the git repository and the environment, and with `run` run the pipeline.

    A repository that is there is used if it is empty; in a larger one, nothing is committed. When a
    step after rendering fails, the project is whole and stays.

    Args:
        destination: The project's folder.
        answers: To questions of the template.
        defaults: Ask no other question.
        run: Run the pipeline.
        fill: Puts the owner's rows in place of the sample, in the rendered folder; returns files
            that must not be committed.

    Returns:
        The repository that the project is a part of; None if it has its own.
    """
    uv = find_uv_bin()
    if not shutil.which("git"):
        raise ScaffoldError("git is needed and not installed; nothing has been written.")
    has_repository = (destination / ".git").exists()
    if has_repository:
        require_empty(destination)
    larger = None if has_repository else enclosing(destination)
    render(destination, answers, defaults=defaults)
    apart = fill(destination) if fill else []
    files = [path for path in files_of(destination) if path not in apart]
    rendered = [str(path.relative_to(destination)) for path in files]
    if not has_repository and not larger:
        call("git", "init", "--quiet", "--initial-branch=main", folder=destination)
    call(uv, "sync", folder=destination)
    if fill:
        format_code(destination, "src", "tests", "notebooks")
    if not larger:
        # All that was rendered, also where the user's own settings ignore such files.
        call("git", "add", "--force", "--", *rendered, "uv.lock", folder=destination)
        commit = ["commit", "--quiet", "--message", "Generate the project"]
        options = [*UTF_8, *identity(destination)]
        call("git", *options, *commit, folder=destination)
    if run:
        call(uv, "run", command_of(destination), "run", folder=destination)
    return larger


def format_code(project: Path, *paths: str) -> None:
    """Format what was written about the owner's rows: the lines depend on the columns' names."""
    uv = find_uv_bin()
    call(uv, "run", "ruff", "format", "--quiet", *paths, folder=project)
    sort = ["check", "--quiet", "--fix", "--exit-zero", *paths]
    call(uv, "run", "ruff", *sort, folder=project)


def call(*command: str, folder: Path) -> None:
    """Run a program that speaks for itself; raises ScaffoldError when it fails."""
    shown = shlex.join([Path(command[0]).name, *command[1:]])
    try:
        result = subprocess.run(command, cwd=folder, check=False)  # noqa: S603 - fixed programs
    except OSError as error:
        raise ScaffoldError(
            f"{command[0]} cannot be run; the project in {folder} is whole: run `{shown}` in it."
        ) from error
    except KeyboardInterrupt as error:
        raise ScaffoldError(
            f"Interrupted; the project in {folder} is whole and stays: run `{shown}` there again."
        ) from error
    if result.returncode:
        raise ScaffoldError(
            f"`{shown}` failed; the project in {folder} is whole and stays: fix what is "
            f"reported above and run it there again."
        )
