"""Files that are written atomically, and checked by their SHA-256 when they are read."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from .config import UserError


def sha256(content: bytes) -> str:
    """The digest in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def write_atomic(path: Path, content: bytes) -> str:
    """Replace the file as a whole, so that a crash leaves the old one; returns the SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)
    return sha256(content)


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically; NaN and infinity are refused with ValueError."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomic(path, f"{text}\n".encode())


def read_json(path: Path, advice: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        UserError: The file is missing or is no JSON object; ends with `advice`.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is missing or damaged; {advice}.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is damaged: it holds no JSON object; {advice}.")
    return content


def read_checked(path: Path, expected_sha256: str, advice: str) -> bytes:
    """Read a file whose SHA-256 was recorded.

    Raises:
        UserError: The file is missing or has changed since; ends with `advice`.
    """
    content = path.read_bytes() if path.is_file() else b""
    if sha256(content) != expected_sha256:
        raise UserError(f"{path} is missing or was changed after it was written; {advice}.")
    return content
