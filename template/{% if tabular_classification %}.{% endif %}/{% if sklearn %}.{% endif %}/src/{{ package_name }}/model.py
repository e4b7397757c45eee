"""The estimator, its parameters and its search space.

A logistic regression: its coefficients can be explained to an applicant, and with the logarithms
of features.py it ranks these loans better than gradient boosting did.
"""

from typing import Any

import numpy as np
import pandas as pd
from optuna import Trial
from pydantic import Field
from skl2onnx import to_onnx as convert_to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .core.config import Config
from .core.rows import Array, Features
from .features import CATEGORICAL, NUMERIC

# As metrics.json names it.
FRAMEWORK = "sklearn"


class ModelConfig(Config):
    """[model] in params.toml."""

    C: float = Field(gt=0)


def search_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of ModelConfig, for `tune`."""
    return {"C": trial.suggest_float("C", 1e-3, 100, log=True)}


def fit(config: ModelConfig, features: Features, y: Array, seed: int) -> Pipeline:
    """Fit on the training set; `y` holds the index of each row's class."""
    numeric = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categorical = OneHotEncoder(handle_unknown="ignore")
    n_numeric, n_columns = len(NUMERIC), len(NUMERIC) + len(CATEGORICAL)
    columns = make_column_transformer(
        (numeric, slice(n_numeric)), (categorical, slice(n_numeric, n_columns))
    )
    classifier = LogisticRegression(C=config.C, max_iter=2000, random_state=seed)
    return make_pipeline(columns, classifier).fit(to_frame(features), y)


def predict(model: Pipeline, features: Features) -> Array:
    """Probabilities of shape (n, classes)."""
    return np.asarray(model.predict_proba(to_frame(features)))


def to_onnx(model: Pipeline, features: Features) -> bytes:  # noqa: ARG001 - the shapes are known
    """The model in ONNX: its inputs are named as the features, its last output is `predict`'s."""
    inputs = [
        ("numeric", FloatTensorType([None, len(NUMERIC)])),
        ("categorical", StringTensorType([None, len(CATEGORICAL)])),
    ]
    onnx = convert_to_onnx(model, initial_types=inputs, options={"zipmap": False})
    return bytes(onnx.SerializeToString())


def to_frame(features: Features) -> pd.DataFrame:
    """Both arrays as one table; its columns have numbers, because ONNX knows no other names."""
    arrays = [pd.DataFrame(features[name]) for name in ("numeric", "categorical")]
    return pd.concat(arrays, axis=1, ignore_index=True)
