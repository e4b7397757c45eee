"""Classification: classes, decision threshold, baselines, metrics and predictions.

Imports only numpy and pydantic, because the API uses it too. An output has shape (n, classes) and
holds probabilities; y holds the index of each row's class. Of two classes the second is positive.
"""

from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, Field

from .config import PARAMS, Config, UserError
from .rows import Array, Features, IntArray

HIGHER_IS_BETTER = True
# With fewer rows of a class, neither a model nor its metrics can be trusted.
MIN_CLASS_ROWS = 10


class DecisionConfig(Config):
    """[decision] in params.toml: the positive class, and what each kind of error costs."""

    positive: str = ""
    cost_false_negative: float = Field(default=1, gt=0, le=1e9)
    cost_false_positive: float = Field(default=1, gt=0, le=1e9)


class Target(BaseModel):
    """What is learned from the target; stored in bundle.json.

    Attributes:
        classes: Names of the classes; of two, the positive one is the last.
        class_shares: The share of each class in the training set.
        threshold: With two classes, the lowest probability at which the positive one is predicted.
    """

    classes: list[str]
    class_shares: list[float]
    decision: DecisionConfig
    threshold: float | None = None

    @classmethod
    def fit(cls, target: Array, features: Features, decision: DecisionConfig) -> Self:  # noqa: ARG003 - other kinds of task use it
        """Learn the classes from the training set.

        Raises:
            UserError: There is one class only, one has too few rows, or no class is called as
                `positive` says.
        """
        names, counts = np.unique(target.astype(str), return_counts=True)
        if len(names) < 2:
            raise UserError(f'data.py: the target has one class only, "{names[0]}".')
        if decision.positive and decision.positive not in names:
            known = ", ".join(names)
            message = f'{PARAMS}: positive = "{decision.positive}" is not a class ({known}).'
            raise UserError(message, 2)
        require_class_rows("training", names, counts)
        order = np.argsort(names == decision.positive, kind="stable")
        shares = counts[order] / counts.sum()
        return cls(classes=names[order].tolist(), class_shares=shares.tolist(), decision=decision)

    @property
    def is_binary(self) -> bool:
        """Whether one class is the positive one, with costs and a threshold."""
        return len(self.classes) == 2

    @property
    def primary_metric(self) -> str:
        """The metric that the gate and the report are about."""
        return "average_precision" if self.is_binary else "macro_f1"

    def encode(self, target: Array, features: Features) -> IntArray:  # noqa: ARG002 - other kinds of task use it
        """The index of each row's class.

        Raises:
            UserError: A class has no row in the training set.
        """
        unknown = set(map(str, target)) - set(self.classes)
        if unknown:
            message = f'data.py: class "{min(unknown)}" of the target has no training row.'
            raise UserError(message)
        return np.array([self.classes.index(str(value)) for value in target])

    def baselines(self, features: Features) -> dict[str, Array]:
        """Outputs that ignore the features: the class shares of the training set."""
        n_rows = len(next(iter(features.values())))
        return {"majority class": np.tile(self.class_shares, (n_rows, 1))}

    def choose(self, output: Array) -> IntArray:
        """The index of the predicted class of each row."""
        if self.threshold is None:
            return np.asarray(np.argmax(output, axis=1))
        return (output[:, 1] >= self.threshold).astype(int)

    def cost(self, y_true: IntArray, y_pred: IntArray | int) -> Array:
        """What each decision costs; 0 where it is right."""
        false_negatives = (y_true == 1) & (y_pred == 0)
        false_positives = (y_true == 0) & (y_pred == 1)
        decision = self.decision
        costs = (
            decision.cost_false_negative * false_negatives
            + decision.cost_false_positive * false_positives
        )
        return np.asarray(costs, dtype=float)

    def fit_decision(self, y_valid: IntArray, output: Array) -> Self:
        """A copy with the threshold that costs least on the validation set.

        Raises:
            UserError: A class has too few rows there.
        """
        if not self.is_binary:
            return self
        require_class_rows("validation", self.classes, np.bincount(y_valid, minlength=2))
        score = output[:, 1]
        quantiles = np.quantile(score, np.linspace(0, 1, 501), method="inverted_cdf")
        # At 1.0 the positive class is almost never predicted.
        thresholds = np.append(quantiles, 1.0)
        costs = [self.cost(y_valid, (score >= t).astype(int)).sum() for t in thresholds]
        best = float(thresholds[np.argmin(costs)])
        return self.model_copy(update={"threshold": best})

    def scorer(self, y_true: IntArray, output: Array) -> Callable[[IntArray], float]:
        """The primary metric as a function of row indices, for resamples and slices."""
        if self.is_binary:
            score = output[:, 1]
            return lambda rows: average_precision(y_true[rows], score[rows])
        y_pred = self.choose(output)
        return lambda rows: macro_f1(y_true[rows], y_pred[rows])

    def metrics(self, y_true: IntArray, output: Array) -> dict[str, float]:
        """All metrics on these rows; the definitions are scikit-learn's."""
        y_pred = self.choose(output)
        if not self.is_binary:
            accuracy = float(np.mean(y_true == y_pred))
            return {"macro_f1": macro_f1(y_true, y_pred), "accuracy": accuracy}
        from sklearn import metrics  # noqa: PLC0415 - the API has no scikit-learn

        score = output[:, 1]
        cost = self.cost(y_true, y_pred).mean()
        # The cost of the better constant decision: the same class for every row.
        constant_cost = min(self.cost(y_true, 0).mean(), self.cost(y_true, 1).mean())
        return {
            "average_precision": average_precision(y_true, score),
            "roc_auc": metrics.roc_auc_score(y_true, score),
            "brier_score": metrics.brier_score_loss(y_true, score),
            "precision": metrics.precision_score(y_true, y_pred, zero_division=0),
            "recall": metrics.recall_score(y_true, y_pred),
            "cost_per_1000": float(1000 * cost),
            "savings_per_1000": float(1000 * (constant_cost - cost)),
        }

    def predictions(self, output: Array) -> list[dict[str, Any]]:
        """The response for each row: the predicted class and all probabilities."""
        labels = [self.classes[index] for index in self.choose(output)]
        names = [f"probability_{name}" for name in self.classes]
        return [
            {"label": label, **dict(zip(names, probabilities, strict=True))}
            for label, probabilities in zip(labels, output.tolist(), strict=True)
        ]

    def monitored_columns(self, output: Array) -> dict[str, list[Any]]:
        """What monitoring compares of the predictions: all that they hold."""
        columns = {"label": [self.classes[index] for index in self.choose(output)]}
        probabilities = zip(self.classes, output.T.tolist(), strict=True)
        return columns | {f"probability_{name}": values for name, values in probabilities}

    def notes(self) -> list[str]:
        """Sentences for the report."""
        if self.threshold is None:
            return []
        decision = self.decision
        note = (
            f'The threshold is {self.threshold:.3f}: from this probability on, "{self.classes[1]}" '
            "is predicted. It had the lowest cost on the validation set, where a false negative "
            f"costs {decision.cost_false_negative:g} and a false positive "
            f"{decision.cost_false_positive:g}."
        )
        return [note]


def require_class_rows(split: str, names: Iterable[str], counts: IntArray) -> None:
    """Raises UserError with the first class that has fewer than MIN_CLASS_ROWS rows in a split."""
    for name, count in zip(names, counts, strict=True):
        if count < MIN_CLASS_ROWS:
            raise UserError(
                f'data.py: class "{name}" has {count} rows in the {split} set, fewer than '
                f"{MIN_CLASS_ROWS}; get more, or change the fractions in [split] of params.toml."
            )


def average_precision(y_true: IntArray, score: Array) -> float:
    """Precision averaged over recall; rows of equal score are one step. NaN without positives."""
    order = np.argsort(-score, kind="stable")
    is_last_of_ties = np.append(np.diff(score[order]) != 0, True)
    true_positives = np.cumsum(y_true[order])[is_last_of_ties]
    predicted = np.arange(1, len(y_true) + 1)[is_last_of_ties]
    found = np.diff(true_positives, prepend=0)
    if true_positives[-1] == 0:
        return float("nan")
    return float(np.sum(found * true_positives / predicted) / true_positives[-1])


def macro_f1(y_true: IntArray, y_pred: IntArray) -> float:
    """The mean F1 over the classes that occur in y_true or y_pred."""
    n_classes = int(max(y_true.max(), y_pred.max())) + 1
    hits = np.bincount(y_true[y_true == y_pred], minlength=n_classes)
    occurrences = np.bincount(np.concatenate([y_true, y_pred]), minlength=n_classes)
    present = occurrences > 0
    return float(np.mean(2 * hits[present] / occurrences[present]))
