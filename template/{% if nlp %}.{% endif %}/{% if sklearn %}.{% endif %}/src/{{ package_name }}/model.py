"""The estimator, its parameters and its search space.

A logistic regression on words and phrases: each has one coefficient, which can be read.
"""

from typing import Any

import numpy as np
from optuna import Trial
from pydantic import Field
from skl2onnx import to_onnx as convert_to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from .core.config import Config
from .core.rows import Array, Features

# As metrics.json names it.
FRAMEWORK = "sklearn"


class ModelConfig(Config):
    """[model] in params.toml."""

    C: float = Field(gt=0)
    max_ngram: int = Field(ge=1, le=3)
    min_df: int = Field(ge=1)


def search_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of ModelConfig, for `tune`."""
    return {
        "C": trial.suggest_float("C", 0.03, 30, log=True),
        "max_ngram": trial.suggest_int("max_ngram", 1, 3),
        "min_df": trial.suggest_int("min_df", 2, 20, log=True),
    }


def fit(config: ModelConfig, features: Features, y: Array, seed: int) -> Pipeline:
    """Fit on the training set; `y` holds the index of each row's class."""
    # Whether a word occurs matters more than how often. What else the vectorizer could do to a text
    # belongs in features.py, because it does not convert to ONNX exactly.
    vectorizer = TfidfVectorizer(
        lowercase=False,
        token_pattern="[^ ]+",  # noqa: S106 - no password
        binary=True,
        ngram_range=(1, config.max_ngram),
        min_df=config.min_df,
    )
    regression = LogisticRegression(C=config.C, max_iter=1000, random_state=seed)
    # With more words than texts the probabilities are too close to the middle. Platt scaling, from
    # predictions for texts that a fold did not learn from: Platt (1999).
    classifier = CalibratedClassifierCV(regression, ensemble=False)
    return make_pipeline(vectorizer, classifier).fit(features["text"].ravel(), y)


def predict(model: Pipeline, features: Features) -> Array:
    """Probabilities of shape (n, classes)."""
    return np.asarray(model.predict_proba(features["text"].ravel()))


def to_onnx(model: Pipeline, features: Features) -> bytes:  # noqa: ARG001 - the shape is known
    """The model in ONNX: its input is named as the feature, its last output is `predict`'s."""
    vectorizer, classifier = model
    # Splitting at a separator is as exact as the pattern above, and three times as fast.
    options = {id(vectorizer): {"separators": [" "]}, id(classifier): {"zipmap": False}}
    inputs = [("text", StringTensorType([None, 1]))]
    onnx = convert_to_onnx(model, initial_types=inputs, options=options)
    return bytes(onnx.SerializeToString())
