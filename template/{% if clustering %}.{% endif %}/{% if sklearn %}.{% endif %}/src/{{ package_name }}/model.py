"""The clustering, how it chooses the number of segments, and its search space.

k-means: a segment is its centre, so that new rows can be assigned and segments described. Replicas,
each fitted on a bootstrap resample, measure how stable the segments are.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import numpy_helper, parser
from optuna import Trial
from pydantic import Field
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # no types

from .core.config import Config, UserError
from .core.rows import Array, Features

# The silhouette compares all pairs of rows; of more rows than these it takes a sample.
MAX_SILHOUETTE_ROWS = 5000


@dataclass(frozen=True)
class Clustering:
    """A clustering into k segments, and how good it is.

    Attributes:
        centers: Shape (1 + replicas, k, fields): the model's centres, then those of each replica.
        silhouette: On the training set.
        stability: The mean adjusted Rand index between the model and its replicas.
    """

    centers: Array
    silhouette: float
    stability: float


# As metrics.json names it.
FRAMEWORK = "sklearn"


class ModelConfig(Config):
    """[model] in params.toml."""

    k_min: int = Field(ge=2)
    k_max: int = Field(ge=2, le=50)
    min_stability: float = Field(ge=0, le=1)
    replicas: int = Field(ge=2, le=200)
    n_init: int = Field(ge=1)


def search_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of ModelConfig, for `tune`; min_stability is a requirement."""
    return {
        "k_max": trial.suggest_int("k_max", 4, 12),
        "n_init": trial.suggest_int("n_init", 2, 20),
    }


def fit(config: ModelConfig, features: Features, y: Array, seed: int) -> Clustering:  # noqa: ARG001 - nothing to predict
    """Fit with the number of segments that has the best silhouette among the stable ones.

    Copies of a row count as one row: they would draw the centres to themselves, and make the
    segments look denser than they are.

    Dolnicar and Leisch (2010), doi:10.1007/s11002-009-9083-4.

    Raises:
        UserError: No number of segments from k_min to k_max is stable.
    """
    position = np.unique(features["position"].astype(np.float64), axis=0)
    candidates = fit_candidates(config, position, seed)
    stable = [found for found in candidates if found.stability >= config.min_stability]
    if not stable:
        best = max((found.stability for found in candidates), default=0)
        raise UserError(
            f"In {len(position)} different rows, no clustering from k_min = {config.k_min} on is "
            f"as stable as min_stability = {config.min_stability:g}; the best has {best:.2f}. "
            "Lower one of them, or provide more rows, other fields or other steps."
        )
    return max(stable, key=lambda found: found.silhouette)


def fit_candidates(config: ModelConfig, position: Array, seed: int) -> list[Clustering]:
    """One clustering of different rows for each number of segments from k_min to k_max."""
    rng = np.random.default_rng(seed)
    estimators = build_estimators(config, len(position), seed)
    # For many small fits, threads that wait for each other take longer than one.
    with threadpool_limits(1):
        return [fit_candidate(config, position, kmeans, seed, rng) for kmeans in estimators]


def build_estimators(config: ModelConfig, n_rows: int, seed: int) -> list[KMeans]:
    """One for each number of segments to try; the gate also fits them to permuted rows."""
    numbers = range(config.k_min, min(config.k_max, n_rows - 1) + 1)
    return [KMeans(k, n_init=config.n_init, random_state=seed) for k in numbers]


def fit_candidate(
    config: ModelConfig, position: Array, kmeans: KMeans, seed: int, rng: np.random.Generator
) -> Clustering:
    """Fit an estimator and its replicas; the largest segment comes first."""
    kmeans.fit(position)
    k = kmeans.n_clusters
    by_size = np.argsort(-np.bincount(kmeans.labels_, minlength=k), kind="stable")
    segments = np.argsort(by_size)[kmeans.labels_]
    replicas = [fit_replica(position, segments, k, rng) for _ in range(config.replicas)]
    silhouette = silhouette_score(
        position,
        segments,
        sample_size=min(len(position), MAX_SILHOUETTE_ROWS),
        random_state=seed,
    )
    return Clustering(
        centers=np.array([kmeans.cluster_centers_[by_size], *(centers for centers, _ in replicas)]),
        silhouette=float(silhouette),
        stability=float(np.mean([agreement for _, agreement in replicas])),
    )


def fit_replica(
    position: Array, segments: Array, k: int, rng: np.random.Generator
) -> tuple[Array, float]:
    """Fit on a bootstrap resample.

    Returns:
        The centres, numbered as the segments with which they share most rows, and the adjusted
        Rand index of both.
    """
    resample = position[rng.integers(0, len(position), len(position))]
    kmeans = KMeans(k, n_init=3, random_state=int(rng.integers(2**31))).fit(resample)
    labels = kmeans.predict(position)
    overlap = np.zeros((k, k))
    np.add.at(overlap, (segments, labels), 1)
    order = linear_sum_assignment(-overlap)[1]
    return kmeans.cluster_centers_[order], adjusted_rand_score(segments, labels)


def predict(model: Clustering, features: Features) -> Array:
    """The segment, the segment by each replica, and the distance: shape (n, 2 + replicas)."""
    position = features["position"].astype(np.float64)
    differences = position[:, np.newaxis, np.newaxis] - model.centers
    squares = (differences**2).sum(axis=3)
    distance = np.sqrt(squares[:, 0].min(axis=1))
    return np.column_stack([squares.argmin(axis=2), distance]).astype(np.float32)


def to_onnx(model: Clustering, features: Features) -> bytes:  # noqa: ARG001 - the shapes are known
    """The model in ONNX: its input is named as the feature, its last output is `predict`'s.

    In float64, because skl2onnx converts k-means to float32 only.
    """
    n_models, _, n_fields = model.centers.shape
    graph = f"""<ir_version: 8, opset_import: ["": 17]>
    assign (float[n, {n_fields}] position) => (float[n, {n_models + 1}] output)
    <int64[1] first = {{0}}, int64[2] middle = {{1, 2}}> {{
        exact = Cast <to = 11> (position)
        expanded = Unsqueeze (exact, middle)
        differences = Sub (expanded, centers)
        squares = ReduceSumSquare <axes = [3], keepdims = 0> (differences)
        indices = ArgMin <axis = 2, keepdims = 0> (squares)
        segments = Cast <to = 1> (indices)
        own = Gather <axis = 1> (squares, first)
        nearest = ReduceMin <axes = [2], keepdims = 0> (own)
        root = Sqrt (nearest)
        distance = Cast <to = 1> (root)
        output = Concat <axis = 1> (segments, distance)
    }}"""
    onnx = parser.parse_model(graph)
    onnx.graph.initializer.append(numpy_helper.from_array(model.centers, "centers"))
    return bytes(onnx.SerializeToString())
