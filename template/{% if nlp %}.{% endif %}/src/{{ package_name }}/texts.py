"""Yours: a raw instance, and its words in one spelling."""

import re
import unicodedata
from html import unescape
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator

from .inputs import Raw

MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>")
# A word may hold apostrophes; every other sign is a word of its own, because ! and ? tell.
WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[^\w\s]")


class Instance(Raw):
    """One review, as the customer wrote it."""

    text: str = Field(max_length=20_000, description="English; HTML markup is ignored.")

    @field_validator("text")
    @classmethod
    def has_words(cls, text: str) -> str:
        if not words(text):
            raise ValueError("there is no word in it; send what the customer wrote")
        return text

    @classmethod
    def from_file(cls, path: Path) -> Self:
        # What is no UTF-8 becomes what the field refuses.
        return cls(text=path.read_text(encoding="utf-8", errors="surrogateescape"))


def plain(text: str) -> str:
    """Without markup."""
    return MARKUP.sub(" ", unescape(text))


def words(text: str) -> list[str]:
    spelled = unicodedata.normalize("NFKC", plain(text).casefold()).replace("\u2019", "'")
    return WORD.findall(spelled)
