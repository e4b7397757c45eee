"""The estimator, its parameters and its search space.

Gradient boosting with LightGBM: prices depend on the season, the room and the agent together.
"""

from typing import Any

import numpy as np
from lightgbm import LGBMRegressor
from optuna import Trial
from sklearn.pipeline import Pipeline

from .core.rows import Array, Features
from .encoding import convert_columns, fit_columns, to_frame
from .training.boosting import BoostingConfig, boosting_space

# As metrics.json names it.
FRAMEWORK = "lightgbm"


class ModelConfig(BoostingConfig):
    """[model] in params.toml."""


def search_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of ModelConfig, for `tune`."""
    return boosting_space(trial)


def fit(config: ModelConfig, features: Features, y: Array, seed: int) -> Pipeline:
    """Fit on the training set; `y` has shape (n,)."""
    # The mean absolute error is what is measured.
    return fit_columns(LGBMRegressor(objective="mae"), config, features, y, seed)


def predict(model: Pipeline, features: Features) -> Array:
    """Predicted values of shape (n, 1)."""
    return np.asarray(model.predict(to_frame(features))).reshape(-1, 1)


def to_onnx(model: Pipeline, features: Features) -> bytes:  # noqa: ARG001 - the shapes are known
    """The model in ONNX: its inputs are named as the features, its last output is `predict`'s."""
    return convert_columns(model)
