"""The estimator, its parameters and its search space.

Gradient boosting with LightGBM. Its trees find how fields act together; what may never speak
against an applicant, such as a higher income, is a constraint.
"""

from typing import Any

import numpy as np
from lightgbm import LGBMClassifier
from optuna import Trial
from sklearn.pipeline import Pipeline

from .core.rows import Array, Features
from .encoding import convert_columns, fit_columns, to_frame
from .features import CATEGORICAL, NUMERIC
from .training.boosting import BoostingConfig, boosting_space

# As metrics.json names it.
FRAMEWORK = "lightgbm"

# Columns that may only lower (-1) or only raise (1) the probability of the positive class.
MONOTONE = {
    **dict.fromkeys(("seniority", "log_seniority"), -1),
    **dict.fromkeys(("income", "log_income"), -1),
    **dict.fromkeys(("assets", "log_assets"), -1),
    **dict.fromkeys(("loan_to_price", "instalment"), 1),
}


class ModelConfig(BoostingConfig):
    """[model] in params.toml."""


def search_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of ModelConfig, for `tune`."""
    return boosting_space(trial)


def fit(config: ModelConfig, features: Features, y: Array, seed: int) -> Pipeline:
    """Fit on the training set; `y` holds the index of each row's class."""
    constraints = [MONOTONE.get(name, 0) for name in (*NUMERIC, *CATEGORICAL)]
    model = LGBMClassifier(monotone_constraints=constraints)
    return fit_columns(model, config, features, y, seed)


def predict(model: Pipeline, features: Features) -> Array:
    """Probabilities of shape (n, classes)."""
    return np.asarray(model.predict_proba(to_frame(features)))


def to_onnx(model: Pipeline, features: Features) -> bytes:  # noqa: ARG001 - the shapes are known
    """The model in ONNX: its inputs are named as the features, its last output is `predict`'s."""
    return convert_columns(model)
