"""Reference data: how each column was distributed in the test set, stored in the bundle."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel

Columns = Mapping[str, Sequence[Any]]
MAX_ROWS = 1000
MISSING = "missing"


class NumericColumn(BaseModel):
    """Values in ascending order, so that no row can be read from the bundle; None is missing."""

    values: list[float | None]


class CategoricalColumn(BaseModel):
    """How often each category occurs; a missing value counts as "missing"."""

    counts: dict[str, int]


Column = NumericColumn | CategoricalColumn
Reference = dict[str, Column]


def build_reference(columns: Columns) -> Reference:
    """Summarise at most MAX_ROWS random rows of the test set, column by column.

    Args:
        columns: Values by column name; None where a value is missing.
    """
    reference: Reference = {}
    for name, values in columns.items():
        chosen = np.random.default_rng(0).permutation(len(values))[:MAX_ROWS]
        sample = [values[row] for row in chosen]
        column = numeric_column(sample) if is_numeric(sample) else categorical_column(sample)
        if column is not None:
            reference[name] = column
    return reference


def is_numeric(values: Sequence[Any]) -> bool:
    """Whether all values that are not missing are numbers."""
    return all(value is None or isinstance(value, int | float) for value in values)


def numeric_column(values: Sequence[float | None]) -> NumericColumn | None:
    """The sorted values with six digits; None where all are missing."""
    present = sorted(float(f"{value:.6g}") for value in values if value is not None)
    if not present:
        return None
    missing = [None] * (len(values) - len(present))
    return NumericColumn(values=[*missing, *present])


def categorical_column(values: Sequence[Any]) -> CategoricalColumn | None:
    """The counts; None where most values are rare, as those of names and ids are."""
    counts = count_categories(values)
    frequent = sum(count for count in counts.values() if count >= len(values) / 100)
    if frequent <= len(values) / 2:
        return None
    return CategoricalColumn(counts=counts)


def count_categories(values: Sequence[Any]) -> Counter[str]:
    """How often each category occurs, missing values included."""
    return Counter(MISSING if value is None else str(value) for value in values)
