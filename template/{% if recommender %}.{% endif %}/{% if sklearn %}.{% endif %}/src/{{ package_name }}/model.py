"""The recommender, its parameters and its search space.

Item-based collaborative filtering: a film is recommended because it was liked together with films
of the history, of which the latest count most. A new user needs no training, and each
recommendation can be explained. Films are liked together if they are near each other in a user's
sequence of likes: that found more next films of the validation set than whole histories did.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from implicit.nearest_neighbours import ItemItemRecommender, normalize
from onnx import helper, numpy_helper, parser
from optuna import Trial
from pydantic import Field
from scipy.sparse import csr_matrix

from .core.config import Config
from .core.metrics import MASKED, build_catalogue, item_indices, mask
from .core.rows import Array, Features
from .features import MAX_HISTORY


@dataclass(frozen=True)
class ItemToItem:
    """A fitted recommender.

    Attributes:
        items: The catalogue.
        similarity: Shape (items, items).
        popularity: What is added to each item's score.
        decay: The weight of a like by its age, counted in later likes.
    """

    items: list[str]
    similarity: Array
    popularity: Array
    decay: Array


# As metrics.json names it.
FRAMEWORK = "sklearn"


class ModelConfig(Config):
    """[model] in params.toml."""

    window: int = Field(ge=2)
    n_neighbours: int = Field(ge=1)
    half_life: float = Field(gt=0)
    popularity_weight: float = Field(ge=0)


def search_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of ModelConfig, for `tune`."""
    return {
        "window": trial.suggest_int("window", 5, 200, log=True),
        "n_neighbours": trial.suggest_int("n_neighbours", 20, 1000, log=True),
        "half_life": trial.suggest_float("half_life", 1, 30, log=True),
        "popularity_weight": trial.suggest_float("popularity_weight", 1e-4, 0.1, log=True),
    }


def fit(config: ModelConfig, features: Features, y: Array, seed: int) -> ItemToItem:  # noqa: ARG001 - nothing is random
    """Fit on the training set; `y` holds the index of each user's latest item, -1 for none."""
    items = build_catalogue(features)
    latest = np.where(y < 0, len(items), y)
    likes = np.column_stack([latest, item_indices(features, items)])
    counts = np.bincount(likes.ravel())[: len(items)]
    decay = 0.5 ** (np.arange(MAX_HISTORY) / config.half_life)
    return ItemToItem(
        items=items,
        similarity=fit_similarity(window_matrix(likes, len(items), config.window), config),
        popularity=(config.popularity_weight * counts / counts.max()).astype(np.float32),
        # Above 0, because an item without weight would not be masked.
        decay=np.maximum(decay, 1e-9).astype(np.float32),
    )


def window_matrix(likes: Array, n_items: int, window: int) -> csr_matrix:
    """How often each item occurs in each window, of shape (windows, items).

    Each user's sequence is cut into windows twice, the second time shifted by half a window, so
    that neighbours are in the same window at least once.

    Args:
        likes: Indices of items, of shape (users, longest); n_items where there is none.
        n_items: The size of the catalogue.
        window: How many likes in a row are a window.
    """
    user, position = np.nonzero(likes < n_items)
    item = likes[user, position]
    first_window = user * 2 * likes.shape[1]
    unshifted = first_window + position // window
    shifted = first_window + (position + window // 2) // window
    # Negative, so that no shifted window has the number of an unshifted one.
    numbers = np.concatenate([unshifted, -1 - shifted])
    rows = np.unique(numbers, return_inverse=True)[1]
    return csr_matrix((np.ones(len(rows)), (rows, np.tile(item, 2))))


def fit_similarity(windows: csr_matrix, config: ModelConfig) -> Array:
    """The cosine similarity of items by their windows; each item keeps its nearest neighbours."""
    normalized = normalize(windows.T).T.tocsr()
    recommender = ItemItemRecommender(K=config.n_neighbours, num_threads=1)
    recommender.fit(normalized, show_progress=False)
    return np.asarray(recommender.similarity.toarray(), dtype=np.float32)


def predict(model: ItemToItem, features: Features) -> Array:
    """Scores of shape (n, items)."""
    indices = item_indices(features, model.items)
    n_items = len(model.items)
    weights = model.decay[np.newaxis, : indices.shape[1]]
    taste = np.zeros((len(indices), n_items + 1), dtype=np.float32)
    np.put_along_axis(taste, indices, weights, axis=1)
    taste = taste[:, :n_items]
    scores = taste @ model.similarity + model.popularity
    return mask(scores, taste > 0).astype(np.float32)


def to_onnx(model: ItemToItem, features: Features) -> bytes:  # noqa: ARG001 - the shapes are known
    """The model in ONNX: its input is named as the feature, its last output is `predict`'s."""
    n_items = len(model.items)
    graph = f"""
    <ir_version: 10, opset_import: ["": 18, "ai.onnx.ml": 4]>
    recommend (string[n, longest] history) => (float[n, items] scores)
    <
        int64[1] zero = {{0}}, int64[1] one = {{1}}, int64[1] n_items = {{{n_items}}},
        int64[1] n_columns = {{{n_items + 1}}}, float no_weight = {{0}}, float masked = {{{MASKED}}}
    > {{
        indices = ai.onnx.ml.LabelEncoder <default_int64 = {n_items}> (history)
        shape = Shape (history)
        n = Shape <end = 1> (history)
        length = Shape <start = 1> (history)
        latest = Slice (decay, zero, length)
        weights = Expand (latest, shape)
        size = Concat <axis = 0> (n, n_columns)
        empty = ConstantOfShape (size)
        scattered = ScatterElements <axis = 1> (empty, indices, weights)
        taste = Slice (scattered, zero, n_items, one)
        similar = MatMul (taste, similarity)
        unmasked = Add (similar, popularity)
        in_history = Greater (taste, no_weight)
        scores = Where (in_history, masked, unmasked)
    }}"""
    onnx = parser.parse_model(graph)
    for name in ("similarity", "popularity", "decay"):
        onnx.graph.initializer.append(numpy_helper.from_array(getattr(model, name), name))
    encoding = {"keys_strings": model.items, "values_int64s": range(n_items)}
    attributes = [helper.make_attribute(name, value) for name, value in encoding.items()]
    onnx.graph.node[0].attribute.extend(attributes)
    return bytes(onnx.SerializeToString())
