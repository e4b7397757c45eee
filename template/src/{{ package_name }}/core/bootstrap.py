"""Bootstrap confidence intervals, paired between models by the same resamples."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from .config import ProjectConfig
from .rows import Array, IntArray

Scorer = Callable[[IntArray], float]


class Bootstrap:
    """Resamples of rows, on which all models are measured.

    Cluster bootstrap: Davison and Hinkley (1997), Bootstrap Methods, section 3.8.

    Args:
        groups: The group of each row; the rows of a group are drawn together.
        config: Number of resamples, seed and confidence.
    """

    def __init__(self, groups: IntArray, config: ProjectConfig) -> None:
        self.confidence = config.confidence
        self.rows = np.arange(len(groups))
        rng = np.random.default_rng(config.seed)
        members = [*pd.Series(self.rows).groupby(groups).indices.values()]
        draws = rng.integers(len(members), size=(config.n_resamples, len(members)))
        self.resamples = [np.concatenate([members[group] for group in draw]) for draw in draws]

    def measure(self, scorer: Scorer, mask: Array | None = None) -> dict[str, float]:
        """The score of all rows, or of those of a boolean mask, with its percentile interval."""
        selected = [self.rows, *self.resamples]
        if mask is not None:
            selected = [rows[mask[rows]] for rows in selected]
        value, *scores = [scorer(rows) for rows in selected if len(rows)]
        tail = (1 - self.confidence) / 2
        # The score of a resample is NaN where it lacks a class.
        low, high = np.nanquantile(scores, [tail, 1 - tail]).tolist()
        return {"value": value, "ci_low": low, "ci_high": high}
