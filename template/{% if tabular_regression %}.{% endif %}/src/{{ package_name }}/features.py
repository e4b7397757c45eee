"""The fields of a hotel booking, and the features that the model takes.

Training, batch prediction and the API all build their features here. What is learned from data,
such as a median or a scale, belongs in model.py.
"""

from contextlib import suppress
from datetime import date
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, Field

from .core.arrays import categorical_array, numeric_array
from .core.rows import Features, Row, Rows

# Cells of a CSV file that mean "missing".
MISSING_VALUES = ("", "NA", "NaN")


def check_day(text: str) -> str:
    """The text; raises ValueError when it is no day such as 2017-08-31."""
    with suppress(ValueError):
        if date.fromisoformat(text).isoformat() == text:
            return text
    raise ValueError("Input should be a day such as 2017-08-31")


Day = Annotated[str, AfterValidator(check_day)]
Name = Annotated[str, Field(max_length=100)]
Count = Annotated[int, Field(ge=0, le=10**6)]


class Instance(Row):
    """One booking, as it is requested."""

    lead_time: Count = Field(description="Days from booking to arrival.")
    stays_in_weekend_nights: Count
    stays_in_week_nights: Count
    adults: Count
    children: Count
    babies: Count
    meal: Name
    market_segment: Name
    distribution_channel: Name
    reserved_room_type: Name
    agent: Name
    company: Name
    customer_type: Name
    country: Name | None = Field(default=None, description="Where the guest comes from.")
    is_repeated_guest: int = Field(ge=0, le=1)
    arrival_date: Day = Field(description="A day such as 2017-08-31.")
    historical_adr: float = Field(
        gt=0, le=1e6, description="Average price of a year before, around the same weekday."
    )


CATEGORICAL = (
    "meal",
    "market_segment",
    "distribution_channel",
    "reserved_room_type",
    "agent",
    "company",
    "customer_type",
    "country",
)
RAW = (
    "lead_time",
    "stays_in_weekend_nights",
    "stays_in_week_nights",
    "adults",
    "children",
    "babies",
    "is_repeated_guest",
    "historical_adr",
)
# The columns of the array "numeric", in this order.
# Not the year: a model that has seen one of each season can learn nothing from it.
NUMERIC = (*RAW, "weekday", "day_of_year")


def build_features(rows: Rows) -> Features:
    """Build what the model takes.

    Returns:
        "numeric": float32 of shape (n, len(NUMERIC)).
        "categorical": text of shape (n, len(CATEGORICAL)), "missing" where a value is missing.
    """
    days = [date.fromisoformat(row["arrival_date"]) for row in rows]
    calendar = [(day.weekday(), day.timetuple().tm_yday) for day in days]
    numeric = np.column_stack([numeric_array(rows, RAW), calendar]).astype(np.float32)
    return {"numeric": numeric, "categorical": categorical_array(rows, CATEGORICAL)}


def monitored_columns(rows: Rows) -> dict[str, list[Any]]:
    """What monitoring compares between current and reference data: all fields but the date."""
    return {name: [row[name] for row in rows] for name in (*RAW, *CATEGORICAL)}
