"""Ranking: the catalogue, baseline, metrics and predictions.

Needs numpy alone, because the API uses it too. An output of the model has shape (n, items): a score
for each item of the catalogue, MASKED where the history holds the item. y holds a list of names for
each row: the items that were chosen next, whether the catalogue has them or not. Of two items with
the same score, the first in the catalogue ranks higher.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, Field

from .config import PARAMS, Config, UserError
from .rows import Array, Features, IntArray, Scorer

HIGHER_IS_BETTER = True
MASKED = -1e9
# An item that fewer users chose is not in the catalogue: too little could be learned about it.
MIN_USERS = 5
# Of more items, those that most users chose: the model may hold a weight for each pair.
MAX_ITEMS = 5000


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
            target: The next items of each user.
            features: "history" of shape (n, longest), filled up with empty texts.
            decision: The section of params.toml.

        Raises:
            UserError: The catalogue has no more than k items.
        """
        likes = user_likes(features, target)
        items = build_catalogue(likes)
        if len(items) <= decision.k:
            message = f"{PARAMS}: k = {decision.k} must be below the {len(items)} known items."
            raise UserError(message, 2)
        counts = item_matrix(likes, items).sum(axis=0).tolist()
        return cls(items=items, counts=counts, decision=decision)

    @property
    def primary_metric(self) -> str:
        """The metric that the gate and the report are about."""
        return f"ndcg_at_{self.decision.k}"

    def encode(self, target: Sequence[Any] | Array, features: Features) -> Array:  # noqa: ARG002 - other kinds of task use it
        """The distinct next items of each row, as lists.

        Raises:
            ValueError: A row has no list, or an empty one.
        """
        for items in target:
            if not isinstance(items, list | np.ndarray) or len(items) == 0:
                raise ValueError("each row needs a list of one item or more")
        distinct = [list(dict.fromkeys(map(str, items))) for items in target]
        return np.fromiter(distinct, dtype=object)

    def baselines(self, y_train: Array, features: Features) -> dict[str, Array]:  # noqa: ARG002 - the counts suffice
        """The items that most users chose, without those of the history."""
        in_history = item_matrix(features["history"], self.items)
        return {"popularity": mask(np.array(self.counts), in_history)}

    def fit_decision(self, y_valid: Array, output: Array) -> Self:  # noqa: ARG002 - other kinds of task use it
        """The same target: a ranking has nothing to choose on the validation set."""
        return self

    def found(self, y_true: Array, output: Array, k: int) -> Array:
        """Whether each place of each list holds a next item, of shape (n, k)."""
        can_be_found = item_matrix(y_true, self.items) & (output > MASKED)
        return np.take_along_axis(can_be_found, best_items(output, k), axis=1)

    def scorer(self, y_true: Array, output: Array) -> Scorer:
        """The primary metric as a function of row indices, for resamples and slices."""
        found = self.found(y_true, output, self.decision.k)
        gains = ndcg(found, count_items(y_true))
        return lambda rows: float(gains[rows].mean())

    def metrics(self, y_true: Array, output: Array) -> dict[str, float]:
        """All metrics on these rows."""
        k = self.decision.k
        found = self.found(y_true, output, k)
        n_items = count_items(y_true)
        means = {
            self.primary_metric: ndcg(found, n_items),
            f"hit_rate_at_{k}": found.any(axis=1),
            # Of what a list of k can hold, as by Liang et al. (2018).
            f"recall_at_{k}": found.sum(axis=1) / np.minimum(n_items, k),
            # The share of the catalogue that is in at least one list.
            f"coverage_at_{k}": top_k_matrix(output, k).any(axis=0),
            # An upper bound of the hit rate.
            "in_catalogue": item_matrix(y_true, self.items).any(axis=1),
        }
        return {name: float(values.mean()) for name, values in means.items()}

    def slice_differences(self, *_: Any) -> dict[str, Scorer]:
        """What is compared between a slice and the other rows: nothing."""
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
        return [
            (
                f"The catalogue holds the {len(self.items):,} items that most users of the "
                f"training set chose, at least {MIN_USERS} each; every other next item counts as "
                "not found."
            )
        ]


def user_likes(features: Features, y: Array) -> list[list[str]]:
    """All items of each user of the training set, history and next items."""
    pairs = zip(features["history"], y, strict=True)
    return [[*history, *next_items] for history, next_items in pairs]


def build_catalogue(likes: Iterable[Iterable[str]]) -> list[str]:
    """The items that can be recommended, sorted by name; `likes` holds a list for each user."""
    users = Counter(chain.from_iterable(map(dict.fromkeys, likes)))
    popular = users.most_common(MAX_ITEMS)
    # The empty text fills up short histories.
    return sorted(item for item, count in popular if item and count >= MIN_USERS)


def item_matrix(lists: Sequence[Iterable[str]] | Array, items: list[str]) -> Array:
    """Whether each list holds each item, of shape (n, items)."""
    index = {item: position for position, item in enumerate(items)}
    matrix = np.zeros((len(lists), len(items)), dtype=bool)
    for row, names in zip(matrix, lists, strict=True):
        row[[index[name] for name in names if name in index]] = True
    return matrix


def recent_popularity(likes: Array, half_life: float) -> Array:
    """The share of each item in all likes, in which users who came last count most.

    Args:
        likes: Whether each user likes each item, of shape (users, items), in order of the users'
            last sessions.
        half_life: After how many later users a user counts half.
    """
    n_later = np.arange(len(likes))[::-1]
    counts = 0.5 ** (n_later / half_life) @ likes
    shares: Array = counts / counts.sum()
    return shares


def mask(scores: Array, in_history: Array) -> Array:
    """The scores, MASKED where the history holds the item."""
    return np.where(in_history, MASKED, scores)


def count_items(y: Array) -> IntArray:
    """How many items each row has to find."""
    return np.array([len(items) for items in y])


def ndcg(found: Array, n_items: IntArray) -> Array:
    """The normalised discounted cumulative gain of each row.

    Args:
        found: Whether each place of the list holds a next item, of shape (n, k).
        n_items: How many next items each row has, whether the catalogue has them or not.
    """
    k = found.shape[1]
    discount = 1 / np.log2(np.arange(k) + 2)
    ideal = discount.cumsum()[np.minimum(n_items, k) - 1]
    gains: Array = found @ discount / ideal
    return gains


def best_items(output: Array, k: int) -> IntArray:
    """Indices of the k highest scores of each row, the best first."""
    return np.argsort(-output, axis=1, kind="stable")[:, :k]


def top_k_matrix(output: Array, k: int) -> Array:
    """Whether each item is in the list of each row, of shape (n, items)."""
    matrix = np.zeros(output.shape, dtype=bool)
    np.put_along_axis(matrix, best_items(output, k), values=True, axis=1)
    return matrix & (output > MASKED)
