"""Reference data: how the test set is distributed over bins, stored in the bundle."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel

from .rows import IntArray

Columns = Mapping[str, Sequence[Any]]
# In parentheses, so that they are no category of the data.
MISSING = "(missing)"
OTHER = "(other)"
# Categories with a smaller share of the rows are counted as OTHER.
MIN_SHARE = 0.01


class ReferenceColumn(BaseModel):
    """Row counts of one column.

    Attributes:
        edges: Upper edges of the bins of a number, first below its minimum; none for a category.
        bins: A label for each bin.
        counts: The number of test rows in each bin.
    """

    edges: list[float]
    bins: list[str]
    counts: list[int]

    def count(self, values: Sequence[Any]) -> IntArray:
        """The number of values in each bin; None is a missing value."""
        if self.edges:
            numbers = np.array(values, dtype=float)
            bins = np.searchsorted(self.edges, numbers)
            # A missing number is NaN, for which searchsorted returns the last position.
            bins[np.isnan(numbers)] = len(self.bins) - 1
        else:
            position = {name: index for index, name in enumerate(self.bins)}
            other = position[OTHER]
            bins = np.array([position.get(category(value), other) for value in values])
        return np.bincount(bins, minlength=len(self.bins))


def build_reference(columns: Columns) -> dict[str, ReferenceColumn]:
    """Summarise the columns of the test set; columns of names or ids are left out."""
    reference = {name: reference_column(values) for name, values in columns.items()}
    return {name: column for name, column in reference.items() if column.bins}


def reference_column(values: Sequence[Any]) -> ReferenceColumn:
    """Bins at the deciles of a number, or a bin for each frequent category."""
    present = [value for value in values if value is not None]
    if all(isinstance(value, int | float) for value in present):
        numbers = np.array(present or [0], dtype=float)
        deciles = np.quantile(numbers, np.arange(0, 1, 0.1), method="inverted_cdf")
        # Below the minimum, so that lower values are seen where most values are the minimum.
        deciles[0] = np.nextafter(deciles[0], -np.inf)
        edges = np.unique(deciles).tolist()
        bins = ["lower", *(f"to {edge:.3g}" for edge in edges[1:]), "higher", MISSING]
        column = ReferenceColumn(edges=edges, bins=bins, counts=[])
    else:
        counts = Counter(map(category, values))
        frequent = [name for name, n in counts.items() if n >= MIN_SHARE * len(values)]
        n_frequent = sum(counts[name] for name in frequent)
        # Where most values are rare, the column holds names or texts.
        bins = [*frequent, OTHER] if n_frequent > len(values) / 2 else []
        column = ReferenceColumn(edges=[], bins=bins, counts=[])
    return column.model_copy(update={"counts": column.count(values).tolist() if bins else []})


def category(value: Any) -> str:
    """The category of a value; None is MISSING."""
    return MISSING if value is None else str(value)
