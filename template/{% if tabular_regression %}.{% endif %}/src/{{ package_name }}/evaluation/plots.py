"""Figures of a regression on the test set, one function a figure."""

from matplotlib.figure import Figure
from sklearn.metrics import PredictionErrorDisplay

from ..core.metrics import Target
from ..core.rows import Array


def evaluation_plots(target: Target, y_true: Array, output: Array) -> dict[str, Figure]:  # noqa: ARG001 - other kinds of task use it
    """All figures, by file name."""
    return {
        "predictions": plot_errors(y_true, output, "actual_vs_predicted"),
        "residuals": plot_errors(y_true, output, "residual_vs_predicted"),
    }


def plot_errors(y_true: Array, output: Array, kind: str) -> Figure:
    """True values or residuals by predicted value; `kind` is scikit-learn's."""
    figure = Figure(layout="constrained")
    PredictionErrorDisplay.from_predictions(
        y_true, output[:, 0], kind=kind, subsample=None, ax=figure.subplots()
    )
    return figure
