"""Yours: a raw instance, and how it becomes what the model takes.

Training, batch and API all pass here. What is learned from data belongs in model.py.
"""

from datetime import date

import numpy as np
from pydantic import Field

from .inputs import Inputs, Instances, Raw, numbers, strings
from .settings import UserError


class Instance(Raw):
    """One booking, as it is asked for."""

    lead_time: int = Field(ge=0, description="Days from booking to arrival.")
    stays_in_weekend_nights: int = Field(ge=0)
    stays_in_week_nights: int = Field(ge=0)
    adults: int = Field(ge=0)
    children: int = Field(ge=0)
    babies: int = Field(ge=0)
    meal: str
    market_segment: str
    distribution_channel: str
    reserved_room_type: str
    agent: str
    company: str
    customer_type: str
    country: str | None = Field(default=None, description="Where the guest comes from.")
    is_repeated_guest: int = Field(ge=0, le=1)
    arrival_date: str = Field(description="As 2017-08-31.")
    historical_adr: float = Field(ge=0, description="Average price of that night a year before.")


def prepare(instances: Instances) -> Inputs:
    """Columns of shape (n, 1): float32 numbers, where NaN is missing, and strings."""
    fields = Instance.model_fields
    numeric = [name for name in fields if fields[name].annotation in (int, float)]
    others = [name for name in fields if name not in (*numeric, "arrival_date")]
    inputs = numbers(instances, *numeric) | strings(instances, *others)
    days = np.asarray([calendar(row["arrival_date"]) for row in instances], dtype=np.float32)
    for position, name in enumerate(("weekday", "day_of_year", "year")):
        inputs[name] = days[:, [position]]
    return inputs


def calendar(text: str | None) -> tuple[float, float, float]:
    """Weekday (Monday is 0), day of the year, year; raises UserError when there is no such day."""
    if text is None:
        return np.nan, np.nan, np.nan
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise UserError(f'arrival_date "{text}" is not a day such as 2017-08-31.') from error
    return day.weekday(), day.timetuple().tm_yday, day.year
