"""What the gate requires of a classifier beside the improvement over the baselines."""

from collections.abc import Callable

import numpy as np

from ..core.config import ProjectConfig
from ..core.metrics import Target
from ..core.results import Condition
from ..core.rows import Array, IntArray, Scorer


def measure_conditions(
    target: Target,
    y_train: IntArray,  # noqa: ARG001 - other kinds of task use it
    y_true: IntArray,
    output: Array,
    lower_bound: Callable[[Scorer], float],
    config: ProjectConfig,
) -> dict[str, Condition]:
    """The conditions by name: better than chance and, with two classes, savings.

    Args:
        target: The classes, with the threshold.
        y_train: The target of the training set.
        y_true: The target of the test set.
        output: What the model returns for the test set.
        lower_bound: Returns the lower bound of the confidence interval of a metric.
        config: The number of permutations, the seed and the confidence level.
    """
    conditions = {
        f"{target.primary_metric} (permutation test)": Condition(
            value=target.scorer(y_true, output)(np.arange(len(y_true))),
            limit=chance_limit(target, y_true, output, config),
        )
    }
    if target.is_binary:
        y_pred = target.choose(output)
        low = lower_bound(lambda rows: target.savings_per_1000(y_true[rows], y_pred[rows]))
        conditions["lower bound of savings_per_1000"] = Condition(value=low, limit=0)
    return conditions


def chance_limit(target: Target, y_true: IntArray, output: Array, config: ProjectConfig) -> float:
    """The upper bound of the primary metric with shuffled targets.

    Permutation test: Ojala and Garriga (2010), JMLR 11.
    """
    rng = np.random.default_rng(config.seed)
    rows = np.arange(len(y_true))
    values = [
        target.scorer(rng.permutation(y_true), output)(rows) for _ in range(config.n_resamples)
    ]
    return float(np.quantile(values, (1 + config.confidence) / 2))
