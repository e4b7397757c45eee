"""Figures of a ranking on the test set, one function a figure."""

import numpy as np
from matplotlib.figure import Figure

from ..core.metrics import MASKED, Target, mask
from ..core.rows import Array

LONGEST_LIST = 100


def evaluation_plots(target: Target, y_true: Array, output: Array) -> dict[str, Figure]:
    """All figures, by file name."""
    return {"hit_rate": plot_hit_rate(target, y_true, output)}


def plot_hit_rate(target: Target, y_true: Array, output: Array) -> Figure:
    """The hit rate by length of the list, of the model and of the popularity baseline."""
    in_history = output <= MASKED
    outputs = {
        "model": output,
        "popularity": mask(np.array(target.counts), in_history),
    }
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    for name, scores in outputs.items():
        found = target.found(y_true, scores, LONGEST_LIST)
        hit_rates = np.maximum.accumulate(found, axis=1).mean(axis=0)
        ax.plot(np.arange(len(hit_rates)) + 1, hit_rates, label=name)
    ax.set(xlabel="length of the list", ylabel="share of sessions with an item of the list")
    ax.legend()
    return figure
