"""What good means for forecasts: scores, baselines, intervals, answers and plots.

It needs numpy alone, because the API uses it too. Outputs and targets have shape (n, horizon + 1):
the last column is `scale` of the inputs, the error of the seasonal naive in `history` (n, steps).
"""

from typing import Any, Self

import numpy as np
from pydantic import BaseModel, Field

from .inputs import Array, Axes, Inputs
from .settings import Section

HIGHER_IS_BETTER = False


class Decision(Section):
    """[decision] in params.toml: steps of a season, and how often an interval holds the truth."""

    season: int = Field(ge=1)
    coverage: float = Field(gt=0, lt=1)


class Task(BaseModel):
    """What is learned besides the model; it travels in bundle.json."""

    horizon: int
    decision: Decision
    # Half of an interval at each step, in units of the scale.
    half_widths: list[float] = [0]

    @property
    def primary(self) -> str:
        return "mase"

    def encode(self, target: Array, inputs: Inputs) -> Array:
        return np.hstack([np.stack([*target]).astype(float), inputs["scale"]])

    def baselines(self, inputs: Inputs) -> dict[str, Array]:
        steps, season = np.arange(self.horizon), self.decision.season
        again = {"seasonal naive": steps % season - season, "last value": steps * 0 - 1}
        return {n: np.hstack([inputs["history"][:, again[n]], inputs["scale"]]) for n in again}

    def calibrate(self, target: Array, output: Array) -> Self:
        """Split conformal prediction for each step: Lei et al. (2018), arXiv:1604.04173."""
        errors = np.sort(np.abs(target - output)[:, :-1] / output[:, -1:], axis=0)
        rank = int(np.ceil(self.decision.coverage * (len(errors) + 1)))
        return self.model_copy(update={"half_widths": errors[min(rank, len(errors)) - 1].tolist()})

    def interval(self, output: Array) -> tuple[Array, Array]:
        half = output[:, -1:] * self.half_widths
        return output[:, :-1] - half, output[:, :-1] + half

    def scores(self, target: Array, output: Array, weights: Array) -> dict[str, Array]:
        """Each metric, once a row of `weights`: shape (resamples, n), how often a row counts."""
        truth, scale, (low, high) = target[:, :-1], target[:, -1], self.interval(output)
        error = output[:, :-1] - truth
        rows = {
            # Hyndman and Koehler (2006), doi 10.1016/j.ijforecast.2006.03.001.
            "mase": np.abs(error).mean(axis=1) / scale,
            "mean_absolute_error": np.abs(error).mean(axis=1),
            "root_mean_squared_error": (error**2).mean(axis=1),
            "bias": error.mean(axis=1),
            "interval_coverage": ((low <= truth) & (truth <= high)).mean(axis=1),
            "interval_width": (high - low).mean(axis=1),
        }
        means = {name: weights @ values / weights.sum(axis=1) for name, values in rows.items()}
        return means | {"root_mean_squared_error": np.sqrt(means["root_mean_squared_error"])}

    def answers(self, output: Array) -> list[dict[str, Any]]:
        rows = np.stack([output[:, :-1], *self.interval(output)], axis=1).tolist()
        return [{"forecast": said, "low": low, "high": high} for said, low, high in rows]

    def notes(self) -> list[str]:
        widths = f"{self.half_widths[0]:.2f} (first step) to {self.half_widths[-1]:.2f} (last step)"
        held = f"{widths} of it to each side held {self.decision.coverage:.0%} of validation days."
        return ["MASE 1 is what the last season, said again, missed in each row's past.", held]

    def draw(self, target: Array, output: Array, axes: Axes) -> None:
        errors = (np.abs(output - target)[:, :-1] / target[:, -1:]).mean(axis=0)
        axes["error_by_step"].bar(np.arange(1, self.horizon + 1), errors)
        axes["error_by_step"].set(xlabel="step ahead", ylabel="error, in scales, mean of test")


def learn_task(target: Array, _: Inputs, decision: Decision) -> Task:
    return Task(horizon=len(target[0]), decision=decision)
