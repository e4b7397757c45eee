"""The estimator, its parameters and its search space.

A random forest over single days: it predicts how far a day will be from its weekday's median, as a
share of the station's level. So one model serves all stations and steps, and new stations too.
"""

from typing import Any

import numpy as np
from optuna import Trial
from pydantic import Field
from skl2onnx.algebra.onnx_operator import OnnxSubEstimator
from skl2onnx.algebra.onnx_ops import OnnxAdd, OnnxConcat, OnnxMul, OnnxReshape
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestRegressor

from .core.config import Config
from .core.rows import Array, Features

OPSET = 21

# As metrics.json names it.
FRAMEWORK = "sklearn"


class ModelConfig(Config):
    """[model] in params.toml."""

    n_estimators: int = Field(ge=1)
    min_samples_leaf: int = Field(ge=1)
    max_features: float = Field(gt=0, le=1)
    max_samples: float = Field(gt=0, le=1)


def search_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of ModelConfig, for `tune`."""
    return {
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 2, 30, log=True),
        "max_features": trial.suggest_float("max_features", 0.2, 0.8),
        "max_samples": trial.suggest_float("max_samples", 0.05, 0.5, log=True),
    }


def fit(config: ModelConfig, features: Features, y: Array, seed: int) -> RandomForestRegressor:
    """Fit on the training set.

    Args:
        config: [model] in params.toml.
        features: Of the training set.
        y: The true values, and the scale in the last column: shape (n, 15).
        seed: Of the random generator.
    """
    difference = y[:, :-1] - features["weekday_median"]
    shares = difference / features["level"]
    forest = RandomForestRegressor(**config.model_dump(), random_state=seed)
    return forest.fit(days_as_rows(features), shares.ravel())


def predict(model: RandomForestRegressor, features: Features) -> Array:
    """Forecasts, and the scale in the last column: shape (n, 15)."""
    median = features["weekday_median"]
    shares = model.predict(days_as_rows(features)).reshape(median.shape)
    forecast = median + features["level"] * shares
    return np.hstack([forecast, features["scale"]])


def to_onnx(model: RandomForestRegressor, features: Features) -> bytes:
    """The same steps in ONNX; the last output is what `predict` returns."""
    horizon, n_columns = features["days"].shape[1:]
    options: Any = {"op_version": OPSET}
    rows = OnnxReshape("days", np.array([-1, n_columns]), **options)
    shares = OnnxSubEstimator(model, rows, **options)
    shares = OnnxReshape(shares, np.array([-1, horizon]), **options)
    difference = OnnxMul("level", shares, **options)
    forecast = OnnxAdd("weekday_median", difference, **options)
    output = OnnxConcat(forecast, "scale", axis=1, output_names=["output"], **options)
    inputs = [
        ("days", FloatTensorType([None, horizon, n_columns])),
        ("level", FloatTensorType([None, 1])),
        ("weekday_median", FloatTensorType([None, horizon])),
        ("scale", FloatTensorType([None, 1])),
    ]
    return bytes(output.to_onnx(inputs, target_opset=OPSET).SerializeToString())


def days_as_rows(features: Features) -> Array:
    """One row for each day ahead."""
    days = features["days"]
    return days.reshape(-1, days.shape[-1])
