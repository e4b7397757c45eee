"""What good means for regression: scores, baseline, interval, answers and plots.

It needs numpy alone, because the API uses it too. An output has shape (n, 1), a target (n,); both
are in the target's unit.
"""

from typing import Any, Self

import numpy as np
from pydantic import BaseModel, Field

from .inputs import Array, Axes, Inputs
from .settings import Section

HIGHER_IS_BETTER = False


class Decision(Section):
    """[decision] in params.toml: the target's unit, and how often an interval holds the truth."""

    unit: str = ""
    coverage: float = Field(default=0.9, gt=0, lt=1)


class Task(BaseModel):
    """What is learned from the target alone; it travels in bundle.json."""

    median: float
    decision: Decision
    half_width: float = 0

    @property
    def primary(self) -> str:
        return "mean_absolute_error"

    def encode(self, target: Array, _: Inputs) -> Array:
        """The target as float64."""
        return target.astype(float)

    def baselines(self, inputs: Inputs) -> dict[str, Array]:
        """The median of train, whatever the row."""
        return {"median": np.full((len(next(iter(inputs.values()))), 1), self.median)}

    def calibrate(self, target: Array, output: Array) -> Self:
        """The task with the half-width that holds the truth on these (validation) rows.

        Split conformal prediction: Lei et al. (2018), arXiv:1604.04173.
        """
        errors = np.sort(np.abs(target - output[:, 0]))
        rank = int(np.ceil(self.decision.coverage * (len(errors) + 1)))
        return self.model_copy(update={"half_width": float(errors[min(rank, len(errors)) - 1])})

    def scores(self, target: Array, output: Array, weights: Array) -> dict[str, Array]:
        """Each metric, once a row of `weights`: shape (resamples, n), how often a row counts."""
        # The definitions are scikit-learn's, for many weightings at once; a test compares them.
        error = output[:, 0] - target
        squared_error, center = mean(error**2, weights), mean(target, weights)
        variance = np.maximum(mean(target**2, weights) - center**2, 1e-12)
        return {
            "mean_absolute_error": mean(np.abs(error), weights),
            "root_mean_squared_error": np.sqrt(squared_error),
            "r2": 1 - squared_error / variance,
            "bias": mean(error, weights),
            "within_10_percent": mean(np.abs(error) <= 0.1 * np.abs(target), weights),
            "interval_coverage": mean(np.abs(error) <= self.half_width, weights),
            "interval_width": np.full(len(weights), 2 * self.half_width),
        }

    def answers(self, output: Array) -> list[dict[str, Any]]:
        width = self.half_width
        return [{"value": v, "low": v - width, "high": v + width} for v in output[:, 0].tolist()]

    def notes(self) -> list[str]:
        width = f"{self.half_width:,.2f} {self.decision.unit}"
        return [f"Intervals reach {width} to both sides: {self.decision.coverage:.0%} of valid."]

    def draw(self, target: Array, output: Array, axes: Axes) -> None:
        """Draw on matplotlib axes; the API has no scikit-learn, hence the import here."""
        from sklearn.metrics import PredictionErrorDisplay  # noqa: PLC0415

        kinds = {"predictions": "actual_vs_predicted", "residuals": "residual_vs_predicted"}
        for name, kind in kinds.items():
            options = {"kind": kind, "subsample": None, "ax": axes[name]}
            PredictionErrorDisplay.from_predictions(target, output[:, 0], **options)


def learn_task(target: Array, _: Inputs, decision: Decision) -> Task:
    """The median of the training target."""
    return Task(median=float(np.median(target)), decision=decision)


def mean(values: Array, weights: Array) -> Array:
    return np.asarray(weights @ values / weights.sum(axis=1))
