"""Yours: a raw instance, and how it becomes what the model takes.

Training, batch and API all pass here. A network takes numbers, so texts are split and the words
numbered here, once.
"""

import re
import unicodedata
import zlib
from functools import cache
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field, field_validator

from .inputs import Inputs, Instances, Raw

MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>")
# A word may hold apostrophes; every other sign is a word of its own, because ! and ? tell.
WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[^\w\s]")

# Of the sentence model that is the backbone in params.toml, if one is: model.py puts it here.
TOKENIZER = Path(__file__).with_name("tokenizer.json")
# How many words and pairs of words (or pieces of words) a text has at most; how many can differ.
LONGEST, BUCKETS = 128 if TOKENIZER.is_file() else 384, 2**17


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
    return MARKUP.sub(" ", unescape(text))


def words(text: str) -> list[str]:
    """The words in one spelling, without markup."""
    spelled = unicodedata.normalize("NFKC", plain(text).casefold()).replace("\u2019", "'")
    return WORD.findall(spelled)


def word_ids(words: list[str]) -> list[int]:
    """Of words and pairs of them, by a checksum: so no vocabulary has to travel."""
    pairs = map(" ".join, pairwise(words))
    return [zlib.crc32(word.encode()) % BUCKETS for word in dict.fromkeys([*words, *pairs])]


@cache
def tokenizer() -> Any:
    from tokenizers import Tokenizer  # noqa: PLC0415 - the default model does without

    known = Tokenizer.from_file(str(TOKENIZER))
    known.enable_truncation(LONGEST)
    known.no_padding()
    return known


def prepare(instances: Instances) -> Inputs:
    """`text` of shape (n, 1): words between spaces; `ids` of shape (n, longest): from 1, then 0."""
    texts = [words(row["text"]) for row in instances]
    found = [word_ids(text) for text in texts]
    if TOKENIZER.is_file():
        rows = [plain(row["text"]) for row in instances]
        found = [encoding.ids for encoding in tokenizer().encode_batch(rows)]
    ids = np.zeros((len(found), LONGEST), dtype=np.int64)
    for row, some in zip(ids, found, strict=True):
        row[: len(some)] = np.array(some[:LONGEST]) + 1
    # Objects, because numpy's own strings would give every text the room of the longest.
    joined = np.array([" ".join(text) for text in texts], dtype=object)
    return {"text": joined.reshape(-1, 1), "ids": ids}
