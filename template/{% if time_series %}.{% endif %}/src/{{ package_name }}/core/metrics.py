"""Forecasting: baselines, forecast intervals, metrics and predictions.

Needs numpy alone, because the API uses it too. An output of the model and y have shape
(n, horizon + 1): the last column is the feature `scale`, the mean absolute error of the seasonal
naive forecast within the history of each row. The feature `history` has shape (n, steps).
"""

from typing import Any, Self

import numpy as np
from pydantic import BaseModel, Field

from .config import Config
from .rows import Array, Features, Scorer

HIGHER_IS_BETTER = False


class DecisionConfig(Config):
    """[decision] in params.toml.

    Attributes:
        season: Steps of a season.
        coverage: Of a forecast interval.
        minimum: No forecast is lower, as there is no negative number of people.
    """

    season: int = Field(ge=1)
    coverage: float = Field(gt=0, lt=1)
    minimum: float | None = None


class Target(BaseModel):
    """What is learned from the target; stored in bundle.json.

    Attributes:
        horizon: Steps of a forecast.
        half_widths: Half the width of the interval at each step, in units of the scale.
    """

    horizon: int
    decision: DecisionConfig
    half_widths: list[float]

    @classmethod
    def fit(cls, target: Array, features: Features, decision: DecisionConfig) -> Self:  # noqa: ARG003 - other kinds of task use it
        """Learn the horizon from the training set."""
        horizon = len(target[0])
        return cls(horizon=horizon, decision=decision, half_widths=[0] * horizon)

    @property
    def primary_metric(self) -> str:
        """The metric that the gate and the report are about."""
        return "mase"

    def encode(self, target: Array, features: Features) -> Array:
        """The true values of each row, and its scale.

        Raises:
            ValueError: A row has not one number for each step of the horizon.
        """
        if any(np.shape(values) != (self.horizon,) for values in target):
            raise ValueError(f"each row must have {self.horizon} numbers")
        values = np.stack([*target]).astype(float)
        return np.hstack([values, features["scale"]])

    def baselines(self, y_train: Array, features: Features) -> dict[str, Array]:  # noqa: ARG002 - the history suffices
        """Outputs that ignore all features but the history: its last season again."""
        season = self.decision.season
        last_season = features["history"][:, -season:]
        forecast = last_season[:, np.arange(self.horizon) % season]
        return {"seasonal naive": np.hstack([forecast, features["scale"]])}

    def fit_decision(self, y_valid: Array, output: Array) -> Self:
        """A copy whose intervals have the coverage of [decision] on the validation set.

        Split conformal prediction for each step: Lei et al. (2018), arXiv:1604.04173.

        Args:
            y_valid: The encoded target of the validation set.
            output: What the model returns for it.
        """
        errors = np.sort(scaled_errors(y_valid, self.forecast(output)), axis=0)
        n = len(errors)
        rank = int(np.ceil(self.decision.coverage * (n + 1)))
        half_widths = errors[min(rank, n) - 1].tolist()
        return self.model_copy(update={"half_widths": half_widths})

    def interval(self, output: Array) -> tuple[Array, Array]:
        """The lower and upper bounds, each of shape (n, horizon)."""
        forecast = self.forecast(output)
        half_width = output[:, -1:] * self.half_widths
        return self.clip(forecast - half_width), self.clip(forecast + half_width)

    def forecast(self, output: Array) -> Array:
        """The forecast values, of shape (n, horizon)."""
        return self.clip(output[:, :-1])

    def clip(self, values: Array) -> Array:
        """The values, none below the minimum of [decision]."""
        minimum = self.decision.minimum
        return values if minimum is None else np.maximum(values, minimum)

    def scorer(self, y_true: Array, output: Array) -> Scorer:
        """The primary metric as a function of row indices, for resamples and slices.

        Mean absolute scaled error: Hyndman and Koehler (2006), 10.1016/j.ijforecast.2006.03.001.
        """
        losses = scaled_errors(y_true, self.forecast(output)).mean(axis=1)
        return lambda rows: float(losses[rows].mean())

    def metrics(self, y_true: Array, output: Array) -> dict[str, float]:
        """All metrics on these rows; an error is the forecast minus the true value."""
        true_values = y_true[:, :-1]
        forecast = self.forecast(output)
        error = forecast - true_values
        low, high = self.interval(output)
        covered = (low <= true_values) & (true_values <= high)
        return {
            "mase": float(scaled_errors(y_true, forecast).mean()),
            "mean_absolute_error": float(np.abs(error).mean()),
            "root_mean_squared_error": float(np.sqrt(np.mean(error**2))),
            "bias": float(error.mean()),
            "interval_coverage": float(covered.mean()),
            "interval_width": float((high - low).mean()),
        }

    def slice_differences(self, *_: Any) -> dict[str, Scorer]:
        """What is compared between a slice and the other rows: nothing."""
        return {}

    def predictions(self, output: Array) -> list[dict[str, Any]]:
        """The response for each row: the forecast and its bounds."""
        low, high = self.interval(output)
        series = np.stack([self.forecast(output), low, high], axis=1)
        return [
            {"forecast": forecast, "low": low, "high": high}
            for forecast, low, high in series.tolist()
        ]

    def monitored_columns(self, output: Array) -> dict[str, list[Any]]:
        """What monitoring compares of the predictions: the mean of each forecast."""
        means = self.forecast(output).mean(axis=1)
        return {"mean_forecast": means.tolist()}

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
        first, last = self.half_widths[0], self.half_widths[-1]
        scale_note = (
            "MASE is the mean absolute error divided by that of the seasonal naive forecast within "
            "the history of each row."
        )
        interval_note = (
            f"A forecast interval reaches {first:.2f} (first step) to {last:.2f} (last step) of "
            "these units to both sides of the forecast: this covered "
            f"{self.decision.coverage:.0%} of the validation set."
        )
        return [scale_note, interval_note]


def scaled_errors(y_true: Array, forecast: Array) -> Array:
    """The absolute error of each step in units of the scale: shape (n, horizon)."""
    errors = np.abs(forecast - y_true[:, :-1])
    return np.asarray(errors / y_true[:, -1:])
