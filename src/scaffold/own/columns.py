"""What each column of a source holds: its kind, range, missing values and an example."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from keyword import iskeyword
from typing import Any
from unicodedata import normalize

import duckdb

from scaffold.errors import ScaffoldError, sentence
from scaffold.own.people import holds_names
from scaffold.own.source import Source, cell_text, quoted, unreadable

# Cells that mean "missing", where the other cells of their column are numbers or dates.
MARKS = ("NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "?", "-", ".")
DATE_FORMATS = [
    *("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y-%m-%d %H:%M:%S"),
    *("%Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%Y-%m-%d %H:%M"),
    *("%Y-%m-%dT%H:%M:%S%z", "%b %d %Y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d-%b-%Y"),
    *("%d-%b-%y", "%d %B %Y", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S"),
    *("%Y-%m", "%Y/%m", "%m/%Y", "%Y %b", "%b %Y", "%B %Y"),
    *("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f%z"),
    *("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S"),
]
SAMPLE_ROWS = 20_000
# Of more rows, the number of different values stays an estimate.
MAX_COUNTED = 200_000
# The values of a text with more, or of a number with more, are not counted one by one.
MAX_CATEGORIES, MAX_CLASSES = 1000, 100
# Of a column, that may be names of persons.
MAX_NAMES = 1000
# From this mean length on, a text of many values is free text.
FREE_TEXT = 40
PERSONAL = {
    "e-mail address": re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.IGNORECASE),
    "IBAN": re.compile(r"[A-Z]{2}\d{2}( ?[A-Z0-9]{4}){3,7}( ?[A-Z0-9]{1,3})?"),
    "phone number": re.compile(
        r"(\+|00)\d{1,3}[\s/-]?(\(?\d+\)?[\s/-]?){3,}|\(\d{3}\) ?\d{3}-\d{4}"
    ),
}
PERSON = re.compile(
    r"((first|last|family|given|full|sur)[ _]?name|surname|e?mail|phone|iban|ssn)", re.IGNORECASE
)
ID = re.compile(
    r"(^|[ _-])(id|uuid|guid|key|no|nr|number|index|row ?names?)$|^unnamed", re.IGNORECASE
)
# What may stand beside the digits of a number: a currency or a percent sign.
SIGN = re.compile(r"[^\w\s]|[A-Z]{1,3}\$?")


@dataclass(frozen=True)
class Column:
    """A column of the source.

    Attributes:
        name: In the file.
        field: In the project: a name that Python takes.
        kind: "integer", "number", "formatted" (a number with a currency, a percent sign, thousands
            separators or a decimal comma), "boolean", "category", "date", "text", "identifier",
            "constant", "empty" or "other".
        missing: The share of rows without a value.
        distinct: How many values there are; where they are many, in many rows, about how many.
        example: One of them.
        minimum: Of a number, as is `maximum`.
        longest: The length of the longest text.
        values: The most frequent texts, with their counts.
        marks: Texts that mean "missing" in it.
        date_format: Of a date, as for strptime.
        decimal: The decimal point of formatted numbers; "" if none of them has one.
        personal: What personal data it seems to hold.
        skewed: Whether the mean of a number, none below 0, is far above its median.
        note: What a person should know about how it was read.
    """

    name: str
    field: str
    kind: str
    missing: float
    distinct: int
    example: str
    minimum: float | None = None
    maximum: float | None = None
    longest: int = 0
    values: tuple[tuple[str, int], ...] = ()
    marks: tuple[str, ...] = ()
    date_format: str = ""
    decimal: str = ""
    personal: str = ""
    skewed: bool = False
    note: str = ""

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.kind in ("integer", "number", "formatted")


@dataclass(frozen=True)
class Table:
    """A source with what was found about it."""

    source: Source
    n_rows: int
    columns: list[Column]

    def column(self, name: str) -> Column:
        """The column of this name; raises ScaffoldError with the names that there are."""
        for column in self.columns:
            if name in (column.name, column.field):
                return column
        known = ", ".join(column.name for column in self.columns)
        raise ScaffoldError(
            sentence(f'{self.source.path} has no column "{name}"; its columns are {known}')
        )

    @property
    def marks(self) -> tuple[str, ...]:
        """The texts that mean "missing" in any column."""
        return tuple(dict.fromkeys(mark for column in self.columns for mark in column.marks))


def look(source: Source) -> Table:
    """Look at all columns: one pass over all rows, and a sample.

    Raises:
        ScaffoldError: There are no rows, or a line cannot be read.
    """
    try:
        counts = count(source)
        if not counts[0]:
            raise ScaffoldError(sentence(f"{source.path} has no rows"))
        samples = sample(source)
        values = frequent(source, counts)
        distinct = count_different(source, counts, values)
        fields = field_names(source.columns)
        columns = [
            describe(
                source, name, counts, samples[name], values.get(name, ()), field, distinct[name]
            )
            for name, field in zip(source.columns, fields, strict=True)
        ]
    except duckdb.Error as error:
        raise unreadable(source.path, error) from error
    return Table(source, counts[0], columns)


# For each column: present, numbers, whole numbers, marks, distinct, longest, mean length, minimum,
# maximum, mean and median.
STATISTICS = 11


def count(source: Source) -> tuple[Any, ...]:
    """The number of rows, and the statistics of each column."""
    marks = ", ".join(quoted(mark) for mark in MARKS)
    parts = ["count(*)"]
    for name, kind in zip(source.columns, source.types, strict=True):
        text = cell_text(name)
        number = f"TRY_CAST({text} AS DOUBLE)"
        finite = f"CASE WHEN isfinite({number}) THEN {number} END"
        if kind.startswith(("STRUCT", "MAP")) or kind.endswith("]"):
            text, finite = "NULL::VARCHAR", "NULL::DOUBLE"
        parts += [
            f"count({text})",
            f"count({finite})",
            f"count_if({finite} = floor({finite}) AND NOT contains({text}, '.'))",
            f"count_if({text} IN ({marks}))",
            f"approx_count_distinct({text})",
            f"coalesce(max(length({text})), 0)",
            f"coalesce(avg(length({text})), 0)",
            f"min({finite})",
            f"max({finite})",
            f"avg({finite})",
            f"approx_quantile({finite}, 0.5)",
        ]
    row = source.connection.execute(f"SELECT {', '.join(parts)} FROM source").fetchone()
    return row or (0,)


def sample(source: Source) -> dict[str, list[str]]:
    """The texts of a random sample of rows, without missing ones, by column.

    The table `sampled` has the rows of the sample.
    """
    columns = ", ".join(map(cell_text, source.columns))
    source.connection.execute(
        "CREATE TEMP TABLE sampled AS SELECT * FROM source USING SAMPLE "
        f"reservoir({SAMPLE_ROWS} ROWS) REPEATABLE (7)"
    )
    rows = source.connection.execute(f"SELECT {columns} FROM sampled").fetchall()
    return {
        name: [row[index] for row in rows if row[index]]
        for index, name in enumerate(source.columns)
    }


def describe(
    source: Source,
    name: str,
    counts: tuple[Any, ...],
    texts: list[str],
    values: tuple[tuple[str, int], ...],
    field: str,
    distinct: int,
) -> Column:
    """What one column holds."""
    n_rows, start = counts[0], 1 + STATISTICS * source.columns.index(name)
    present, numbers, whole, marked, _, longest, length, low, high, mean, median = counts[
        start : start + STATISTICS
    ]
    kind = source.types[source.columns.index(name)]
    column = Column(
        name,
        field,
        kind="other",
        missing=1 - present / n_rows,
        distinct=distinct,
        example=texts[0][:40] if texts else "",
        longest=longest,
        values=values,
        personal=personal_data(texts),
    )
    if not present:
        return replace(column, kind="empty")
    if distinct == 1:
        return replace(column, kind="constant")
    if kind == "BOOLEAN":
        # As Python writes them.
        named = tuple((text.title(), number) for text, number in column.values)
        return replace(column, kind="boolean", values=named)
    unmarked = [text for text in texts if text not in MARKS]
    marks = tuple(dict.fromkeys(text for text in texts if text in MARKS)) if marked else ()
    if numbers and numbers + marked >= present:
        column = replace(
            column,
            kind="integer" if whole == numbers else "number",
            minimum=low,
            maximum=high,
            marks=marks,
            missing=1 - numbers / n_rows,
            skewed=low >= 0 and mean > 1.5 * median,
        )
        return replace(column, kind="identifier") if is_identifier(column, n_rows) else column
    without_marks = 1 - (present - marked) / n_rows
    if found := find_date_format(unmarked):
        return replace(
            column,
            kind="date",
            date_format=found[0],
            note=found[1],
            marks=marks,
            missing=without_marks,
        )
    decimal = find_decimal(unmarked)
    if decimal is not None:
        amounts = [to_number(text, decimal) for text in unmarked]
        return replace(
            column,
            kind="formatted",
            decimal=decimal,
            minimum=min(amounts),
            maximum=max(amounts),
            marks=marks,
            missing=without_marks,
        )
    is_long = length > FREE_TEXT or (length > FREE_TEXT / 2 and any(" " in text for text in texts))
    if distinct > 0.5 * present:
        column = replace(column, kind="text" if is_long else "identifier")
    else:
        column = replace(column, kind="text" if length > 2 * FREE_TEXT else "category")
    if column.kind != "category" and PERSON.search(name):
        column = replace(column, personal=column.personal or "name or address of a person")
    if not column.personal and holds_names(field, unmarked[:MAX_NAMES], distinct, present):
        column = replace(column, personal="names of persons")
    return column


def frequent(source: Source, counts: tuple[Any, ...]) -> dict[str, tuple[tuple[str, int], ...]]:
    """The texts of each column that has few, with their counts, the most frequent first."""
    names = []
    for index, name in enumerate(source.columns):
        present, numbers, _, _, distinct, *_ = counts[1 + STATISTICS * index :]
        most = MAX_CLASSES if numbers == present else MAX_CATEGORIES
        if 0 < distinct <= most:
            names.append(name)
    if not names:
        return {}
    columns = [f"histogram({cell_text(name)})" for name in names]
    row = source.connection.execute(f"SELECT {', '.join(columns)} FROM source").fetchone() or ()
    return {
        name: tuple(sorted(found.items(), key=lambda item: (-item[1], item[0])))
        for name, found in zip(names, row, strict=True)
    }


def count_different(
    source: Source, counts: tuple[Any, ...], values: dict[str, tuple[tuple[str, int], ...]]
) -> dict[str, int]:
    """The number of different values of each column.

    The estimates of count() err by some percent, so that columns which could identify the rows are
    counted; one after another, to save memory.
    """
    found = {}
    for index, name in enumerate(source.columns):
        present, _, _, _, estimate, *_ = counts[1 + STATISTICS * index :]
        found[name] = len(values.get(name, ())) or min(estimate, present)
        if counts[0] <= MAX_COUNTED and estimate > 0.8 * present > 0 and name not in values:
            query = f"SELECT count(DISTINCT {cell_text(name)}) FROM source"
            row = source.connection.execute(query).fetchone()
            found[name] = int(row[0]) if row else found[name]
    return found


def is_identifier(column: Column, n_rows: int) -> bool:
    """Whether whole numbers that are all different, by their name or range, count the rows."""
    if column.kind != "integer" or column.distinct < 0.9 * n_rows or n_rows < 20:
        return False
    is_dense = (column.maximum or 0) - (column.minimum or 0) < 1.1 * n_rows
    return is_dense or bool(ID.search(column.name))


def find_date_format(texts: list[str]) -> tuple[str, str] | None:
    """The format of dates, and a note where day and month could be the other way round."""
    fitting = [name for name in DATE_FORMATS if texts and all(parses(text, name) for text in texts)]
    if not fitting:
        return None
    note = ""
    if any(name.startswith("%m") for name in fitting) and fitting[0].startswith("%d"):
        note = "day first, as in 31/12; no value decides"
    return fitting[0], note


def parses(text: str, date_format: str) -> bool:
    """Whether the text is a date in this format."""
    with suppress(ValueError):
        datetime.strptime(text, date_format)  # noqa: DTZ007 - only tried
        return True
    return False


# A sign, a number with a decimal point or comma and with separators of thousands, a sign.
SIGNED = r"[^\d.,]{{0,6}}\d{{1,3}}({0}?\d{{3}})*{1}[^\d.,]{{0,6}}"
FORMATTED = {
    "": re.compile(SIGNED.format("[ ]", "")),
    ".": re.compile(SIGNED.format("[, ]", r"(\.\d+)?")),
    ",": re.compile(SIGNED.format("[. ]", r"(,\d+)?")),
}


def find_decimal(texts: list[str]) -> str | None:
    """The decimal point of numbers with separators or a sign; None if they are no numbers."""
    # The same sign in all of them: codes such as A12 and B7 are no numbers.
    signs = {re.sub(r"[\d\s.,+-]", "", text) for text in texts} - {""}
    if not texts or len(signs) > 1 or not all(map(SIGN.fullmatch, signs)):
        return None
    for decimal, pattern in FORMATTED.items():
        if all(pattern.fullmatch(text) for text in texts):
            return decimal
    return None


def to_number(text: str, decimal: str) -> float:
    """The number that a text in this format stands for."""
    thousands = "." if decimal == "," else ","
    digits = re.sub(r"[^\d.,-]", "", text).replace(thousands, "").replace(decimal or ".", ".")
    return float(digits)


def personal_data(texts: list[str]) -> str:
    """What personal data most of the texts seem to be."""
    first = texts[:200]
    for kind, pattern in PERSONAL.items():
        if first and sum(bool(pattern.fullmatch(text)) for text in first) > 0.5 * len(first):
            return kind
    return ""


def field_names(names: Iterable[str]) -> list[str]:
    """Names that Python takes, each once: lower case, with underscores."""
    fields: list[str] = []
    for name in names:
        plain = normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
        spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
        field = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_") or "column"
        if field[0].isdigit() or iskeyword(field) or field.startswith("model_"):
            field = f"field_{field}"
        while field in fields or field in RESERVED:
            field += "_"
        fields.append(field)
    return fields


# Methods of pydantic's models, and columns of the predictions.
RESERVED = {"copy", "json", "dict", "schema", "validate", "construct", "fields", "label", "value"}
RESERVED |= {"low", "high"}
