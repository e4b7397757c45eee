"""Wheels of this repository: of its version, and of a next one."""

import re
import shutil
import subprocess
from pathlib import Path

from uv import find_uv_bin

from support.paths import REPOSITORY

# The module that the next version changes, and the line that it adds at the top.
MODULE = "core/files.py"
NEW_LINE = "# Of the next version.\n"


def build_wheels(folder: Path) -> None:
    """Build the wheels of 0.1.0 and 0.2.0 into a folder."""
    source = folder / "source"
    for name in ("src", "template", "includes"):
        shutil.copytree(REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("*.pyc"))
    for name in ("copier.yml", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    module = source / "template/src/{{ package_name }}" / MODULE
    project = source / "pyproject.toml"
    for version, line in (("0.1.0", ""), ("0.2.0", NEW_LINE)):
        module.write_text(line + module.read_text("utf-8"), "utf-8")
        text = re.sub('(?m)^version = ".*"$', f'version = "{version}"', project.read_text("utf-8"))
        project.write_text(text, "utf-8")
        command = [find_uv_bin(), "build", "--quiet", "--wheel", "--out-dir", str(folder)]
        subprocess.run(command, cwd=source, check=True)  # noqa: S603 - uv
