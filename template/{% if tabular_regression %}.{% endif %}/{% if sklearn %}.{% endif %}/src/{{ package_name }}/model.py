"""Yours: the estimator, what it learns before it predicts, and its search space.

Gradient boosting: prices depend on the season, the room and the agent together, which a linear
model misses (its error is about half as large again).
"""

from typing import Any

import numpy as np
import pandas as pd
from optuna import Trial
from pydantic import Field
from skl2onnx import to_onnx as convert
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from .inputs import Array, Inputs
from .settings import Section


class Params(Section):
    """[model] in params.toml."""

    n_estimators: int = Field(ge=1)
    learning_rate: float = Field(gt=0, le=1)
    max_depth: int = Field(ge=1)
    subsample: float = Field(gt=0, le=1)
    max_features: float = Field(gt=0, le=1)
    min_frequency: int = Field(ge=1)


def search_space(trial: Trial) -> dict[str, Any]:
    """One point of the space that `tune` searches."""
    return {
        "n_estimators": trial.suggest_int("n_estimators", 100, 500, step=50),
        "learning_rate": trial.suggest_float("learning_rate", 0.03, 0.3, log=True),
        "max_depth": trial.suggest_int("max_depth", 3, 8),
        "subsample": trial.suggest_float("subsample", 0.4, 1),
        "max_features": trial.suggest_float("max_features", 0.1, 0.6),
    }


def fit(params: Params, inputs: Inputs, target: Array, seed: int) -> Pipeline:
    """Learn from the training part alone; `target` has shape (n,)."""
    numbers = SimpleImputer(strategy="median")
    categories = OneHotEncoder(
        handle_unknown="ignore",
        min_frequency=params.min_frequency,
        sparse_output=False,
    )
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
    options = params.model_dump(exclude={"min_frequency"})
    boosting = GradientBoostingRegressor(**options, random_state=seed)
    return make_pipeline(columns, boosting).fit(as_frame(inputs), target)


def predict(model: Pipeline, inputs: Inputs) -> Array:
    """Predicted values of shape (n, 1)."""
    return np.asarray(model.predict(as_frame(inputs))).reshape(-1, 1)


def to_onnx(model: Pipeline, inputs: Inputs) -> bytes:
    """The model in ONNX; its last output is what `predict` returns."""
    return bytes(convert(model, as_frame(inputs)[:1]).SerializeToString())


def as_frame(inputs: Inputs) -> pd.DataFrame:
    """The columns as a table, from which scikit-learn selects by type."""
    return pd.DataFrame({name: column[:, 0] for name, column in inputs.items()})
