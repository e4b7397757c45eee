"""Yours: the estimator, what it learns before it predicts, and its search space.

A random forest over single days: how far a day will be from the usual one, as a share of the
station's level. So one model serves all stations and all steps, and also a station never seen.
"""

from typing import Any

import numpy as np
from optuna import Trial
from pydantic import Field
from skl2onnx.algebra.onnx_operator import OnnxSubEstimator
from skl2onnx.algebra.onnx_ops import OnnxAdd, OnnxConcat, OnnxMul, OnnxReshape
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestRegressor

from .inputs import Array, Inputs
from .settings import Section

OPSET = 21


class Params(Section):
    """[model] in params.toml."""

    n_estimators: int = Field(ge=1)
    min_samples_leaf: int = Field(ge=1)
    max_features: float = Field(gt=0, le=1)
    max_samples: float = Field(gt=0, le=1)


def search_space(trial: Trial) -> dict[str, Any]:
    """One point of the space that `tune` searches."""
    return {
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 2, 30, log=True),
        "max_features": trial.suggest_float("max_features", 0.2, 0.8),
        "max_samples": trial.suggest_float("max_samples", 0.05, 0.5, log=True),
    }


def fit(params: Params, inputs: Inputs, target: Array, seed: int) -> RandomForestRegressor:
    """Learn from the training part alone; `target` is encoded: the last column is no day."""
    shares = (target[:, :-1] - inputs["usual"]) / inputs["level"]
    forest = RandomForestRegressor(**params.model_dump(), random_state=seed)
    return forest.fit(rows(inputs), shares.ravel())


def predict(model: RandomForestRegressor, inputs: Inputs) -> Array:
    """Forecasts, and in the last column the scale: shape (n, 15)."""
    shares = model.predict(rows(inputs)).reshape(inputs["usual"].shape)
    return np.hstack([inputs["usual"] + inputs["level"] * shares, inputs["scale"]])


def to_onnx(model: RandomForestRegressor, inputs: Inputs) -> bytes:
    """The same steps in ONNX; its last output is what `predict` returns."""
    steps, features = inputs["days"].shape[1:]
    options: Any = {"op_version": OPSET}
    flat = OnnxReshape("days", np.array([-1, features]), **options)
    shares = OnnxReshape(OnnxSubEstimator(model, flat, **options), np.array([-1, steps]), **options)
    values = OnnxAdd("usual", OnnxMul("level", shares, **options), **options)
    output = OnnxConcat(values, "scale", axis=1, output_names=["output"], **options)
    names = ("days", "level", "usual", "scale")
    types = [(name, FloatTensorType([None, *inputs[name].shape[1:]])) for name in names]
    return bytes(output.to_onnx(types, target_opset=OPSET).SerializeToString())


def rows(inputs: Inputs) -> Array:
    """One row for each day that is asked for."""
    return inputs["days"].reshape(-1, inputs["days"].shape[-1])
