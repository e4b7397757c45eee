"""Bootstrap confidence intervals, paired between models by the same resamples."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from .config import ProjectConfig
from .rows import Array, IntArray

Scorer = Callable[[IntArray], float]


@dataclass(frozen=True)
class Interval:
    """A value with the bounds of its percentile interval."""

    value: float
    ci_low: float
    ci_high: float


class Bootstrap:
    """Resamples of rows, on which all models are measured.

    Args:
        groups: The group of each row, as numbers from 0; the rows of a group are drawn together.
        config: Number of resamples, seed and confidence.
    """

    def __init__(self, groups: IntArray, config: ProjectConfig) -> None:
        self.n_rows = len(groups)
        self.confidence = config.confidence
        self.resamples = list(bootstrap_indices(groups, config.n_resamples, config.seed))

    def scores(self, scorer: Scorer) -> Array:
        """The score of each resample."""
        return np.array([scorer(rows) for rows in self.resamples])

    def interval(self, value: float, scores: Array) -> Interval:
        """The percentile interval of a value; undefined scores (NaN) are left out."""
        tail = (1 - self.confidence) / 2
        low, high = np.nanquantile(scores, [tail, 1 - tail])
        return Interval(value, float(low), float(high))

    def measure(self, scorer: Scorer) -> Interval:
        """The score of all rows, with its interval."""
        return self.interval(scorer(np.arange(self.n_rows)), self.scores(scorer))

    def measure_slice(self, scorer: Scorer, in_slice: Array) -> Interval:
        """The score of the rows of a boolean mask, with its interval."""
        selected = [rows[in_slice[rows]] for rows in self.resamples]
        scores = np.array([scorer(rows) for rows in selected if len(rows)])
        return self.interval(scorer(np.flatnonzero(in_slice)), scores)


def bootstrap_indices(groups: IntArray, n_resamples: int, seed: int) -> Iterator[IntArray]:
    """Row indices of each resample.

    Cluster bootstrap: Davison and Hinkley (1997), Bootstrap Methods, section 3.8.
    """
    rng = np.random.default_rng(seed)
    sizes = np.bincount(groups)
    rows_of_group = np.split(np.argsort(groups, kind="stable"), np.cumsum(sizes)[:-1])
    for _ in range(n_resamples):
        sampled = rng.integers(0, len(sizes), len(sizes))
        yield np.concatenate([rows_of_group[group] for group in sampled])
