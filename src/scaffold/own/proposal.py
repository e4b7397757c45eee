"""What a project about a table would be: its variant, target, fields, split and slices."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite

from scaffold.errors import ScaffoldError, sentence
from scaffold.own.columns import FREE_TEXT, MARKS, Column, Table, number_of, text_of
from scaffold.own.costs import Costs, balanced
from scaffold.own.source import cell_text

CLASSIFICATION, REGRESSION, TEXTS = "tabular-classification", "tabular-regression", "nlp"
# Names that a target often has, the surest first.
TARGETS = (
    *("target", "label", "class", "outcome", "survived", "churn", "attrition", "default"),
    *("status", "response", "price", "saleprice", "sale_price", "sales", "medv", "value", "y"),
)
# A number with more values is predicted as a number; a text with more cannot be predicted.
MAX_CLASSES, MAX_TEXT_CLASSES = 20, 100
# With fewer rows of a class, the three sets would not have ten each.
MIN_CLASS_ROWS = 50
MIN_ROWS = 100
# Fewer days do not give three periods.
MIN_DAYS = 30
# The share of the errors of a constant prediction that no single honest field takes away.
LEAK_ERRORS, LEAK_VARIANCE = 0.9, 0.97
LEAK_BINS = 40
MAX_LEAK_VALUES = 100
KEY_SHARE = 0.97
# From this share of a row's characters on, its text is what the project is about.
TEXT_SHARE = 0.6
# Where fewer rows are different, their fields are coarse, and not the rows duplicates.
COARSE_SHARE = 0.8
SENSITIVE = re.compile(
    "(^|_)(age|sex|gender|female|male|race|ethnic.*|nationality|religion|marital.*|disab.*)(_|$)"
)
OWNER = re.compile(r"(?i:(^|[ _-])(id|uuid|guid)$)|[a-z](Id|ID)$")
LEFT_OUT = {
    "identifier": "its values are different in nearly all rows",
    "constant": "it has one value only",
    "empty": "it has no value",
    "text": "it is free text, which only a project with -d variant=nlp reads",
    "other": "its cells hold several values",
    "unnamed": "it has no name in the file",
    "mixed dates": "it has dates in several formats; write them all as 2024-01-31",
    "training only": "the competition's test rows do not have it",
}


@dataclass
class Proposal:
    """A project about a table.

    Attributes:
        target: The column that is predicted.
        classes: Of a category, those that are predicted, the most frequent first.
        rare: Its classes with too few rows, which are left out.
        positive: The class whose errors have costs, of two.
        stated_costs: What the owner says they are.
        text: The column that the model reads, of a project about texts.
        fields: The columns that the model gets.
        left_out: Why the others are left out, by name.
        time: The date by which the rows are split.
        group: The column whose rows belong together.
        baseline: The category whose rates or means are the heuristic baseline.
        slices: Columns on whose values the model is also measured.
        equal_rows: Why rows with equal fields are no duplicates; empty if they are.
        skills: What skill() has found, by name.
    """

    table: Table
    target: Column
    variant: str
    classes: list[str] = field(default_factory=list)
    rare: list[str] = field(default_factory=list)
    positive: str = ""
    stated_costs: Costs | None = None
    text: Column | None = None
    fields: list[Column] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    time: Column | None = None
    group: Column | None = None
    baseline: Column | None = None
    slices: list[Column] = field(default_factory=list)
    equal_rows: str = ""
    skills: dict[str, float] = field(default_factory=dict)

    @property
    def is_binary(self) -> bool:
        """Whether one of two classes is the positive one."""
        return len(self.classes) == 2

    @property
    def costs(self) -> Costs:
        """Of two classes; unless they are stated, no class is dearer to predict for all rows."""
        counts = dict(self.target.values)
        negative = next(name for name in self.classes if name != self.positive)
        return self.stated_costs or balanced(counts[negative], counts[self.positive])


def guess_target(table: Table) -> Column:
    """The column that is most likely the target: by its name, else the last that could be."""
    # A field that a prediction is called as well has an underscore.
    by_name = {column.field.rstrip("_"): column for column in table.columns}
    for name in TARGETS:
        if name in by_name:
            return by_name[name]
    possible = [column for column in table.columns if can_be_target(column)]
    return (possible or table.columns)[-1]


def can_be_target(column: Column) -> bool:
    """Whether a column has values to predict in most rows, and classes with enough of them."""
    if column.kind in LEFT_OUT or column.kind == "date" or column.missing > 0.5:
        return False
    large = [text for text, count in column.values if count >= MIN_CLASS_ROWS]
    return column.is_number or len(set(large) - {*column.marks, *MARKS}) >= 2


def propose(table: Table, target: str, positive: str = "", variant: str = "") -> Proposal:
    """Decide what can be decided from the rows.

    Args:
        table: The rows.
        target: The name of the column that is predicted.
        positive: Of two classes, the one whose errors have costs; by default the rarer.
        variant: What the owner wants, where the rows leave a choice.

    Raises:
        ScaffoldError: No project can be made of these rows and this target.
    """
    column = table.column(target)
    if table.n_rows < MIN_ROWS:
        raise ScaffoldError(
            sentence(
                f"{table.source.path} has {table.n_rows} rows, too few to train, choose and "
                f"measure; {MIN_ROWS} are the least"
            )
        )
    proposal = Proposal(table, column, variant_of(table, column))
    if proposal.variant == CLASSIFICATION:
        choose_classes(proposal, positive)
        choose_text(proposal, variant)
    elif positive:
        raise ScaffoldError(sentence(f'"{column.name}" is a number, which has no positive class'))
    choose_fields(proposal)
    choose_split(proposal)
    choose_comparisons(proposal)
    if not proposal.fields:
        name, reason = next(iter(proposal.left_out.items()), ("", ""))
        example = f', such as "{name}" because {reason}' if name else ""
        raise ScaffoldError(
            sentence(
                f'{table.source.path}: no column is left to predict "{column.name}" from; the '
                f"others are left out{example}"
            )
        )
    if all(field.kind == "date" for field in proposal.fields):
        raise ScaffoldError(
            sentence(
                f'{table.source.path} has only days beside "{column.name}"; as a series it is '
                "forecast with -d variant=time-series"
            )
        )
    return proposal


def variant_of(table: Table, target: Column) -> str:
    """The kind of task; raises ScaffoldError for a target that cannot be predicted."""
    place = f'{table.source.path}: the column "{target.name}"'
    if target.kind in ("empty", "constant"):
        raise ScaffoldError(sentence(f"{place} has one value at most, so nothing can be learned"))
    if target.missing > 0.5:
        raise ScaffoldError(
            sentence(f"{place} has no value in {target.missing:.0%} of the rows; name another")
        )
    if target.is_number and not (target.values and target.distinct <= MAX_CLASSES):
        return REGRESSION
    if target.kind == "integer" and target.distinct > 10:
        return REGRESSION
    if target.kind in ("category", "boolean", "integer", "number"):
        if target.distinct <= MAX_TEXT_CLASSES:
            return CLASSIFICATION
        raise ScaffoldError(
            sentence(f"{place} has {target.distinct} classes; {MAX_TEXT_CLASSES} are the most")
        )
    raise ScaffoldError(sentence(f"{place} is no category and no number ({target.kind})"))


def choose_classes(proposal: Proposal, positive: str) -> None:
    """The classes with enough rows, and the positive one of two."""
    target = proposal.target
    counts = {text: number for text, number in target.values if text not in target.marks}
    proposal.classes = [name for name, number in counts.items() if number >= MIN_CLASS_ROWS]
    proposal.rare = [name for name in counts if name not in proposal.classes]
    if len(proposal.classes) < 2:
        most, *_ = counts
        others = ", ".join(f"{name} ({number} rows)" for name, number in list(counts.items())[1:4])
        raise ScaffoldError(
            sentence(
                f'"{target.name}" has only one class with {MIN_CLASS_ROWS} rows or more, "{most}"; '
                f"the others are {others}"
            )
        )
    if positive and positive not in proposal.classes:
        known = ", ".join(proposal.classes)
        raise ScaffoldError(sentence(f'"{positive}" is no class of "{target.name}" ({known})'))
    if positive and not proposal.is_binary:
        raise ScaffoldError(
            sentence(f'"{target.name}" has {len(proposal.classes)} classes, and none is positive')
        )
    if proposal.is_binary:
        proposal.positive = positive or proposal.classes[-1]


def choose_text(proposal: Proposal, variant: str) -> None:
    """Make it a project about texts, if most of a row is the text of one column, or if asked."""
    texts = [
        column
        for column in proposal.table.columns
        if column.kind == "text" and column.missing < 0.5 and column != proposal.target
    ]
    if not texts:
        return
    share, length, name = max(
        (*text_share(proposal.table, column), column.name) for column in texts
    )
    # Names of people or products are no texts.
    if variant == TEXTS or (not variant and share > TEXT_SHARE and length > FREE_TEXT):
        proposal.variant, proposal.text = TEXTS, proposal.table.column(name)


def text_share(table: Table, column: Column) -> tuple[float, float]:
    """The share of the characters of all cells that are this column's, and its mean length."""
    length = f"length({cell_text(column.name)})"
    lengths = [f"coalesce(length({cell_text(other.name)}), 0)" for other in table.columns]
    query = f"SELECT sum({length}) / sum({' + '.join(lengths)}), avg({length}) FROM sampled"
    row = table.source.one_row(query)
    return (float(row[0]), float(row[1])) if row and row[0] else (0.0, 0.0)


def choose_fields(proposal: Proposal) -> None:
    """The fields of the model, and the reason why each other column is none."""
    for column in proposal.table.columns:
        if column in (proposal.target, proposal.text):
            continue
        reason = LEFT_OUT.get(column.kind, "")
        if column.personal:
            reason = f"it seems to hold personal data ({column.personal})"
        elif not reason and column.missing > 0.95:
            reason = f"it has no value in {column.missing:.0%} of the rows"
        elif not reason and is_owner(column, proposal.table.n_rows):
            reason = "it says which rows belong together"
        elif not reason and proposal.text:
            reason = "the model reads the text only"
        if not reason:
            reason = find_leak(proposal, column)
        if reason:
            proposal.left_out[column.name] = reason
        else:
            proposal.fields.append(column)
    if proposal.text:
        proposal.fields = [proposal.text]


def is_owner(column: Column, n_rows: int) -> bool:
    """Whether several rows may be of the same person or thing."""
    return bool(OWNER.search(column.name)) and 10 < column.distinct < 0.9 * n_rows


def is_key(column: Column, n_rows: int) -> bool:
    """Whether each row has a value of its own; of many rows, their number is an estimate."""
    return not column.missing and column.distinct > KEY_SHARE * n_rows


def distinct_share(table: Table) -> float:
    """The share of the sampled rows that are different from each other."""
    query = "SELECT (SELECT count(*) FROM (SELECT DISTINCT * FROM sampled)) / count(*) FROM sampled"
    row = table.source.one_row(query)
    return float(row[0]) if row else 1.0


def choose_split(proposal: Proposal) -> None:
    """By time where rows have a date, else by the rows that belong together, else at random."""
    keys = [
        column
        for column in proposal.table.columns
        if column.kind in ("identifier", "text") and is_key(column, proposal.table.n_rows)
    ]
    if keys:
        proposal.equal_rows = f"Each row has its own {keys[0].name}."
    elif distinct_share(proposal.table) < COARSE_SHARE:
        proposal.equal_rows = "The fields have so few values that different rows are equal."
    dates = [
        column
        for column in (proposal.table.columns if proposal.text else proposal.fields)
        if column.kind == "date" and column.distinct >= MIN_DAYS and not column.missing
    ]
    owners = [
        column
        for column in proposal.table.columns
        if is_owner(column, proposal.table.n_rows) and not column.missing
    ]
    if dates:
        proposal.time = dates[0]
    elif owners:
        proposal.group = owners[0]


def choose_comparisons(proposal: Proposal) -> None:
    """The heuristic baseline, and the slices: sensitive attributes first, then few categories."""
    if proposal.text:
        proposal.slices = few_categories(proposal)[:2]
        return
    categories = [c for c in proposal.fields if c.kind == "category" and c.distinct <= 30]
    scored = [(association(proposal, column), column.name) for column in categories]
    if scored:
        proposal.baseline = proposal.table.column(max(scored)[1])
    sensitive = [
        c for c in proposal.fields if SENSITIVE.search(c.field) and (c.values or c.is_number)
    ]
    few = [column for column in categories if column.distinct <= 6 and column not in sensitive]
    numbers = [column for column in proposal.fields if column.is_number and column.distinct > 2]
    proposal.slices = [*sensitive[:2], *few[: 3 - len(sensitive[:2])]] or numbers[:1]


def few_categories(proposal: Proposal) -> list[Column]:
    """Columns beside the text with at most six values, none of which gives the target away."""
    return [
        column
        for column in proposal.table.columns
        if column.kind == "category"
        and column.distinct <= 6
        and column not in (proposal.target, proposal.group)
        and skill(proposal, column) < LEAK_ERRORS
    ]


def find_leak(proposal: Proposal, column: Column) -> str:
    """Why a field may give the target away; nothing if it does not."""
    limit = LEAK_VARIANCE if proposal.variant == REGRESSION else LEAK_ERRORS
    found = skill(proposal, column)
    if found < limit:
        return ""
    what = "of the variance" if proposal.variant == REGRESSION else "of the errors"
    return f"possible target leakage: alone it explains {found:.0%} {what}"


def skill(proposal: Proposal, column: Column) -> float:
    """What measure_skill() finds, which is asked for twice."""
    if column.name not in proposal.skills:
        proposal.skills[column.name] = measure_skill(proposal, column)
    return proposal.skills[column.name]


def measure_skill(proposal: Proposal, column: Column) -> float:
    """What a field alone takes away of the errors, or of the variance, of a constant prediction.

    Its values are counted as they are, or in 40 bins with equally many rows each; of many texts,
    whether there is one. A number may also explain another by a line, or a line through the ranks.
    """
    target, table = proposal.target, proposal.table
    key = text_of(column)
    if column.is_number and len(column.values) not in range(1, LEAK_BINS):
        key = f"ntile({LEAK_BINS}) OVER (ORDER BY {number_of(column)})"
    elif not column.is_number and len(column.values) not in range(1, MAX_LEAK_VALUES):
        key = f"{key} IS NULL"
    y = text_of(target)
    value = number_of(target) if proposal.variant == REGRESSION else y
    pairs = f"SELECT {key} AS k, {value} AS y FROM sampled WHERE {y} IS NOT NULL"
    if proposal.variant == REGRESSION:
        query = (
            f"WITH pairs AS ({pairs}), "
            "means AS (SELECT k, avg(y) AS m, count(*) AS n FROM pairs GROUP BY k) "
            "SELECT (SELECT sum(n * (m - (SELECT avg(y) FROM pairs)) ** 2) FROM means) / "
            "nullif((SELECT sum((y - (SELECT avg(y) FROM pairs)) ** 2) FROM pairs), 0)"
        )
    else:
        query = (
            f"WITH pairs AS ({pairs}), counted AS (SELECT k, y, count(*) AS n FROM pairs GROUP BY "
            "k, y), best AS (SELECT max(n) AS n FROM counted GROUP BY k), constant AS (SELECT "
            "max(n) AS n FROM (SELECT y, sum(n) AS n FROM counted GROUP BY y)) SELECT "
            "1 - ((SELECT count(*) FROM pairs) - (SELECT sum(n) FROM best)) / nullif((SELECT "
            "count(*) FROM pairs) - (SELECT n FROM constant), 0)"
        )
    row = table.source.one_row(query)
    found = float(row[0]) if row and row[0] is not None else 0.0
    if proposal.variant == REGRESSION and column.is_number:
        return max(found, measure_correlation(table, column, target))
    return found


def measure_correlation(table: Table, column: Column, target: Column) -> float:
    """The square of the correlation of two numbers, or of their ranks, whichever is larger."""
    row = table.source.one_row(
        f"WITH pairs AS (SELECT {number_of(column)} AS x, {number_of(target)} AS y FROM sampled), "
        "complete AS (SELECT x, y FROM pairs WHERE x IS NOT NULL AND y IS NOT NULL), "
        "ranked AS (SELECT x, y, rank() OVER (ORDER BY x) AS i, rank() OVER (ORDER BY y) AS j "
        "FROM complete) SELECT corr(x, y), corr(i, j) FROM ranked"
    )
    found = [value**2 for value in row if value is not None and isfinite(value)]
    return max(found, default=0.0)


def association(proposal: Proposal, column: Column) -> float:
    """How well a category tells the target, also where it changes no decision.

    Of a number the share of the variance, of classes Goodman and Kruskal's tau: Journal of the
    American Statistical Association 49 (1954).
    """
    if proposal.variant == REGRESSION:
        return skill(proposal, column)
    key, y = text_of(column), text_of(proposal.target)
    query = (
        f"WITH pairs AS (SELECT {key} AS k, {y} AS y FROM sampled WHERE {y} IS NOT NULL), "
        "counted AS (SELECT k, y, count(*) AS n FROM pairs GROUP BY k, y), "
        "by_key AS (SELECT sum(n * n) / sum(n) AS hits FROM counted GROUP BY k), "
        "by_class AS (SELECT sum(n) AS n FROM counted GROUP BY y), "
        "chance AS (SELECT sum(n * n) / sum(n) AS hits, sum(n) AS n FROM by_class) "
        "SELECT ((SELECT sum(hits) FROM by_key) - hits) / nullif(n - hits, 0) FROM chance"
    )
    row = proposal.table.source.one_row(query)
    return float(row[0]) if row and row[0] is not None else 0.0


def listing(names: Sequence[str]) -> str:
    """Names in a sentence."""
    return ", ".join(f'"{name}"' for name in names)
