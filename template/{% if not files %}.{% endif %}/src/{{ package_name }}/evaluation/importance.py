"""Permutation importance: how much a model needs each field. Breiman (2001), Random Forests."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

Importance = dict[str, float]
MAX_BARS = 15


def permutation_importance(
    fields: pd.DataFrame, score: Callable[[pd.DataFrame], float], seed: int
) -> Importance:
    """What the score loses when one field is shuffled over the rows, the largest loss first.

    Args:
        fields: The instances of the test set.
        score: The metric of such a table, where higher is better.
        seed: Of the shuffling.
    """
    rng = np.random.default_rng(seed)
    original = score(fields)
    losses = {}
    for name in fields.columns:
        shuffled: Any = fields[name].to_numpy()[rng.permutation(len(fields))]
        losses[name] = original - score(fields.assign(**{name: shuffled}))
    return dict(sorted(losses.items(), key=lambda item: -item[1]))


def plot_importance(importance: Importance) -> Figure:
    """A bar for each of the most important fields."""
    largest = list(importance.items())[:MAX_BARS]
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    # Bars are drawn from the bottom up.
    for name, loss in reversed(largest):
        ax.barh(name, loss, color="tab:blue")
    ax.set(xlabel="loss of the primary metric when the field is shuffled")
    return figure
