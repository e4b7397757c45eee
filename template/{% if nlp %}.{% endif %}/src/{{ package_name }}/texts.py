"""The field of a review, and its words in one spelling."""

import re
import unicodedata
from html import unescape
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from .core.folders import folder_reader
from .core.rows import READERS, Row, Rows

# Cells of a CSV file that mean "missing".
MISSING_VALUES = ("",)
MAX_CHARACTERS = 20_000

MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>")
# A word may contain apostrophes; every other sign is a word of its own, because "!" and "?" matter.
WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[^\w\s]")


class Instance(Row):
    """One review, as the customer wrote it."""

    text: str = Field(max_length=MAX_CHARACTERS, description="English; HTML markup is ignored.")

    @field_validator("text")
    @classmethod
    def require_words(cls, text: str) -> str:
        """Refuse a text without words."""
        if not split_words(text):
            raise ValueError("it contains no word; send what the customer wrote")
        return text


def read_text(path: Path) -> str:
    """The text of a file, cut off soon after MAX_CHARACTERS."""
    # Bytes that are not UTF-8 become characters that the schema refuses.
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        return file.read(MAX_CHARACTERS + 1)


READERS["folder"] = folder_reader("text", read_text)


def remove_markup(text: str) -> str:
    """The text without HTML tags and entities."""
    return MARKUP.sub(" ", unescape(text))


def split_words(text: str) -> list[str]:
    """The words and signs, case-folded and in Unicode's normal form NFKC."""
    folded = remove_markup(text).casefold()
    normalized = unicodedata.normalize("NFKC", folded).replace("\u2019", "'")
    return WORD.findall(normalized)


def monitored_columns(rows: Rows) -> dict[str, list[Any]]:
    """What monitoring compares: how long the texts are, and how they are written."""
    texts = [row["text"] for row in rows]
    return {
        "n_words": [len(split_words(text)) for text in texts],
        "capitals": [sum(map(str.isupper, text)) / len(text) for text in texts],
        "not_ascii": [1 - sum(map(str.isascii, text)) / len(text) for text in texts],
    }
