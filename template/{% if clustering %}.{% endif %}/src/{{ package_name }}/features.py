"""The fields of a customer, and the position that decides which customers are similar.

Training, batch prediction and the API all build their features here. The steps are stated, not
learned: whether two years weigh as much as a doubled bill is a judgement, on which the segments
depend.
"""

from typing import Any

import numpy as np
from pydantic import Field

from .core.arrays import numeric_array
from .core.rows import Features, Row, Rows

# Cells of a CSV file that mean "missing".
MISSING_VALUES = ("", "NA", "NaN")


class Instance(Row):
    """One customer, as the company's records describe them."""

    tenure_months: float = Field(ge=0, le=1200, description="Months since the first contract.")
    monthly_charges: float = Field(ge=0.01, le=1e4, description="The current bill, in dollars.")
    add_ons: int = Field(ge=0, le=6, description="Services booked besides telephone and internet.")


# Differences that have the same weight: two years, twice the bill, and two services.
STEPS = {"tenure_months": 24, "monthly_charges": 2, "add_ons": 2}
# Fields whose step is a factor: from 20 to 40 dollars is as far as from 50 to 100.
FACTORS = ("monthly_charges",)


def build_features(rows: Rows) -> Features:
    """Build what the model takes.

    Returns:
        "position": float32 of shape (n, fields), in steps; and each field's values by its name.
    """
    values = numeric_array(rows, list(STEPS))
    columns = dict(zip(STEPS, values.T, strict=True))
    position = [in_steps(name, column) for name, column in columns.items()]
    return {"position": np.column_stack(position).astype(np.float32), **columns}


def in_steps(name: str, values: Any) -> Any:
    """The values of a field in its steps."""
    if name in FACTORS:
        return np.log(values) / np.log(STEPS[name])
    return values / STEPS[name]


def monitored_columns(rows: Rows) -> dict[str, list[Any]]:
    """What monitoring compares between current and reference data: the fields."""
    return {name: [row[name] for row in rows] for name in Instance.model_fields}
