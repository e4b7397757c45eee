"""Yours: how a raw instance becomes what the model takes.

Training, batch and API all pass here. ONNX knows the case and the words of ASCII only, so texts are
split here, once, and the model gets words between single spaces.
"""

import numpy as np

from .inputs import Inputs, Instances
from .texts import Instance, words

__all__ = ["Instance", "prepare"]


def prepare(instances: Instances) -> Inputs:
    """`text` of shape (n, 1): the words, between single spaces."""
    texts = [" ".join(words(row["text"])) for row in instances]
    # Objects, because numpy's own strings would give every text the room of the longest.
    return {"text": np.array(texts, dtype=object).reshape(-1, 1)}
