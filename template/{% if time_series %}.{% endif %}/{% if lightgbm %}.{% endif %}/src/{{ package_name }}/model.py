"""The estimator, its parameters and its search space.

Gradient boosting with LightGBM over single days: it predicts how far a day will be from its
weekday's median, as a share of the station's level. So one model serves all stations and steps, and
new stations too.
"""

from typing import Any

import numpy as np
from lightgbm import LGBMRegressor
from onnx import TensorProto
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info
from onnx.numpy_helper import from_array
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType
from optuna import Trial

from .core.rows import Array, Features
from .features import CODES
from .training.boosting import OPSET, BoostingConfig, boosting_space, fit_boosting

# As metrics.json names it.
FRAMEWORK = "lightgbm"


class ModelConfig(BoostingConfig):
    """[model] in params.toml."""


def search_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of ModelConfig, for `tune`."""
    return boosting_space(trial)


def fit(config: ModelConfig, features: Features, y: Array, seed: int) -> LGBMRegressor:
    """Fit on the training set.

    Args:
        config: [model] in params.toml.
        features: Of the training set.
        y: The true values, and the scale in the last column: shape (n, 15).
        seed: Of the random generator.
    """
    difference = y[:, :-1] - features["weekday_median"]
    shares = difference / features["level"]
    x = days_as_rows(features)
    categorical = [*range(x.shape[1] - len(CODES), x.shape[1])]
    # The mean absolute error is what is measured.
    model = LGBMRegressor(objective="mae")
    fit_boosting(model, config, x, shares.ravel(), categorical, seed)
    return model


def predict(model: LGBMRegressor, features: Features) -> Array:
    """Forecasts, and the scale in the last column: shape (n, 15)."""
    median = features["weekday_median"]
    shares = np.asarray(model.predict(days_as_rows(features))).reshape(median.shape)
    forecast = median + features["level"] * shares
    return np.hstack([forecast, features["scale"]])


def to_onnx(model: LGBMRegressor, features: Features) -> bytes:
    """The same steps in ONNX; the last output is what `predict` returns."""
    horizon, n_columns = features["days"].shape[1:]
    rows = [("rows", FloatTensorType([None, n_columns]))]
    trees = convert_lightgbm(model, initial_types=rows, target_opset=OPSET[""]).graph
    nodes = [
        make_node("Reshape", ["days", "shape_of_rows"], ["rows"]),
        *trees.node,
        make_node("Reshape", [trees.output[0].name, "shape_of_days"], ["shares"]),
        make_node("Mul", ["level", "shares"], ["difference"]),
        make_node("Add", ["weekday_median", "difference"], ["forecast"]),
        make_node("Concat", ["forecast", "scale"], ["output_and_scale"], axis=1),
    ]
    shapes = [
        from_array(np.array([-1, n_columns]), "shape_of_rows"),
        from_array(np.array([-1, horizon]), "shape_of_days"),
    ]
    inputs = [
        make_tensor_value_info(name, TensorProto.FLOAT, [None, *features[name].shape[1:]])
        for name in ("days", "level", "weekday_median", "scale")
    ]
    outputs = [make_tensor_value_info("output_and_scale", TensorProto.FLOAT, [None, horizon + 1])]
    graph = make_graph(nodes, "forecast", inputs, outputs, [*trees.initializer, *shapes])
    opsets = [make_opsetid(*item) for item in OPSET.items()]
    return bytes(make_model(graph, opset_imports=opsets).SerializeToString())


def days_as_rows(features: Features) -> Array:
    """One row for each day ahead."""
    days = features["days"]
    return days.reshape(-1, days.shape[-1])
