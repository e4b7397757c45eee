"""Yours: how a raw instance becomes what the model takes.

Training, batch and API all pass here. A network takes numbers, so texts are split and the words
numbered here, once.
"""

import zlib
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .inputs import Inputs, Instances
from .texts import Instance, plain, words

__all__ = ["Instance", "prepare"]
# Of the sentence model that is the backbone in params.toml, if one is: model.py puts it here.
TOKENIZER = Path(__file__).with_name("tokenizer.json")
# How many words and pairs of words (or pieces of words) a text has at most; how many can differ.
LONGEST, BUCKETS = 128 if TOKENIZER.is_file() else 384, 2**17


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
