"""The estimator, its parameters and its search space.

A support vector machine for each digit, on histograms of gradients: on pixels it makes more than
twice as many errors. Its margins become probabilities by cross-validation.
"""

import warnings
from typing import Any

import numpy as np
from optuna import Trial
from pydantic import Field
from skl2onnx import to_onnx as convert_to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC

from .core.config import Config
from .core.rows import Array, Features

# As metrics.json names it.
FRAMEWORK = "sklearn"


class ModelConfig(Config):
    """[model] in params.toml."""

    n_components: int = Field(ge=2, le=392)
    C: float = Field(gt=0)
    gamma: float = Field(gt=0)


def search_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of ModelConfig, for `tune`."""
    return {
        "n_components": trial.suggest_int("n_components", 20, 200, log=True),
        "C": trial.suggest_float("C", 0.5, 100, log=True),
        "gamma": trial.suggest_float("gamma", 0.2, 10, log=True),
    }


def fit(config: ModelConfig, features: Features, y: Array, seed: int) -> Pipeline:
    """Fit on the training set; `y` holds the index of each row's class."""
    components = PCA(config.n_components, random_state=seed)
    machine = SVC(C=config.C, gamma=config.gamma)
    calibrated = CalibratedClassifierCV(machine, ensemble=False, cv=3)
    model = make_pipeline(components, OneVsRestClassifier(calibrated))
    return model.fit(features["hog"], y)


def predict(model: Pipeline, features: Features) -> Array:
    """Probabilities of shape (n, classes)."""
    return np.asarray(model.predict_proba(features["hog"]))


def to_onnx(model: Pipeline, features: Features) -> bytes:
    """The model in ONNX: its input is named as the feature, its last output is `predict`'s."""
    inputs = [("hog", FloatTensorType([None, features["hog"].shape[1]]))]
    # skl2onnx reads an attribute of the machines that scikit-learn is about to drop.
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        onnx = convert_to_onnx(model, initial_types=inputs, options={"zipmap": False})
    return bytes(onnx.SerializeToString())
