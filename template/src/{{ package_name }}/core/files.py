"""Files that are written atomically, and checked by their SHA-256 when they are read."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from .config import UserError, describe

Model = TypeVar("Model", bound=BaseModel)


def sha256(content: bytes) -> str:
    """The digest in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def write_atomic(path: Path, content: bytes) -> None:
    """Replace the file as a whole, so that a crash leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def replace_folder(folder: Path, contents: dict[str, bytes]) -> None:
    """Replace all files of a folder as a set; a crash leaves the old set or the new one.

    Where the folder cannot be renamed, as a mount or in a layer of an image, its files are replaced
    one by one in the order of `contents`.
    """
    folder = folder.resolve()
    new = folder.with_name(f".{folder.name}.{os.getpid()}")
    old = folder.with_name(f".{folder.name}.old")
    restore_folder(folder)
    # What a crash may have left; in containers, another process has the same number.
    for leftover in (new, old):
        rmtree(leftover, ignore_errors=True)
    new.mkdir(parents=True)
    for name, content in contents.items():
        write_atomic(new / name, content)
    try:
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    except OSError:
        for name, content in contents.items():
            write_atomic(folder / name, content)
        for path in folder.iterdir():
            if path.name not in contents:
                path.unlink()
    for leftover in (new, old):
        rmtree(leftover, ignore_errors=True)


def restore_folder(folder: Path) -> None:
    """Put the old set back where a crash came between the two renames of replace_folder()."""
    folder = folder.resolve()
    if folder.exists():
        return
    # It is only read where this fails: without the right to write, or beside another process.
    with suppress(OSError):
        folder.with_name(f".{folder.name}.old").rename(folder)


def to_json(content: Any) -> bytes:
    """JSON for people to read; NaN and infinity are refused with ValueError."""
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_model(path: Path, model: type[Model], advice: str) -> Model:
    """Read a JSON file, which may be in a folder that was being replaced.

    Raises:
        UserError: The file is missing or does not fit the model; ends with `advice`.
    """
    restore_folder(path.parent)
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; {advice}.") from error
    except ValidationError as error:
        problem = describe(error.errors()[0])
        message = f"{path} is damaged, or of another version: {problem}; {advice}."
        raise UserError(message) from error


def read_checked(path: Path, expected_sha256: str, advice: str) -> bytes:
    """Read a file whose SHA-256 was recorded.

    Raises:
        UserError: The file is missing or has changed since; ends with `advice`.
    """
    content = path.read_bytes() if path.is_file() else b""
    if sha256(content) != expected_sha256:
        raise UserError(f"{path} is missing or was changed after it was written; {advice}.")
    return content
