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

Scorer = Callable[[IntArray], float]

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
        threshold: With two classes, the lowest probability at which the positive one is predicted.
    """

    classes: list[str]
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
        if decision.positive not in ["", *names]:
            known = ", ".join(names)
            message = f'{PARAMS}: positive = "{decision.positive}" is not a class ({known}).'
            raise UserError(message, 2)
        require_class_rows("training", names, counts)
        # True sorts after False.
        classes = sorted(names.tolist(), key=lambda name: name == decision.positive)
        return cls(classes=classes, decision=decision)

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
        index = {name: position for position, name in enumerate(self.classes)}
        try:
            return np.array([index[str(value)] for value in target])
        except KeyError as error:
            raise UserError(f"data.py: class {error} of the target has no training row.") from error

    def baselines(self, y_train: IntArray, features: Features) -> dict[str, Array]:
        """Outputs that ignore the features: the class shares of the training set."""
        n_rows = len(next(iter(features.values())))
        shares = np.bincount(y_train) / len(y_train)
        return {"class prior": np.tile(shares, (n_rows, 1))}

    def choose(self, output: Array) -> IntArray:
        """The index of the predicted class of each row."""
        if self.threshold is None:
            return np.asarray(np.argmax(output, axis=1))
        return (output[:, 1] >= self.threshold).astype(int)

    def cost_per_1000(self, y_true: IntArray, y_pred: Array) -> float:
        """What 1,000 decisions cost; a right one costs nothing."""
        decision = self.decision
        costs = [[0, decision.cost_false_positive], [decision.cost_false_negative, 0]]
        return float(1000 * np.array(costs)[y_true, y_pred.astype(int)].mean())

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
        thresholds = [*quantiles.tolist(), 1.0]
        best = min(thresholds, key=lambda t: self.cost_per_1000(y_valid, score >= t))
        return self.model_copy(update={"threshold": best})

    def scorer(self, y_true: IntArray, output: Array) -> Scorer:
        """The primary metric as a function of row indices, for resamples and slices."""
        if self.is_binary:
            rank = np.unique(output[:, 1], return_inverse=True)[1]
            return lambda rows: average_precision(y_true[rows], rank[rows])
        y_pred = self.choose(output)
        return lambda rows: macro_f1(y_true[rows], y_pred[rows])

    def metrics(self, y_true: IntArray, output: Array) -> dict[str, float]:
        """All metrics on these rows; the definitions are scikit-learn's."""
        from sklearn import metrics  # noqa: PLC0415 - the API has no scikit-learn

        y_pred = self.choose(output)
        if not self.is_binary:
            accuracy = metrics.accuracy_score(y_true, y_pred)
            return {"macro_f1": macro_f1(y_true, y_pred), "accuracy": accuracy}
        score = output[:, 1]
        rows = np.arange(len(y_true))
        rates = {name: rate(rows) for name, rate in self.error_rates(y_true, output).items()}
        return {
            "average_precision": metrics.average_precision_score(y_true, score),
            "roc_auc": roc_auc(y_true, score),
            "brier_score": metrics.brier_score_loss(y_true, score),
            "precision": metrics.precision_score(y_true, y_pred, zero_division=0),
            "recall": metrics.recall_score(y_true, y_pred),
            "base_rate": float(y_true.mean()),
            "selection_rate": float(y_pred.mean()),
            **rates,
            "cost_per_1000": self.cost_per_1000(y_true, y_pred),
            "savings_per_1000": self.savings_per_1000(y_true, y_pred),
        }

    def savings_per_1000(self, y_true: IntArray, y_pred: Array) -> float:
        """What 1,000 decisions save, compared with the better constant one."""
        constant = [np.full_like(y_true, label) for label in (0, 1)]
        constant_cost = min(self.cost_per_1000(y_true, decision) for decision in constant)
        return constant_cost - self.cost_per_1000(y_true, y_pred)

    def error_rates(self, y_true: IntArray, output: Array) -> dict[str, Scorer]:
        """The rates of both errors, which are compared between slices; NaN where undefined.

        Equalized odds: Hardt, Price and Srebro (2016), Equality of Opportunity.
        """
        if not self.is_binary:
            return {}
        y_pred = self.choose(output)
        return {
            "false_positive_rate": lambda rows: share(y_pred[rows][y_true[rows] == 0]),
            "false_negative_rate": lambda rows: share(1 - y_pred[rows][y_true[rows] == 1]),
        }

    def predictions(self, output: Array) -> list[dict[str, Any]]:
        """The response for each row: the predicted class and all probabilities."""
        columns = self.monitored_columns(output)
        rows = zip(*columns.values(), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def monitored_columns(self, output: Array) -> dict[str, list[Any]]:
        """What monitoring compares of the predictions: all that they hold."""
        columns = {"label": [self.classes[index] for index in self.choose(output)]}
        for name, probabilities in zip(self.classes, output.T.tolist(), strict=True):
            columns[f"probability_{name}"] = probabilities
        return columns

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


def average_precision(y_true: IntArray, rank: IntArray) -> float:
    """Precision averaged over recall. NaN without positives.

    Fifty times as fast as scikit-learn's, for the bootstrap.

    Args:
        y_true: 1 for a positive row, else 0.
        rank: The rank of each row's score from 0; rows of equal score have the same.
    """
    if not y_true.any():
        return float("nan")
    # From the highest rank to the lowest.
    positives = np.bincount(rank, y_true)[::-1]
    precision = np.cumsum(positives) / np.cumsum(np.bincount(rank)[::-1])
    return float(positives @ precision / positives.sum())


def roc_auc(y_true: IntArray, score: Array) -> float:
    """Area under the ROC curve; NaN where a class is missing."""
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - the API has no scikit-learn

    return float(roc_auc_score(y_true, score)) if 0 < y_true.mean() < 1 else float("nan")


def share(values: Array) -> float:
    """The mean of zeros and ones; NaN where there are none."""
    return float(values.mean()) if len(values) else float("nan")


def macro_f1(y_true: IntArray, y_pred: IntArray) -> float:
    """The mean F1 over the classes that occur in y_true or y_pred."""
    totals = np.bincount(np.append(y_true, y_pred))
    correct = np.bincount(y_true[y_true == y_pred], minlength=len(totals))
    return float(np.mean(2 * correct[totals > 0] / totals[totals > 0]))
