"""A folder of texts: one subfolder for each class."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from scaffold.errors import ScaffoldError, sentence
from scaffold.own.source import (
    JSON_LINES,
    Source,
    connect,
    find_encoding,
    open_typed,
    temporary_folder,
)

SUFFIX = ".txt"


def has_texts(folder: Path) -> bool:
    """Whether a subfolder holds texts."""
    return any(map(texts_of, classes_of(folder)))


def classes_of(folder: Path) -> list[Path]:
    """The subfolders, by name."""
    return [path for path in sorted(folder.iterdir()) if path.is_dir() and is_shown(path)]


def open_texts(folder: Path) -> Source:
    """Open the texts as rows with the columns text, label and file.

    Raises:
        ScaffoldError: A subfolder has no text.
    """
    rows = temporary_folder() / "rows.jsonl"
    with rows.open("w", encoding="utf-8") as file:
        for row in text_rows(folder):
            file.write(json.dumps(row) + "\n")
    return replace(open_typed(rows, JSON_LINES, connect()), path=folder, origin=str(folder))


def text_rows(folder: Path) -> Iterator[dict[str, Any]]:
    """One row for each text."""
    for path in classes_of(folder):
        texts = texts_of(path)
        if not texts:
            raise ScaffoldError(sentence(f"{path} holds no {SUFFIX} file; remove it, or add some"))
        for text in texts:
            name = text.relative_to(folder).as_posix()
            yield {"text": read_text(text), "label": path.name, "file": name}


def texts_of(folder: Path) -> list[Path]:
    """The texts of a class, by name."""
    return [
        path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() == SUFFIX and path.is_file() and is_shown(path)
    ]


def is_shown(path: Path) -> bool:
    """Whether a file or folder is not hidden, as those of file managers are."""
    return not path.name.startswith(".")


def read_text(path: Path) -> str:
    """The text of a file; raises ScaffoldError if it is in no known encoding."""
    try:
        return path.read_text(find_encoding(path))
    except UnicodeDecodeError as error:
        raise ScaffoldError(sentence(f"{path} is no text in a known encoding")) from error
