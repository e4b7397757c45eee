"""Bootstrap confidence intervals, paired between models by using the same resamples."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from .rows import Array, IntArray

Metric = Callable[[IntArray], float]


@dataclass(frozen=True)
class Interval:
    """A metric on all rows, with the bounds of its percentile interval."""

    value: float
    ci_low: float
    ci_high: float


def bootstrap_indices(groups: IntArray, n_resamples: int, seed: int) -> Iterator[IntArray]:
    """Row indices of each resample; the rows of one group are drawn together.

    Cluster bootstrap: Davison and Hinkley (1997), Bootstrap Methods, section 3.8.

    Args:
        groups: The group of each row, as numbers from 0.
        n_resamples: How many resamples to draw.
        seed: Of the random generator.
    """
    rng = np.random.default_rng(seed)
    n_groups = int(groups.max()) + 1
    rows_by_group = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    for _ in range(n_resamples):
        drawn = rng.integers(0, n_groups, n_groups)
        yield np.concatenate([rows_by_group[group] for group in drawn])


def resample(metric: Metric, resamples: Iterable[IntArray]) -> Array:
    """The metric on each resample."""
    return np.array([metric(rows) for rows in resamples])


def interval(value: float, resampled: Array, confidence: float) -> Interval:
    """The percentile interval of a metric; resamples in which it is undefined are left out."""
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(resampled, [tail, 1 - tail])
    return Interval(float(value), float(low), float(high))
