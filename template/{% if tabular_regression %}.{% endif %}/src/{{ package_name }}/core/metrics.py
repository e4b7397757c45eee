"""Regression: baseline, prediction interval, metrics and predictions.

Needs numpy alone, because the API uses it too. An output of the model has shape (n, 1), y has shape
(n,); both are in the unit of the target.
"""

from typing import Any, Self

import numpy as np
from pydantic import BaseModel, Field

from .config import Config
from .rows import Array, Features, Scorer

HIGHER_IS_BETTER = False
# For a prediction of 0, by which no error can be divided.
SMALLEST_SCALE = 1e-9


class DecisionConfig(Config):
    """[decision] in params.toml.

    Attributes:
        unit: The unit of the target.
        coverage: The share of true values that prediction intervals should cover.
        relative_width: Whether an interval is wider in proportion to its prediction; for a target
            that is above 0.
    """

    unit: str = ""
    coverage: float = Field(default=0.9, gt=0, lt=1)
    relative_width: bool = False


class Target(BaseModel):
    """What is learned from the target; stored in bundle.json.

    Attributes:
        half_width: Half the width of a prediction interval, in units of scale().
    """

    decision: DecisionConfig
    half_width: float = 0

    @classmethod
    def fit(cls, target: Array, features: Features, decision: DecisionConfig) -> Self:  # noqa: ARG003 - other kinds of task use them
        """Nothing is learned from the training set."""
        return cls(decision=decision)

    @property
    def primary_metric(self) -> str:
        """The metric that the gate and the report are about."""
        return "mean_absolute_error"

    def encode(self, target: Array, features: Features) -> Array:  # noqa: ARG002 - other kinds of task use it
        """The target as float64."""
        return target.astype(float)

    def baselines(self, y_train: Array, features: Features) -> dict[str, Array]:
        """Outputs that ignore the features: the median of the training set."""
        n_rows = len(next(iter(features.values())))
        return {"median": np.full((n_rows, 1), np.median(y_train))}

    def fit_decision(self, y_valid: Array, output: Array) -> Self:
        """A copy whose intervals have the coverage of [decision] on the validation set.

        Split conformal prediction: Lei et al. (2018), arXiv:1604.04173, sections 2.2 and 5.2.
        """
        errors = np.sort(np.abs(y_valid - output[:, 0]) / self.scale(output))
        rank = int(np.ceil(self.decision.coverage * (len(errors) + 1)))
        half_width = float(errors[min(rank, len(errors)) - 1])
        return self.model_copy(update={"half_width": half_width})

    def scale(self, output: Array) -> Array:
        """What half_width is multiplied by, for each row: the prediction or 1."""
        y_pred = output[:, 0]
        if self.decision.relative_width:
            return np.maximum(np.abs(y_pred), SMALLEST_SCALE)
        return np.ones_like(y_pred)

    def scorer(self, y_true: Array, output: Array) -> Scorer:
        """The primary metric as a function of row indices, for resamples and slices."""
        losses = np.abs(y_true - output[:, 0])
        return lambda rows: float(losses[rows].mean())

    def metrics(self, y_true: Array, output: Array) -> dict[str, float]:
        """All metrics on these rows."""
        from sklearn import metrics  # noqa: PLC0415 - the API has no scikit-learn

        y_pred = output[:, 0]
        error = y_pred - y_true
        half_widths = self.half_width * self.scale(output)
        return {
            "mean_absolute_error": metrics.mean_absolute_error(y_true, y_pred),
            "root_mean_squared_error": metrics.root_mean_squared_error(y_true, y_pred),
            "r2": metrics.r2_score(y_true, y_pred),
            "bias": float(error.mean()),
            "within_10_percent": float(np.mean(np.abs(error) <= 0.1 * np.abs(y_true))),
            "interval_coverage": float(np.mean(np.abs(error) <= half_widths)),
            "interval_width": float(np.mean(2 * half_widths)),
        }

    def slice_differences(self, *_: Any) -> dict[str, Scorer]:
        """What is compared between a slice and the other rows: nothing."""
        return {}

    def predictions(self, output: Array) -> list[dict[str, Any]]:
        """The response for each row: the value and the bounds of its interval."""
        half_widths = self.half_width * self.scale(output)
        return [
            {"value": value, "low": value - half_width, "high": value + half_width}
            for value, half_width in zip(output[:, 0].tolist(), half_widths.tolist(), strict=True)
        ]

    def monitored_columns(self, output: Array) -> dict[str, list[Any]]:
        """What monitoring compares of the predictions: their values."""
        return {"prediction": output[:, 0].tolist()}

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
        width = f"{self.half_width:,.2f} {self.decision.unit}".rstrip()
        if self.decision.relative_width:
            width = f"{self.half_width:.1%} of the prediction"
        note = (
            f"A prediction interval reaches {width} to both sides: this covered "
            f"{self.decision.coverage:.0%} of the validation set. Interval coverage is the share "
            "of the test set that was covered."
        )
        return [note]
