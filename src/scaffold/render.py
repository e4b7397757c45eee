"""Making projects: rendering alone, or with a repository, an environment and a first run."""

import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import copier
import yaml
from copier.errors import CopierError, InteractiveSessionError
from jinja2 import TemplateError
from uv import find_uv_bin

from scaffold import git, versions
from scaffold.errors import ScaffoldError, sentence
from scaffold.matrix import ROOT, questionnaire
from scaffold.places import beside

# Where a project keeps the answers it was made with.
ANSWERS = ".copier-answers.yml"
PYPI = "https://pypi.org/simple"
# What Copier raises for an answer or a template that it does not take.
RENDERING = (CopierError, ValueError, TypeError, TemplateError, yaml.YAMLError)


def render(
    destination: Path,
    answers: Mapping[str, Any],
    *,
    template: Path = ROOT,
    defaults: bool = True,
) -> None:
    """Render the template into a new or empty folder, whole or not at all.

    Raises ScaffoldError for an unknown question, a refused answer, or a destination that is in use
    or cannot be written; then nothing is left there, not even a folder above it.
    """
    data = checked(answers)
    try:
        with beside(destination) as project:
            copier.run_copy(str(template), project, data=data, defaults=defaults, quiet=True)
            if versions.is_installed(template):
                versions.record(project / ANSWERS, versions.installed())
    except InteractiveSessionError as error:
        raise ScaffoldError("There is no terminal to ask in; give --defaults and -d.") from error
    except KeyboardInterrupt as error:
        raise ScaffoldError(sentence(f"Interrupted; nothing is left of {destination}")) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise ScaffoldError(
            sentence(f"{destination} cannot be made, and nothing of it is left: {reason}")
        ) from error
    except RENDERING as error:
        # Copier's own sentence; a validator's stands behind the name of its question.
        raise ScaffoldError(sentence(str(error).removeprefix("Validation error for "))) from error


def checked(answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers as Copier takes them; raises ScaffoldError for what would end in a traceback."""
    data = dict(answers)
    for name, given in answers.items():
        if name not in questions():
            known = ", ".join(questions())
            raise ScaffoldError(
                sentence(f'There is no question "{name}"; the questions are {known}')
            )
        data[name] = value = as_asked(name, given)
        if questionnaire()[name].get("multiselect"):
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise ScaffoldError(f"The answer to {name} is no list of texts.")
        elif not isinstance(value, str):
            raise ScaffoldError(f"The answer to {name} is no text.")
    return data


def as_asked(name: str, value: Any) -> Any:
    """Of several choices a list: -d deploy=vertex,sagemaker; brackets and quotes do no harm."""
    several = questionnaire().get(name, {}).get("multiselect")
    return re.findall(r"[^\s,\[\]\"']+", value) if several and isinstance(value, str) else value


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
        copy_template(copy)
        yield copy


def copy_template(folder: Path, *without: str) -> None:
    """Copy the template into a new folder, but for files and folders of these names."""
    folder.mkdir()
    shutil.copy(ROOT / "copier.yml", folder)
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache", *without)
    for name in ("includes", "template"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)


def new(
    destination: Path, answers: Mapping[str, Any], *, defaults: bool = False, run: bool = False
) -> Path | None:
    """Render, make the git repository and the environment, and with `run` run the pipeline.

    A repository that is there is used if it is empty; in a larger one, nothing is committed. When a
    step after rendering fails, the project is whole and stays.

    Returns:
        The repository that the project is a part of; None if it has its own.
    """
    uv = find_uv_bin()
    if not shutil.which("git"):
        raise ScaffoldError("git is needed and not installed; nothing has been written.")
    has_repository = (destination / ".git").exists()
    if has_repository:
        git.require_empty(destination)
    larger = None if has_repository else git.enclosing(destination)
    render(destination, answers, defaults=defaults)
    rendered = [str(path.relative_to(destination)) for path in files_of(destination)]
    if not has_repository and not larger:
        call("git", "init", "--quiet", "--initial-branch=main", folder=destination)
    call(uv, "sync", folder=destination)
    if not larger:
        # All that was rendered, also where the user's own settings ignore such files.
        call("git", "add", "--force", "--", *rendered, "uv.lock", folder=destination)
        commit = ["commit", "--quiet", "--message", "Generate the project"]
        options = [*git.UTF_8, *git.identity(destination)]
        call("git", *options, *commit, folder=destination)
    if run:
        call(uv, "run", command_of(destination), "run", folder=destination)
    return larger


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


def command_of(project: Path) -> str:
    """The command of a generated project."""
    return str(recorded_answers(project)["package_name"]).replace("_", "-")


def recorded_answers(project: Path) -> dict[str, Any]:
    """The answers that a generated project was made with."""
    content = (project / ANSWERS).read_text(encoding="utf-8")
    return dict(yaml.safe_load(content))


def call(*command: str, folder: Path) -> None:
    """Run a program that speaks for itself; raises ScaffoldError when it fails."""
    said = shlex.join([Path(command[0]).name, *command[1:]])
    try:
        result = subprocess.run(command, cwd=folder, check=False)  # noqa: S603 - fixed programs
    except OSError as error:
        raise ScaffoldError(
            f"{command[0]} cannot be run; the project in {folder} is whole: run `{said}` in it."
        ) from error
    except KeyboardInterrupt as error:
        raise ScaffoldError(
            f"Interrupted; the project in {folder} is whole and stays: run `{said}` there again."
        ) from error
    if result.returncode:
        raise ScaffoldError(
            f"`{said}` failed; the project in {folder} is whole and stays: mend what is said above "
            f"and run it there again."
        )
