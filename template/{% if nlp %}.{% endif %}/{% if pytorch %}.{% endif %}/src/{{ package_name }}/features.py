"""The features that the model takes.

Training, batch prediction and the API all build their features here. A network takes numbers, so
texts are split and turned into ids here, once.
"""

import zlib
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .core.rows import Array, Features, Rows
from .texts import MISSING_VALUES, Instance, monitored_columns, remove_markup, split_words

__all__ = ["MISSING_VALUES", "Instance", "build_features", "monitored_columns"]

# The tokenizer of the backbone in params.toml, if there is one; model.py writes it.
TOKENIZER = Path(__file__).with_name("tokenizer.json")
# How many ids a text has at most.
MAX_IDS = 128 if TOKENIZER.is_file() else 384
# How many different ids there are without a tokenizer.
BUCKETS = 2**17


def build_features(rows: Rows) -> Features:
    """Build what the model takes.

    Returns:
        "text": the words of each text, separated by single spaces, of shape (n, 1).
        "ids": int64 of shape (n, MAX_IDS), padded with 0.
    """
    words = [split_words(row["text"]) for row in rows]
    texts = [" ".join(text) for text in words]
    ids = subword_ids(rows) if TOKENIZER.is_file() else [hash_ngrams(text) for text in words]
    # Objects, because numpy's own strings give every text the width of the longest.
    return {"text": np.array(texts, dtype=object).reshape(-1, 1), "ids": pad(ids)}


def hash_ngrams(words: list[str]) -> list[int]:
    """An id for each different word, then for each different pair of words.

    Feature hashing, which needs no vocabulary: Weinberger et al. (2009).
    """
    pairs = [f"{first} {second}" for first, second in pairwise(words)]
    distinct = dict.fromkeys([*words, *pairs])
    return [zlib.crc32(ngram.encode()) % BUCKETS for ngram in distinct]


def subword_ids(rows: Rows) -> list[list[int]]:
    """The ids of the backbone's tokenizer."""
    texts = [remove_markup(row["text"]) for row in rows]
    return [encoding.ids for encoding in load_tokenizer().encode_batch(texts)]


@cache
def load_tokenizer() -> Any:
    """The tokenizer, which cuts texts off at MAX_IDS."""
    from tokenizers import Tokenizer  # noqa: PLC0415 - the default model does not need it

    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    tokenizer.enable_truncation(MAX_IDS)
    tokenizer.no_padding()
    return tokenizer


def pad(ids: list[list[int]]) -> Array:
    """The first MAX_IDS ids of each text, each plus 1, because 0 is the padding."""
    padded = np.zeros((len(ids), MAX_IDS), dtype=np.int64)
    for row, found in zip(padded, ids, strict=True):
        kept = np.array(found[:MAX_IDS], dtype=np.int64)
        row[: len(kept)] = kept + 1
    return padded
