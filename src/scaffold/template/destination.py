"""Where a project may be made, and making it there whole or not at all."""

import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from scaffold.errors import ScaffoldError, sentence

# Windows opens a device for these, whatever stands behind a dot.
DEVICE = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\..*)?", re.IGNORECASE
)
ILLEGAL = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


@contextmanager
def beside(destination: Path) -> Iterator[Path]:
    """A folder to render into that becomes the destination at the end, and else leaves nothing.

    It has the destination's name, from which the project's is suggested, and lies on the same disk:
    in the destination if that is there (it may be the current folder or a mount), else beside it.
    """
    # Not resolved: the project is called as the user wrote it, also where that is a link.
    target = Path(os.path.abspath(destination))  # noqa: PTH100 - the reason stands above
    check(target)
    made = [folder for folder in target.parents if not folder.exists()]
    home = target if target.exists() else target.parent
    try:
        home.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".scaffold-", dir=home) as folder:
            project = Path(folder) / (target.name or "ml-project")
            yield project
            settle(project, target)
    except BaseException:
        for parent in made:
            with suppress(OSError):
                parent.rmdir()
        raise


def settle(project: Path, target: Path) -> None:
    """Move the whole project to its place by renaming, which needs no room on the disk."""
    if not target.exists():
        project.rename(target)
        return
    paths = list(project.iterdir())
    try:
        for path in paths:
            path.rename(target / path.name)
    except BaseException:
        for path in paths:
            if not path.exists():
                (target / path.name).rename(path)
        raise


def check(target: Path) -> None:
    """Raise ScaffoldError if no project can be made there, or not on every system."""
    missing = [folder for folder in (target, *target.parents) if not os.path.lexists(folder)]
    # The destination's own name also where it is there: the project is to be cloned elsewhere.
    for folder in {target, *missing}:
        if folder.name and (reason := illegal(folder.name)):
            raise ScaffoldError(
                sentence(f'"{folder.name}" {reason}, which not every system allows; rename it')
            )
    for parent in target.parents:
        if os.path.lexists(parent) and not parent.is_dir():
            raise ScaffoldError(sentence(f"{parent} is a file; a project needs a folder above it"))
    if os.path.lexists(target) and (not target.is_dir() or set(listed(target)) - {".git"}):
        raise ScaffoldError(sentence(f"{target} is in use; name a folder that is new or empty"))
    for folder in missing:
        if twin := next((name for name in listed(folder.parent) if same(name, folder.name)), None):
            raise ScaffoldError(
                sentence(
                    f'"{folder.name}" differs from "{twin}" beside it only in case or accents, '
                    "which some systems take for the same; rename it"
                )
            )


def listed(folder: Path) -> list[str]:
    """The names in a folder; none if it is not there."""
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def illegal(name: str) -> str:
    """Why Windows does not take a name for a file or folder; nothing if it does."""
    if DEVICE.fullmatch(name):
        return "is the name of a device"
    if found := ILLEGAL.search(name):
        return f"holds {found[0]!a}"
    if any("\ud800" <= character <= "\udfff" for character in name):
        return "is no Unicode"
    if name.endswith((".", " ")):
        return "ends with a dot or a space"
    return ""


def same(one: str, other: str) -> bool:
    """Whether a file system that ignores case, or composes letters, takes two names for one."""
    first, second = (unicodedata.normalize("NFC", name).casefold() for name in (one, other))
    return first == second
