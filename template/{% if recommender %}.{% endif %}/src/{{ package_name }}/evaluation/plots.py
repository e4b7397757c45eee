"""Figures of a ranking on the test set, one function a figure."""

import numpy as np
from matplotlib.figure import Figure

from ..core.metrics import MASKED, Target, mask, ranks
from ..core.rows import Array, IntArray

LIST_LENGTHS = np.arange(1, 101)


def evaluation_plots(target: Target, y_true: IntArray, output: Array) -> dict[str, Figure]:
    """All figures, by file name."""
    return {"hit_rate": plot_hit_rate(target, y_true, output)}


def plot_hit_rate(target: Target, y_true: IntArray, output: Array) -> Figure:
    """The hit rate by length of the list, of the model and of the popularity baseline."""
    in_history = output <= MASKED
    outputs = {
        "model": output,
        "popularity": mask(np.array(target.counts), in_history),
    }
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    for name, scores in outputs.items():
        rank = ranks(y_true, scores)
        hit_rates = [np.mean(rank <= length) for length in LIST_LENGTHS]
        ax.plot(LIST_LENGTHS, hit_rates, label=name)
    ax.set(xlabel="length of the list", ylabel="share of next items in the list")
    ax.legend()
    return figure
