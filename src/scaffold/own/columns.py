"""What each column of a source holds: its kind, range, missing values and an example."""

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from keyword import iskeyword
from typing import Any, NamedTuple
from unicodedata import normalize

import duckdb

from scaffold.errors import ScaffoldError, sentence
from scaffold.own.people import holds_names
from scaffold.own.source import UNNAMED, Source, cell_text, quoted, unreadable

# Cells that mean "missing", where the other cells of their column are numbers or dates.
MARKS = ("NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "?", "-", ".")
DATE_FORMATS = [
    *("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y-%m-%d %H:%M:%S"),
    *("%Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%Y-%m-%d %H:%M"),
    *("%Y-%m-%dT%H:%M:%S%z", "%b %d %Y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d-%b-%Y"),
    *("%d-%b-%y", "%d %B %Y", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S"),
    *("%Y-%m", "%Y/%m", "%m/%Y", "%Y %b", "%b %Y", "%B %Y"),
    *("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%dT%H:%M"),
    *("%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f%z", "%Y-%m-%dT%H:%M%z", "%d.%m.%y", "%d/%m/%y"),
    *("%m/%d/%y", "%d/%m/%y %H:%M", "%m/%d/%y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p"),
    *("%m/%d/%y %I:%M %p", "%a %b %d %H:%M:%S %Y", "%Y年%m月%d日"),
    *("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S"),
]
# Whole numbers that are dates, in years from 1900 to 2099.
NUMERIC_DATES = {
    "%Y%m%d": re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"),
    "%Y%m": re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])"),
}
# With fewer different ones, they may be numbers that look so.
MIN_NUMERIC_DATES = 12
SAMPLE_ROWS, SAMPLE_CELLS = 20_000, 2_000_000
# More columns need more memory than DuckDB has here; above the other limit, with several threads.
MAX_COLUMNS, MAX_COLUMNS_OF_THREADS = 500, 200
# Columns of which statistics are taken in one pass over the rows.
MOST_AT_ONCE = 40
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
    r"((first|last|family|given|full|sur)[ _]?name|surname|e?mail|phone|iban|ssn)|^(first|last)$",
    re.IGNORECASE,
)
BIRTH = re.compile(
    r"(^|[ _])(dob|birth[ _]?(date|day)|date[ _]?of[ _]?birth|geburts\w*)($|[ _])", re.IGNORECASE
)
ID = re.compile(
    r"(^|[ _-])(id|uuid|guid|key|no|nr|number|index|row ?names?)$|^unnamed", re.IGNORECASE
)
# What may stand beside the digits of a number: a currency or a percent sign.
SIGN = re.compile(
    r"[^\w\s()]|[A-Z]{0,2}\$|Fr|Kč|zł|kr|Rs|EUR|USD|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|HUF|RON"
    "|BGN|TRY|RUB|UAH|ILS|ZAR|BRL|MXN|ARS|CLP|COP|CAD|AUD|NZD|SGD|HKD|KRW|THB|IDR|MYR|PHP|AED|SAR"
)
# Minus signs that a program does not expect: another character, and one after the number.
MINUS, TRAILING = "\N{MINUS SIGN}", "-"


@dataclass(frozen=True)
class Column:
    """A column of the source.

    Attributes:
        name: In the file.
        field: In the project: a name that Python takes.
        kind: "integer", "number", "formatted" (a number with a currency, a percent sign, thousands
            separators or a decimal comma), "boolean", "category", "date", "text", "identifier",
            "constant", "empty", "unnamed", "mixed dates", "training only" or "other".
        missing: The share of rows without a value.
        distinct: How many values there are; where they are many, in many rows, about how many.
        example: One of them.
        minimum: Of a number, as is `maximum`.
        longest: The length of the longest text.
        values: The most frequent texts, with their counts.
        marks: Texts that mean "missing" in it.
        date_format: Of a date, as for strptime.
        decimal: The decimal point of formatted numbers; "" if none of them has one.
        minus: How negative numbers are written: TRAILING, MINUS, both or, with "", as usual.
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
    minus: str = ""
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


@dataclass(frozen=True)
class Sampled:
    """What the sample says about a column.

    Attributes:
        texts: Its cells, without missing ones.
        is_number: Whether all of them, but for marks, are numbers.
        mean: Of its numbers, as is `median`.
        marks: Texts that mean "missing", if the column holds numbers or dates.
        unmarked: The others.
        different: The others, each once.
    """

    texts: list[str]
    is_number: bool
    mean: float | None
    median: float | None
    marks: tuple[str, ...] = field(init=False)
    unmarked: list[str] = field(init=False)
    different: list[str] = field(init=False)

    def __post_init__(self) -> None:
        marks = tuple(dict.fromkeys(text for text in self.texts if text in MARKS))
        object.__setattr__(self, "marks", marks)
        object.__setattr__(self, "unmarked", [text for text in self.texts if text not in MARKS])
        object.__setattr__(self, "different", list(dict.fromkeys(self.unmarked)))

    @property
    def most_counted(self) -> int:
        """How many different texts are counted one by one at most."""
        return MAX_CLASSES if self.is_number else MAX_CATEGORIES


class Statistics(NamedTuple):
    """What all rows say about a column.

    Attributes:
        present: How many cells have a text.
        numbers: How many are numbers; 0 if the sample has other texts.
        whole: How many are numbers without a point; 0 if one of the sample has one.
        marked: How many mean "missing"; 0 if the sample has texts only.
        estimate: About how many different texts there are; 0 if they are counted.
        longest: The length of the longest text.
        mean_length: Of all texts.
        minimum: Of the numbers, as is `maximum`.
    """

    present: int
    numbers: int
    whole: int
    marked: int
    estimate: int
    longest: int
    mean_length: float
    minimum: float | None
    maximum: float | None


def look(source: Source) -> Table:
    """Look at all columns: a sample, and two passes over all rows.

    Raises:
        ScaffoldError: There are no rows, or a line cannot be read.
    """
    n_columns = len(source.columns)
    if n_columns > MAX_COLUMNS:
        raise ScaffoldError(
            sentence(
                f"{source.path} has {n_columns:,} columns, and {MAX_COLUMNS} are the most: leave "
                "out those that you do not need"
            )
        )
    if n_columns > MAX_COLUMNS_OF_THREADS:
        source.connection.execute("SET threads = 1")
    try:
        samples = sample(source)
        few = [name for name, found in samples.items() if has_few(found)]
        n_rows, counts = count(source, samples, few)
        if not n_rows:
            raise ScaffoldError(sentence(f"{source.path} has no rows"))
        values = frequent(source, few)
        columns = [
            describe(source, name, field, n_rows, counts[name], samples[name], values.get(name))
            for name, field in zip(source.columns, field_names(source.columns), strict=True)
        ]
    except duckdb.Error as error:
        raise unreadable(source.path, error) from error
    return Table(source, n_rows, columns)


def sample(source: Source) -> dict[str, Sampled]:
    """What a random sample of rows says about each column.

    The table `sampled` has the rows of the sample.
    """
    n_rows = min(SAMPLE_ROWS, SAMPLE_CELLS // len(source.columns))
    source.connection.execute(
        "CREATE TEMP TABLE sampled AS SELECT * FROM source USING SAMPLE "
        f"reservoir({n_rows} ROWS) REPEATABLE (7)"
    )
    texts, numbers = [], []
    for name in source.columns:
        text, number = text_and_number(source, name)
        texts.append(text)
        others = f"count_if({number} IS NULL AND {text} NOT IN ({listed(MARKS)}))"
        numbers.append(f"[{others}, avg({number}), median({number})]")
    found = one_row_of(source, numbers, "sampled", MOST_AT_ONCE)
    return {
        name: Sampled(cells_of(source, text), not others, mean, median)
        for name, text, (others, mean, median) in zip(source.columns, texts, found, strict=True)
    }


def cells_of(source: Source, text: str) -> list[str]:
    """The cells of a column in the sample, without missing ones."""
    rows = source.connection.execute(f"SELECT {text} FROM sampled").fetchall()
    return [cell for (cell,) in rows if cell]


def one_row_of(source: Source, parts: list[str], table: str, most: int) -> list[Any]:
    """The values of many aggregates, some in a query: each takes memory for each thread."""
    values: list[Any] = []
    for start in range(0, len(parts), most):
        values += source.one_row(f"SELECT {', '.join(parts[start : start + most])} FROM {table}")
    return values


def has_few(sampled: Sampled) -> bool:
    """Whether the sample has so few different texts that those of all rows are counted."""
    return len(set(sampled.texts)) <= sampled.most_counted


def text_and_number(source: Source, name: str) -> tuple[str, str]:
    """SQL for the text of a cell, and for its number; null where there is none."""
    text, kind = cell_text(name), source.type_of(name)
    if kind.startswith(("STRUCT", "MAP")) or kind.endswith("]"):
        return "NULL::VARCHAR", "NULL::DOUBLE"
    number = f"TRY_CAST({text} AS DOUBLE)"
    return text, f"CASE WHEN isfinite({number}) THEN {number} END"


def listed(texts: Iterable[str]) -> str:
    """Texts of SQL, between commas."""
    return ", ".join(map(quoted, texts))


def count(
    source: Source, samples: dict[str, Sampled], few: list[str]
) -> tuple[int, dict[str, Statistics]]:
    """The number of rows, and the statistics of each column.

    What takes long is left out where the sample decides, such as casts of what is no number.

    Args:
        source: The rows.
        samples: What is known of each column.
        few: Columns whose different texts frequent() counts.
    """
    parts = ["count(*)"]
    for name in source.columns:
        sampled, (text, number) = samples[name], text_and_number(source, name)
        number = number if sampled.is_number else "NULL::DOUBLE"
        may_be_whole = sampled.is_number and not any("." in text for text in sampled.unmarked)
        whole = f"count_if({number} = floor({number}) AND NOT contains({text}, '.'))"
        marked = f"count_if({text} IN ({listed(MARKS)}))"
        parts += [
            f"count({text})",
            f"count({number})",
            whole if may_be_whole else "0",
            marked if sampled.is_number or sampled.marks else "0",
            "0" if name in few else f"approx_count_distinct({text})",
            f"coalesce(max(length({text})), 0)",
            f"coalesce(avg(length({text})), 0)",
            f"min({number})",
            f"max({number})",
        ]
    size = len(Statistics._fields)
    row = one_row_of(source, parts, "source", 1 + size * MOST_AT_ONCE)
    starts = range(1, len(row), size)
    statistics = [Statistics(*row[start : start + size]) for start in starts]
    return row[0], dict(zip(source.columns, statistics, strict=True))


def frequent(source: Source, names: list[str]) -> dict[str, dict[str, int]]:
    """The texts of columns that have few, with their counts."""
    parts = [f"histogram({text_and_number(source, name)[0]})" for name in names]
    row = one_row_of(source, parts, "source", MOST_AT_ONCE)
    return {name: found or {} for name, found in zip(names, row, strict=True)}


def describe(
    source: Source,
    name: str,
    field: str,
    n_rows: int,
    counts: Statistics,
    sampled: Sampled,
    values: dict[str, int] | None,
) -> Column:
    """What one column holds; its values are counted if they are few."""
    texts, present = sampled.texts, counts.present
    distinct = count_different(source, name, n_rows, counts) if values is None else len(values)
    column = Column(
        name,
        field,
        kind="other",
        missing=1 - present / n_rows,
        distinct=distinct,
        example=texts[0][:40] if texts else "",
        longest=counts.longest,
        values=ranked(values or {}, sampled.most_counted),
        personal=personal_data(texts),
    )
    if not present:
        return replace(column, kind="empty")
    if distinct == 1:
        return replace(column, kind="constant")
    if name.startswith(UNNAMED):
        return replace(column, kind="unnamed")
    if source.type_of(name) == "BOOLEAN":
        # As Python writes them.
        named = tuple((text.title(), number) for text, number in column.values)
        return replace(column, kind="boolean", values=named)
    marked = replace(column, marks=sampled.marks, missing=1 - (present - counts.marked) / n_rows)
    # A number of a typed file is no text, which the project could read as a date.
    is_typed_number = counts.numbers and source.type_of(name) != "VARCHAR"
    return (
        (None if is_typed_number else as_date(marked, sampled.different))
        or as_number(marked, n_rows, counts, sampled)
        or as_formatted_number(marked, sampled.different)
        or as_text(column, counts, sampled)
    )


def as_date(column: Column, different: list[str]) -> Column | None:
    """The column as one of dates, if its different texts are."""
    found = find_date_format(different)
    if not found:
        return None
    personal = column.personal or ("date of birth" if BIRTH.search(column.name) else "")
    return replace(column, kind="date", date_format=found[0], note=found[1], personal=personal)


def as_number(column: Column, n_rows: int, counts: Statistics, sampled: Sampled) -> Column | None:
    """The column as one of numbers, if all texts but those that mean "missing" are."""
    if not counts.numbers or counts.numbers + counts.marked < counts.present:
        return None
    number = replace(
        column,
        kind="integer" if counts.whole == counts.numbers else "number",
        minimum=counts.minimum,
        maximum=counts.maximum,
        missing=1 - counts.numbers / n_rows,
        skewed=is_skewed(counts, sampled),
    )
    return replace(number, kind="identifier") if is_identifier(number, n_rows) else number


def as_formatted_number(column: Column, different: list[str]) -> Column | None:
    """The column as one of numbers with separators or a sign, if its different texts are."""
    decimal = find_decimal(different)
    if decimal is None:
        return None
    amounts = [to_number(text, decimal) for text in different]
    return replace(
        column,
        kind="formatted",
        decimal=decimal,
        minus=minus_of(different),
        minimum=min(amounts),
        maximum=max(amounts),
    )


def as_text(column: Column, counts: Statistics, sampled: Sampled) -> Column:
    """The column as one of texts: free, of categories, or different in nearly all rows."""
    if are_mixed_dates(sampled.different):
        return replace(column, kind="mixed dates")
    length, name = counts.mean_length, column.name
    has_words = any(" " in text for text in sampled.texts)
    is_long = length > FREE_TEXT or (length > FREE_TEXT / 2 and has_words)
    if column.distinct > 0.5 * counts.present:
        column = replace(column, kind="text" if is_long else "identifier")
    else:
        column = replace(column, kind="text" if length > 2 * FREE_TEXT else "category")
    if column.personal:
        return column
    if PERSON.search(name) and (column.kind != "category" or column.distinct > MAX_CLASSES):
        return replace(column, personal="name or address of a person")
    first = sampled.unmarked[:MAX_NAMES]
    if holds_names(column.field, first, column.distinct, counts.present):
        return replace(column, personal="names of persons")
    return column


def ranked(values: dict[str, int], most: int) -> tuple[tuple[str, int], ...]:
    """The texts with their counts, the most frequent first; none if they are more than `most`."""
    if len(values) > most:
        return ()
    return tuple(sorted(values.items(), key=lambda item: (-item[1], item[0])))


def count_different(source: Source, name: str, n_rows: int, counts: Statistics) -> int:
    """The number of different values of a column that has many.

    Estimates err by some percent, so that columns which could identify the rows are counted; one
    after another, to save memory.
    """
    if n_rows <= MAX_COUNTED and counts.estimate > 0.8 * counts.present > 0:
        (n_different,) = source.one_row(f"SELECT count(DISTINCT {cell_text(name)}) FROM source")
        return int(n_different)
    return min(counts.estimate, counts.present)


def is_skewed(counts: Statistics, sampled: Sampled) -> bool:
    """Whether the mean of numbers, none below 0, is far above their median."""
    mean, median = sampled.mean or 0, sampled.median or 0
    return (counts.minimum or 0) >= 0 and mean > 1.5 * median


def is_identifier(column: Column, n_rows: int) -> bool:
    """Whether whole numbers that are all different, by their name or range, count the rows."""
    if column.kind != "integer" or column.distinct < 0.9 * n_rows or n_rows < 20:
        return False
    is_dense = (column.maximum or 0) - (column.minimum or 0) < 1.1 * n_rows
    return is_dense or bool(ID.search(column.name))


def find_date_format(texts: list[str]) -> tuple[str, str] | None:
    """The format of dates, and a note where day and month could be the other way round."""
    if not texts:
        return None
    if all(map(str.isdecimal, texts)):
        # A year is a number; the formats of texts would take digits in other ways.
        fitting = [
            name for name, pattern in NUMERIC_DATES.items() if are_dates(texts, name, pattern)
        ]
        return (fitting[0], "") if fitting else None
    fitting = [name for name in DATE_FORMATS if all(parses(text, name) for text in texts)]
    if not fitting:
        return None
    note = ""
    if any(name.startswith("%m") for name in fitting) and fitting[0].startswith("%d"):
        note = "day first, as in 31/12; no value decides"
    return fitting[0], note


def are_mixed_dates(texts: list[str]) -> bool:
    """Whether each text is a date, though in several formats."""
    first = texts[:MAX_NAMES]
    return len(first) > 1 and all(
        any(parses(text, name) for name in DATE_FORMATS) for text in first
    )


def are_dates(texts: list[str], date_format: str, pattern: re.Pattern[str]) -> bool:
    """Whether whole numbers are dates in this format."""
    return (
        len(texts) >= MIN_NUMERIC_DATES
        and all(map(pattern.fullmatch, texts))
        and all(parses(text, date_format) for text in texts)
    )


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
    signs = {re.sub(rf"[\d\s.,+{MINUS}-]", "", text) for text in texts} - {""}
    if not texts or len(signs) > 1 or not all(map(SIGN.fullmatch, signs)):
        return None
    for decimal, pattern in FORMATTED.items():
        if all(pattern.fullmatch(text) for text in texts):
            return decimal
    return None


def to_number(text: str, decimal: str) -> float:
    """The number that a text in this format stands for."""
    thousands = "." if decimal == "," else ","
    digits = re.sub(r"[^\d.,-]", "", text.replace(MINUS, "-"))
    digits = digits.replace(thousands, "").replace(decimal or ".", ".")
    return -float(digits[:-1]) if digits.endswith("-") else float(digits)


def minus_of(texts: list[str]) -> str:
    """How negative numbers are written; see Column."""
    found = [MINUS] if any(MINUS in text for text in texts) else []
    if any(re.search(rf"\d[^\d]*[-{MINUS}]\W*$", text) for text in texts):
        found.append(TRAILING)
    return "".join(found)


def text_of(column: Column) -> str:
    """SQL for the text of a cell; null where it is missing."""
    text = cell_text(column.name)
    for mark in column.marks:
        text = f"nullif({text}, {quoted(mark)})"
    return text


def number_of(column: Column) -> str:
    """SQL for a cell as a number, as columns.to_number(); null where it is missing."""
    text = text_of(column)
    if column.kind == "formatted":
        thousands = "." if column.decimal == "," else ","
        digits = rf"regexp_replace(replace({text}, '{MINUS}', '-'), '[^\d.,-]', '', 'g')"
        digits = rf"regexp_replace({digits}, '^([^-]+)-$', '-\1')"
        text = f"replace(replace({digits}, '{thousands}', ''), '{column.decimal or '.'}', '.')"
    number = f"TRY_CAST({text} AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def time_of(column: Column) -> str:
    """SQL for a date as a timestamp: of the clock at its place, where it has a zone."""
    text, date_format = text_of(column), column.date_format
    if date_format.endswith("%z"):
        text = f"regexp_replace({text}, ' ?(Z|[+-]\\d\\d:?\\d\\d)$', '')"
        date_format = date_format.removesuffix("%z")
    return f"strptime({text}, {quoted(date_format)})"


def personal_data(texts: list[str]) -> str:
    """What personal data most of the texts seem to be."""
    first = texts[:200]
    for kind, pattern in PERSONAL.items():
        if first and sum(bool(pattern.fullmatch(text)) for text in first) > 0.5 * len(first):
            return kind
    return ""


def field_names(names: Iterable[str]) -> list[str]:
    """Names that Python takes, each once: lower case, with underscores.

    None is the name of another column, so that a file with these names is read as well.
    """
    fields: list[str] = []
    names = list(names)
    for name in names:
        plain = normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
        spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
        field = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_") or "column"
        if field[0].isdigit() or iskeyword(field) or field.startswith("model_"):
            field = f"field_{field}"
        while field in fields or field in RESERVED or (field in names and field != name):
            field += "_"
        fields.append(field)
    return fields


def with_free_name(column: Column, taken: Collection[str]) -> Column:
    """The same with another name of the field, if the project has something that is called so."""
    return replace(column, field=f"{column.field}_") if column.field in taken else column


# Methods of pydantic's models, and columns of the predictions.
RESERVED = {"copy", "json", "dict", "schema", "validate", "construct", "fields", "label", "value"}
RESERVED |= {"low", "high"}
