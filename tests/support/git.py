"""Git without the settings of whoever runs the tests, and folders as dicts of their files."""

import os
import subprocess
from pathlib import Path

# Path -> content.
Tree = dict[str, bytes]
NAMES = ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL")
IDENTITY = {f"GIT_{name}": "somebody" for name in NAMES}


def read_tree(folder: Path) -> Tree:
    """All files of a folder but those in .git."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def write_tree(folder: Path, tree: Tree) -> None:
    """Write these files into a folder and delete all others but those in .git."""
    for path in read_tree(folder).keys() - tree.keys():
        (folder / path).unlink()
    for path, content in tree.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if not (folder / path).is_file() or (folder / path).read_bytes() != content:
            (folder / path).write_bytes(content)


def git(folder: Path, *arguments: str) -> str:
    """Run git without settings of the user and return its output; it must succeed."""
    result = subprocess.run(  # noqa: S603 - git
        ["git", "-c", "core.quotePath=false", "-c", "core.autocrlf=false", *arguments],  # noqa: S607
        cwd=folder,
        env={**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull},
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
