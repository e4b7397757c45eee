"""Clustering: descriptions of the segments, baselines, metrics and predictions.

Needs numpy alone, because the API uses it too. The right segments are not known, so the target is
ignored: y has shape (n, 2, fields) and holds each row's position, between which distances are
measured, and the values of its fields. An output of the model has shape (n, 2 + replicas): the
segment, the segment by each replica of the clustering, and the distance to the segment's centre.
"""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, Field

from .config import Config
from .rows import Array, Features, IntArray

HIGHER_IS_BETTER = True
NO_DESCRIPTION = "like the average, or too few rows to describe"
# A segment is described by the fields that differ by more standard deviations than this.
MIN_DIFFERENCE = 0.3


class DecisionConfig(Config):
    """[decision] in params.toml: the share of rows that are typical of their segment."""

    typical_share: float = Field(default=0.99, gt=0, lt=1)


class Target(BaseModel):
    """What is learned about fields and segments; stored in bundle.json.

    Attributes:
        fields: Names of the fields.
        center: The median position in the training set.
        spread: The standard deviation of each coordinate of the position.
        medians: The median of each field.
        shares: The share of each segment in the validation set.
        descriptions: By which fields each segment differs from all rows.
        max_distance: The largest distance to the centre that is typical.
    """

    fields: list[str]
    center: list[float]
    spread: list[float]
    medians: list[float]
    decision: DecisionConfig
    shares: list[float] = []
    descriptions: list[str] = []
    max_distance: float = 0

    @classmethod
    def fit(
        cls,
        target: Array,  # noqa: ARG003 - nothing to predict
        features: Features,
        decision: DecisionConfig,
    ) -> Self:
        """Learn the distribution of the fields from the training set.

        Args:
            target: Ignored.
            features: "position" of shape (n, fields), and the values of each field by its name.
            decision: The section of params.toml.
        """
        position = features["position"]
        fields = [name for name in features if name != "position"]
        return cls(
            fields=fields,
            center=np.median(position, axis=0).tolist(),
            spread=position.std(axis=0).tolist(),
            medians=[float(np.median(features[name])) for name in fields],
            decision=decision,
        )

    @property
    def primary_metric(self) -> str:
        """The metric that the gate and the report are about."""
        return "silhouette"

    def encode(self, target: Array, features: Features) -> Array:  # noqa: ARG002 - nothing to predict
        """The positions and the values of the fields, of shape (n, 2, fields)."""
        position = features["position"].astype(float)
        values = np.column_stack([features[name] for name in self.fields])
        return np.stack([position, values], axis=1)

    def baselines(self, y_train: Array, features: Features) -> dict[str, Array]:  # noqa: ARG002 - the shares suffice
        """All rows in one segment, and random segments of the model's sizes."""
        n_rows = len(features["position"])
        # The sizes are not known before fit_decision().
        shares = self.shares or [1.0]
        rng = np.random.default_rng(0)
        segments = rng.choice(len(shares), n_rows, p=shares)
        return {
            "one cluster": as_output(np.zeros(n_rows)),
            "random labels": as_output(segments),
        }

    def fit_decision(self, y_valid: Array, output: Array) -> Self:
        """A copy with the segments and the typical distance of the validation set."""
        n_segments = int(output[:, :-1].max()) + 1
        members = [output[:, 0] == segment for segment in range(n_segments)]
        learned = {
            "shares": np.mean(members, axis=1).tolist(),
            "descriptions": [self.describe(y_valid[rows]) for rows in members],
            "max_distance": float(np.quantile(output[:, -1], self.decision.typical_share)),
        }
        return self.model_copy(update=learned)

    def describe(self, y: Array) -> str:
        """The fields by which these rows differ from all rows, the largest difference first."""
        if len(y) == 0:
            return NO_DESCRIPTION
        position, medians = np.median(y, axis=0)
        differences = self.standardize(position)
        order = np.argsort(-np.abs(differences))
        phrases = []
        for index in order[np.abs(differences[order]) > MIN_DIFFERENCE]:
            level = "high" if differences[index] > 0 else "low"
            name = self.fields[index].replace("_", " ")
            comparison = f"median {medians[index]:.3g}, of all {self.medians[index]:.3g}"
            phrases.append(f"{level} {name} ({comparison})")
        return ", ".join(phrases) or NO_DESCRIPTION

    def standardize(self, position: Array) -> Array:
        """The difference from the median of all rows, in standard deviations."""
        return np.asarray((position - self.center) / np.maximum(self.spread, 1e-3))

    def scorer(self, y_true: Array, output: Array) -> Callable[[IntArray], float]:
        """The primary metric as a function of row indices, for resamples and slices."""
        values = silhouette_values(y_true[:, 0], output[:, 0])
        return lambda rows: float(values[rows].mean())

    def metrics(self, y_true: Array, output: Array) -> dict[str, float]:
        """All metrics on these rows."""
        silhouette = silhouette_values(y_true[:, 0], output[:, 0])
        means = {
            "silhouette": silhouette,
            # Nearer to another segment than to their own.
            "misplaced_share": silhouette < 0,
            "stability": stability(output),
            "distance_to_center": output[:, -1],
        }
        return {name: float(values.mean()) for name, values in means.items()}

    def error_rates(self, *_: Any) -> dict[str, Callable[[IntArray], float]]:
        """Rates that are compared between slices: none."""
        return {}

    def conditions(self, *_: Any) -> dict[str, dict[str, float]]:
        """Values that the gate requires to be above a limit: none beside the improvement."""
        return {}

    def predictions(self, output: Array) -> list[dict[str, Any]]:
        """The response for each row."""
        rows = zip(output, stability(output).tolist(), strict=True)
        return [self.prediction(row, share) for row, share in rows]

    def prediction(self, row: Array, share: float) -> dict[str, Any]:
        """The response for one row of the output, with its stability."""
        segment = int(row[0])
        is_known = segment < len(self.descriptions)
        return {
            "segment": segment + 1,
            "description": self.descriptions[segment] if is_known else NO_DESCRIPTION,
            "stability": share,
            "fit": "typical" if row[-1] <= self.max_distance else "unlike every segment",
        }

    def monitored_columns(self, output: Array) -> dict[str, list[Any]]:
        """What monitoring compares of the predictions."""
        segments = output[:, 0].astype(int)
        return {
            # Text, because the numbers of segments have no order.
            "segment": [str(segment + 1) for segment in segments],
            "stability": stability(output).tolist(),
            "distance": output[:, -1].tolist(),
        }

    def notes(self) -> list[str]:
        """Sentences for the report."""
        segments = zip(self.shares, self.descriptions, strict=True)
        return [
            f"Segment {number}, {share:.0%} of the validation set: {description}."
            for number, (share, description) in enumerate(segments, 1)
        ]


def as_output(segments: Array) -> Array:
    """The output of a clustering without replicas and centres: one equal replica, no distance."""
    return np.column_stack([segments, segments, np.zeros(len(segments))]).astype(np.float32)


def silhouette_values(position: Array, segments: Array) -> Array:
    """The silhouette of each row: Rousseeuw (1987). Zero where there is one segment only."""
    from sklearn.metrics import silhouette_samples  # noqa: PLC0415 - the API has no scikit-learn

    if not 1 < len(np.unique(segments)) < len(segments):
        return np.zeros(len(segments))
    return np.asarray(silhouette_samples(position, segments))


def stability(output: Array) -> Array:
    """The share of the replicas that agree with the model on the row's segment."""
    agrees = output[:, 1:-1] == output[:, :1]
    return np.asarray(agrees.mean(axis=1))
