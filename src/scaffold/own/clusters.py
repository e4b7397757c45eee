"""A project that finds segments in a table: which fields make rows similar, and by which steps."""

import json
import math
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

from scaffold.errors import ScaffoldError, sentence
from scaffold.own.columns import ID, Column, Table, number_of, text_of, with_free_name
from scaffold.own.proposal import LEFT_OUT, SENSITIVE, TARGETS, is_owner, listing
from scaffold.own.source import identifier, unreadable
from scaffold.own.tables import contents_of, declaration, file_context, limits, point, typed
from scaffold.own.writing import Contents, in_template, literal

CLUSTERING = "clustering"
# Beyond these, all rows are about as far from each other.
MAX_FIELDS = 8
# Of a field; rows without a value have no position.
MAX_MISSING = 0.2
# With fewer different rows, the three sets would not show segments.
MIN_ROWS = 200
# Of more rows, the project takes a sample: more do not make the centres more precise.
MAX_ROWS = 20_000
# From this correlation on, a second field would only double the weight of the first.
COPY = 0.95
# A field is compared by factors where it is more skewed than this, and its step is no small factor.
MIN_SKEWNESS, MIN_FACTOR = 1, 1.5
# What describes the segments: how many columns, and how many values one may have.
MAX_DESCRIBED, MAX_VALUES = 4, 6
# Longer names do not fit into a table of results, nor into a line of code.
MAX_NAMES = 60
# Names that the code, the predictions and the figures of such a project have.
TAKEN = {"position", "profile", "true_segment", "silhouette", "distance"}
TAKEN |= {"segment", "description", "stability", "fit"}


@dataclass(frozen=True)
class Measure:
    """A field that decides which rows are similar.

    Attributes:
        column: Its column.
        step: A difference, or a factor, of one standard deviation, rounded.
        is_factor: Whether values are compared by their ratio.
        spread: The interquartile range in steps.
        keeps_skew: Whether it is skewed, and contains values for which there is no logarithm.
    """

    column: Column
    step: float
    is_factor: bool
    spread: float
    keeps_skew: bool


@dataclass
class Segmentation:
    """A project that finds segments in a table.

    Attributes:
        measures: The fields of the distance.
        described: Columns with few values, by which the segments are described.
        left_out: Why the other columns are left out, by name.
        n_complete: How many rows have a value in all fields.
    """

    table: Table
    measures: list[Measure] = field(default_factory=list)
    described: list[Column] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    n_complete: int = 0

    @property
    def outcome(self) -> Column | None:
        """The column whose share in each segment is a figure; the surest name of a target first."""
        by_name = {column.field: column for column in self.described}
        named = [by_name[name] for name in TARGETS if name in by_name]
        binary = [column for column in self.described if len(column.values) == 2]
        return next(iter([*named, *binary, *self.described]), None)

    @property
    def sliced(self) -> list[Column]:
        """The columns whose values are slices."""
        others = [column for column in self.described if column is not self.outcome]
        return others[:3] or self.described


# Choosing.


def propose(table: Table) -> Segmentation:
    """Decide what can be decided from the rows.

    Raises:
        ScaffoldError: No segments can be found in these rows.
    """
    found = Segmentation(table)
    candidates = []
    for column in table.columns:
        reason = reason_to_leave_out(column, table.n_rows)
        if reason:
            found.left_out[column.name] = reason
        elif is_described(column, table):
            found.described.append(column)
        elif column.is_number and column.distinct > 2:
            candidates.append(column)
        else:
            found.left_out[column.name] = "it is no number, so it has no distances"
    try:
        choose_measures(found, candidates)
        choose_described(found)
        require_rows(found)
    except duckdb.Error as error:
        raise unreadable(table.source.path, error) from error
    return found


def reason_to_leave_out(column: Column, n_rows: int) -> str:
    """Why a column neither decides which rows are similar nor describes segments; may be empty."""
    if column.personal:
        return f"it seems to hold personal data ({column.personal})"
    if column.kind in LEFT_OUT:
        return LEFT_OUT[column.kind]
    if is_owner(column, n_rows):
        return "it says which rows belong together"
    if column.kind == "date":
        return "it is a day; a number of days, such as an age, would be a field"
    if column.kind == "integer" and column.distinct > MAX_VALUES and ID.search(column.name):
        return "by its name, its values are numbers of rows, not amounts"
    if column.is_number and column.distinct > 2 and column.missing > MAX_MISSING:
        return f"it has no value in {column.missing:.0%} of the rows"
    return ""


def is_described(column: Column, table: Table) -> bool:
    """Whether it is no amount, and has so few values that the segments can be described by it."""
    is_flag = column.kind in ("integer", "number") and column.distinct == 2
    # Few texts with digits are rather names, such as A0708, than amounts.
    is_name = column.kind == "formatted" and column.distinct <= MAX_VALUES
    if not (is_flag or is_name or column.kind in ("category", "boolean")):
        return False
    return 2 <= len(values_of(column, table)) <= MAX_VALUES and column.missing < 0.5


def values_of(column: Column, table: Table) -> list[str]:
    """The texts of a column with few, without those that mean "missing" in the file."""
    return [value for value, _ in column.values if value not in table.marks]


def choose_measures(found: Segmentation, candidates: list[Column]) -> None:
    """Take fields with many values that are no copies of others, up to MAX_FIELDS."""
    create_numbers(found.table, candidates)
    taken: list[Measure] = []
    for column in sorted(candidates, key=lambda column: -column.distinct):
        reason = "nine of ten rows have the same value"
        if measure := measure_of(found.table, column):
            reason = reason_against(found.table, measure, taken)
        if measure and not reason:
            taken.append(measure)
        else:
            found.left_out[column.name] = reason
    found.measures = sorted(taken, key=lambda item: found.table.columns.index(item.column))
    if len(taken) < 2:
        names = listing([item.column.name for item in taken])
        raise ScaffoldError(
            sentence(
                f"{found.table.source.path} has {'one field' if taken else 'no field'} that says "
                f"which rows are similar{f', {names}' if names else ''}; segments need two, which "
                "are numbers of more than two values and hardly ever missing"
            )
        )


def create_numbers(table: Table, columns: list[Column]) -> None:
    """The table `numbers`: the columns of the sampled rows, as numbers, by their fields."""
    cells = [f"{number_of(column)} AS {identifier(column.field)}" for column in columns] or ["1"]
    query = f"CREATE OR REPLACE TEMP TABLE numbers AS SELECT {', '.join(cells)} FROM sampled"
    table.source.connection.execute(query)


def measure_of(table: Table, column: Column) -> Measure | None:
    """A column with its step; None if nine of ten rows have the same value."""
    name = identifier(column.field)
    logarithm = f"CASE WHEN {name} > 0 THEN ln({name}) END"
    parts = [
        "min({0})",
        "stddev_pop({0})",
        "skewness({0})",
        "quantile_cont({0}, [0.05, 0.25, 0.75, 0.95])",
    ]
    statistics = [part.format(cells) for cells in (name, logarithm) for part in parts]
    query = f"SELECT {', '.join(statistics)} FROM numbers"
    row = table.source.one_row(query)
    lowest, deviation, skewness, quantiles = row[: len(parts)]
    if not deviation or quantiles[0] == quantiles[-1]:
        return None
    is_skewed = (skewness or 0) > MIN_SKEWNESS
    keeps_skew = is_skewed and lowest <= 0
    if is_skewed and lowest > 0:
        _, log_deviation, log_skewness, log_quantiles = row[len(parts) :]
        factor = rounded(math.exp(log_deviation))
        if factor >= MIN_FACTOR and abs(log_skewness) < skewness:
            spread = (log_quantiles[2] - log_quantiles[1]) / math.log(factor)
            return Measure(column, factor, True, spread, False)
    step = rounded(deviation)
    return Measure(column, step, False, (quantiles[2] - quantiles[1]) / step, keeps_skew)


def rounded(value: float) -> float:
    """A number with two significant digits; without a point where it is whole."""
    short = float(f"{value:.2g}")
    return int(short) if short.is_integer() else short


def reason_against(table: Table, measure: Measure, taken: list[Measure]) -> str:
    """Why a field is not taken beside those that have more values; empty if it is."""
    if len(taken) == MAX_FIELDS:
        return "beyond eight fields distances say little, and those with the most values are taken"
    if not taken:
        return ""
    pairs = [f"corr({scaled(measure)}, {scaled(other)})" for other in taken]
    query = f"SELECT {', '.join(pairs)} FROM numbers"
    row = table.source.one_row(query)
    for correlation, other in zip(row, taken, strict=True):
        if abs(correlation or 0) > COPY:
            return f'it is nearly a copy of "{other.column.name}" (correlation {correlation:.2f})'
    return ""


def scaled(measure: Measure) -> str:
    """SQL for a field on the scale on which it is compared."""
    name = identifier(measure.column.field)
    return f"ln({name})" if measure.is_factor else name


def choose_described(found: Segmentation) -> None:
    """Possible outcomes and sensitive attributes, then those whose values are most balanced."""

    def rank(column: Column) -> tuple[bool, int]:
        is_preferred = column.field in TARGETS or bool(SENSITIVE.search(column.field))
        return not is_preferred, column.values[0][1]

    ranked = sorted(found.described, key=rank)
    found.described = ranked[:MAX_DESCRIBED]
    for column in ranked[MAX_DESCRIBED:]:
        found.left_out[column.name] = "it has few values; other columns describe the segments"


def require_rows(found: Segmentation) -> None:
    """Count the rows with all fields; raises ScaffoldError if too few of them are different."""
    source = found.table.source
    columns = [measure.column for measure in found.measures]
    present = " AND ".join(f"{number_of(column)} IS NOT NULL" for column in columns)
    (found.n_complete,) = source.one_row(f"SELECT count(*) FROM source WHERE {present}")
    fields = [identifier(column.field) for column in columns]
    present = " AND ".join(f"{name} IS NOT NULL" for name in fields)
    query = (
        f"SELECT count(*) FROM (SELECT DISTINCT {', '.join(fields)} FROM numbers WHERE {present})"
    )
    (n_different,) = source.one_row(query)
    if n_different < MIN_ROWS:
        raise ScaffoldError(
            sentence(
                f"{source.path} has {n_different} different rows with a value in each of "
                f"{listing([column.name for column in columns])}, too few for segments; "
                f"{MIN_ROWS} are the least"
            )
        )


# Writing.


def contents(found: Segmentation) -> Contents:
    """The project that the rows make."""
    table = found.table
    context = context_of(found)
    return contents_of(
        table,
        context,
        variant=CLUSTERING,
        description=f"Finds segments of similar rows in {table.source.path.name}.",
        folder="cluster",
    )


def context_of(found: Segmentation) -> dict[str, Any]:
    """What the files say about the rows."""
    found = with_free_names(found)
    table, measures = found.table, found.measures
    columns = [measure.column for measure in measures]
    example = example_row(found)
    widest = sorted(measures, key=lambda measure: -measure.spread)[:3]
    halved = [measure.column.field for measure in widest]
    names = ", ".join(halved)
    return file_context(table, found.left_out) | {
        "n_incomplete": table.n_rows - found.n_complete,
        "incomplete_share": f"{1 - found.n_complete / table.n_rows:.1%}",
        "max_rows": MAX_ROWS if found.n_complete > MAX_ROWS else 0,
        "measures": measures,
        "factors": [measure.column.field for measure in measures if measure.is_factor],
        "still_skewed": [measure.column for measure in measures if measure.keeps_skew],
        "declarations": [declaration_of(measure) for measure in measures],
        "described_declarations": list(map(described_declaration, found.described)),
        "edges": [(measure.column.field, *edges(measure)) for measure in measures],
        "halved": halved,
        "halves_name": f"halves of {names if len(names) < MAX_NAMES else 'fields'}",
        "described": found.described,
        "outcome": found.outcome,
        "outcome_value": outcome_value(found),
        "masks": [mask for column in found.sliced for mask in masks(column, table)],
        "renamed": renamed(found),
        "points": sorted({point(column) for column in columns if column.kind == "formatted"}),
        "minus": "".join(column.minus for column in columns),
        "example": example,
        "example_json": in_template(json.dumps(example)),
        "impossible": impossible_values(measures),
    }


def with_free_names(found: Segmentation) -> Segmentation:
    """The same with other names of the fields that are called as something of the project."""
    columns = [with_free_name(column, TAKEN) for column in found.table.columns]
    measures = [
        replace(measure, column=with_free_name(measure.column, TAKEN)) for measure in found.measures
    ]
    described = [with_free_name(column, TAKEN) for column in found.described]
    table = replace(found.table, columns=columns)
    return replace(found, table=table, measures=measures, described=described)


def renamed(found: Segmentation) -> list[Column]:
    """Columns that have another name in the project; predictions need theirs for themselves."""
    used = [*(measure.column for measure in found.measures), *found.described]
    return [
        column
        for column in found.table.columns
        if column.name != column.field and (column in used or column.name in TAKEN)
    ]


def declaration_of(measure: Measure) -> str:
    """A field of the schema, which is never missing."""
    text = declaration(replace(measure.column, missing=0.0))
    low, _ = edges(measure)
    # The logarithm of zero has no distance to anything.
    return text.replace("ge=0,", f"ge={low},", 1) if measure.is_factor else text


def edges(measure: Measure) -> tuple[str, str]:
    """The least and the largest value that the schema takes, as code."""
    low, high = (limit.partition("=")[2] for limit in limits(measure.column))
    if measure.is_factor:
        least = 10.0 ** (math.floor(math.log10(measure.column.minimum or 1)) - 1)
        low = f"{max(least, 1) if measure.column.kind == 'integer' else least:g}"
    return low, high


def described_declaration(column: Column) -> str:
    """A column of the schema of raw rows that describes the segments."""
    kinds = {"boolean": "bool", "integer": "float", "number": "float"}
    kind = kinds.get(column.kind, "str")
    return f"{column.field}: {kind} | None = None"


def value_code(column: Column, value: str) -> str:
    """A value of a column that describes the segments, as code."""
    if column.kind == "boolean":
        return str(int(value == "True"))
    if column.kind in ("integer", "number"):
        return f"{float(value):g}"
    return literal(value)


def masks(column: Column, table: Table) -> list[tuple[str, str]]:
    """The slices of a column: their names, and the masks as code."""
    cells = f"table[{literal(column.field)}]"
    return [
        (f"{column.name}: {value}", f"{cells} == {value_code(column, value)}")
        for value in values_of(column, table)[:3]
    ]


def outcome_value(found: Segmentation) -> tuple[str, str]:
    """The value whose share is shown, as text and as code: of two the rarer, of more the first."""
    column = found.outcome
    if not column:
        return "", ""
    values = values_of(column, found.table)
    value = values[-1] if len(values) == 2 else values[0]
    if column.kind == "boolean":
        value = "True"
    elif set(values) == {"0", "1"}:
        value = "1"
    return value, value_code(column, value)


def example_row(found: Segmentation) -> dict[str, Any]:
    """The fields of the first row that has all, typed as in a request."""
    columns = [measure.column for measure in found.measures]
    texts = ", ".join(map(text_of, columns))
    present = " AND ".join(f"{number_of(column)} IS NOT NULL" for column in columns)
    query = f"SELECT {texts} FROM sampled WHERE {present} LIMIT 1"
    row = found.table.source.one_row(query)
    return {column.field: typed(column, text) for column, text in zip(columns, row, strict=True)}


def impossible_values(measures: list[Measure]) -> list[tuple[str, Any]]:
    """Values that the schema must refuse, for a test."""
    found: list[tuple[str, Any]] = []
    for measure in measures[:3]:
        name = measure.column.field
        found += [(name, "many"), (name, 1e30), (name, None)]
        if measure.is_factor:
            found.append((name, 0))
    return found
