"""Yours: the clustering, the rule that chooses how many segments there are, and the search space.

k-means: a segment is its centre, so that a new row can be placed and the segment described.
Replicas, each fitted on a bootstrap resample, tell how much of the segments is chance.
"""

from typing import Any

import numpy as np
from onnx import numpy_helper, parser
from optuna import Trial
from pydantic import Field
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # no types

from .inputs import Array, Inputs
from .settings import Section, UserError


class Params(Section):
    """[model] in params.toml."""

    k_min: int = Field(ge=2)
    k_max: int = Field(ge=2, le=50)
    min_stability: float = Field(ge=0, le=1)
    replicas: int = Field(ge=2, le=200)
    n_init: int = Field(ge=1)


def search_space(trial: Trial) -> dict[str, Any]:
    """One point of the space that `tune` searches; min_stability is a demand, so not in it."""
    k_max, n_init = trial.suggest_int("k_max", 4, 12), trial.suggest_int("n_init", 2, 20)
    return {"k_max": k_max, "n_init": n_init}


def fit(params: Params, inputs: Inputs, target: Array, seed: int) -> Array:  # noqa: ARG001 - none
    """Centres of shape (1 + replicas, k, d), the model's first.

    k has the best silhouette among those whose replicas agree with it by min_stability (adjusted
    Rand index): Dolnicar and Leisch (2010), doi:10.1007/s11002-009-9083-4.
    """
    rows = inputs["position"].astype(np.float64)
    # Many small fits: on a busy machine, threads that wait for each other take far longer.
    with threadpool_limits(1):
        tried = candidates(params, rows, seed)
    stable = [found for found in tried if found[1] >= params.min_stability]
    if not stable:
        best = max((found[1] for found in tried), default=0)
        raise UserError(
            f"{len(np.unique(rows, axis=0))} different rows hold no k_min = {params.k_min} or more "
            f"segments as stable as min_stability = {params.min_stability:g}, at best {best:.2f}; "
            "ask for less, or give more rows, other fields or other steps."
        )
    return max(stable, key=lambda found: found[0])[2]


def candidates(params: Params, rows: Array, seed: int) -> list[tuple[float, float, Array]]:
    """The silhouette, the stability and the centres for each k."""
    rng, tried, different = np.random.default_rng(seed), [], len(np.unique(rows, axis=0))
    for k in range(params.k_min, min(params.k_max, different - 1) + 1):
        main = KMeans(k, n_init=params.n_init, random_state=seed).fit(rows)
        # The largest segment is the first.
        order = np.argsort(-np.bincount(main.labels_, minlength=k), kind="stable")
        labels, agreed = np.argsort(order)[main.labels_], []
        centers = [main.cluster_centers_[order]]
        for _ in range(params.replicas):
            sample = rows[rng.integers(0, len(rows), len(rows))]
            replica = KMeans(k, n_init=3, random_state=int(rng.integers(2**31))).fit(sample)
            others, overlap = replica.predict(rows), np.zeros((k, k))
            agreed.append(adjusted_rand_score(labels, others))
            # Its segments are numbered as those of the model with which they share most rows.
            np.add.at(overlap, (labels, others), 1)
            centers.append(replica.cluster_centers_[linear_sum_assignment(-overlap)[1]])
        score = silhouette_score(rows, labels, sample_size=min(len(rows), 5000), random_state=seed)
        tried.append((float(score), float(np.mean(agreed)), np.array(centers)))
    return tried


def predict(model: Array, inputs: Inputs) -> Array:
    """Shape (n, 2 + replicas): the segment, each replica's segment, the distance to the centre."""
    squares = ((inputs["position"][:, None, None].astype(np.float64) - model) ** 2).sum(axis=3)
    distance = np.sqrt(squares[:, 0].min(axis=1))
    return np.column_stack([squares.argmin(axis=2), distance]).astype(np.float32)


def to_onnx(model: Array, inputs: Inputs) -> bytes:  # noqa: ARG001 - the model knows their shape
    """What `predict` does, step by step, in float64: skl2onnx has float32 alone for k-means."""
    graph = f"""<ir_version: 8, opset_import: ["": 17]>
    segments (float[n, {model.shape[2]}] position) => (float[n, {len(model) + 1}] output)
    <int64[1] first = {{0}}, int64[2] middle = {{1, 2}}> {{
        exact = Cast <to = 11> (position)
        places = Unsqueeze (exact, middle)
        gaps = Sub (places, centers)
        squares = ReduceSumSquare <axes = [3], keepdims = 0> (gaps)
        indices = ArgMin <axis = 2, keepdims = 0> (squares)
        labels = Cast <to = 1> (indices)
        own = Gather <axis = 1> (squares, first)
        nearest = ReduceMin <axes = [2], keepdims = 0> (own)
        root = Sqrt (nearest)
        distance = Cast <to = 1> (root)
        output = Concat <axis = 1> (labels, distance)
    }}"""
    onnx = parser.parse_model(graph)
    onnx.graph.initializer.append(numpy_helper.from_array(model, "centers"))
    return bytes(onnx.SerializeToString())
