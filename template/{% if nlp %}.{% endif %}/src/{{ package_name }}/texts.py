"""The field of an instance, a text, and its words in one spelling."""

import re
import unicodedata
from collections.abc import Callable
from html import unescape
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from .core.folders import folder_reader
from .core.rows import READERS, Row, Rows

# Cells of a CSV file that mean "missing".
MISSING_VALUES = ("",)
MAX_CHARACTERS = 20_000
# Of Unicode's stream-safe text (UAX #15): sorting more of them takes long.
MAX_MARKS = 30

MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>")
# A word may contain apostrophes; every other sign is a word of its own, because "!" and "?" matter.
WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[^\w\s]")


class Instance(Row):
    """One text, as it was written."""

    text: str = Field(max_length=MAX_CHARACTERS, description="HTML markup is ignored.")

    @field_validator("text")
    @classmethod
    def require_words(cls, text: str) -> str:
        """Refuse a text without words, and one that takes long to normalize."""
        if longest_run_of_marks(remove_markup(text)) > MAX_MARKS:
            raise ValueError(f"it contains more than {MAX_MARKS} combining marks in a row")
        # The normal form of one character may have 18.
        if len(normalize(text)) > 2 * MAX_CHARACTERS:
            raise ValueError("it is too long in Unicode's normal form NFKC")
        if not split_words(text):
            raise ValueError("it contains no word; send the text as it was written")
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


def longest_run_of_marks(text: str) -> int:
    """The largest number of combining marks in a row."""
    runs = groupby(text, lambda character: unicodedata.combining(character) > 0)
    return max((len([*run]) for is_mark, run in runs if is_mark), default=0)


def normalize(text: str) -> str:
    """The text without markup, case-folded and in Unicode's normal form NFKC."""
    folded = remove_markup(text).casefold()
    return unicodedata.normalize("NFKC", folded).replace("\u2019", "'")


def split_words(text: str) -> list[str]:
    """The words and signs of the normalized text."""
    return WORD.findall(normalize(text))


def monitored_columns(rows: Rows) -> dict[str, list[Any]]:
    """What monitoring compares: how long the texts are, and how they are written."""
    texts = [row["text"] for row in rows]
    return {
        "n_words": [len(split_words(text)) for text in texts],
        "capitals": [share(text, str.isupper) for text in texts],
        "not_ascii": [1 - share(text, str.isascii) for text in texts],
    }


def share(text: str, condition: Callable[[str], bool]) -> float:
    """The share of characters for which the condition holds."""
    return sum(map(condition, text)) / len(text)
