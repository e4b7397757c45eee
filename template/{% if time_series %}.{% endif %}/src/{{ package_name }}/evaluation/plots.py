"""Figures of forecasts on the test set, one function a figure."""

import numpy as np
from matplotlib.figure import Figure

from ..core.metrics import Target, scaled_errors
from ..core.rows import Array


def evaluation_plots(target: Target, y_true: Array, output: Array) -> dict[str, Figure]:
    """All figures, by file name."""
    return {"error_by_step": plot_error_by_step(target, y_true, output)}


def plot_error_by_step(target: Target, y_true: Array, output: Array) -> Figure:
    """The mean absolute scaled error at each step ahead."""
    errors = scaled_errors(y_true, target.forecast(output)).mean(axis=0)
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    ax.bar(np.arange(1, len(errors) + 1), errors)
    ax.set(xlabel="step ahead", ylabel="mean absolute scaled error")
    return figure
