"""What good means for segments: scores, baselines, words that describe them, answers and plots.

It needs numpy alone, because the API uses it too. There is no truth: a target is the position of
each row, shape (n, d). An output has shape (n, 2 + replicas): the segment, the segment that each
replica of the clustering gives, and the distance to the segment's centre.
"""

from typing import Any, Self

import numpy as np
from pydantic import BaseModel, Field

from .inputs import Array, Axes, Inputs
from .prepare import STEPS, in_units
from .settings import Section

HIGHER_IS_BETTER = True
RARE = "average, or too rare to tell"
FIELDS = [name.replace("_", " ") for name in STEPS]


class Decision(Section):
    """[decision] in params.toml: the share of rows that are typical of their segment."""

    typical_share: float = Field(default=0.99, gt=0, lt=1)


class Task(BaseModel):
    """What is learned of the positions, and of each segment; it travels in bundle.json."""

    center: list[float]
    spread: list[float]
    decision: Decision
    shares: list[float] = []
    words: list[str] = []
    reach: float = 0

    @property
    def primary(self) -> str:
        return "silhouette"

    def encode(self, target: Array, inputs: Inputs) -> Array:  # noqa: ARG002 - there is none
        return inputs["position"].astype(float)

    def baselines(self, inputs: Inputs) -> dict[str, Array]:
        """Everybody alike, and segments of the model's sizes drawn by lot."""
        shares, rng = self.shares or [1.0], np.random.default_rng(0)
        lots = rng.choice(len(shares), len(inputs["position"]), p=shares)
        return {"one cluster": as_output(0 * lots), "random labels": as_output(lots)}

    def calibrate(self, target: Array, output: Array) -> Self:
        """The task with the segments and the reach of typical rows, as these (valid) rows say."""
        rows = [output[:, 0] == label for label in range(int(output[:, :-1].max()) + 1)]
        seen: dict[str, Any] = {"words": [self.describe(target[own]) for own in rows]}
        seen["shares"] = np.mean(rows, axis=1).tolist()
        seen["reach"] = float(np.quantile(output[:, -1], self.decision.typical_share))
        return self.model_copy(update=seen)

    def scores(self, target: Array, output: Array, weights: Array) -> dict[str, Array]:
        """Each metric, once a row of `weights`: shape (resamples, n), how often a row counts."""
        silhouette, labels = silhouettes(target, output[:, 0]), np.arange(len(self.shares) or 1)
        counts = weights @ (output[:, :1] == labels)
        return {
            "silhouette": mean(silhouette, weights),
            "misplaced_share": mean(silhouette < 0, weights),
            "stability": mean(stability(output), weights),
            "smallest_share": counts.min(axis=1) / weights.sum(axis=1),
            "distance_to_center": mean(output[:, -1], weights),
        }

    def describe(self, rows: Array) -> str:
        """The fields in which these rows are unlike all, the most unlike first, and both means."""
        center = rows.mean(axis=0) if len(rows) else np.array(self.center)
        away = (center - self.center) / np.maximum(self.spread, 1e-3)
        facts = zip(-np.abs(away), FIELDS, in_units(center), in_units(self.center), strict=True)
        words = [
            f"{'high' if own > whole else 'low'} {name} ({own:.3g}, all {whole:.3g})"
            for rank, name, own, whole in sorted(facts)
            if rank < -0.3
        ]
        return ", ".join(words) or RARE

    def notes(self) -> list[str]:
        pairs = enumerate(zip(self.shares, self.words, strict=True), 1)
        return [f"Segment {i}, {share:.0%} of validation: {words}." for i, (share, words) in pairs]

    def answers(self, output: Array) -> list[dict[str, Any]]:
        labels, words = output[:, 0].astype(int).tolist(), dict(enumerate(self.words))
        columns = {
            "segment": [label + 1 for label in labels],
            "description": [words.get(label, RARE) for label in labels],
            "stability": stability(output).tolist(),
            "fit": np.where(output.T[-1] <= self.reach, "typical", "unlike every segment").tolist(),
        }
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def draw(self, target: Array, output: Array, axes: Axes) -> None:
        labels, start, ax = output[:, 0].astype(int), 0, axes["silhouette"]
        values, shown = silhouettes(target, labels), np.unique(labels)
        for label in shown:
            bars = np.sort(values[labels == label])
            rows = np.arange(start, start := start + len(bars))
            ax.fill_betweenx(rows, bars, label=f"segment {label + 1}")
        ax.set(xlabel="silhouette; below 0, another segment is nearer", yticks=[])
        ax.legend()
        centers, ax = np.array([target[labels == i].mean(axis=0) for i in shown]), axes["profile"]
        away = (centers - self.center) / np.maximum(self.spread, 1e-3)
        image = ax.imshow(away, cmap="RdBu_r", vmin=-2, vmax=2, aspect="auto")
        for row, column in np.ndindex(away.shape):
            ax.text(column, row, f"{in_units(centers[row])[column]:.3g}", ha="center", va="center")
        ax.set(xticks=range(len(FIELDS)), xticklabels=FIELDS)
        ax.set(yticks=range(len(shown)), yticklabels=[f"segment {i + 1}" for i in shown])
        ax.figure.colorbar(image, label="standard deviations from the mean of train")


def learn_task(target: Array, inputs: Inputs, decision: Decision) -> Task:  # noqa: ARG001 - there is none
    center, spread = inputs["position"].mean(axis=0), inputs["position"].std(axis=0)
    return Task(center=center.tolist(), spread=spread.tolist(), decision=decision)


def as_output(labels: Array) -> Array:
    """The output of segments that are set by hand: every replica has the same, at no distance."""
    return np.column_stack([labels, labels, 0 * labels]).astype(np.float32)


def silhouettes(positions: Array, labels: Array) -> Array:
    """The silhouette of each row (Rousseeuw, 1987), by convention 0 where there is one segment."""
    from sklearn.metrics import silhouette_samples  # noqa: PLC0415 - the API has no scikit-learn

    if not 1 < len(np.unique(labels)) < len(labels):
        return np.zeros(len(labels))
    return np.asarray(silhouette_samples(positions, labels))


def stability(output: Array) -> Array:
    """The share of the replicas that place the row as the model does."""
    return np.asarray((output[:, 1:-1] == output[:, :1]).mean(axis=1))


def mean(values: Array, weights: Array) -> Array:
    return np.asarray(weights @ values / weights.sum(axis=1))
