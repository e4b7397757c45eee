"""Yours: the recommender, what it learns before it predicts, and its search space.

Item to item: a film is recommended for having been liked together with the films that a person
likes, the latest of which count most. A new person needs no training, and the reason can be told.
Together is within a stretch of likes in a row: so, more likes held back from train were found.
"""

from typing import Any

import numpy as np
from implicit.nearest_neighbours import ItemItemRecommender, normalize
from onnx import helper, numpy_helper, parser
from optuna import Trial
from pydantic import Field
from scipy.sparse import csr_matrix

from .inputs import Array, Inputs
from .metrics import MASKED, catalogue, mask, positions
from .settings import Section

Model = dict[str, Any]
# The arithmetic of predict(); export measures whether it is.
GRAPH = """
<ir_version: 10, opset_import: ["": 18, "ai.onnx.ml": 4]>
recommend (string[n, longest] history) => (float[n, items] scores) {
    position = ai.onnx.ml.LabelEncoder (history)
    shape = Shape (history) rows = Shape <end = 1> (history) longest = Shape <start = 1> (history)
    by_age = Slice (fading, zero, longest) weight = Expand (by_age, shape)
    size = Concat <axis = 0> (rows, columns) empty = ConstantOfShape (size)
    all = ScatterElements <axis = 1> (empty, position, weight)
    taste = Slice (all, zero, count, one)
    alike = MatMul (taste, similarity) score = Add (alike, popularity)
    seen = Greater (taste, nothing) scores = Where (seen, masked, score)
}
"""


class Params(Section):
    """[model] in params.toml."""

    stretch: int = Field(ge=2)
    neighbours: int = Field(ge=1)
    half_life: float = Field(gt=0)
    popularity: float = Field(ge=0)


def search_space(trial: Trial) -> dict[str, Any]:
    """One point of the space that `tune` searches."""
    return {
        "stretch": trial.suggest_int("stretch", 5, 200, log=True),
        "neighbours": trial.suggest_int("neighbours", 20, 1000, log=True),
        "half_life": trial.suggest_float("half_life", 1, 30, log=True),
        "popularity": trial.suggest_float("popularity", 1e-4, 0.1, log=True),
    }


def fit(params: Params, inputs: Inputs, target: Array, _: int) -> Model:
    """Learn from the training part alone; `target` holds the position of each person's last."""
    items = catalogue(inputs)
    likes = np.column_stack([np.where(target < 0, len(items), target), positions(inputs, items)])
    person, place = np.nonzero(likes < len(items))
    item, first = likes[person, place], person * 2 * likes.shape[1]
    # Cut twice, the second time half a stretch later: neighbours are together once at least.
    once, again = (first + (place + by) // params.stretch for by in (0, params.stretch // 2))
    rows = np.unique(np.append(once, -1 - again), return_inverse=True)[1]
    together = csr_matrix((np.ones(len(rows)), (rows, np.tile(item, 2))))
    # The similarity is the cosine between items, of which the nearest are kept.
    recommender = ItemItemRecommender(K=params.neighbours, num_threads=1)
    recommender.fit(normalize(together.T).T.tocsr(), show_progress=False)
    counts = np.bincount(item, minlength=len(items))
    # Nothing fades to 0, or it would be recommended again; the API takes 10,000 items.
    fading = np.maximum(0.5 ** (np.arange(10_000) / params.half_life), 1e-9)
    return {
        "items": items,
        "similarity": recommender.similarity.toarray().astype(np.float32),
        "popularity": (params.popularity * counts / counts.max()).astype(np.float32),
        "fading": fading.astype(np.float32),
    }


def predict(model: Model, inputs: Inputs) -> Array:
    """Scores of shape (n, items)."""
    where, count = positions(inputs, model["items"]), len(model["items"])
    taste = np.zeros((len(where), count + 1), dtype=np.float32)
    np.put_along_axis(taste, where, model["fading"][np.newaxis, : where.shape[1]], axis=1)
    scores = taste[:, :count] @ model["similarity"] + model["popularity"]
    return mask(scores, taste[:, :count] > 0).astype(np.float32)


def to_onnx(model: Model, _: Inputs) -> bytes:
    """The model in ONNX; its last output is what `predict` returns."""
    onnx, count = parser.parse_model(GRAPH), len(model["items"])
    constants = {name: model[name] for name in ("similarity", "popularity", "fading")}
    for name, number in {"zero": 0, "one": 1, "count": count, "columns": count + 1}.items():
        constants[name] = np.array([number])
    constants |= {"nothing": np.array(0, np.float32), "masked": np.array(MASKED, np.float32)}
    onnx.graph.initializer.extend(numpy_helper.from_array(constants[n], n) for n in constants)
    encode = {"keys_strings": model["items"], "values_int64s": range(count), "default_int64": count}
    onnx.graph.node[0].attribute.extend(helper.make_attribute(n, encode[n]) for n in encode)
    return bytes(onnx.SerializeToString())
