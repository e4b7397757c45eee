"""The estimator, its parameters and its search space.

Gradient boosting: prices depend on the season, the room and the agent together, which a linear
model misses: its error on the validation set is about a third larger.
"""

from typing import Any

import numpy as np
import pandas as pd
from optuna import Trial
from pydantic import Field
from skl2onnx import to_onnx as convert_to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from .core.config import Config
from .core.rows import Array, Features
from .features import CATEGORICAL, NUMERIC

# As metrics.json names it.
FRAMEWORK = "sklearn"


class ModelConfig(Config):
    """[model] in params.toml; min_frequency is the smallest count of a category that is used."""

    n_estimators: int = Field(ge=1)
    learning_rate: float = Field(gt=0, le=1)
    max_depth: int = Field(ge=1)
    subsample: float = Field(gt=0, le=1)
    max_features: float = Field(gt=0, le=1)
    min_frequency: int = Field(ge=1)


def search_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of ModelConfig, for `tune`."""
    return {
        "n_estimators": trial.suggest_int("n_estimators", 100, 500, step=50),
        "learning_rate": trial.suggest_float("learning_rate", 0.03, 0.3, log=True),
        "max_depth": trial.suggest_int("max_depth", 3, 8),
        "subsample": trial.suggest_float("subsample", 0.4, 1),
        "max_features": trial.suggest_float("max_features", 0.1, 0.6),
    }


def fit(config: ModelConfig, features: Features, y: Array, seed: int) -> Pipeline:
    """Fit on the training set; `y` has shape (n,)."""
    # Not OneHotEncoder's own min_frequency, which does not convert to ONNX.
    categories = [
        frequent_values(column, config.min_frequency) for column in features["categorical"].T
    ]
    encoder = OneHotEncoder(categories=categories, handle_unknown="ignore", sparse_output=False)
    n_numeric, n_columns = len(NUMERIC), len(NUMERIC) + len(CATEGORICAL)
    columns = make_column_transformer(
        (SimpleImputer(strategy="median"), slice(n_numeric)),
        (encoder, slice(n_numeric, n_columns)),
    )
    options = config.model_dump(exclude={"min_frequency"})
    boosting = GradientBoostingRegressor(**options, random_state=seed)
    return make_pipeline(columns, boosting).fit(to_frame(features), y)


def frequent_values(column: Array, min_frequency: int) -> Array:
    """The values that occur at least so often, in ascending order."""
    values, counts = np.unique(column, return_counts=True)
    return values[counts >= min_frequency]


def predict(model: Pipeline, features: Features) -> Array:
    """Predicted values of shape (n, 1)."""
    return np.asarray(model.predict(to_frame(features))).reshape(-1, 1)


def to_onnx(model: Pipeline, features: Features) -> bytes:  # noqa: ARG001 - the shapes are known
    """The model in ONNX: its inputs are named as the features, its last output is `predict`'s."""
    inputs = [
        ("numeric", FloatTensorType([None, len(NUMERIC)])),
        ("categorical", StringTensorType([None, len(CATEGORICAL)])),
    ]
    return bytes(convert_to_onnx(model, initial_types=inputs).SerializeToString())


def to_frame(features: Features) -> pd.DataFrame:
    """Both arrays as one table; its columns have numbers, because ONNX knows no other names."""
    arrays = [pd.DataFrame(features[name]) for name in ("numeric", "categorical")]
    return pd.concat(arrays, axis=1, ignore_index=True)
