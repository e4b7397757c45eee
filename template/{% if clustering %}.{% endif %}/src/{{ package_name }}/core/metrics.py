"""Clustering: descriptions of the segments, baselines, metrics and predictions.

Needs numpy alone, because the API uses it too. The right segments are not known, so the target is
ignored: y has shape (n, 2, fields) and holds each row's position, between which distances are
measured, and the values of its fields. An output of the model has shape (n, 2 + replicas): the
segment, the segment by each replica of the clustering, and the distance to the segment's centre.
"""

from typing import Any, Self

import numpy as np
from pydantic import BaseModel, Field

from .config import Config
from .rows import Array, Features, IntArray, Scorer

HIGHER_IS_BETTER = True
NO_DESCRIPTION = "like the average, or too few rows to describe"
# The silhouette compares all pairs of rows.
MAX_SILHOUETTE_ROWS = 500
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
    shares: list[float] = Field(default_factory=list)
    descriptions: list[str] = Field(default_factory=list)
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

    def scorer(self, y_true: Array, output: Array) -> Scorer:
        """The primary metric as a function of row indices, for resamples and slices."""
        return silhouette_scorer(y_true[:, 0], output[:, 0])

    def metrics(self, y_true: Array, output: Array) -> dict[str, float]:
        """All metrics on these rows."""
        score = self.scorer(y_true, output)
        silhouettes = silhouette_values(y_true[:, 0], output[:, 0])
        return {
            "silhouette": score(np.arange(len(output))),
            # Nearer to another segment than to their own.
            "misplaced_share": float((silhouettes < 0).mean()),
            "stability": float(stability(output).mean()),
            "distance_to_center": float(output[:, -1].mean()),
        }

    def slice_differences(self, *_: Any) -> dict[str, Scorer]:
        """What is compared between a slice and the other rows: nothing."""
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

    def fit_reference(self, *_: Any) -> Self:
        """The same target: monitoring needs no more of the test set than reference data."""
        return self

    def monitored_metrics(self, y_true: Array, output: Array) -> dict[str, tuple[bool, Scorer]]:
        """What monitoring compares with the test set: whether higher is better, and the metric."""
        return {self.primary_metric: (HIGHER_IS_BETTER, self.scorer(y_true, output))}

    def class_balance(self, *_: Any) -> dict[str, Any] | None:
        """The share of the positive class among current rows: there is no such class."""
        return None

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
    """The silhouette of each row among the different rows; zero where there is one segment only."""
    from sklearn.metrics import silhouette_samples  # noqa: PLC0415 - the API has no scikit-learn

    points, first, inverse = np.unique(position, axis=0, return_index=True, return_inverse=True)
    labels = segments[first]
    if not 1 < len(np.unique(labels)) < len(labels):
        return np.zeros(len(segments))
    return np.asarray(silhouette_samples(points, labels)[inverse])


def silhouette_scorer(position: Array, segments: Array) -> Scorer:
    """The mean silhouette as a function of row indices, computed from these rows alone.

    Rousseeuw (1987), doi:10.1016/0377-0427(87)90125-7. Copies of a row count as one row, because
    distances of zero would make any segment look dense. In a resample, a row has the weight of how
    often it occurs, and its mean distances leave itself out. Of more than MAX_SILHOUETTE_ROWS
    different rows, a random sample is used.
    """
    from scipy.spatial.distance import cdist  # noqa: PLC0415 - the API has no scipy

    points, first, inverse, copies = np.unique(
        position, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    sample = np.random.default_rng(0).permutation(len(points))[:MAX_SILHOUETTE_ROWS]
    # In float32, because the bootstrap goes through all of them in each resample.
    distances = cdist(points[sample], points[sample]).astype(np.float32)
    labels = segments[first][sample]
    members = labels[:, np.newaxis] == np.unique(labels)

    def score(rows: IntArray) -> float:
        counts = np.bincount(inverse[rows], minlength=len(points)) / copies
        return weighted_silhouette(distances, members, counts[sample].astype(np.float32))

    return score


def weighted_silhouette(distances: Array, members: Array, weights: Array) -> float:
    """The mean silhouette of weighted rows; zero where there is one segment only.

    Args:
        distances: Between the rows, shape (n, n).
        members: Which segment each row is in, shape (n, segments).
        weights: Of the rows, shape (n,).
    """
    present = weights > 0
    memberships = members * weights[:, np.newaxis]
    if np.count_nonzero(memberships.any(axis=0)) < 2:
        return 0.0
    # Without the row itself, whose distance is zero.
    others = memberships.sum(axis=0) - memberships
    means = np.full(others.shape, np.inf)
    np.divide(distances @ memberships, others, out=means, where=others > 0)
    means, members, weights = means[present], members[present], weights[present]
    nearest = np.where(members, np.inf, means).min(axis=1)
    # A row that is alone in its segment has the silhouette 0.
    own = np.where(np.isinf(means[members]), nearest, means[members])
    silhouettes = (nearest - own) / np.maximum(own, nearest)
    return float(np.average(silhouettes, weights=weights))


def stability(output: Array) -> Array:
    """The share of the replicas that agree with the model on the row's segment."""
    agrees = output[:, 1:-1] == output[:, :1]
    return np.asarray(agrees.mean(axis=1))
