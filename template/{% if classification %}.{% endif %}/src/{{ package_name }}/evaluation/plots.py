"""Figures of a classifier on the test set, one function a figure."""

import numpy as np
from matplotlib.figure import Figure
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import ConfusionMatrixDisplay

from ..core.metrics import Target
from ..core.rows import Array, IntArray


def evaluation_plots(target: Target, y_true: IntArray, output: Array) -> dict[str, Figure]:
    """All figures, by file name."""
    figures = {"confusion_matrix": plot_confusion_matrix(target, y_true, output)}
    if target.is_binary:
        figures["calibration"] = plot_calibration(y_true, output[:, 1])
        figures["cost_by_threshold"] = plot_cost_by_threshold(target, y_true, output)
    return figures


def plot_confusion_matrix(target: Target, y_true: IntArray, output: Array) -> Figure:
    """Counts of true and predicted classes."""
    figure = Figure(layout="constrained")
    ConfusionMatrixDisplay.from_predictions(
        y_true,
        target.choose(output),
        display_labels=target.classes,
        cmap="Blues",
        colorbar=False,
        ax=figure.subplots(),
    )
    return figure


def plot_calibration(y_true: IntArray, score: Array) -> Figure:
    """The observed share of positives by predicted probability, in ten bins of equal size."""
    figure = Figure(layout="constrained")
    CalibrationDisplay.from_predictions(
        y_true, score, n_bins=10, strategy="quantile", ax=figure.subplots()
    )
    return figure


def plot_cost_by_threshold(target: Target, y_true: IntArray, output: Array) -> Figure:
    """The cost of 1,000 decisions at each threshold, and the threshold that was chosen."""
    thresholds = np.linspace(0, 1, 101)
    costs = [target.cost_per_1000(y_true, output[:, 1] >= t) for t in thresholds]
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    ax.plot(thresholds, costs)
    ax.axvline(
        target.threshold or 0, color="grey", linestyle="--", label="chosen on validation set"
    )
    ax.set(xlabel="threshold", ylabel="cost per 1,000 decisions")
    ax.legend()
    return figure
