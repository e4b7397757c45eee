"""The fields of a loan application, and the features that the model takes.

Training, batch prediction and the API all build their features here. What is learned from data,
such as a median or a scale, belongs in model.py.
"""

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from .core.arrays import categorical_array, numeric_array
from .core.rows import Features, Row, Rows

# Cells of a CSV file that mean "missing".
MISSING_VALUES = ("", "NA", "NaN")

Amount = Annotated[float, Field(ge=0, le=1e9)]
Count = Annotated[int, Field(ge=0, le=10**9)]
PositiveCount = Annotated[int, Field(gt=0, le=10**9)]


class Instance(Row):
    """One loan application. Money is in the source's currency, which it does not name."""

    seniority: Count = Field(description="Years in the current job.")
    home: Literal["ignore", "other", "owner", "parents", "priv", "rent"] | None = None
    time: PositiveCount = Field(description="Months to pay back.")
    records: Literal["no", "yes"] = Field(description="Whether earlier arrears are on record.")
    job: Literal["fixed", "freelance", "others", "partime"] | None = None
    expenses: Count = Field(description="Monthly living costs.")
    income: Amount | None = Field(default=None, description="Monthly income.")
    assets: Amount | None = None
    debt: Amount | None = None
    amount: PositiveCount = Field(description="The amount of the loan.")
    price: PositiveCount = Field(description="The price of what the loan pays for.")


CATEGORICAL = ("home", "records", "job")
# The step from 50 to 100 matters more than the one from 1,050 to 1,100: these get a logarithm.
SKEWED = ("seniority", "expenses", "income", "assets", "debt", "amount", "price")
OPTIONAL = ("income", "assets", "debt")
RAW = ("time", *SKEWED)
# The columns of the array "numeric", in this order.
NUMERIC = (
    *RAW,
    *(f"log_{name}" for name in SKEWED),
    *(f"{name}_missing" for name in OPTIONAL),
    "loan_to_price",
    "instalment",
)


def build_features(rows: Rows) -> Features:
    """Build what the model takes.

    Returns:
        "numeric": float32 of shape (n, len(NUMERIC)), NaN where a value is missing.
        "categorical": text of shape (n, len(CATEGORICAL)), "missing" where a value is missing.
    """
    raw = numeric_array(rows, RAW)
    field = dict(zip(RAW, raw.T, strict=True))
    columns = (
        raw,
        *(np.log1p(field[name]) for name in SKEWED),
        *(np.isnan(field[name]) for name in OPTIONAL),
        field["amount"] / field["price"],
        field["amount"] / field["time"],
    )
    numeric = np.column_stack(columns).astype(np.float32)
    return {"numeric": numeric, "categorical": categorical_array(rows, CATEGORICAL)}


def monitored_columns(rows: Rows) -> dict[str, list[Any]]:
    """What monitoring compares between current and reference data: the fields."""
    return {name: [row[name] for row in rows] for name in Instance.model_fields}
