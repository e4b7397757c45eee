"""The features that the model takes.

Training, batch prediction and the API all build their features here. ONNX folds the case and splits
the words of ASCII text only, so both are done here, once, and the model splits at single spaces.
"""

import numpy as np

from .core.rows import Features, Rows
from .texts import MISSING_VALUES, Instance, monitored_columns, split_words

__all__ = ["MISSING_VALUES", "Instance", "build_features", "monitored_columns"]


def build_features(rows: Rows) -> Features:
    """Build what the model takes.

    Returns:
        "text": the words of each text, separated by single spaces, of shape (n, 1).
    """
    texts = [" ".join(split_words(row["text"])) for row in rows]
    # Objects, because numpy's own strings give every text the width of the longest.
    return {"text": np.array(texts, dtype=object).reshape(-1, 1)}
