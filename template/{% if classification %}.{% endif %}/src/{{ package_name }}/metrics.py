"""What good means for classification: scores, baseline, threshold, answers and plots.

It needs numpy alone, because the API uses it too. An output has shape (n, classes) and holds
probabilities; a target holds the index of each row's class. Of two classes, the second is the
positive one.
"""

from typing import Any, Self

import numpy as np
from pydantic import BaseModel, Field

from .inputs import Array, Axes, Inputs
from .settings import Section, UserError

HIGHER_IS_BETTER = True


class Decision(Section):
    """[decision] in params.toml: which class is the positive one, and what errors cost."""

    positive: str = ""
    cost_miss: float = Field(default=1, gt=0)
    cost_false_alarm: float = Field(default=1, gt=0)


class Task(BaseModel):
    """What is learned from the target alone; it travels in bundle.json."""

    classes: list[str]
    shares: list[float]
    decision: Decision
    # Only where there are two classes is one of them positive, and has a cost and a threshold.
    threshold: float | None = None

    @property
    def binary(self) -> bool:
        return len(self.classes) == 2

    @property
    def primary(self) -> str:
        return "average_precision" if self.binary else "macro_f1"

    def encode(self, target: Array, _: Inputs) -> Array:
        """The index of each row's class; raises UserError for one that train does not have."""
        unknown = set(map(str, target)) - set(self.classes)
        if unknown:
            raise UserError(f'data.py: class "{min(unknown)}" of the target has no row in train.')
        return np.array([self.classes.index(str(value)) for value in target])

    def baselines(self, inputs: Inputs) -> dict[str, Array]:
        """The majority baseline says the same of every row: the shares of the classes in train."""
        return {"majority": np.tile(self.shares, (len(next(iter(inputs.values()))), 1))}

    def decide(self, output: Array) -> Array:
        if self.threshold is None:
            return np.asarray(np.argmax(output, axis=1))
        return np.asarray(output[:, 1] >= self.threshold, dtype=int)

    def costs(self, target: Array, chosen: Array | int) -> Array:
        miss, alarm = self.decision.cost_miss, self.decision.cost_false_alarm
        return np.asarray(miss * (target > chosen) + alarm * (target < chosen))

    def calibrate(self, target: Array, output: Array) -> Self:
        """The task with the threshold that costs least on these (validation) rows."""
        if not self.binary:
            return self
        grid = np.quantile(output[:, 1], np.linspace(0, 1, 501), method="inverted_cdf")
        grid = np.r_[grid, 1]
        costs = [self.costs(target, output[:, 1] >= threshold).sum() for threshold in grid]
        return self.model_copy(update={"threshold": float(grid[np.argmin(costs)])})

    def scores(self, target: Array, output: Array, weights: Array) -> dict[str, Array]:
        """Each metric, once a row of `weights`: shape (resamples, n), how often a row counts."""
        # The definitions are scikit-learn's, for many weightings at once; a test compares them.
        chosen = self.decide(output)
        if not self.binary:
            pairs = [(target == k, chosen == k) for k in range(len(self.classes))]
            # A class that is neither there nor said, as in a small slice, has no F1.
            f1 = [ratio(2 * weights @ (t & c), weights @ (1 * t + c), np.nan) for t, c in pairs]
            return {"macro_f1": np.nanmean(f1, axis=0), "accuracy": mean(chosen == target, weights)}
        average_precision, roc_auc = ranking_scores(target, output[:, 1], weights)
        hits, cost = weights @ (chosen & target), mean(self.costs(target, chosen), weights)
        # Without a model everybody is treated alike, in the way that turns out to be cheaper.
        alike = np.minimum(*(mean(self.costs(target, every), weights) for every in (0, 1)))
        return {
            "average_precision": average_precision,
            "roc_auc": roc_auc,
            "brier_score": mean((output[:, 1] - target) ** 2, weights),
            "precision": ratio(hits, weights @ chosen),
            "recall": ratio(hits, weights @ target),
            "cost_per_1000": 1000 * cost,
            "saved_per_1000": 1000 * (alike - cost),
        }

    def answers(self, output: Array) -> list[dict[str, Any]]:
        names = [f"probability_{name}" for name in self.classes]
        labels = [self.classes[position] for position in self.decide(output)]
        rows = [dict(zip(names, row, strict=True)) for row in output.tolist()]
        return [{"label": label, **row} for label, row in zip(labels, rows, strict=True)]

    def notes(self) -> list[str]:
        if self.threshold is None:
            return []
        miss, alarm = self.decision.cost_miss, self.decision.cost_false_alarm
        said = f'The answer is "{self.classes[1]}" from a probability of {self.threshold:.3f}'
        return [f"{said}: with costs of {miss:g} and {alarm:g} it cost least on the valid rows."]

    def draw(self, target: Array, output: Array, axes: Axes) -> None:
        """Draw on matplotlib axes; the API has no scikit-learn, hence the imports here."""
        from sklearn.calibration import CalibrationDisplay  # noqa: PLC0415
        from sklearn.metrics import ConfusionMatrixDisplay  # noqa: PLC0415

        table = {"display_labels": self.classes, "colorbar": False, "cmap": "Blues"}
        chosen, ax = self.decide(output), axes["confusion"]
        ConfusionMatrixDisplay.from_predictions(target, chosen, ax=ax, **table)
        if self.binary:
            bins = {"n_bins": 10, "strategy": "quantile", "ax": axes["calibration"]}
            CalibrationDisplay.from_predictions(target, output[:, 1], **bins)
            self.draw_cost(target, output[:, 1], axes["cost"])

    def draw_cost(self, target: Array, score: Array, ax: Any) -> None:
        grid = np.linspace(0, 1, 101)
        ax.plot(grid, [1000 * self.costs(target, score >= point).mean() for point in grid])
        ax.axvline(self.threshold or 0, color="grey", linestyle="--", label="chosen on valid")
        ax.set(xlabel="threshold", ylabel="cost per 1,000 decisions")
        ax.legend()


def learn_task(target: Array, _: Inputs, decision: Decision) -> Task:
    """The classes of the training target, the positive one last, and their shares."""
    names, counts = np.unique(target.astype(str), return_counts=True)
    if decision.positive and decision.positive not in names:
        raise UserError(f'params.toml: positive = "{decision.positive}" is not in {names}.', 2)
    order = np.argsort(names == decision.positive, kind="stable")
    shares = counts[order] / counts.sum()
    return Task(classes=names[order].tolist(), shares=shares.tolist(), decision=decision)


def mean(values: Array, weights: Array) -> Array:
    return np.asarray(weights @ values / weights.sum(axis=1))


def ratio(above: Array, below: Array, undefined: float = 0.0) -> Array:
    """The quotient, `undefined` where there is none."""
    out = np.full(len(above), undefined)
    return np.asarray(np.divide(above, below, out=out, where=below > 0))


def ranking_scores(target: Array, score: Array, weights: Array) -> tuple[Array, Array]:
    """Average precision and area under the ROC curve; rows of equal score are one step."""
    order = np.argsort(-score, kind="stable")
    steps = np.r_[np.diff(score[order]) != 0, True]
    hits = np.cumsum(weights[:, order] * target[order], axis=1)[:, steps]
    alarms = np.cumsum(weights[:, order] * (1 - target[order]), axis=1)[:, steps]
    new_hits, new_alarms = np.diff(hits, prepend=0), np.diff(alarms, prepend=0)
    precision_sum = (new_hits * hits / np.maximum(hits + alarms, 1)).sum(axis=1)
    area = ((hits - new_hits / 2) * new_alarms).sum(axis=1)
    return precision_sum / hits[:, -1], area / (hits[:, -1] * alarms[:, -1])
