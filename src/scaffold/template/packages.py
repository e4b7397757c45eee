"""Versions of the template that come as packages, in place of tags of a git repository.

A project that an installed package made records `pypi:ml-portfolio-scaffold` and the version. Its
updates render the template inside the packages of the old and the new version.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from uv import find_uv_bin

from scaffold.errors import ScaffoldError, sentence
from scaffold.template.questions import ROOT

PACKAGE = "ml-portfolio-scaffold"
PLACE = f"pypi:{PACKAGE}"
# Where a wheel has its template; a clone has it at its top.
INSTALLED = "scaffold/_template"


def is_package(place: str) -> bool:
    """Whether versions from this address are packages."""
    return place == PLACE


def is_installed(template: Path) -> bool:
    """Whether this template is part of an installed package, which has no history of git."""
    return template.as_posix().endswith(INSTALLED)


def record(answers: Path, version: str) -> None:
    """Write into an answers file which package made the project; Copier knows only the folder."""
    comment, _, _ = answers.read_text(encoding="utf-8").partition("\n")
    content = yaml.safe_load(answers.read_text(encoding="utf-8"))
    made = {"_commit": version, "_src_path": PLACE}
    text = yaml.safe_dump({**content, **made}, allow_unicode=True, width=10**6)
    answers.write_text(f"{comment}\n{text}", encoding="utf-8")


def installed() -> str:
    """The version of the installed package, as a tag."""
    return f"v{metadata.version(PACKAGE)}"


@contextmanager
def template_of(version: str) -> Iterator[tuple[Path, str]]:
    """The template of a version, by default of the newest, and the version.

    Raises:
        ScaffoldError: The package cannot be obtained.
    """
    if is_installed(ROOT) and version == installed():
        yield ROOT, version
        return
    wanted = f"{PACKAGE}=={version.removeprefix('v')}" if version else PACKAGE
    with TemporaryDirectory() as folder:
        command = [find_uv_bin(), "pip", "install", "--quiet", "--no-deps"]
        target = ["--python", sys.executable, "--target", folder]
        result = subprocess.run(  # noqa: S603 - uv itself
            [*command, *target, wanted], capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise ScaffoldError(sentence(f"{wanted} cannot be obtained: {result.stderr}"))
        (found,) = metadata.distributions(path=[folder])
        yield Path(folder, INSTALLED), f"v{found.version}"
