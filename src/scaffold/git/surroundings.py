"""The repository that a folder is in, who commits there, and variables that name another one."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from scaffold.errors import ScaffoldError

# Who commits, how a remote is reached, and where git's settings are. Any other variable of git,
# such as GIT_DIR, names a repository, which is another than the project's.
KEPT = re.compile(
    "GIT_(AUTHOR_.*|COMMITTER_.*|CONFIG_.*|SSH.*|SSL_.*|HTTP_.*|PROXY_.*|TRACE.*"
    "|ASKPASS|TERMINAL_PROMPT|EXEC_PATH|EDITOR)"
)
# A message in another encoding is not found again.
UTF_8 = ["-c", "i18n.commitEncoding=UTF-8"]


def leave_callers_repository() -> None:
    """Remove the variables from the environment that name a repository, an index or objects."""
    for name in list(os.environ):
        if name.startswith("GIT_") and not KEPT.fullmatch(name):
            del os.environ[name]


def ask(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run git quietly; whether it failed is in the result."""
    return subprocess.run(  # noqa: S603 - git itself
        ["git", *arguments],  # noqa: S607 - the user's own
        cwd=folder,
        check=False,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
    )


def has_changes(folder: Path, *paths: str) -> bool:
    """Whether these paths differ from the latest commit; False where there is no repository."""
    if not shutil.which("git") or not (folder / ".git").exists():
        return False
    return bool(ask("status", "--porcelain", "--", *paths, folder=folder).stdout)


def identity(folder: Path) -> list[str]:
    """Options with the name or address that git lacks to commit here."""
    variables = ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT")
    if not any(ask("var", name, folder=folder).returncode for name in variables):
        return []
    options = []
    for name, value in (("user.name", "scaffold"), ("user.email", "scaffold@localhost")):
        if ask("config", name, folder=folder).returncode:
            options += ["-c", f"{name}={value}"]
    return options


def nearest(folder: Path) -> Path:
    """The folder, or the lowest above it that exists."""
    return next(path for path in (folder, *folder.absolute().parents) if path.is_dir())


def enclosing(folder: Path) -> Path | None:
    """The top of the repository that a folder is or will be in; None where that ignores it.

    Args:
        folder: It need not exist.
    """
    there = nearest(folder)
    found = ask("rev-parse", "--show-toplevel", folder=there)
    if found.returncode:
        return None
    top = Path(found.stdout.strip())
    ignored = ask("check-ignore", "--quiet", "--", str(folder.absolute()), folder=there)
    return None if ignored.returncode == 0 else top


def require_empty(folder: Path) -> None:
    """Raise ScaffoldError where the repository of an empty folder already has a history."""
    if ask("rev-parse", "--verify", "--quiet", "HEAD", folder=folder).returncode == 0:
        raise ScaffoldError(
            f"The repository in {folder} has commits, and their files are not there; "
            "`git restore .` brings them back, or name another folder."
        )
