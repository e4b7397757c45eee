"""Yours: the estimator, what it learns before it predicts, and its search space.

A logistic regression on words and phrases: each has one coefficient, which can be read.
"""

from typing import Any

import numpy as np
from optuna import Trial
from pydantic import Field
from skl2onnx import to_onnx as convert
from skl2onnx.common.data_types import StringTensorType
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from .inputs import Array, Inputs
from .settings import Section


class Params(Section):
    """[model] in params.toml."""

    C: float = Field(gt=0)
    longest_phrase: int = Field(ge=1, le=3)
    min_reviews: int = Field(ge=1)


def search_space(trial: Trial) -> dict[str, Any]:
    """One point of the space that `tune` searches."""
    return {
        "C": trial.suggest_float("C", 0.03, 30, log=True),
        "longest_phrase": trial.suggest_int("longest_phrase", 1, 3),
        "min_reviews": trial.suggest_int("min_reviews", 2, 20, log=True),
    }


def fit(params: Params, inputs: Inputs, target: Array, seed: int) -> Pipeline:
    """Learn from the training part alone; `target` holds the index of each row's class."""
    # Whether a word is there tells more than how often. What else this could do to a text is done
    # in prepare.py, because it would not convert exactly.
    words = TfidfVectorizer(
        lowercase=False,
        token_pattern="[^ ]+",  # noqa: S106 - no password
        binary=True,
        ngram_range=(1, params.longest_phrase),
        min_df=params.min_reviews,
    )
    classifier = LogisticRegression(C=params.C, max_iter=1000, random_state=seed)
    return make_pipeline(words, classifier).fit(inputs["text"][:, 0], target)


def predict(model: Pipeline, inputs: Inputs) -> Array:
    """Probabilities of shape (n, classes)."""
    return np.asarray(model.predict_proba(inputs["text"][:, 0]))


def to_onnx(model: Pipeline, _: Inputs) -> bytes:
    """The model in ONNX; its last output is what `predict` returns."""
    # Splitting at spaces is as exact as the pattern above, and three times as fast.
    options = {id(model[0]): {"separators": [" "]}, id(model[-1]): {"zipmap": False}}
    types = [("text", StringTensorType([None, 1]))]
    return bytes(convert(model, initial_types=types, options=options).SerializeToString())
