"""Rendering the template into a folder."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import copier
import yaml
from copier.errors import CopierError, InteractiveSessionError
from jinja2 import TemplateError

from scaffold.errors import ScaffoldError, sentence
from scaffold.project import ANSWERS
from scaffold.template import packages
from scaffold.template.destination import beside
from scaffold.template.questions import ROOT, checked

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
            if packages.is_installed(template):
                packages.record(project / ANSWERS, packages.installed())
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
