"""Arrays from the scalar fields of rows."""

from collections.abc import Sequence

import numpy as np

from .rows import Array, Rows


def numeric_array(rows: Rows, names: Sequence[str]) -> Array:
    """The fields as float32 of shape (n, len(names)); NaN where a value is missing."""
    cells = [[row[name] for name in names] for row in rows]
    return np.array(cells, dtype=np.float32)


def categorical_array(rows: Rows, names: Sequence[str]) -> Array:
    """The fields as text of shape (n, len(names)); "missing" where a value is missing."""
    cells = [["missing" if row[name] is None else row[name] for name in names] for row in rows]
    # Objects, because numpy's own strings give every cell the width of the longest.
    return np.array(cells, dtype=object)
