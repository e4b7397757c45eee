"""Wheels of this repository: built, and written of what an update needs of one."""

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

from uv import find_uv_bin

from scaffold.template.packages import INSTALLED, PACKAGE
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


def write_wheel(folder: Path, tag: str, template: Path) -> None:
    """Write a wheel that holds a template alone, in a hundredth of the time that building takes."""
    version = tag.removeprefix("v")
    name = f"{PACKAGE.replace('-', '_')}-{version}"
    metadata = {
        "METADATA": f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files = [path for path in sorted(template.rglob("*")) if path.is_file()]
    own = [path for path in files if ".git" not in path.relative_to(template).parts]
    contents = {f"{INSTALLED}/{path.relative_to(template)}": path.read_bytes() for path in own}
    contents |= {f"{name}.dist-info/{key}": text.encode() for key, text in metadata.items()}
    record = f"{name}.dist-info/RECORD"
    listed = "".join(f"{path},,\n" for path in [*contents, record])
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
        for path, content in {**contents, record: listed.encode()}.items():
            wheel.writestr(path, content)
