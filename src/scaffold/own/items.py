"""A project that recommends items to users: which columns hold these, and where to cut in time."""

import json
import re
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import duckdb

from scaffold.errors import ScaffoldError, sentence
from scaffold.own.columns import Column, Table, number_of, text_of, time_of, with_free_name
from scaffold.own.proposal import listing
from scaffold.own.source import cell_text, identifier, unreadable
from scaffold.own.tables import contents_of, file_context
from scaffold.own.writing import Contents, in_template

RECOMMENDER = "recommender"
# Words in the names of columns, and what may follow them; an id goes before a name.
USER_WORDS = (
    r"user|customer|cust|client|visitor|member|account|buyer|shopper|reader|viewer|listener|"
    r"subscriber|person|student|reviewer|household|kunden?|nutzer|uid"
)
ITEM_WORDS = (
    r"item|product|movie|film|article|artikel|sku|book|isbn|asin|track|song|artist|album|game|app|"
    r"stock|video|recipe|course|produkt|joke|beer|anime|news|content|offer|coupon|business|"
    r"restaurant|venue|iid"
)
ID_WORDS = r"ids?|no|nr|num|number|nummer|key|code|uuid|guid|hash|index|idx|upc"
TITLE_WORDS = r"name|title|titel|description|label|bezeichnung"
USER = re.compile(rf"(^|_)({USER_WORDS})s?(_?({ID_WORDS}|name))?$")
ITEM = re.compile(rf"(^|_)({ITEM_WORDS})s?(_?({ID_WORDS}|{TITLE_WORDS}))?$|^(title|titel)$")
TITLE = re.compile(rf"({TITLE_WORDS})$")
TIME = re.compile(r"time|date|datum|zeit|epoch|created|day|(^|_)(ts|at|when|tag)$")
RATING = re.compile(r"(^|_)(rating|rate|score|stars?|grade|bewertung|likes?|liked|feedback)$")
AMOUNT = re.compile(
    r"(^|_)(quantity|qty|count|units?|plays|listens|views|clicks|menge|anzahl|weight|n)$"
)
# A table with such a column is about this column.
TARGET = re.compile(r"^(target|label|class|outcome|survived|churn(ed)?|attrition|default)$")
# Seconds and milliseconds since 1970, of the years from 1980 on.
SECONDS, MILLISECONDS = (3.2e8, 4.1e9), (3.2e11, 4.1e12)
SESSION_GAP_SECONDS = 3600
# Of the highest rating: 3.5 stars of five. It must leave this share of the rows.
LIKED, MIN_LIKED = 0.7, 0.2
# A title belongs to an item in this share of the rows, and is longer in none.
SAME_TITLE, LONGEST_TITLE = 0.95, 250
# Users whose sessions after a cut are measured, users before it, and items that five of them chose.
MIN_RETURNING, MIN_USERS, MIN_ITEMS = 30, 50, 20
# As core/metrics.py has it.
MIN_CHOSEN, MAX_ITEMS = 5, 5000
# Of more users the project takes a sample, and of more sessions those that are measured.
MAX_USERS, MAX_SESSIONS = 10_000, 5000
# Pydantic holds each row as an object.
MAX_ROWS = 3_000_000
# With more other columns, the rows are not only about who chose what.
MAX_OTHERS = 5
# The L2 penalty of the model in average users of an item: good for rows from hundreds to a million.
PENALTY = 4
# Names that the tables, the predictions and the code of such a project have.
TAKEN = {"session", "session_at", "history", "next_items", "n_before", "name", "split"}
TAKEN |= {"items", "scores", "based_on", "func", "engine", "engine_kwargs"}
FULL_NAME = re.compile(r"[^\W\d_][^\W\d_.'-]*(,? [^\W\d_][^\W\d_.'-]*\.?){1,3}")


@dataclass
class Interactions:
    """A project that recommends items to users.

    Attributes:
        user: The column of the users.
        item: The column of the items.
        time: The column of the times.
        title: What the items are called, if another column says so.
        rating: A rating or an amount that decides which rows count.
        min_rating: The least value that counts.
        left_out: Why the other columns are left out, by name.
        validation_from: The day from which sessions validate.
        test_from: The day from which sessions test.
        n_users: How many users chose something before validation, of all.
        n_items: How many items are in the catalogue: those that five of these users chose.
        item_users: How many of these users chose an item of the catalogue, on average.
    """

    table: Table
    user: Column
    item: Column
    time: Column
    title: Column | None = None
    rating: Column | None = None
    min_rating: float = 0
    left_out: dict[str, str] = field(default_factory=dict)
    validation_from: date = date.min
    test_from: date = date.min
    n_users: int = 0
    n_items: int = 0
    item_users: float = 0

    @property
    def used(self) -> list[Column]:
        """The columns of the project, in the order of the file."""
        roles = (self.user, self.item, self.time, self.title, self.rating)
        return [column for column in self.table.columns if column in roles]

    @property
    def is_amount(self) -> bool:
        """Whether rows count by an amount, and not by a rating."""
        return bool(self.rating and not RATING.search(self.rating.field))

    @property
    def has_days_only(self) -> bool:
        """Whether the times have no hours, so that a session is a day."""
        if self.time.date_format:
            return not re.search("%[HT]", self.time.date_format)
        return self.table.source.type_of(self.time.name) == "DATE"


# Recognising.


def is_about_items(table: Table) -> bool:
    """Whether the rows say, and hardly anything else, which user chose which item when."""
    # A field may be called otherwise than its column, with an underscore.
    if any(TARGET.search(column.field.rstrip("_")) for column in table.columns):
        return False
    user, item = find_user(table), find_item(table)
    if not user or not item or not find_time(table):
        return False
    words = (USER, ITEM, TITLE, TIME, RATING, AMOUNT)
    others = [c for c in table.columns if not any(word.search(c.field) for word in words)]
    return len(others) <= MAX_OTHERS and table.n_rows > 2 * user.distinct


def find_user(table: Table) -> Column | None:
    """The column that by its name and values has the users."""
    return best([c for c in table.columns if USER.search(c.field) and is_repeated(c, table)])


def find_item(table: Table) -> Column | None:
    """The column that by its name and values has the items."""
    return best([c for c in table.columns if ITEM.search(c.field) and is_repeated(c, table)])


def best(columns: list[Column]) -> Column | None:
    """An id rather than a name; of several, that with the most values."""

    def rank(column: Column) -> tuple[bool, int]:
        return not TITLE.search(column.field), column.distinct

    return max(columns, key=rank, default=None)


def is_repeated(column: Column, table: Table) -> bool:
    """Whether a column has many values, and most of them several times."""
    if column.kind in ("date", "boolean", "constant", "empty", "other") or column.missing > 0.5:
        return False
    return column.distinct >= MIN_ITEMS and column.distinct < table.n_rows / 1.5


def find_time(table: Table) -> Column | None:
    """The column of the times: by its name if there are several, else the first."""
    times = [column for column in table.columns if is_time(column, table)]
    named = [column for column in times if TIME.search(column.field)]
    return next(iter([*named, *times]), None)


def is_time(column: Column, table: Table) -> bool:
    """Whether a column has days or times, or seconds or milliseconds since 1970."""
    if column.missing > 0.5:
        return False
    if column.kind == "date" or table.source.type_of(column.name).startswith(("TIMESTAMP", "DATE")):
        return True
    is_number = column.kind in ("integer", "number") and column.distinct > 2
    return is_number and bool(TIME.search(column.field)) and bool(divisor(column))


def divisor(column: Column) -> int:
    """By what a number is divided to be seconds since 1970; 0 if it cannot be a time."""
    low, high = column.minimum or 0, column.maximum or 0
    for (least, most), factor in ((SECONDS, 1), (MILLISECONDS, 1000)):
        if least <= low and high <= most:
            return factor
    return 0


# Choosing.


def propose(table: Table, target: str = "") -> Interactions:
    """Decide what can be decided from the rows.

    Args:
        table: The rows.
        target: The name of the column of the items; by default it is found.

    Raises:
        ScaffoldError: The columns are not found, or the rows are too few or too many.
    """
    path = table.source.path
    if table.n_rows > MAX_ROWS:
        raise ScaffoldError(
            sentence(
                f"{path} has {table.n_rows:,} rows, more than the {MAX_ROWS:,} that a project of "
                "the variant recommender holds in memory; take all rows of a random part of the "
                "users"
            )
        )
    item = given_item(table, target) if target else require(find_item(table), table, "items")
    user = find_user(table) or only_user(table, item)
    time = find_time(table)
    if not time:
        raise ScaffoldError(
            sentence(
                f"{path} has no column of days or times, and the rows of a project of the variant "
                "recommender are split by time"
            )
        )
    found = Interactions(table, require(user, table, "users"), item, time)
    try:
        found.title = find_title(found)
        choose_rating(found)
        found.left_out = reasons(found)
        choose_days(found)
    except duckdb.Error as error:
        raise unreadable(path, error) from error
    return found


def given_item(table: Table, target: str) -> Column:
    """The column that the owner names; raises ScaffoldError if it cannot have the items."""
    column = table.column(target)
    if not is_repeated(column, table):
        raise ScaffoldError(
            sentence(
                f'{table.source.path}: the column "{column.name}" has {column.distinct:,} values '
                f"in {table.n_rows:,} rows; items are {MIN_ITEMS} or more, and most of them are in "
                "several rows"
            )
        )
    return column


def only_user(table: Table, item: Column) -> Column | None:
    """The only column beside the items that could have the users; None if there are several."""
    possible = [
        column
        for column in table.columns
        if column != item
        and is_repeated(column, table)
        and not is_time(column, table)
        and column.kind in ("integer", "category", "identifier")
        and not (RATING.search(column.field) or AMOUNT.search(column.field))
        and not TITLE.search(column.field)
    ]
    return possible[0] if len(possible) == 1 else None


def require(column: Column | None, table: Table, what: str) -> Column:
    """The column; raises ScaffoldError that names the columns where it was not found."""
    if column:
        return column
    names, way = {
        "users": ("user, customer, visitor or member", "call it so in the file"),
        "items": ("item, product, article or movie", "name it by --target"),
    }[what]
    known = ", ".join(column.name for column in table.columns)
    raise ScaffoldError(
        sentence(
            f"{table.source.path}: no column with repeated values is called as {what} are, such as "
            f"{names}; {way} (its columns are {known})"
        )
    )


def find_title(found: Interactions) -> Column | None:
    """A column of texts that depends on the item alone, and tells items apart."""
    if TITLE.search(found.item.field):
        return None
    possible = [
        column
        for column in found.table.columns
        if TITLE.search(column.field)
        and column.kind in ("category", "identifier", "text", "formatted")
        and column not in (found.user, found.item, found.time)
        and not column.personal
        and column.longest <= LONGEST_TITLE
        and is_title(found, column)
    ]
    return max(possible, key=lambda column: column.distinct, default=None)


def is_title(found: Interactions, column: Column) -> bool:
    """Whether nearly all rows of an item have the same title, and few items the same."""
    item, title = text_of(found.item), text_of(column)
    query = (
        f"WITH counted AS (SELECT {item} AS item, {title} AS title, count(*) AS n FROM source "
        f"WHERE {item} IS NOT NULL AND {title} IS NOT NULL GROUP BY 1, 2), "
        "items AS (SELECT max(n) AS same, sum(n) AS n FROM counted GROUP BY item) "
        "SELECT sum(same) / sum(n), count(*), (SELECT count(DISTINCT title) FROM counted) "
        "FROM items"
    )
    same, n_items, n_titles = found.table.source.one_row(query)
    return bool(n_items) and same >= SAME_TITLE and n_titles >= 0.5 * n_items


def choose_rating(found: Interactions) -> None:
    """The column that decides which rows count, and from which value on."""
    numbers = [c for c in found.table.columns if c.kind in ("integer", "number")]
    numbers = [c for c in numbers if c not in (found.user, found.item, found.time)]
    ratings = [column for column in numbers if RATING.search(column.field)]
    # Where no amount is 0 or below, as of what is sent back, each row counts.
    amounts = [c for c in numbers if AMOUNT.search(c.field) and (c.minimum or 0) <= 0]
    found.rating = next(iter([*ratings, *amounts]), None)
    if not found.rating:
        return
    value = number_of(found.rating)
    limit = f"{value} > 0" if found.is_amount else f"{value} >= {LIKED} * max_value"
    least, share, median = found.table.source.one_row(
        f"WITH highest AS (SELECT max({value}) AS max_value FROM source) "
        f"SELECT min({value}) FILTER ({limit}), count(*) FILTER ({limit}) / count({value}), "
        f"quantile_disc({value}, 0.5) FROM source, highest",
    )
    is_signed = not found.is_amount and (found.rating.minimum or 0) < 0
    found.min_rating = median if is_signed or share < MIN_LIKED else least


def reasons(found: Interactions) -> dict[str, str]:
    """Why each other column is left out."""
    left_out = {}
    for column in found.table.columns:
        if column in found.used:
            continue
        reason = "the model knows users by the items that they chose, and nothing else"
        if column.personal:
            reason = f"it seems to hold personal data ({column.personal})"
        elif column.is_number and AMOUNT.search(column.field):
            reason = "each row counts once, whatever its amount"
        left_out[column.name] = reason
    return left_out


# The cut in time.


def choose_days(found: Interactions) -> None:
    """Days that leave 60 % of the later sessions of users to training, and 20 % to each other set.

    Raises:
        ScaffoldError: Too few users chose something before and after them.
    """
    create_choices(found)
    days = found.table.source.one_row(
        "SELECT quantile_disc(day, [0.6, 0.8]), count(*) FROM sessions WHERE number > 1"
    )
    if not days[1]:
        raise too_few(found, 0, "chose something in a second session", MIN_RETURNING)
    found.validation_from, found.test_from = days[0]
    if found.test_from == found.validation_from:
        found.test_from += timedelta(days=1)
    first, second = found.validation_from, found.test_from
    later = "SELECT count(DISTINCT person) FROM sessions WHERE number > 1 AND day"
    n_valid = found.table.source.one_row(f"{later} >= '{first}' AND day < '{second}'")[0]
    n_test = found.table.source.one_row(f"{later} >= '{second}'")[0]
    before = f"SELECT person, thing FROM choices WHERE day < '{first}'"
    found.n_users = found.table.source.one_row(f"SELECT count(DISTINCT person) FROM ({before})")[0]
    counts = f"SELECT count(*) AS n FROM ({before}) GROUP BY thing HAVING n >= {MIN_CHOSEN}"
    found.n_items, found.item_users = found.table.source.one_row(
        f"SELECT count(*), avg(n) FROM ({counts})"
    )
    if found.n_users < MIN_USERS:
        raise too_few(found, found.n_users, f"chose something before {first}", MIN_USERS)
    if n_valid < MIN_RETURNING:
        text = f"chose something before {first}, and again before {second}"
        raise too_few(found, n_valid, text, MIN_RETURNING)
    if n_test < MIN_RETURNING:
        text = f"chose something before {second} and again from then on"
        raise too_few(found, n_test, text, MIN_RETURNING)
    if found.n_items < MIN_ITEMS:
        raise ScaffoldError(
            sentence(
                f'{found.table.source.path} has {found.n_items} values of "{found.item.name}" that '
                f"{MIN_CHOSEN} users or more chose before {first}; {MIN_ITEMS} are the least"
            )
        )


def too_few(found: Interactions, count: int, what: str, least: int) -> ScaffoldError:
    """The error for too few users."""
    path, user = found.table.source.path, found.user.name
    text = f'{path} has {count} values of "{user}" that {what}; {least} are the least'
    return ScaffoldError(sentence(text))


def create_choices(found: Interactions) -> None:
    """The tables `choices` and `sessions`, as clean() of the project makes them, of some users."""
    connection = found.table.source.connection
    user, item, moment = text_of(found.user), text_of(found.item), seconds(found)
    liked = "true"
    if found.rating:
        liked = f"{number_of(found.rating)} >= {found.min_rating}"
    part = max(1, round(found.user.distinct / MAX_USERS))
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE choices AS WITH counted AS ("
        f"SELECT {user} AS person, {item} AS thing, {moment} AS moment, {liked} AS liked "
        f"FROM source WHERE {user} IS NOT NULL AND {item} IS NOT NULL AND {moment} IS NOT NULL "
        f"AND hash({user}) % {part} = 0), "
        "paused AS (SELECT *, moment - lag(moment) OVER (PARTITION BY person ORDER BY moment) AS "
        "pause FROM counted), "
        f"cut AS (SELECT *, sum((coalesce(pause, {SESSION_GAP_SECONDS + 1}) > "
        f"{SESSION_GAP_SECONDS})::INT) OVER (PARTITION BY person ORDER BY moment) AS session "
        "FROM paused) "
        "SELECT person, thing, min(session) AS session, "
        "CAST(make_timestamp(CAST(min(moment) * 1000000 AS BIGINT)) AS DATE) AS day "
        "FROM cut WHERE liked GROUP BY person, thing"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE sessions AS SELECT person, min(day) AS day, "
        "row_number() OVER (PARTITION BY person ORDER BY session) AS number "
        "FROM choices GROUP BY person, session"
    )


def seconds(found: Interactions) -> str:
    """SQL for the seconds since 1970 of a row's time; null where it has none."""
    column = found.time
    if column.is_number:
        return f"{number_of(column)} / {divisor(column)}"
    if found.table.source.type_of(column.name) != "VARCHAR":
        return f"epoch({identifier(column.name)})"
    return f"epoch(TRY({time_of(column)}))"


# Writing.


def contents(found: Interactions) -> Contents:
    """The project that the rows make."""
    return contents_of(
        found.table,
        context_of(found),
        variant=RECOMMENDER,
        description=f"Recommends {found.item.name} to {found.user.name} by what they chose before.",
        folder="items",
    )


def context_of(found: Interactions) -> dict[str, Any]:
    """What the files say about the rows."""
    personal = personal_users(found)
    shown = with_free_names(found)
    example = {"history": example_history(found)}
    context = file_context(found.table, found.left_out)
    if personal and context["committed"]:
        reason = f'"{found.user.name}" seems to hold personal data ({personal})'
        context |= {"committed": False, "not_committed": reason}
    return context | {
        "user": shown.user,
        "item": shown.item,
        "time": shown.time,
        "title": shown.title,
        "rating": shown.rating,
        "used": shown.used,
        "renamed": [column for column in shown.used if column.name != column.field],
        "min_rating": f"{found.min_rating:g}",
        "min_name": f"MIN_{shown.rating.field.upper()}" if shown.rating else "",
        "is_amount": found.is_amount,
        "has_days_only": found.has_days_only,
        "personal": personal,
        "has_own_format": has_own_format(found.time),
        "divided": divisor(found.time) if found.time.is_number else 0,
        "validation_from": found.validation_from,
        "test_from": found.test_from,
        "n_users": f"{count_values(found, found.user):,}",
        "n_all_items": f"{count_values(found, found.item):,}",
        "max_users": MAX_USERS if found.user.distinct > MAX_USERS else 0,
        "max_sessions": MAX_SESSIONS,
        "max_items": MAX_ITEMS if found.n_items > 0.9 * MAX_ITEMS else 0,
        "k": list_length(found.n_items),
        "regularization": float(f"{PENALTY * found.item_users:.2g}"),
        "half_life": max(5, round(min(found.n_users, MAX_USERS) / 25)),
        "lists": True,
        "longest": 300,
        "example": example,
        "example_json": in_template(json.dumps(example, ensure_ascii=False)),
    }


def count_values(found: Interactions, column: Column) -> int:
    """How many different values a column has; the look only estimates it."""
    return int(
        found.table.source.one_row(f"SELECT count(DISTINCT {text_of(column)}) FROM source")[0]
    )


def list_length(n_items: int) -> int:
    """How many items are recommended: at most a fifth of the catalogue, and twenty."""
    return next(k for k in (20, 10, 5, 3) if 5 * k <= n_items or k == 3)


def has_own_format(time: Column) -> bool:
    """Whether a time is written in another way than pydantic reads."""
    return bool(time.date_format) and not time.date_format.startswith("%Y-%m-%d")


def personal_users(found: Interactions) -> str:
    """What personal data the users' ids are; empty if they are none."""
    if found.user.personal:
        return found.user.personal
    query = f"SELECT {cell_text(found.user.name)} FROM sampled LIMIT 200"
    rows = found.table.source.connection.execute(query).fetchall()
    texts = [text for (text,) in rows if text]
    n_names = sum(bool(FULL_NAME.fullmatch(text)) for text in texts)
    return "names of persons" if n_names > 0.5 * len(texts) else ""


def with_free_names(found: Interactions) -> Interactions:
    """The same with other names of the fields that are called as something of the project."""

    def free(column: Column) -> Column:
        return with_free_name(column, TAKEN)

    return replace(
        found,
        table=replace(found.table, columns=list(map(free, found.table.columns))),
        user=free(found.user),
        item=free(found.item),
        time=free(found.time),
        title=free(found.title) if found.title else None,
        rating=free(found.rating) if found.rating else None,
    )


def example_history(found: Interactions) -> list[str]:
    """Two of the items that are chosen most, with names that a shell takes in single quotes."""
    item = text_of(found.item)
    name = text_of(found.title) if found.title else item
    query = (
        f"SELECT {name} FROM source WHERE {name} IS NOT NULL "
        f"AND NOT contains({name}, '''') AND NOT contains({name}, '\\') "
        f"GROUP BY 1 HAVING count(DISTINCT {item}) = 1 ORDER BY count(*) DESC, 1 LIMIT 2"
    )
    rows = found.table.source.connection.execute(query).fetchall()
    return [text for (text,) in rows] or ["an item"]


def roles(found: Interactions) -> dict[str, str]:
    """What becomes of each column that is used, by name."""
    uses = {found.user.name: "user", found.item.name: "item", found.time.name: "time"}
    if found.title:
        uses[found.title.name] = "item's name"
    if found.rating:
        uses[found.rating.name] = f"from {found.min_rating:g} on"
    return uses


def summary(found: Interactions) -> str:
    """What the owner sees of the proposal."""
    names = listing([found.item.name, found.user.name]).replace(", ", " to ")
    return (
        f"The project recommends {names}: sessions before {found.validation_from} train, those "
        f"from {found.test_from} on test."
    )
