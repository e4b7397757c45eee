"""Figures of a clustering on the test set, one function a figure."""

import numpy as np
from matplotlib.figure import Figure

from ..core.metrics import Target, silhouette_values
from ..core.rows import Array


def evaluation_plots(target: Target, y_true: Array, output: Array) -> dict[str, Figure]:
    """All figures, by file name."""
    segments = output[:, 0].astype(int)
    return {
        "silhouette": plot_silhouette(y_true, segments),
        "profile": plot_profile(target, y_true, segments),
    }


def plot_silhouette(y_true: Array, segments: Array) -> Figure:
    """The silhouette of each row, sorted within its segment."""
    values = silhouette_values(y_true[:, 0], segments)
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    first_row = 0
    for segment in np.unique(segments):
        bars = np.sort(values[segments == segment])
        rows = first_row + np.arange(len(bars))
        ax.fill_betweenx(rows, bars, label=f"segment {segment + 1}")
        first_row += len(bars)
    ax.set(xlabel="silhouette (below 0: another segment is nearer)")
    ax.set_yticks([])
    ax.legend()
    return figure


def plot_profile(target: Target, y_true: Array, segments: Array) -> Figure:
    """The median of each field in each segment, coloured by its difference from all rows."""
    numbers = np.unique(segments)
    rows = [y_true[segments == number] for number in numbers]
    medians = np.array([np.median(y, axis=0) for y in rows])
    position = medians[:, 0]
    values = medians[:, 1]
    fields = [name.replace("_", " ") for name in target.fields]
    labels = [f"segment {number + 1}" for number in numbers]
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    image = ax.imshow(
        target.standardize(position),
        cmap="RdBu_r",
        vmin=-2,
        vmax=2,
        aspect="auto",
    )
    for (row, column), median in np.ndenumerate(values):
        ax.text(
            column,
            row,
            f"{median:.3g}",
            ha="center",
            va="center",
        )
    ax.set_xticks(range(len(fields)), fields)
    ax.set_yticks(range(len(labels)), labels)
    figure.colorbar(image, label="difference from all rows in standard deviations")
    return figure
