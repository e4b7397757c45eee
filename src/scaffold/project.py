"""A generated project: its recorded answers, its command, its files."""

import os
import shlex
import tomllib
from pathlib import Path
from typing import Any

import yaml

from scaffold.errors import ScaffoldError

# Where a project keeps the answers it was made with.
ANSWERS = ".copier-answers.yml"
PYPI = "https://pypi.org/simple"


def find_project(folder: Path) -> Path:
    """The project that a folder is in; the folder itself where there is none."""
    for place in (folder, *folder.absolute().parents):
        if (place / ANSWERS).is_file():
            return place
        if (place / ".git").exists():
            break
    return folder


def recorded_answers(project: Path) -> dict[str, Any]:
    """The content of the answers file; raises ScaffoldError where it is missing or damaged."""
    path = project / ANSWERS
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ScaffoldError(
            f"{path} is missing: {project} is no project of a template, or the file was deleted."
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ScaffoldError(
            f"{path} is damaged: {' '.join(str(error).split())}; restore it from git."
        ) from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ScaffoldError(f"{path} holds no answers by name; restore it from git.")
    return content


def versioned_answers(project: Path) -> dict[str, Any]:
    """The answers, with the template and its version; raises ScaffoldError without these."""
    answers = recorded_answers(project)
    if not {"_commit", "_src_path"} <= answers.keys():
        raise ScaffoldError(
            f"{project / ANSWERS} does not record which version of which template the project was "
            "made from (_commit and _src_path); a template without a git history leaves them out."
        )
    return answers


def command_of(project: Path) -> str:
    """The command of a generated project."""
    return str(recorded_answers(project)["package_name"]).replace("_", "-")


def files_of(project: Path) -> list[Path]:
    """The files of a folder, but for those of its repository."""
    return [
        path
        for path in sorted(project.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(project).parts
    ]


def foreign_registries(project: Path) -> list[str]:
    """The package indexes in uv.lock that pyproject.toml does not name, such as a mirror."""
    settings = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["tool"].get("uv", {})
    named = {PYPI, *(index["url"] for index in settings.get("index", []))}
    packages = tomllib.loads((project / "uv.lock").read_text("utf-8"))["package"]
    found = {package["source"].get("registry", PYPI) for package in packages}
    return sorted(found - named)


def sync_options() -> list[str]:
    """What `uv sync` needs on this machine, such as a folder of wheels instead of an index."""
    return shlex.split(os.environ.get("SCAFFOLD_SYNC_OPTIONS", ""))
