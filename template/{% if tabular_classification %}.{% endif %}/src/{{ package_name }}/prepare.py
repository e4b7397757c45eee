"""Yours: a raw instance, and how it becomes what the model takes.

Training, batch and API all pass here. What is learned from data belongs in model.py.
"""

from typing import Literal

import numpy as np
from pydantic import Field

from .inputs import Inputs, Instances, Raw, numbers, strings

# From 50 to 100 is a larger step than from 1,050 to 1,100.
SKEWED = ("seniority", "expenses", "income", "assets", "debt", "amount", "price")


class Instance(Raw):
    """One loan application; money is in the source's unit, which it does not name."""

    seniority: int = Field(ge=0, description="Years in the current job.")
    home: Literal["ignore", "other", "owner", "parents", "priv", "rent"] | None = None
    time: int = Field(ge=1, description="Months to pay back.")
    age: int = Field(ge=18, le=120)
    marital: Literal["divorced", "married", "separated", "single", "widow"] | None = None
    records: Literal["no", "yes"] = Field(description="Whether earlier arrears are on record.")
    job: Literal["fixed", "freelance", "others", "partime"] | None = None
    expenses: int = Field(ge=0, description="Living costs a month.")
    income: float | None = Field(default=None, ge=0, description="A month.")
    assets: float | None = Field(default=None, ge=0)
    debt: float | None = Field(default=None, ge=0)
    amount: int = Field(gt=0, description="What is borrowed.")
    price: int = Field(gt=0, description="What the loan is to pay for.")


def prepare(instances: Instances) -> Inputs:
    """Columns of shape (n, 1): float32 numbers, where NaN is missing, and strings."""
    inputs = strings(instances, "home", "marital", "records", "job")
    inputs |= numbers(instances, "time", "age", *SKEWED)
    inputs |= {f"log_{name}": np.log1p(inputs[name]) for name in SKEWED}
    for name in ("income", "assets", "debt"):
        inputs[f"{name}_missing"] = np.isnan(inputs[name]).astype(np.float32)
    inputs["borrowed_share"] = inputs["amount"] / inputs["price"]
    inputs["instalment"] = inputs["amount"] / inputs["time"]
    return inputs
