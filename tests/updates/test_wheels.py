"""A project of an installed wheel: made, and updated by the wheel of the next version."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from uv import find_uv_bin

from scaffold import render
from scaffold.project import ANSWERS
from support.git import IDENTITY, git, read_tree
from support.wheels import MODULE, NEW_LINE

# A line of the owner's for each kind of file.
OWN = {
    ".py": "# Mine.\n",
    ".toml": "# Mine.\n",
    ".yml": "# Mine.\n",
    ".yaml": "# Mine.\n",
    ".md": "\nMine.\n",
}
pytestmark = pytest.mark.slow


def uvx(wheels: Path, version: str, *arguments: str, folder: Path) -> str:
    """Run the command of this version's wheel, with nothing but uv and git on the PATH."""
    (wheel,) = wheels.glob(f"*-{version}-*.whl")
    kept = re.compile("HOME$|LANG$|PIP_|UV_|SSL_|.*_proxy$|SCAFFOLD_SYNC_OPTIONS$", re.IGNORECASE)
    environment = {name: value for name, value in os.environ.items() if kept.match(name)}
    environment |= {**IDENTITY, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    environment |= {"UV_FIND_LINKS": str(wheels), "GIT_CONFIG_GLOBAL": os.devnull}
    result = subprocess.run(  # noqa: S603 - uv
        [find_uv_bin(), "tool", "run", "--from", str(wheel), "ml-portfolio-scaffold", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def test_from_one_wheel_to_the_next(built_wheels: Path, tmp_path: Path) -> None:
    uvx(built_wheels, "0.1.0", "new", "demo", "--defaults", folder=tmp_path)
    project = tmp_path / "demo"
    render(tmp_path / "cloned/demo", {})
    made, cloned = read_tree(project), read_tree(tmp_path / "cloned/demo")
    tracked = set(git(project, "ls-files").splitlines())
    assert tracked - cloned.keys() == {"uv.lock"}
    assert cloned.keys() - tracked == set()
    assert {path for path in cloned if made[path] != cloned[path]} == {ANSWERS}

    edited = [path for path in tracked - {ANSWERS, "uv.lock"} if Path(path).suffix in OWN]
    for path in edited:
        with (project / path).open("a", encoding="utf-8") as file:
            file.write(OWN[Path(path).suffix])
    git(project, "commit", "--quiet", "--all", "--message", "Work in every file")
    before = read_tree(project)
    output = uvx(built_wheels, "0.2.0", "update", "--yes", "--no-checks", folder=project)
    assert "conflict" not in output
    after = read_tree(project)
    (module,) = [path for path in tracked if path.endswith(MODULE)]
    changed = {path for path in tracked if before[path] != after[path]} - {"uv.lock"}
    assert changed == {module, ANSWERS}
    assert after[module] == NEW_LINE.encode() + before[module]
    assert b"_commit: v0.2.0" in after[ANSWERS]
    assert "newest version" in uvx(built_wheels, "0.2.0", "update", "--check", folder=project)
