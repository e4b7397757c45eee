"""Yours: the estimator, what it learns before it predicts, and its search space.

A logistic regression: its coefficients can be explained to an applicant, and with the logarithms
of prepare.py it ranks these loans better than gradient boosting did.
"""

from typing import Any

import numpy as np
import pandas as pd
from optuna import Trial
from pydantic import Field
from skl2onnx import to_onnx as convert
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .inputs import Array, Inputs
from .settings import Section


class Params(Section):
    """[model] in params.toml."""

    C: float = Field(gt=0)
    min_frequency: int = Field(ge=1)


def search_space(trial: Trial) -> dict[str, Any]:
    """One point of the space that `tune` searches."""
    return {
        "C": trial.suggest_float("C", 1e-3, 100, log=True),
        "min_frequency": trial.suggest_int("min_frequency", 1, 100, log=True),
    }


def fit(params: Params, inputs: Inputs, target: Array, seed: int) -> Pipeline:
    """Learn from the training part alone; `target` holds the index of each row's class."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categories = OneHotEncoder(handle_unknown="ignore", min_frequency=params.min_frequency)
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
    classifier = LogisticRegression(C=params.C, max_iter=2000, random_state=seed)
    return make_pipeline(columns, classifier).fit(as_frame(inputs), target)


def predict(model: Pipeline, inputs: Inputs) -> Array:
    """Probabilities of shape (n, classes)."""
    return np.asarray(model.predict_proba(as_frame(inputs)))


def to_onnx(model: Pipeline, inputs: Inputs) -> bytes:
    """The model in ONNX; its last output is what `predict` returns."""
    onnx = convert(model, as_frame(inputs)[:1], options={"zipmap": False})
    return bytes(onnx.SerializeToString())


def as_frame(inputs: Inputs) -> pd.DataFrame:
    """The columns as a table, from which scikit-learn selects by type."""
    return pd.DataFrame({name: column[:, 0] for name, column in inputs.items()})
