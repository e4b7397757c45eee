"""Projects of one process use the same environments, so that Python is not compiled again.

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

# The environments that a project leaves for the next one with its framework.
NAMES = (".venv", ".lean")
# Directories in site-packages that belong to no package and are not removed.
OWN = {"__pycache__"}


@contextmanager
def rendered_project(combination: Combination, template: Path, parent: Path) -> Iterator[Path]:
    """Render a combination, with the environments of the previous project of its framework.

    Scripts in an environment contain its path, so every project of a process has the same folder.
    """
    folder, store = parent / "churn-radar", parent / "environments" / combination.framework
    render(folder, combination.answers, template=template)
    store.mkdir(parents=True, exist_ok=True)
    move(store, folder)
    try:
        yield folder
    finally:
        move(folder, store)
        shutil.rmtree(folder)


def move(source: Path, target: Path) -> None:
    """Move the environments that exist from one folder to another."""
    for name in NAMES:
        if (source / name).is_dir():
            (source / name).rename(target / name)


def sync(project: Path, environment: Path, variables: Mapping[str, str], *options: str) -> None:
    """Install the project, and nothing that it does not declare.

    uv may leave directories of a package that it removed, and `import` would find them: then a new
    environment is created.
    """
    command = [find_uv_bin(), "sync", "--quiet", *options, *sync_options()]
    # uv takes the package of the previous project for this one: same path, same version.
    command += ["--reinstall-package", "churn-radar", "--python", sys.executable]
    variables = {**variables, "UV_PROJECT_ENVIRONMENT": str(environment)}
    subprocess.run(command, cwd=project, env=variables, check=True)  # noqa: S603 - uv
    if unowned_directories(environment):
        shutil.rmtree(environment)
        subprocess.run(command, cwd=project, env=variables, check=True)  # noqa: S603 - uv


def unowned_directories(environment: Path) -> set[str]:
    """Directories in site-packages that belong to no installed package."""
    packages = next(environment.glob("lib/*/site-packages"))
    owned = {
        path.parts[0]
        for distribution in distributions(path=[str(packages)])
        for path in distribution.files or []
    }
    return {path.name for path in packages.iterdir() if path.is_dir()} - owned - OWN
