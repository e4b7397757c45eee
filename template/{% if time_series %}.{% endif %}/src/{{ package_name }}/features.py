"""The fields of a series, and the features that the model takes.

Training, batch prediction and the API all build their features here. Statistics of one history,
such as its level, belong here; what is learned from the training set belongs in model.py.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from holidays import country_holidays
from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from .core.lists import CsvListWriter, read_csv_lists
from .core.rows import READERS, WRITERS, Array, Features, Row, Rows

READERS[".csv"] = read_csv_lists
WRITERS[".csv"] = CsvListWriter

# Cells of a CSV file that mean "missing".
MISSING_VALUES = ("", "NA", "NaN")

# Days of a forecast, days of the history, and how many of these must have a value.
HORIZON = 14
HISTORY = 56
MIN_DAYS = 42

FIRST_YEAR, LAST_YEAR = 1971, 2060
# Filled at once, one year more on both sides: on demand, threads of the API could interfere.
YEARS = range(FIRST_YEAR - 1, LAST_YEAR + 2)
FEDERAL = country_holidays("US", years=YEARS, expand=False)
HOLIDAYS = ["", *sorted({name.removesuffix(" (observed)") for name in FEDERAL.values()})]

# Number of values of the last columns of `days`: weekday, holiday, and holiday of the day before.
CODES = (7, len(HOLIDAYS), len(HOLIDAYS))
# Level and scale of a series of zeros, because errors are divided by them.
TINY = 1e-6


def check_day(text: str) -> str:
    """The text; raises ValueError when it is no day such as 2016-08-14."""
    with suppress(ValueError):
        day = date.fromisoformat(text)
        if FIRST_YEAR <= day.year <= LAST_YEAR and day.isoformat() == text:
            return text
    raise ValueError(
        f"Input should be a day from {FIRST_YEAR} to {LAST_YEAR}, such as 2016-08-14. "
        "Sum hours to local days first: the day of a clock change has 23 or 25 hours"
    )


Day = Annotated[str, AfterValidator(check_day)]
Count = Annotated[float, Field(ge=0, le=1e9)]
HomeGames = Annotated[int, Field(ge=0, le=3)]


class Instance(Row):
    """One series; the 14 days after its last date are forecast."""

    dates: list[Day] = Field(
        min_length=1, max_length=1000, description="Days such as 2016-08-14, in any order."
    )
    values: list[Count | None] = Field(max_length=1000, description="Riders; null is a gap.")
    home_games: list[HomeGames] = Field(
        min_length=HORIZON, max_length=HORIZON, description="On each of the 14 days ahead."
    )

    @field_validator("dates")
    @classmethod
    def check_dates(cls, dates: list[str]) -> list[str]:
        """Refuse a day that occurs twice."""
        for day, count in Counter(dates).items():
            if count > 1:
                raise ValueError(f"{day} occurs {count} times; which of its values is right?")
        return dates

    @field_validator("values")
    @classmethod
    def check_values(cls, values: list[float | None], info: ValidationInfo) -> list[float | None]:
        """Refuse a history with too many gaps.

        Raises:
            ValueError: There are more or fewer values than dates, or too few of the last 56 days.
        """
        dates = info.data.get("dates")
        if dates is None:  # they were refused
            return values
        if len(values) != len(dates):
            raise ValueError(f"there are {len(values)} values for {len(dates)} dates")
        weeks = recent_values(dates, values)
        if not has_enough_values(weeks):
            raise ValueError(
                f"there are values for {np.isfinite(weeks).sum()} of the last {HISTORY} days; a "
                f"forecast takes {MIN_DAYS}, and each weekday once. A day without riders is 0"
            )
        return values


def recent_values(dates: list[str], values: list[float | None]) -> Array:
    """The values of the last 56 days, NaN for a gap: shape (8, 7), one row per week."""
    days = np.array(dates, dtype="datetime64[D]")
    days_ago = (days.max() - days).astype(int)
    is_recent = days_ago < HISTORY
    recent = np.full(HISTORY, np.nan)
    recent[HISTORY - 1 - days_ago[is_recent]] = np.array(values, dtype=float)[is_recent]
    return recent.reshape(-1, 7)


def has_enough_values(weeks: Array) -> bool:
    """Whether at most 14 days of the history are missing, and no weekday always is."""
    known_by_weekday = np.isfinite(weeks).sum(axis=0)
    return bool(known_by_weekday.sum() >= MIN_DAYS and known_by_weekday.min() > 0)


def build_features(rows: Rows) -> Features:
    """Build what the model takes.

    Returns:
        "history": riders of the last 56 days, gaps filled, of shape (n, 56).
        "level": the mean of the history, of shape (n, 1).
        "scale": the mean absolute error of the seasonal naive forecast in it, of shape (n, 1).
        "weekday_median": for each day ahead its weekday's median of four weeks, of shape (n, 14).
        "days": what is known of each day ahead, of shape (n, 14, 12). The first five columns
            are counts of riders divided by the level (see past_columns), then come the step, the
            home games, day of the month and of the year, and three codes; see CODES.
    """
    recent = [recent_values(row["dates"], row["values"]) for row in rows]
    weeks = fill_gaps(np.stack(recent))
    history = weeks.reshape(-1, HISTORY)
    level = history.mean(axis=1, keepdims=True) + TINY
    past = past_columns(weeks)
    past_shares = past / level[:, :, np.newaxis]
    ahead = np.array([ahead_columns(row) for row in rows])
    features = {
        "history": history,
        "level": level,
        "scale": naive_error(history, level),
        "weekday_median": past[:, :, 0],
        "days": np.concatenate([past_shares, ahead], axis=2),
    }
    return {name: values.astype(np.float32) for name, values in features.items()}


def fill_gaps(weeks: Array) -> Array:
    """Replace NaN by the median of the same weekday in the other weeks.

    Args:
        weeks: Shape (n, 8, 7).
    """
    medians = np.nanmedian(weeks, axis=1, keepdims=True)
    return np.where(np.isnan(weeks), medians, weeks)


def naive_error(history: Array, level: Array) -> Array:
    """The mean absolute difference from the same weekday of the week before: shape (n, 1)."""
    errors = np.abs(history[:, 7:] - history[:, :-7])
    error = errors.mean(axis=1, keepdims=True)
    # A thousandth of the level where nothing ever changed.
    return np.asarray(np.maximum(error, level / 1000) + TINY)


def past_columns(weeks: Array) -> Array:
    """What the history says about each day ahead.

    Returns:
        The weekday's median of four weeks and of eight, its last value, and the means of the last
        seven and 28 days: shape (n, 14, 5).
    """
    last_week = weeks[:, -1]
    last_month = weeks[:, -4:]
    columns = np.broadcast_arrays(
        np.median(last_month, axis=1),
        np.median(weeks, axis=1),
        last_week,
        last_week.mean(axis=1, keepdims=True),
        last_month.mean(axis=(1, 2))[:, np.newaxis],
    )
    weekdays = np.arange(HORIZON) % 7
    return np.stack(columns, axis=2)[:, weekdays]


def ahead_columns(row: Mapping[str, Any]) -> list[tuple[int, ...]]:
    """What is known in advance of each day ahead: its step, its home games and its calendar."""
    last = date.fromisoformat(max(row["dates"]))
    return [
        (step, home_games, *calendar(last + timedelta(days=step + 1)))
        for step, home_games in enumerate(row["home_games"])
    ]


@lru_cache(maxsize=20_000)
def calendar(day: date) -> tuple[int, ...]:
    """Day of the month and of the year, weekday (Monday is 0), holiday on it and the day before."""
    names = [FEDERAL.get(day, ""), FEDERAL.get(day - timedelta(days=1), "")]
    holidays = [HOLIDAYS.index(name.removesuffix(" (observed)")) for name in names]
    return (day.day, day.timetuple().tm_yday, day.weekday(), *holidays)


def monitored_columns(rows: Rows) -> dict[str, list[Any]]:
    """What monitoring compares between current and reference data: properties of each series."""
    weeks = np.stack([recent_values(row["dates"], row["values"]) for row in rows])
    return {
        "mean_value": np.nanmean(weeks, axis=(1, 2)).tolist(),
        "standard_deviation": np.nanstd(weeks, axis=(1, 2)).tolist(),
        "gaps": np.isnan(weeks).sum(axis=(1, 2)).tolist(),
        "home_games_ahead": [sum(row["home_games"]) for row in rows],
    }
