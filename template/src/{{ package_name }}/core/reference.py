"""Reference data: how the test set is distributed over bins, stored in the bundle."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel

from .rows import Array, IntArray

# In parentheses, so that they are no category of the data.
MISSING = "(missing)"
OTHER = "(other)"
# Categories with a smaller share of the rows are counted as OTHER.
MIN_SHARE = 0.01


class ReferenceColumn(BaseModel):
    """Row counts of one column.

    Attributes:
        edges: Lower edges of the bins of a number, but for the first bin; none for a category.
        bins: A label for each bin; the last is MISSING for a number and OTHER for a category.
        counts: The number of test rows in each bin.
        mean: Of a number, as is `std`; both are 0 for a category.
    """

    edges: list[float]
    bins: list[str]
    counts: list[int]
    mean: float = 0
    std: float = 0

    def count(self, values: Sequence[Any]) -> IntArray:
        """The number of values in each bin; None is a missing value."""
        if self.edges:
            # A missing number is NaN, which has no place among the edges.
            numbers = np.array(values, dtype=float)
            counts, _ = np.histogram(numbers, [-np.inf, *self.edges, np.inf])
        else:
            categories = count_categories(values)
            counts = np.array([categories[name] for name in self.bins[:-1]], dtype=int)
        return np.append(counts, len(values) - counts.sum())

    def standardise(self, values: Sequence[Any]) -> Array:
        """The values that are not missing, in standard deviations from the reference mean."""
        numbers = np.array(values, dtype=float)
        present: Array = numbers[~np.isnan(numbers)]
        return (present - self.mean) / self.std


def reference_column(values: Sequence[Any]) -> ReferenceColumn:
    """Bins at the deciles of a number, or a bin for each frequent category."""
    present = [value for value in values if value is not None]
    mean = std = 0.0
    if all(isinstance(value, int | float) for value in present):
        numbers = np.array(present or [0], dtype=float)
        # Of equal numbers, rounding gives a little more than 0.
        mean, std = float(numbers.mean()), float(numbers.std()) if np.ptp(numbers) else 0.0
        deciles = np.quantile(numbers, np.linspace(0, 1, 11), method="inverted_cdf")
        # Above the maximum, so that higher values are seen where most values are the maximum.
        deciles[-1] = np.nextafter(deciles[-1], np.inf)
        edges = np.unique(deciles).tolist()
        bins = ["lower", *(f"from {edge:.3g}" for edge in edges[:-1]), "higher", MISSING]
    else:
        counts = count_categories(values)
        frequent = [name for name, n in counts.items() if n >= MIN_SHARE * len(values)]
        edges, bins = [], [*frequent, OTHER]
    column = ReferenceColumn(edges=edges, bins=bins, counts=[], mean=mean, std=std)
    column.counts = column.count(values).tolist()
    return column


def count_categories(values: Sequence[Any]) -> Counter[str]:
    """The number of values of each category; None is MISSING."""
    return Counter(MISSING if value is None else str(value) for value in values)
