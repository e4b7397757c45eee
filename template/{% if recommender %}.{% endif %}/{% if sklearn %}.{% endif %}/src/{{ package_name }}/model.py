"""The recommender, its parameters and its search space.

EASE, a linear model between items: H. Steck (2019), Embarrassingly Shallow Autoencoders for Sparse
Data, WWW. Each item is predicted from the others by ridge regression, in closed form. A new user
needs no training, the order of the likes has no weight, and each recommendation can be explained by
the weights of the likes. What users liked lately is added, because tastes and items change.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import helper, numpy_helper, parser
from optuna import Trial
from pydantic import Field

from .core.config import Config
from .core.metrics import (
    MASKED,
    build_catalogue,
    item_matrix,
    mask,
    recent_popularity,
    user_likes,
)
from .core.rows import Array, Features


@dataclass(frozen=True)
class Ease:
    """A fitted recommender.

    Attributes:
        items: The catalogue.
        weights: How much a like of one item adds to the score of another; shape (items, items).
        popularity: What is added to each item's score.
    """

    items: list[str]
    weights: Array
    popularity: Array


# As metrics.json names it.
FRAMEWORK = "sklearn"


class ModelConfig(Config):
    """[model] in params.toml."""

    regularization: float = Field(gt=0)
    half_life: float = Field(gt=0)
    popularity_weight: float = Field(ge=0)


def search_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of ModelConfig, for `tune`."""
    return {
        "regularization": trial.suggest_float("regularization", 3, 3000, log=True),
        "half_life": trial.suggest_float("half_life", 5, 200, log=True),
        "popularity_weight": trial.suggest_float("popularity_weight", 0.05, 50, log=True),
    }


def fit(config: ModelConfig, features: Features, y: Array, seed: int) -> Ease:  # noqa: ARG001 - nothing is random
    """Fit on the training set; `y` holds the items of each user's last session."""
    likes = user_likes(features, y)
    items = build_catalogue(likes)
    in_likes = item_matrix(likes, items).astype(float)
    popularity = config.popularity_weight * recent_popularity(in_likes, config.half_life)
    return Ease(
        items=items,
        weights=fit_weights(in_likes, config.regularization).astype(np.float32),
        popularity=popularity.astype(np.float32),
    )


def fit_weights(in_likes: Array, regularization: float) -> Array:
    """The weights between items; none between an item and itself: equation 8 of Steck (2019).

    Args:
        in_likes: Whether each user likes each item, of shape (users, items).
        regularization: The L2 penalty.
    """
    gram = in_likes.T @ in_likes
    precision = np.linalg.inv(gram + regularization * np.eye(len(gram)))
    weights = -precision / precision.diagonal()
    np.fill_diagonal(weights, 0)
    return weights


def predict(model: Ease, features: Features) -> Array:
    """Scores of shape (n, items)."""
    in_history = item_matrix(features["history"], model.items)
    likes = in_history.astype(np.float32)
    # Otherwise popularity would have less weight for users with a long history.
    length = np.sqrt(likes.sum(axis=1, keepdims=True).clip(min=1))
    scores = likes @ model.weights / length + model.popularity
    return mask(scores, in_history).astype(np.float32)


def to_onnx(model: Ease, features: Features) -> bytes:  # noqa: ARG001 - the shapes are known
    """The model in ONNX: its input is named as the feature, its last output is `predict`'s."""
    n_items = len(model.items)
    graph = f"""
    <ir_version: 10, opset_import: ["": 18, "ai.onnx.ml": 4]>
    recommend (string[n, longest] history) => (float[n, items] scores)
    <
        int64[1] zero = {{0}}, int64[1] one = {{1}}, int64[1] n_items = {{{n_items}}},
        int64[1] n_columns = {{{n_items + 1}}}, float liked = {{1}}, float not_liked = {{0}},
        float masked = {{{MASKED}}}
    > {{
        indices = ai.onnx.ml.LabelEncoder <default_int64 = {n_items}> (history)
        shape = Shape (history)
        n = Shape <end = 1> (history)
        ones = Expand (liked, shape)
        size = Concat <axis = 0> (n, n_columns)
        empty = ConstantOfShape (size)
        scattered = ScatterElements <axis = 1> (empty, indices, ones)
        likes = Slice (scattered, zero, n_items, one)
        n_likes = ReduceSum (likes, one)
        at_least_one = Max (n_likes, liked)
        length = Sqrt (at_least_one)
        weighted = MatMul (likes, weights)
        similar = Div (weighted, length)
        unmasked = Add (similar, popularity)
        in_history = Greater (likes, not_liked)
        scores = Where (in_history, masked, unmasked)
    }}"""
    onnx = parser.parse_model(graph)
    for name in ("weights", "popularity"):
        onnx.graph.initializer.append(numpy_helper.from_array(getattr(model, name), name))
    encoding = {"keys_strings": model.items, "values_int64s": range(n_items)}
    attributes = [helper.make_attribute(name, value) for name, value in encoding.items()]
    onnx.graph.node[0].attribute.extend(attributes)
    return bytes(onnx.SerializeToString())
