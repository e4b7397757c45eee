"""Gradient boosting with LightGBM: its parameters, and early stopping."""

import re
from typing import Any

import numpy as np
from lightgbm import Booster, LGBMModel, early_stopping
from optuna import Trial
from pydantic import Field

from ..core.config import Config
from ..core.rows import Array

# Of ONNX: the newest that the converter of LightGBM knows.
OPSET = {"": 15, "ai.onnx.ml": 3}


class BoostingConfig(Config):
    """[model] in params.toml, as LightGBM names it, and early stopping.

    Attributes:
        n_estimators: The most trees.
        num_leaves: The most leaves of a tree.
        min_child_samples: The fewest training rows of a leaf.
        subsample: Fraction of the rows that each tree is grown on.
        colsample_bytree: Fraction of the columns that each tree is grown on.
        early_stopping_fraction: Fraction of the training set on which early stopping measures.
        patience: Trees without improvement after which training stops.
    """

    n_estimators: int = Field(ge=1)
    learning_rate: float = Field(gt=0, le=1)
    num_leaves: int = Field(ge=2)
    min_child_samples: int = Field(ge=1)
    subsample: float = Field(gt=0, le=1)
    colsample_bytree: float = Field(gt=0, le=1)
    early_stopping_fraction: float = Field(gt=0, lt=0.5)
    patience: int = Field(ge=1)


def boosting_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of BoostingConfig, for `tune`."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.2, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 4, 64, log=True),
        "min_child_samples": trial.suggest_int("min_child_samples", 5, 200, log=True),
        "subsample": trial.suggest_float("subsample", 0.4, 1),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.2, 1),
    }


def fit_boosting(
    model: LGBMModel, config: BoostingConfig, x: Array, y: Array, categorical: list[int], seed: int
) -> None:
    """Fit in place, until further trees no longer help on rows that were set apart.

    These are rows of the training set: the validation set chooses the decision, and an estimate of
    it must not depend on how long the model was trained.

    Args:
        model: An estimator of LightGBM.
        config: Its parameters.
        x: Columns of numbers, NaN where one is missing: shape (n, columns).
        y: The target: shape (n,).
        categorical: Indices of the columns whose numbers are codes of categories.
        seed: Of the random generators.
    """
    is_apart = np.random.default_rng(seed).random(len(x)) < config.early_stopping_fraction
    options = config.model_dump(exclude={"early_stopping_fraction", "patience"})
    # One thread, because sums in another order give another model.
    fixed = {"subsample_freq": 1, "n_jobs": 1, "random_state": seed, "verbosity": -1}
    model.set_params(**options, **fixed)
    model.fit(
        x[~is_apart],
        y[~is_apart],
        eval_X=x[is_apart],
        eval_y=y[is_apart],
        categorical_feature=categorical,
        callbacks=[early_stopping(config.patience, verbose=False)],
    )
    round_thresholds(model)


def round_thresholds(model: LGBMModel) -> None:
    """Round the thresholds of the trees down to float32, which is what ONNX has.

    No prediction changes: a float32 is at most a threshold if it is at most the rounded one.
    """
    text = model.booster_.model_to_string()
    # Without the sizes of the trees, LightGBM reads one after another.
    text = re.sub(r"^tree_sizes=.*\n", "", text, flags=re.MULTILINE)
    rounded = re.sub(r"(?<=^threshold=).*", round_numbers, text, flags=re.MULTILINE)
    model._Booster = Booster(model_str=rounded)  # noqa: SLF001 - there is no other way


def round_numbers(found: re.Match[str]) -> str:
    """The numbers of a text, rounded down to float32."""
    numbers = np.array(found[0].split(), dtype=float)
    with np.errstate(over="ignore"):
        nearest = numbers.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return " ".join(map(repr, np.where(nearest > numbers, below, nearest).tolist()))
