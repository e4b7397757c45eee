"""Confidence intervals by the bootstrap."""

import numpy as np
import pandas as pd

from .config import ProjectConfig
from .rows import IntArray, Scorer


def bootstrap(
    scorer: Scorer, rows: IntArray, groups: IntArray, config: ProjectConfig
) -> dict[str, float]:
    """The score of some rows, with its percentile interval.

    Cluster bootstrap: Davison and Hinkley (1997), Bootstrap Methods, section 3.8.

    Args:
        scorer: A metric as a function of row indices; NaN where a resample lacks a class.
        rows: The indices of the rows.
        groups: The group of each of them; the rows of a group are drawn together.
        config: Number of resamples, seed and confidence.
    """
    rng = np.random.default_rng(config.seed)
    members = [rows[index] for index in pd.Series(rows).groupby(groups).indices.values()]
    scores = []
    for _ in range(config.n_resamples):
        sampled = rng.integers(len(members), size=len(members))
        if len(members) == len(rows):
            scores.append(scorer(rows[sampled]))
        else:
            scores.append(scorer(np.concatenate([members[group] for group in sampled])))
    tail = (1 - config.confidence) / 2
    low, high = np.nanquantile(scores, [tail, 1 - tail]).tolist()
    return {"value": scorer(rows), "ci_low": low, "ci_high": high}
