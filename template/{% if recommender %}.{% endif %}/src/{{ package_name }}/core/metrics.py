"""Ranking: the catalogue, baseline, metrics and predictions.

Needs numpy alone, because the API uses it too. An output of the model has shape (n, items): a score
for each item of the catalogue, MASKED where the history holds the item. y holds the index of the
one item that was chosen next, -1 where the catalogue lacks it. Of two items with the same score,
the first in the catalogue ranks higher.
"""

from collections import Counter
from collections.abc import Callable
from itertools import chain
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, Field

from .config import PARAMS, Config, UserError
from .rows import Array, Features, IntArray

HIGHER_IS_BETTER = True
MASKED = -1e9
# An item that fewer users chose is not in the catalogue: too little could be learned about it.
MIN_USERS = 5


class DecisionConfig(Config):
    """[decision] in params.toml: the number of items in a list."""

    k: int = Field(ge=1, le=100)


class Target(BaseModel):
    """What is learned from the target; stored in bundle.json.

    Attributes:
        items: The catalogue.
        counts: How many users of the training set chose each item.
    """

    items: list[str]
    counts: list[int]
    decision: DecisionConfig

    @classmethod
    def fit(
        cls,
        target: Array,
        features: Features,
        decision: DecisionConfig,
    ) -> Self:
        """Build the catalogue from the training set.

        Args:
            target: The next item of each user.
            features: "history" of shape (n, longest), filled up with empty texts.
            decision: The section of params.toml.

        Raises:
            UserError: The catalogue has no more than k items.
        """
        items = build_catalogue(features)
        if len(items) <= decision.k:
            message = f"{PARAMS}: k = {decision.k} must be below the {len(items)} known items."
            raise UserError(message, 2)
        users = count_users(features)
        users.update(target.tolist())
        counts = [users[item] for item in items]
        return cls(items=items, counts=counts, decision=decision)

    @property
    def primary_metric(self) -> str:
        """The metric that the gate and the report are about."""
        return f"ndcg_at_{self.decision.k}"

    def encode(self, target: Array, features: Features) -> IntArray:  # noqa: ARG002 - other kinds of task use it
        """The index of each row's item, -1 where the catalogue lacks it."""
        index = {item: position for position, item in enumerate(self.items)}
        return np.array([index.get(item, -1) for item in target])

    def baselines(self, y_train: IntArray, features: Features) -> dict[str, Array]:  # noqa: ARG002 - the counts suffice
        """The items that most users chose, without those of the history."""
        popularity = np.array(self.counts)
        in_history = history_matrix(features, self.items)
        return {"popularity": mask(popularity, in_history)}

    def fit_decision(self, y_valid: IntArray, output: Array) -> Self:  # noqa: ARG002 - other kinds of task use it
        """The same target: a ranking has nothing to choose on the validation set."""
        return self

    def scorer(self, y_true: IntArray, output: Array) -> Callable[[IntArray], float]:
        """The primary metric as a function of row indices, for resamples and slices."""
        gains = ndcg(ranks(y_true, output), self.decision.k)
        return lambda rows: float(gains[rows].mean())

    def metrics(self, y_true: IntArray, output: Array) -> dict[str, float]:
        """All metrics on these rows."""
        k = self.decision.k
        rank = ranks(y_true, output)
        in_list = rank <= k
        means = {
            self.primary_metric: ndcg(rank, k),
            f"hit_rate_at_{k}": in_list,
            f"mrr_at_{k}": in_list / rank,
            # The share of the catalogue that is in at least one list.
            f"coverage_at_{k}": top_k_matrix(output, k).any(axis=0),
            # An upper bound of the hit rate.
            "in_catalogue": y_true >= 0,
        }
        return {name: float(values.mean()) for name, values in means.items()}

    def error_rates(self, *_: Any) -> dict[str, Callable[[IntArray], float]]:
        """Rates that are compared between slices: none."""
        return {}

    def conditions(self, *_: Any) -> dict[str, dict[str, float]]:
        """Values that the gate requires to be above a limit: none beside the improvement."""
        return {}

    def predictions(self, output: Array) -> list[dict[str, Any]]:
        """The response for each row: its best items and their scores."""
        return [self.prediction(scores) for scores in output]

    def prediction(self, scores: Array) -> dict[str, Any]:
        """The list of one row; shorter than k where the history holds nearly all items."""
        (best,) = best_items(scores[np.newaxis], self.decision.k)
        allowed = best[scores[best] > MASKED]
        # Without an item of the catalogue in the history, only popularity is left.
        based_on = "history" if (scores <= MASKED).any() else "popularity"
        return {
            "items": [self.items[index] for index in allowed],
            "scores": scores[allowed].tolist(),
            "based_on": based_on,
        }

    def monitored_columns(self, output: Array) -> dict[str, list[Any]]:
        """What monitoring compares of the predictions."""
        return {
            "known_items": (output <= MASKED).sum(axis=1).tolist(),
            "best_score": output.max(axis=1).tolist(),
        }

    def notes(self) -> list[str]:
        """Sentences for the report."""
        note = (
            f"The catalogue holds the {len(self.items):,} items that at least {MIN_USERS} users of "
            "the training set chose; any other next item counts as not found."
        )
        return [note]


def count_users(features: Features) -> Counter[str]:
    """How many histories hold each item, and the empty text that fills up short ones."""
    histories = features["history"].tolist()
    return Counter(chain.from_iterable(histories))


def build_catalogue(features: Features) -> list[str]:
    """The items that can be recommended, sorted by name."""
    users = count_users(features)
    return sorted(item for item in users if item and users[item] >= MIN_USERS)


def item_indices(features: Features, items: list[str]) -> IntArray:
    """The history as indices of `items`, of shape (n, longest); len(items) where there is none."""
    index = {item: position for position, item in enumerate(items)}
    unknown = len(items)
    histories = features["history"].tolist()
    indices = [[index.get(item, unknown) for item in history] for history in histories]
    return np.array(indices, dtype=np.int64)


def history_matrix(features: Features, items: list[str]) -> Array:
    """Whether each history holds each item, of shape (n, items)."""
    indices = item_indices(features, items)
    matrix = np.zeros((len(indices), len(items) + 1), dtype=bool)
    np.put_along_axis(matrix, indices, values=True, axis=1)
    return matrix[:, :-1]


def mask(scores: Array, in_history: Array) -> Array:
    """The scores, MASKED where the history holds the item."""
    return np.where(in_history, MASKED, scores)


def ranks(y_true: IntArray, output: Array) -> Array:
    """The rank of each row's next item, from 1; infinite where it cannot be recommended."""
    n_items = output.shape[1]
    is_next_item = y_true[:, np.newaxis] == np.arange(n_items)
    can_be_found = is_next_item & (output > MASKED)
    in_order = np.take_along_axis(can_be_found, best_items(output, n_items), axis=1)
    return np.where(in_order.any(axis=1), 1.0 + in_order.argmax(axis=1), np.inf)


def ndcg(rank: Array, k: int) -> Array:
    """The normalised discounted cumulative gain of each row, which has one item to find."""
    return np.where(rank <= k, 1 / np.log2(rank + 1), 0)


def best_items(output: Array, k: int) -> IntArray:
    """Indices of the k highest scores of each row, the best first."""
    return np.argsort(-output, axis=1, kind="stable")[:, :k]


def top_k_matrix(output: Array, k: int) -> Array:
    """Whether each item is in the list of each row, of shape (n, items)."""
    matrix = np.zeros(output.shape, dtype=bool)
    np.put_along_axis(matrix, best_items(output, k), values=True, axis=1)
    return matrix & (output > MASKED)
