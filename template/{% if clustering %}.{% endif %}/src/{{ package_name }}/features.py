"""The fields of a donor, and the position that decides which donors are similar.

Training, batch prediction and the API all build their features here. The steps are stated, not
learned: whether a year without a gift weighs as much as a doubled gift is a judgement, on which the
segments depend.
"""

from typing import Any

import numpy as np
from pydantic import Field

from .core.arrays import numeric_array
from .core.rows import Features, Row, Rows

# Cells of a CSV file that mean "missing".
MISSING_VALUES = ("", "NA", "NaN")


class Instance(Row):
    """One donor, as the charity's records describe them before a mailing."""

    weeks_since_gift: float = Field(ge=0, le=5200, description="Weeks since the last gift.")
    response_rate: float = Field(ge=0, le=1, description="Share of mailings answered so far.")
    average_gift: float = Field(ge=0.01, le=1e6, description="Mean of all gifts, in guilders.")


# Differences that have the same weight: a year, half of the mailings, and twice the gift.
STEPS = {"weeks_since_gift": 52, "response_rate": 0.5, "average_gift": 2}
# Fields whose step is a factor: from 5 to 10 guilders is as far as from 50 to 100.
FACTORS = ("average_gift",)


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
