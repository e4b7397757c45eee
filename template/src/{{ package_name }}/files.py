"""Files that are read with a clear error and written whole or not at all."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from .settings import UserError


def read_json(path: Path, advice: str, *keys: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {**{key: content[key] for key in keys}, **content}
    except (FileNotFoundError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is missing or damaged; {advice}.") from error


def read_verified(path: Path, sha256: str, advice: str) -> bytes:
    """The file's content, if its SHA-256 is the one that was recorded."""
    content = path.read_bytes() if path.is_file() else b""
    if hash_of(content) != sha256:
        raise UserError(f"{path} is missing or was changed after it was written; {advice}.")
    return content


def write_json(path: Path, content: Any) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(path, f"{text}\n".encode())


def write_whole(path: Path, content: bytes) -> str:
    """Write so that no reader, and no crash, sees half of the file; returns its SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(path)
    return hash_of(content)


def hash_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
