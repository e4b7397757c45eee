"""Bootstrap confidence intervals, paired between models by the same resamples."""

from collections.abc import Callable

import numpy as np
from pydantic import BaseModel, FiniteFloat

from .config import ProjectConfig
from .rows import Array, IntArray

Scorer = Callable[[IntArray], float]


class Interval(BaseModel):
    """A value with the bounds of its percentile interval."""

    value: FiniteFloat
    ci_low: FiniteFloat
    ci_high: FiniteFloat


class Bootstrap:
    """Resamples of rows, on which all models are measured.

    Cluster bootstrap: Davison and Hinkley (1997), Bootstrap Methods, section 3.8.

    Args:
        groups: The group of each row, as numbers from 0; the rows of a group are drawn together.
        config: Number of resamples, seed and confidence.
    """

    def __init__(self, groups: IntArray, config: ProjectConfig) -> None:
        self.rows = np.arange(len(groups))
        self.confidence = config.confidence
        rng = np.random.default_rng(config.seed)
        sizes = np.bincount(groups)
        members = np.split(np.argsort(groups, kind="stable"), np.cumsum(sizes)[:-1])
        self.resamples = []
        for _ in range(config.n_resamples):
            sampled = rng.integers(0, len(members), len(members))
            self.resamples.append(np.concatenate([members[group] for group in sampled]))

    def measure(self, scorer: Scorer, mask: Array | None = None) -> Interval:
        """The score of all rows, or of those of a boolean mask, with its interval."""
        selected = [self.rows, *self.resamples]
        if mask is not None:
            selected = [rows[mask[rows]] for rows in selected]
        value, *scores = [scorer(rows) for rows in selected if len(rows)]
        tail = (1 - self.confidence) / 2
        # The score of a resample is NaN where it lacks a class.
        low, high = np.nanquantile(scores, [tail, 1 - tail])
        return Interval(value=value, ci_low=low, ci_high=high)
