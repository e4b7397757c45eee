"""Yours: a raw instance, and how it becomes what the model takes.

Training, batch and API all pass here. What is learned from data belongs in model.py.
"""

from datetime import date
from functools import lru_cache
from typing import Annotated

import numpy as np
from holidays import country_holidays
from pydantic import Field

from .inputs import Inputs, Instances, Raw
from .settings import UserError

# Days that are asked for, days that are looked back on, and how many of these may be missing.
HORIZON, HISTORY, GAPS = 14, 56, 14
YEARS = range(1970, 2061)
# Filled at once: if it were filled when asked, threads of the API could disturb each other.
FEDERAL = country_holidays("US", years=[*YEARS, 2061], expand=False)
NAMES = ["", *sorted({name.removesuffix(" (observed)") for name in FEDERAL.values()})]

# How many values the last columns of `days` have: weekday, holiday, and holiday the day before.
CODES = (7, len(NAMES), len(NAMES))

Count = Annotated[float, Field(ge=0, le=1e9)]
Games = Annotated[int, Field(ge=0, le=3)]


class Instance(Raw):
    """One series up to today; the 14 days after its last date are asked for."""

    dates: list[str] = Field(max_length=1000, description="Days such as 2016-08-14, in any order.")
    values: list[Count | None] = Field(max_length=1000, description="Riders; null is a gap.")
    home_games: list[Games] = Field(max_length=1000, description="On each of the 14 days ahead.")


def prepare(instances: Instances) -> Inputs:
    """The last 56 days, gaps filled, and for each of the next 14 days what is known of it.

    `days` has shape (n, 14, features); what counts riders in it is a share of their mean, `level`.
    `scale` is what last week's value, said again, missed in the past: MASE is in this unit.
    """
    ends, windows = zip(*[window(row["dates"], row["values"]) for row in instances], strict=True)
    weeks = np.array(windows, dtype=float).reshape(-1, HISTORY // 7, 7)
    known = np.isfinite(weeks)
    enough = (known.sum(axis=(1, 2)) >= HISTORY - GAPS) & known.any(axis=1).all(axis=1)
    for few in known[~enough]:
        raise UserError(
            f'"values" has {few.sum()} of the last {HISTORY} days; to forecast {HORIZON} it takes '
            f"{HISTORY - GAPS}, and each weekday once. A day without riders is 0, not null."
        )
    weeks = np.where(known, weeks, np.nanmedian(weeks, axis=1, keepdims=True))
    history = weeks.reshape(-1, HISTORY)
    games = [row["home_games"] for row in instances]
    for count in {len(row) for row in games} - {HORIZON}:
        raise UserError(f'"home_games" has {count} days; this model forecasts {HORIZON}, no other.')
    step = np.arange(HORIZON)
    level = history.mean(axis=1, keepdims=True)
    level[level == 0] = 1
    # The same weekday in past weeks, for each day that is asked for.
    weekly = (np.median(weeks[:, -4:], axis=1), np.median(weeks, axis=1), weeks[:, -1])
    usual, longer, latest = (week[:, step % 7] for week in weekly)
    recent = [history[:, -days:].mean(axis=1, keepdims=True) for days in (7, 28)]
    columns = [values / level for values in (usual, longer, latest, *recent)]
    calendar = [[about(end + 1 + ahead) for ahead in range(HORIZON)] for end in ends]
    columns += [step, np.array(games), *np.moveaxis(np.array(calendar), -1, 0)]
    days = np.stack([np.broadcast_to(column, usual.shape) for column in columns], axis=-1)
    missed = np.abs(history[:, 7:] - history[:, :-7]).mean(axis=1, keepdims=True)
    # Where nothing ever changed, a thousandth of the level stands in.
    scale = np.maximum(missed, level / 1000)
    inputs = {"history": history, "level": level, "scale": scale, "usual": usual, "days": days}
    return {name: values.astype(np.float32) for name, values in inputs.items()}


def window(dates: list[str], values: list[float | None]) -> tuple[int, list[float | None]]:
    """The last day, and the values of the 56 days up to it, whatever the order."""
    if len(dates) != len(values):
        raise UserError(f'"dates" has {len(dates)} days, but "values" has {len(values)} numbers.')
    series = dict(zip(map(number, dates), values, strict=True))
    if len(series) < len(dates):
        twice = next(day for day in dates if dates.count(day) > 1)
        raise UserError(f'"dates" has {twice} twice; which of its values is right?')
    end = max(series, default=0)
    return end, [series.get(day) for day in range(end - HISTORY + 1, end + 1)]


@lru_cache(maxsize=20_000)
def number(text: str) -> int:
    """The day's place in the calendar; raises UserError when the text is no day."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if day.year not in YEARS[1:] or day.isoformat() != text:
        raise UserError(
            f'"dates" has {text[:40]!r}, no day from {YEARS[1]} to {YEARS[-1]} such as 2016-08-14. '
            "Sum hours to local days first: the day of a clock change has 23 or 25 of them."
        )
    return day.toordinal()


@lru_cache(maxsize=20_000)
def about(number: int) -> tuple[int, ...]:
    """Day of the month and of the year, weekday (Monday is 0), holiday on it and the day before."""
    day = date.fromordinal(number)
    names = [FEDERAL.get(date.fromordinal(number - before), "") for before in (0, 1)]
    codes = [NAMES.index(name.removesuffix(" (observed)")) for name in names]
    return day.day, day.timetuple().tm_yday, day.weekday(), *codes
