"""Yours: a raw instance, and how it becomes what the model takes.

Training, batch and API all pass here. ONNX knows the case and the words of ASCII only, so texts are
split here, once, and the model gets words between single spaces.
"""

import re
import unicodedata
from html import unescape
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field, field_validator

from .inputs import Inputs, Instances, Raw

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


def words(text: str) -> list[str]:
    """The words in one spelling, without markup."""
    plain = unicodedata.normalize("NFKC", MARKUP.sub(" ", unescape(text)).casefold())
    return WORD.findall(plain.replace("\u2019", "'"))


def prepare(instances: Instances) -> Inputs:
    """`text` of shape (n, 1): the words, between single spaces."""
    texts = [" ".join(words(row["text"])) for row in instances]
    # Objects, because numpy's own strings would give every text the room of the longest.
    return {"text": np.array(texts, dtype=object).reshape(-1, 1)}
