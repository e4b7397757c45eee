"""Environments that the projects of one process hand on, so that Python is not compiled again.

Each project is still installed from its own pyproject.toml alone: `uv sync` brings the environment
to exactly what that declares. Packages that two projects share stay as they are.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path

from uv import find_uv_bin

from scaffold import Combination, render
from scaffold.project import sync_options

# All that a project may leave for the next one with its framework.
NAMES = (".venv", ".lean")
# Directories of an environment that belong to no package.
OWN = {"__pycache__"}


@contextmanager
def made(combination: Combination, template: Path, parent: Path) -> Iterator[Path]:
    """The project of a combination, rendered, with the environments of the one before.

    A script names the environment by its path, so every project of a process has the same one.
    """
    folder, kept = parent / "churn-radar", parent / "kept" / combination.framework
    render(folder, combination.answers, template=template)
    kept.mkdir(parents=True, exist_ok=True)
    move(kept, folder)
    try:
        yield folder
    finally:
        move(folder, kept)
        shutil.rmtree(folder)


def move(source: Path, target: Path) -> None:
    """Move the environments that are there."""
    for name in NAMES:
        if (source / name).is_dir():
            (source / name).rename(target / name)


def sync(project: Path, environment: Path, variables: Mapping[str, str], *options: str) -> None:
    """Install the project, and nothing that it does not declare.

    What uv does not remove of a package that is gone would be found by `import`: then the
    environment is made anew.
    """
    command = [find_uv_bin(), "sync", "--quiet", *options, *sync_options()]
    # The path and the version are those of the project before, the source is not.
    command += ["--reinstall-package", "churn-radar", "--python", sys.executable]
    variables = {**variables, "UV_PROJECT_ENVIRONMENT": str(environment)}
    subprocess.run(command, cwd=project, env=variables, check=True)  # noqa: S603 - uv
    if strays(environment):
        shutil.rmtree(environment)
        subprocess.run(command, cwd=project, env=variables, check=True)  # noqa: S603 - uv


def strays(environment: Path) -> set[str]:
    """The directories among the packages of an environment that no installed package has."""
    packages = next(environment.glob("lib/*/site-packages"))
    owned = {
        path.parts[0]
        for distribution in distributions(path=[str(packages)])
        for path in distribution.files or []
    }
    return {path.name for path in packages.iterdir() if path.is_dir()} - owned - OWN
