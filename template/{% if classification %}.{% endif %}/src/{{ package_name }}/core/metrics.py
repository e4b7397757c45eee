"""Classification: classes, decision threshold, baselines, metrics and predictions.

Imports only numpy and pydantic, because the API uses it too. An output has shape (n, classes) and
holds probabilities; y holds the index of each row's class. Of two classes the second is positive.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, Field

from .config import PARAMS, Config, MonitoringConfig, UserError
from .rows import Array, Features, IntArray, Scorer

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
        test_share: With two classes, the share of positives in the test set, for monitoring.
        test_means: The mean score of each class there; none if the model does not separate them.
    """

    classes: list[str]
    decision: DecisionConfig
    threshold: float | None = None
    test_share: float = 0
    test_means: list[float] = Field(default_factory=list)

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

    def savings_per_1000(self, y_true: IntArray, y_pred: Array) -> float:
        """What 1,000 decisions cost less than the better constant one, the same for every row."""
        constants = [np.full_like(y_true, label) for label in (0, 1)]
        constant_cost = min(self.cost_per_1000(y_true, constant) for constant in constants)
        return constant_cost - self.cost_per_1000(y_true, y_pred)

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
            rank = dense_rank(output[:, 1])
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
            "roc_auc": roc_auc(y_true, dense_rank(score)),
            "brier_score": metrics.brier_score_loss(y_true, score),
            "precision": metrics.precision_score(y_true, y_pred, zero_division=0),
            "recall": metrics.recall_score(y_true, y_pred),
            "base_rate": float(y_true.mean()),
            "selection_rate": float(y_pred.mean()),
            **rates,
            "cost_per_1000": self.cost_per_1000(y_true, y_pred),
            "savings_per_1000": self.savings_per_1000(y_true, y_pred),
        }

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

    def slice_differences(
        self, y_true: IntArray, output: Array, inside: Array
    ) -> dict[str, Scorer]:
        """The rates of both errors on rows inside a slice minus those on the other rows."""
        differences = {}
        for name, rate in self.error_rates(y_true, output).items():
            scorer = difference(rate, inside)
            if np.isfinite(scorer(np.arange(len(y_true)))):
                differences[name] = scorer
        return differences

    def predictions(self, output: Array) -> list[dict[str, Any]]:
        """The response for each row: the predicted class and all probabilities."""
        names = ["label", *(f"probability_{name}" for name in self.classes)]
        rows = zip(self.choose(output), output.tolist(), strict=True)
        return [
            dict(zip(names, [self.classes[index], *probabilities], strict=True))
            for index, probabilities in rows
        ]

    def monitored_columns(self, output: Array) -> dict[str, list[Any]]:
        """What monitoring compares of the predictions: all that they hold."""
        columns = {"label": [self.classes[index] for index in self.choose(output)]}
        for name, probabilities in zip(self.classes, output.T.tolist(), strict=True):
            columns[f"probability_{name}"] = probabilities
        return columns

    def fit_reference(self, y_test: IntArray, output: Array) -> Self:
        """A copy with the mean score of each class in the test set, for class_balance()."""
        test_share = float(y_test.mean())
        if not self.is_binary or not 0 < test_share < 1:
            return self
        means = [float(output[y_test == label, 1].mean()) for label in (0, 1)]
        if means[0] >= means[1]:
            return self
        return self.model_copy(update={"test_share": test_share, "test_means": means})

    def monitored_metrics(self, y_true: IntArray, output: Array) -> dict[str, tuple[bool, Scorer]]:
        """What monitoring compares with the test set: the quality of the ranking and its worth.

        Of two classes, average precision is that at the class balance of the test set, since more
        positives alone would raise it. Cost and savings are those of the current rows.

        Returns:
            By name: whether higher is better, and the metric as a function of row indices.
        """
        if not self.is_binary:
            return {self.primary_metric: (True, self.scorer(y_true, output))}
        rank = dense_rank(output[:, 1])
        y_pred = self.choose(output)
        return {
            "average_precision": (
                True,
                lambda r: average_precision(y_true[r], rank[r], self.test_share),
            ),
            "roc_auc": (True, lambda r: roc_auc(y_true[r], rank[r])),
            "cost_per_1000": (False, lambda r: self.cost_per_1000(y_true[r], y_pred[r])),
            "savings_per_1000": (True, lambda r: self.savings_per_1000(y_true[r], y_pred[r])),
        }

    def class_balance(
        self, drifts: Mapping[str, Any], limits: MonitoringConfig
    ) -> dict[str, Any] | None:
        """The share of positives among current rows; None where it cannot be estimated.

        Black-box shift estimation: Lipton, Wang and Smola (2018), ICML, with the mean score in
        place of the predicted class. It holds if only the class balance has changed: a shift of
        the fields moves the mean score, too, and scores alone do not tell the two apart.

        Args:
            drifts: What monitoring/drift.py found, by column.
            limits: The share has changed if it differs by `mean_shift` standard deviations of the
                target and the mean score differs at `alpha`.
        """
        drift = drifts.get(f"probability_{self.classes[-1]}")
        if drift is None or not self.test_means:
            return None
        negative, positive = self.test_means
        share = float(np.clip((drift.mean - negative) / (positive - negative), 0, 1))
        deviation = np.sqrt(self.test_share * (1 - self.test_share))
        is_large = abs(share - self.test_share) > limits.mean_shift * deviation
        return {
            "label": self.classes[1],
            "share": share,
            "test": self.test_share,
            "changed": bool(is_large and drift.mean_p_value < limits.alpha),
        }

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


def dense_rank(score: Array) -> IntArray:
    """The rank of each score from 0; equal scores have the same."""
    return np.unique(score, return_inverse=True)[1]


def average_precision(y_true: IntArray, rank: IntArray, prior: float = 0) -> float:
    """Precision averaged over recall. NaN without positives.

    Fifty times as fast as scikit-learn's, for the bootstrap.

    Args:
        y_true: 1 for a positive row, else 0.
        rank: Of each row's score, as dense_rank() returns it.
        prior: The share of positives that rows are weighted to; 0 leaves it as it is.
    """
    if not y_true.any():
        return float("nan")
    # From the highest rank to the lowest.
    positives = np.bincount(rank, y_true)[::-1]
    negatives = np.bincount(rank, 1 - y_true)[::-1]
    if prior and negatives.any():
        negatives *= (1 - prior) / prior * positives.sum() / negatives.sum()
    true_positives = np.cumsum(positives)
    precision = true_positives / (true_positives + np.cumsum(negatives))
    return float(positives @ precision / positives.sum())


def roc_auc(y_true: IntArray, rank: IntArray) -> float:
    """The share of pairs in which the positive row has the higher rank; of ties, a half counts.

    NaN without positives or without negatives. For the bootstrap, as average_precision().
    """
    positives = np.bincount(rank, y_true)
    negatives = np.bincount(rank, 1 - y_true)
    n_pairs = positives.sum() * negatives.sum()
    if not n_pairs:
        return float("nan")
    return float(positives @ (np.cumsum(negatives) - negatives / 2) / n_pairs)


def difference(rate: Scorer, inside: Array) -> Scorer:
    """The rate on rows inside a slice minus the rate on the other rows."""
    return lambda rows: rate(rows[inside[rows]]) - rate(rows[~inside[rows]])


def share(values: Array) -> float:
    """The mean of zeros and ones; NaN where there are none."""
    return float(values.mean()) if len(values) else float("nan")


def macro_f1(y_true: IntArray, y_pred: IntArray) -> float:
    """The mean F1 over the classes that occur in y_true or y_pred."""
    totals = np.bincount(np.append(y_true, y_pred))
    correct = np.bincount(y_true[y_true == y_pred], minlength=len(totals))
    return float(np.mean(2 * correct[totals > 0] / totals[totals > 0]))
