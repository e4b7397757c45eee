"""The fields of an instance, and the features that the model takes.

Training, batch prediction and the API all build their features here. What is learned from data
belongs in model.py.
"""

from itertools import zip_longest
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from .core.lists import CsvListWriter, read_csv_lists
from .core.rows import READERS, WRITERS, Features, Row, Rows

READERS[".csv"] = read_csv_lists
WRITERS[".csv"] = CsvListWriter

# Cells of a CSV file that mean "missing".
MISSING_VALUES = ("", "NA", "NaN")

MAX_HISTORY = 10_000
Item = Annotated[str, Field(min_length=1, max_length=300)]


class Instance(Row):
    """What one user has liked. For films like a certain film, send that film alone."""

    history: list[Item] = Field(
        max_length=MAX_HISTORY,
        description="Films liked so far, the latest last. Films that are not known are ignored.",
    )


def build_features(rows: Rows) -> Features:
    """Build what the model takes.

    Returns:
        "history": text of shape (n, longest): each item once, the latest first, then "".
    """
    histories = [latest_first(row["history"]) for row in rows]
    by_position = list(zip_longest(*histories, fillvalue=""))
    # Objects, because numpy's own strings give every cell the width of the longest.
    return {"history": np.array(by_position, dtype=object).T}


def latest_first(history: list[str]) -> list[str]:
    """The distinct items, the latest first; one empty text where there is none."""
    distinct = dict.fromkeys(reversed(history))
    return list(distinct) or [""]


def monitored_columns(rows: Rows) -> dict[str, list[Any]]:
    """What monitoring compares between current and reference data."""
    return {"history_length": [len(row["history"]) for row in rows]}
