"""A project about series: the next values of a number that is recorded at regular times."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import combinations
from typing import Any

import duckdb

from scaffold.errors import ScaffoldError, sentence
from scaffold.own.columns import Column, Table, number_of, time_of, with_free_name
from scaffold.own.dependencies import UNUSED
from scaffold.own.proposal import LEFT_OUT, TARGETS
from scaffold.own.source import cell_text, quoted, unreadable
from scaffold.own.tables import NUMBERS, contents_of, file_context, limits, point
from scaffold.own.writing import MODEL, OWN, Contents, in_template

SERIES = "time-series"
# Of the distances between the times of a series, the share that must be the step.
MIN_REGULAR = 0.9
# A test set has a quarter of the periods of one horizon, so at least five.
MIN_PERIODS = 20
TEST_FRACTION = 0.25
# With fewer in the test set, resamples of periods vary too little.
FEW_PERIODS = 10
MAX_SERIES = 1000
# Names of columns of years.
YEARS = ("year", "jahr", "time", "date", "period")
# A column with more values does not tell series apart.
MAX_KEY_VALUES = 5000
# Columns that together tell series apart, and what stands between their values in a name.
MAX_KEYS, SEPARATOR = 3, " / "
# Single values that are forecast, over all windows; more make a first run long.
MAX_FORECAST_VALUES = 150_000
# Series on which the model is also measured, and which figures show.
MAX_SHOWN = 4
# A time before 1970, of which projects test the first characters.
EARLY = "1959-12-01T00:00"
# With fewer windows, they overlap more.
FEW_WINDOWS = 1000
# Names of columns that clean() adds.
TAKEN = {"series", "period", "origin", "times", "values", "ahead"}


@dataclass(frozen=True)
class Step:
    """The distance between two times of a series, and what a first model of it takes.

    Attributes:
        name: Of one step.
        seconds: Its length; of months and longer ones, about.
        number: SQL for the number of a time's step.
        unit: Of numpy.datetime64, in which a time is counted.
        season: Its steps.
        season_name: What a season is called.
        n_seasons: In the history that a forecast takes.
        horizon: Steps of a forecast.
        calendar: What is known of a step ahead: "slot" (of the day), "weekday" and "month".
        formats: For strptime, beside that of the file.
        example: A time, as the project writes it.
    """

    name: str
    seconds: int
    number: str
    unit: str
    season: int
    season_name: str
    n_seasons: int
    horizon: int
    calendar: tuple[str, ...]
    formats: tuple[str, ...]
    example: str

    @property
    def history(self) -> int:
        """Steps that a forecast takes."""
        return self.season * self.n_seasons

    @property
    def least(self) -> int:
        """Steps that a series needs, so that its forecasts can be measured."""
        return self.history + MIN_PERIODS * self.horizon


MINUTES = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")
DAYS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S")
EPOCH_DAYS = "CAST(floor(epoch({0}) / 86400) AS BIGINT)"


def within_day(name: str, minutes: int, unit: str, formats: Sequence[str], example: str) -> Step:
    """A step of a part of a day, whose season is the day."""
    return Step(
        name,
        60 * minutes,
        f"CAST(floor(epoch({{0}}) / {60 * minutes}) AS BIGINT)",
        unit,
        season=1440 // minutes,
        season_name="day",
        n_seasons=7,
        horizon=1440 // minutes,
        calendar=("slot", "weekday"),
        formats=(*MINUTES, *formats),
        example=example,
    )


DAY = Step(
    "day",
    86_400,
    EPOCH_DAYS,
    "D",
    season=7,
    season_name="week",
    n_seasons=8,
    horizon=14,
    calendar=("weekday", "month"),
    formats=DAYS,
    example="2024-08-15",
)
# Monday to Friday; the number of business days since 1970.
WORKDAY = replace(
    DAY,
    name="business day",
    number=f"5 * (({EPOCH_DAYS} + 3) // 7) + least(({EPOCH_DAYS} + 3) % 7, 5)",
    season=5,
    horizon=10,
)
WEEK = replace(
    DAY,
    name="week",
    seconds=7 * 86_400,
    number=f"({EPOCH_DAYS} - {{1}}) // 7",
    season=52,
    season_name="year",
    n_seasons=2,
    horizon=4,
    calendar=("month",),
)
MONTH = replace(
    WEEK,
    name="month",
    seconds=30 * 86_400,
    number="12 * year({0}) + month({0})",
    unit="M",
    season=12,
    n_seasons=3,
    horizon=3,
    formats=("%Y-%m", *DAYS),
    example="2024-08",
)
QUARTER = replace(
    MONTH,
    name="quarter",
    seconds=91 * 86_400,
    number="4 * year({0}) + quarter({0})",
    unit="3M",
    season=4,
    n_seasons=5,
    horizon=2,
    example="2024-07",
)
YEAR = replace(
    QUARTER,
    name="year",
    seconds=365 * 86_400,
    number="year({0})",
    unit="Y",
    season=1,
    n_seasons=8,
    calendar=(),
    formats=("%Y", *DAYS),
    example="2024",
)
STEPS = (
    within_day("quarter of an hour", 15, "15m", (), "2024-08-15T10:15"),
    within_day("half hour", 30, "30m", (), "2024-08-15T10:30"),
    within_day("hour", 60, "h", ("%Y-%m-%dT%H",), "2024-08-15T10"),
    *(DAY, WEEK, MONTH, QUARTER, YEAR),
)


# The value that is expected without a model: by its name, what a project says of it, and SQL for it
# where `last` is the last value, `before` the one a season before that, and `season` the same step
# of the last season.
EXPECTATIONS = {
    "last value": ("the last value", "last"),
    "last season": ("the value of the same step in the last season", "season"),
    "last season with its change": (
        "the same step of the last season, with the change since then",
        "season + last - before",
    ),
    "median of four seasons": (
        "the median of the same step in the last four seasons",
        "list_median([season, season_2, season_3, season_4])",
    ),
}


@dataclass
class Forecasts:
    """A project about the series of a table.

    Attributes:
        target: The number that is forecast.
        time: The column of times.
        step: From one to the next.
        keys: The columns that tell the series apart; none, where there is one series.
        series: Name and number of steps of each that is long enough for a forecast, the longest
            first.
        n_short: How many are not.
        expectation: What a value is compared with, of EXPECTATIONS.
        weekday: Of weekly times, the first: days after a Thursday.
        left_out: Why the other columns are left out, by name.
    """

    table: Table
    target: Column
    time: Column
    step: Step
    keys: list[Column] = field(default_factory=list)
    series: list[tuple[str, int]] = field(default_factory=list)
    n_short: int = 0
    expectation: str = ""
    weekday: int = 0
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def spacing(self) -> int:
        """Steps from one forecast origin to the next, without a common divisor with the season."""
        step = self.step
        n_origins = sum(n_steps - step.history for _, n_steps in self.series)
        spacing = max(
            min(math.ceil(step.horizon / 3), n_origins // FEW_WINDOWS),
            math.ceil(n_origins * step.horizon / MAX_FORECAST_VALUES),
        )
        while math.gcd(spacing, step.season) > 1:
            spacing += 1
        return spacing


def recognise(table: Table, target: str) -> Forecasts | None:
    """The project of a table that has nothing but times, names of series and one number.

    Args:
        table: The rows.
        target: The number that is forecast, if it is known.
    """
    times = [column for column in table.columns if is_time(column)]
    numbers = [column for column in table.columns if column.is_number and column not in times]
    if target:
        numbers = [column for column in numbers if target in (column.name, column.field)]
    if len(times) != 1 or len(numbers) != 1:
        return None
    try:
        found = propose(table, numbers[0].name)
    except ScaffoldError:
        return None
    used = {found.time.name, found.target.name, *(column.name for column in found.keys)}
    is_all = all(
        column.name in used
        or column.kind in ("constant", "empty", "identifier")
        or describes_series(found, column)
        for column in table.columns
    )
    return found if is_all else None


def describes_series(found: Forecasts, column: Column) -> bool:
    """Whether a column that is no number has one value in each series."""
    if column.is_number:
        return False
    keys = ", ".join(cell_text(key.name) for key in found.keys) or "1"
    (n_pairs, n_series) = found.table.source.one_row(
        f"SELECT count(DISTINCT ({keys}, {cell_text(column.name)})), count(DISTINCT ({keys}, 1)) "
        "FROM source",
    )
    return bool(n_pairs == n_series)


def is_time(column: Column) -> bool:
    """Whether the values of a column are times, or years by its name and range."""
    if column.kind not in ("integer", "identifier"):
        return column.kind == "date"
    lowest, highest = column.minimum or 0, column.maximum or 0
    return column.field in YEARS and lowest >= 1000 and highest < 2200


def propose(table: Table, target: str) -> Forecasts:
    """Decide what can be decided from the rows.

    Args:
        table: The rows.
        target: The name of the column that is forecast.

    Raises:
        ScaffoldError: The rows are no series, or too short ones.
    """
    place = table.source.path
    times = [column for column in table.columns if is_time(column)]
    if not times:
        raise ScaffoldError(sentence(f"{place} has no column of times, so it is no series"))
    time = times[0]
    if time.missing:
        raise ScaffoldError(
            sentence(f'{place}: "{time.name}" has no value in {time.missing:.1%} of the rows')
        )
    column = table.column(target)
    if column.kind == "identifier" and column.minimum is not None:
        # A number that grows with each row.
        column = replace(column, kind="integer")
    if not column.is_number:
        raise ScaffoldError(sentence(f'"{column.name}" is no number ({column.kind})'))
    try:
        keys = find_keys(table, time, column)
        create_timed(table, time, column, keys)
        step = find_step(table)
        found = Forecasts(table, column, time, step, keys, weekday=first_weekday(table))
        require_regular(found)
        measure_series(found)
        found.expectation = find_expectation(found)
    except duckdb.Error as error:
        raise unreadable(place, error) from error
    for other in table.columns:
        if other.name not in (time.name, column.name, *(key.name for key in keys)):
            found.left_out[other.name] = reason_to_leave_out(found, other)
    return found


def guess_value(table: Table) -> str:
    """The number that is most likely forecast: by its name, else the last.

    Raises:
        ScaffoldError: There is no number.
    """
    numbers = [column for column in table.columns if column.is_number and not is_time(column)]
    if not numbers:
        raise ScaffoldError(sentence(f"{table.source.path} has no number that could be forecast"))
    named = [column for column in numbers if column.field.rstrip("_") in TARGETS]
    return (named or numbers)[-1].name


def reason_to_leave_out(found: Forecasts, column: Column) -> str:
    """Why a column beside the time, the series and the value is left out."""
    if column.personal:
        return f"it seems to hold personal data ({column.personal})"
    if column.kind in ("constant", "empty", "identifier"):
        return LEFT_OUT[column.kind]
    if found.keys and describes_series(found, column):
        return "it has one value in each series, and the model treats all series alike"
    return "its values after the forecast is made are not known"


def timestamp(column: Column) -> str:
    """SQL for a time."""
    if column.kind != "date":
        return f"make_timestamp(CAST({cell_text(column.name)} AS BIGINT), 1, 1, 0, 0, 0)"
    return time_of(column)


# Which rows are one series.


def find_keys(table: Table, time: Column, target: Column) -> list[Column]:
    """The fewest columns of which each combination has a time only once.

    Raises:
        ScaffoldError: There are none.
    """
    possible = [
        column
        for column in table.columns
        if column.name not in (time.name, target.name) and can_be_key(column, table.n_rows)
    ]
    for n_keys in range(MAX_KEYS + 1):
        for keys in combinations(possible, n_keys):
            if has_each_time_once(table, time, keys):
                return list(keys)
    raise ScaffoldError(
        sentence(
            f'{table.source.path}: several rows have the same "{time.name}", and no column tells '
            "their series apart; sum them first, or leave out duplicate rows"
        )
    )


def can_be_key(column: Column, n_rows: int) -> bool:
    """Whether the values of a column may be the names of series."""
    if column.personal or column.missing or column.kind not in ("category", "integer"):
        return False
    return column.distinct <= min(MAX_KEY_VALUES, n_rows / 2)


def has_each_time_once(table: Table, time: Column, keys: Sequence[Column]) -> bool:
    """Whether no two rows of one series have the same time."""
    parts = ", ".join(cell_text(column.name) for column in (time, *keys))
    (n_different,) = table.source.one_row(
        f"SELECT count(*) FROM (SELECT DISTINCT {parts} FROM source)"
    )
    return bool(n_different == table.n_rows)


def create_timed(table: Table, time: Column, target: Column, keys: Sequence[Column]) -> None:
    """The table `timed`: the time `t`, the name of the series and the value of each row."""
    names = ", ".join(cell_text(column.name) for column in keys)
    series = f"concat_ws({quoted(SEPARATOR)}, {names})" if keys else "''"
    table.source.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE timed AS SELECT {timestamp(time)} AS t, {series} AS series, "
        f"{number_of(target)} AS value FROM source"
    )


# How far the times are apart.


def find_step(table: Table) -> Step:
    """The usual distance between two times of a series; raises ScaffoldError if none is known."""
    (median,) = table.source.one_row(
        "SELECT median(seconds) FROM (SELECT epoch(t) - lag(epoch(t)) OVER "
        "(PARTITION BY series ORDER BY t) AS seconds FROM timed)",
    )
    for step in STEPS:
        if median and abs(median / step.seconds - 1) < 0.04:
            return WORKDAY if step is DAY and not has_weekends(table) else step
    known = ", ".join(step.name for step in STEPS)
    distance = f"{median / 3600:,.6g} hours" if median else "not"
    raise ScaffoldError(
        sentence(
            f"{table.source.path}: the times of a series are {distance} apart; a series has one "
            f"value each {known}: sum or average the rows first"
        )
    )


def has_weekends(table: Table) -> bool:
    """Whether a time is on a Saturday or Sunday."""
    (found,) = table.source.one_row("SELECT bool_or(isodow(t) > 5) FROM timed")
    return bool(found)


def first_weekday(table: Table) -> int:
    """The usual weekday of weekly times, as days after a Thursday, which 1970 began with."""
    (weekday,) = table.source.one_row(f"SELECT mode(({EPOCH_DAYS.format('t')}) % 7) FROM timed")
    return int(weekday)


def numbered(found: Forecasts) -> str:
    """SQL for the rows of `timed` with the number `n` of their step."""
    number = found.step.number.format("t", found.weekday)
    return f"(SELECT series, value, {number} AS n FROM timed)"


def require_regular(found: Forecasts) -> None:
    """Raise ScaffoldError if two values are of one step, or if too many steps have none."""
    place, name = found.table.source.path, found.step.name
    repeated = found.table.source.one_row(
        f"SELECT series, n FROM {numbered(found)} GROUP BY ALL HAVING count(*) > 1 LIMIT 1",
    )
    if repeated:
        raise ScaffoldError(
            sentence(f"{place} has several values of one {name}; sum or average them first")
        )
    (share,) = found.table.source.one_row(
        "SELECT avg((d = 1)::INT) FROM (SELECT n - lag(n) OVER (PARTITION BY series ORDER BY n) AS "
        f"d FROM {numbered(found)}) WHERE d IS NOT NULL",
    )
    if share < MIN_REGULAR:
        raise ScaffoldError(
            sentence(
                f"{place}: only {share:.0%} of the values come one {name} after the one before; "
                f"add the missing rows, with 0 where nothing was counted"
            )
        )


def measure_series(found: Forecasts) -> None:
    """Count the steps of each series; raises ScaffoldError if none has enough, or too many do."""
    place, step = found.table.source.path, found.step
    rows = found.table.source.connection.execute(
        f"SELECT series, max(n) - min(n) + 1 AS steps FROM {numbered(found)} "
        "WHERE value IS NOT NULL GROUP BY series ORDER BY steps DESC, series"
    ).fetchall()
    found.series = [(name, steps) for name, steps in rows if steps >= step.history + step.horizon]
    found.n_short = len(rows) - len(found.series)
    if rows[0][1] < step.least:
        raise ScaffoldError(
            sentence(
                f"{place}: the longest series has {rows[0][1]:,} {step.name}s; to forecast "
                f"{step.horizon} and to measure that, {step.least:,} are the least"
            )
        )
    if len(found.series) > MAX_SERIES:
        raise ScaffoldError(
            sentence(
                f"{place} has {len(found.series):,} series; {MAX_SERIES:,} are the most: begin "
                "with some of them"
            )
        )


def find_expectation(found: Forecasts) -> str:
    """Which of EXPECTATIONS was nearest to the values in the first half of the times."""
    season = found.step.season
    lag = math.ceil(found.step.horizon / 2)
    # A whole season before, the last value would be that of the last season.
    lag -= season > 1 and lag % season == 0
    lags = {
        "last": lag,
        "season": season,
        "before": lag + season,
        **{f"season_{number}": number * season for number in (2, 3, 4)},
    }
    lagged = [f"lag(value, {steps}) OVER by_time AS {name}" for name, steps in lags.items()]
    columns = ", ".join(f"avg(abs(value - ({expected})))" for _, expected in EXPECTATIONS.values())
    rows = numbered(found)
    row = found.table.source.one_row(
        f"SELECT {columns} FROM (SELECT value, n, {', '.join(lagged)} FROM {rows} WINDOW "
        "by_time AS (PARTITION BY series ORDER BY n)) WHERE value IS NOT NULL AND "
        f"n < (SELECT median(n) FROM {rows})",
    )
    possible = {
        name: error
        for name, error in zip(EXPECTATIONS, row, strict=True)
        if error is not None and (found.step.n_seasons > 4 or not name.startswith("median"))
    }
    return min(possible, key=lambda name: possible[name], default="last season")


# Writing.


def contents(found: Forecasts) -> Contents:
    """The project that the rows make."""
    table = found.table
    return contents_of(
        table,
        context_of(found),
        variant=SERIES,
        description=f"Forecasts {found.target.name} of {table.source.path.name}.",
        folder="series",
        files={**OWN, MODEL: "model.py.jinja"},
        unused=UNUSED,
    )


def context_of(found: Forecasts) -> dict[str, Any]:
    """What the files say about the rows."""
    table, step = found.table, found.step
    target, time = (with_free_name(column, TAKEN) for column in (found.target, found.time))
    keys = [with_free_name(column, TAKEN) for column in found.keys]
    lowest = target.minimum or 0.0
    n_periods = test_periods(found)
    example = example_instance(found)
    return file_context(table, found.left_out) | {
        "step": step,
        "position": position_code(found),
        "times": times_code(found),
        "target": target,
        "time": time,
        "keys": keys,
        "renamed": [c for c in (time, target, *keys) if c.name != c.field],
        "value_type": NUMBERS[point(target)] if target.kind == "formatted" else "float",
        "value_limits": ", ".join(limits(target)),
        "points": [point(target)] if target.kind == "formatted" else [],
        "minus": target.minus,
        "longest_key": max([100, *(2 * column.longest for column in keys)]),
        "formats": list(dict.fromkeys([*time_format(time), *step.formats])),
        "test_fraction": TEST_FRACTION,
        "non_negative": lowest >= 0,
        "early": EARLY[: len(step.example)],
        "calendar_words": calendar_words(step),
        "quarters": "month" in step.calendar and step.name != QUARTER.name,
        "expectation": found.expectation,
        "expected": EXPECTATIONS[found.expectation][0],
        "n_series": len(found.series),
        "n_short": found.n_short,
        "shown": [name for name, _ in found.series[:MAX_SHOWN]],
        "few_periods": n_periods if n_periods < FEW_PERIODS else 0,
        "separator": SEPARATOR,
        "spacing": found.spacing,
        "lists": True,
        "example": example,
        "example_json": in_template(json.dumps(example)),
    }


def test_periods(found: Forecasts) -> int:
    """About how many periods of one horizon the test set has."""
    _, n_steps = found.series[0]
    return int(TEST_FRACTION * (n_steps - found.step.history) / found.step.horizon)


def calendar_words(step: Step) -> str:
    """What calendar() of a project returns."""
    words = {
        "slot": "minute of the day",
        "weekday": "weekday (Monday is 0)",
        "month": "month (January is 0)",
    }
    text = " and ".join(words[part] for part in step.calendar)
    return text[:1].upper() + text[1:]


def time_format(time: Column) -> list[str]:
    """The format of the file's times, if the column says one."""
    return [time.date_format] if time.date_format else []


def position_code(found: Forecasts) -> str:
    """Code for the numbers of the steps of `times`."""
    if found.step.name == WORKDAY.name:
        return 'np.busday_count("1970-01-01", np.array(times, dtype="datetime64[D]"))'
    number = f'np.array(times, dtype="datetime64[{found.step.unit}]").astype(int)'
    return f"({number} - {found.weekday}) // 7" if found.step.name == WEEK.name else number


def times_code(found: Forecasts) -> str:
    """Code for the times of the steps with the numbers `positions`."""
    if found.step.name == WORKDAY.name:
        return 'np.busday_offset("1970-01-01", positions)'
    number = f"(7 * positions + {found.weekday})" if found.step.name == WEEK.name else "positions"
    return f'{number}.astype("datetime64[{found.step.unit}]")'


def example_instance(found: Forecasts) -> dict[str, Any]:
    """The last history of the longest series, as in a request."""
    name, _ = found.series[0]
    connection = found.table.source.connection
    rows = connection.execute(
        f"SELECT t, value FROM timed WHERE series = ? ORDER BY t DESC LIMIT {found.step.history}",
        [name],
    ).fetchall()
    return {
        "times": [text_of_time(found.step, time) for time, _ in reversed(rows)],
        "values": [value for _, value in reversed(rows)],
    }


def text_of_time(step: Step, time: datetime) -> str:
    """A time as the project writes it."""
    if step.name == QUARTER.name:
        time = time.replace(month=time.month - (time.month - 1) % 3)
    return time.isoformat()[: len(step.example)]
