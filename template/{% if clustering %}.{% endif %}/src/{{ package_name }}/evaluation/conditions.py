"""Conditions of the gate: the segments must be clearer than those of data without clusters."""

from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # no types

from ..core.config import PARAMS, ProjectConfig
from ..core.metrics import Target, silhouette_scorer
from ..core.results import Condition
from ..core.rows import Array
from ..model import ModelConfig, build_estimators

# With 39 refits, the p-value is at most 1/40 = 0.025 where the model exceeds all of them.
N_REFITS = 39


def measure_conditions(
    target: Target,
    y_train: Array,
    y_true: Array,
    output: Array,
    lower_bound: Any,  # noqa: ARG001 - other kinds of task use it
    config: ProjectConfig,
) -> dict[str, Condition]:
    """Permutation tests of the silhouette, with the null hypothesis that there are no clusters.

    The estimator is fitted again to data whose columns were permuted independently of each other:
    the fields, which makes them independent, and the principal components, which keeps the
    covariance of the fields. The model must exceed both null distributions, because clusters are
    more than the distribution of each field, and more than correlation.

    Tibshirani, Walther and Hastie (2001), doi:10.1111/1467-9868.00293, who draw both from uniform
    distributions; as permutation test: Davison and Hinkley (1997), section 4.3.
    """
    train = np.unique(y_train[:, 0], axis=0)
    test = np.unique(y_true[:, 0], axis=0)
    value = target.scorer(y_true, output)(np.arange(len(y_true)))
    columns = {
        "permuted fields": np.eye(train.shape[1]),
        "permuted principal components": PCA().fit(train).components_.T,
    }
    conditions = {}
    for name, axes in columns.items():
        # For many small fits, threads that wait for each other take longer than one.
        with threadpool_limits(1):
            null = null_distribution(train @ axes, test @ axes, config)
        # The p-value is at most (1 - confidence) / 2 exactly if the value is above this limit.
        limit = np.quantile(null, (1 + config.confidence) / 2, method="higher")
        condition = Condition(value=value, limit=float(limit))
        conditions[f"silhouette (permutation test, {name})"] = condition
    return conditions


def null_distribution(train: Array, test: Array, config: ProjectConfig) -> Array:
    """The silhouettes on permuted test rows of estimators fitted to permuted training rows.

    Of each refit, the number of segments with the best silhouette on the test rows counts, so that
    the model has no advantage by how it chose its number, whatever the rule.
    """
    model_config = ModelConfig.parse(config.model, f"{PARAMS}, [model]")
    rng = np.random.default_rng(config.seed)
    silhouettes = []
    for _ in range(N_REFITS):
        permuted = rng.permuted(train, axis=0)
        rows = rng.permuted(test, axis=0)
        scores = []
        for estimator in build_estimators(model_config, len(train), config.seed):
            segments = estimator.fit(permuted).predict(rows)
            scores.append(silhouette_scorer(rows, segments)(np.arange(len(rows))))
        silhouettes.append(max(scores))
    return np.array(silhouettes)
