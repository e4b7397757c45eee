"""Making projects: rendering alone, or with a repository, an environment and a first run."""

import re
import shlex
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
from jinja2 import TemplateError
from uv import find_uv_bin

from scaffold.errors import ScaffoldError, sentence
from scaffold.matrix import ROOT, questionnaire
from scaffold.places import beside

# Where a project keeps the answers it was made with.
ANSWERS = ".copier-answers.yml"
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
) -> None:
    """Render, make the git repository and the environment, and with `run` run the pipeline.

    When one of these fails after rendering, the project is whole and stays.
    """
    uv = find_uv_bin()
    if not shutil.which("git"):
        raise ScaffoldError("git is needed and not installed; nothing has been written.")
    render(destination, answers, defaults=defaults)
    call("git", "init", "--quiet", "--initial-branch=main", folder=destination)
    call(uv, "sync", folder=destination)
    call("git", "add", "--all", folder=destination)
    commit = ["commit", "--quiet", "--message", "Generate the project"]
    call("git", *identity(destination), *commit, folder=destination)
    if run:
        call(uv, "run", command_of(destination), "run", folder=destination)


def identity(folder: Path) -> list[str]:
    """The options that git needs to commit where its user has no name yet."""
    if succeeds("git", "config", "user.email", folder=folder):
        return []
    return ["-c", "user.name=scaffold", "-c", "user.email=scaffold@localhost"]


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


def succeeds(*command: str, folder: Path) -> bool:
    """Whether a quiet program ends with 0."""
    result = subprocess.run(command, cwd=folder, check=False, capture_output=True)  # noqa: S603 - fixed programs
    return result.returncode == 0
