"""Yours: the estimator, what it learns before it predicts, and its search space.

A support vector machine a digit, on the edges: on pixels it makes more than twice as many errors.
Its margins become probabilities by rows that it was not fitted to.
"""

import warnings
from typing import Any

import numpy as np
from optuna import Trial
from pydantic import Field
from skl2onnx import to_onnx as convert
from skl2onnx.common.data_types import FloatTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC

from .inputs import Array, Inputs
from .settings import Section


class Params(Section):
    """[model] in params.toml."""

    components: int = Field(ge=2, le=392)
    C: float = Field(gt=0)
    gamma: float = Field(gt=0)


def search_space(trial: Trial) -> dict[str, Any]:
    """One point of the space that `tune` searches."""
    return {
        "components": trial.suggest_int("components", 20, 200, log=True),
        "C": trial.suggest_float("C", 0.5, 100, log=True),
        "gamma": trial.suggest_float("gamma", 0.2, 10, log=True),
    }


def fit(params: Params, inputs: Inputs, target: Array, seed: int) -> Pipeline:
    """Learn from the training part alone; `target` holds the index of each row's class."""
    machine = CalibratedClassifierCV(SVC(C=params.C, gamma=params.gamma), ensemble=False, cv=3)
    steps = PCA(params.components, random_state=seed), OneVsRestClassifier(machine)
    return make_pipeline(*steps).fit(inputs["edges"], target)


def predict(model: Pipeline, inputs: Inputs) -> Array:
    """Probabilities of shape (n, classes)."""
    return np.asarray(model.predict_proba(inputs["edges"]))


def to_onnx(model: Pipeline, inputs: Inputs) -> bytes:
    """The model in ONNX; its last output is what `predict` returns."""
    types = [("edges", FloatTensorType([None, inputs["edges"].shape[1]]))]
    # skl2onnx asks each machine for an attribute that scikit-learn is about to drop.
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        onnx = convert(model, initial_types=types, options={"zipmap": False})
    return bytes(onnx.SerializeToString())
