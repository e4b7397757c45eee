"""A project about a table: what its files say, and where its rows are stored."""

import json
import math
import re
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from scaffold.own.columns import DATE_FORMATS, Column, Table, text_of, to_number
from scaffold.own.networks import PYTORCH, SKLEARN, batch_size
from scaffold.own.proposal import CLASSIFICATION, MIN_CLASS_ROWS, REGRESSION, Proposal
from scaffold.own.remote import is_remote
from scaffold.own.source import DELIMITED, PARQUET, identifier, quoted
from scaffold.own.writing import (
    COLUMNS,
    MAX_COMMITTED,
    MODEL,
    OWN,
    Contents,
    in_template,
    literal,
)

# Categories with more values are not in the notebook.
MAX_SHOWN = 20


def contents(proposal: Proposal, framework: str = SKLEARN) -> Contents:
    """The project that the proposal describes."""
    context = context_of(proposal, framework)
    kind = proposal.variant.removeprefix("tabular-")
    # The template's network takes any columns, its estimators those of the sample.
    model = {MODEL: f"model_{kind}.py.jinja"}
    if framework == PYTORCH:
        model = {COLUMNS: "columns.py.jinja"}
    source = proposal.table.source.path.name
    return contents_of(
        proposal.table,
        context,
        variant=proposal.variant,
        description=f"Predicts {proposal.target.name} from {source}.",
        folder="table",
        files={**OWN, **model},
        framework=framework,
    )


def contents_of(table: Table, context: Mapping[str, Any], **what: Any) -> Contents:
    """The project about a table, whatever is done with its rows.

    Args:
        table: The rows, which are stored as they are.
        context: What its files say, with file_context().
        **what: The other attributes of Contents; by default, the files are OWN.
    """
    made_of = {
        "source": table.source.origin,
        "files": OWN,
        "context": context,
        "store": partial(store, table),
        "name": stored_name(table),
        "committed": context["committed"],
    }
    return Contents(**{**made_of, **what})


def store(table: Table, target: Path) -> None:
    """Copy the rows to a path.

    JSON lines are stored as Parquet. In a Parquet file null is the only missing value.
    """
    source, marks = table.source, table.marks
    if source.kind == DELIMITED or (source.kind == PARQUET and not marks):
        shutil.copyfile(source.readable, target)
    else:
        cells = ", ".join(map(cell_without_marks, table.columns))
        source.connection.execute(
            f"COPY (SELECT {cells} FROM source) TO {quoted(target)} (FORMAT parquet)"
        )


def cell_without_marks(column: Column) -> str:
    """SQL for a cell, with null in place of the texts that mean "missing"."""
    name = identifier(column.name)
    if not column.marks:
        return name
    marks = ", ".join(map(quoted, column.marks))
    return f"CASE WHEN CAST({name} AS VARCHAR) NOT IN ({marks}) THEN {name} END AS {name}"


def stored_name(table: Table) -> str:
    """The name of the file in the project: with a suffix that its reader knows, and no spaces."""
    source = table.source
    name = re.sub(r"[^\w.-]+", "-", source.path.resolve().name)
    packed = ".gz" if name.lower().endswith(".gz") and source.readable == source.path else ""
    stem = Path(re.sub(r"\.gz$", "", name, flags=re.IGNORECASE)).stem
    return f"{stem}.csv{packed}" if source.kind == DELIMITED else f"{stem}.parquet"


def shared_context(proposal: Proposal, used: list[Column]) -> dict[str, Any]:
    """What the files of every project about a table say.

    Args:
        proposal: The project.
        used: The columns that it keeps.
    """
    target, time, group = proposal.target, proposal.time, proposal.group
    is_class = proposal.variant != REGRESSION
    return file_context(proposal.table, proposal.left_out) | {
        "variant": proposal.variant,
        "target": target,
        "classes": proposal.classes,
        "rare": proposal.rare,
        "binary": proposal.is_binary,
        "positive": proposal.positive,
        "numeric_classes": is_class and target.kind != "category",
        "min_class_rows": MIN_CLASS_ROWS,
        "costs": proposal.costs if proposal.is_binary else None,
        "renamed": [column for column in used if column.name != column.field],
        "time": time,
        "time_column": f"{time.field}_day" if time else "",
        "group": group,
        "group_declaration": declaration(group) if group else "",
        "types_of_data": types_of_data(proposal),
        "target_declaration": target_declaration(proposal),
        "declaration": declaration,
        "masks": masks(proposal),
        "slices": proposal.slices,
    }


def file_context(table: Table, left_out: dict[str, str]) -> dict[str, Any]:
    """What is said about a file of rows, whatever is done with them.

    Args:
        table: The rows.
        left_out: Why columns are left out, by name.
    """
    source = table.source
    is_delimited = source.kind == DELIMITED
    not_committed = reason_not_to_commit(table, left_out)
    return {
        "file": source.path.name,
        "origin": source.origin if is_remote(source.origin) else source.path.name,
        "n_rows": f"{table.n_rows:,}",
        "batch_size": batch_size(table.n_rows),
        "n_columns": len(table.columns),
        "delimiter": source.delimiter if is_delimited else ",",
        "missing": ["", *(table.marks if is_delimited else ())],
        "left_out": left_out,
        # Whether cells of instances may be lists.
        "lists": False,
        "committed": not not_committed,
        "not_committed": not_committed,
    }


def reason_not_to_commit(table: Table, left_out: dict[str, str]) -> str:
    """Why the rows must not be in git; empty if they may."""
    if any("personal data" in reason for reason in left_out.values()):
        return "it seems to hold personal data"
    if table.source.readable.stat().st_size > MAX_COMMITTED:
        return f"the file is larger than {MAX_COMMITTED // 1_000_000} MB"
    return ""


def context_of(proposal: Proposal, framework: str) -> dict[str, Any]:
    """What the files say about the rows."""
    target, fields = proposal.target, proposal.fields
    dates = [column for column in fields if column.kind == "date"]
    categories = [column for column in fields if column.kind == "category"]
    numbers = [column for column in fields if column not in (*dates, *categories)]
    used = [*fields, target, *([proposal.group] if proposal.group else [])]
    optional = [column for column in numbers if column.missing]
    example = example_row(proposal)
    # Trees split at any step.
    needs_logarithms = proposal.variant == CLASSIFICATION or framework == PYTORCH
    return shared_context(proposal, used) | {
        "fields": fields,
        "dates": dates,
        "categories": categories,
        "numbers": numbers,
        "has_numeric": bool(numbers or dates),
        "x": model_input(bool(numbers or dates), bool(categories)),
        "columns": monitored(bool(numbers), bool(categories)),
        "skewed": [c for c in numbers if needs_logarithms and c.skewed and c.distinct > 2],
        "optional": optional,
        "optional_number": optional[0] if optional else None,
        "optional_category": next((c for c in categories if c.missing), None),
        "formatted": any(c.kind == "formatted" for c in (*fields, target)),
        "points": sorted({point(c) for c in (*fields, target) if c.kind == "formatted"}),
        "minus": "".join(c.minus for c in (*fields, target)),
        "date_formats": date_formats(dates),
        "longest": max(
            [100, *(10 ** math.ceil(math.log10(2 * c.longest + 1)) for c in categories)]
        ),
        "equal_rows": proposal.equal_rows,
        "baseline": proposal.baseline,
        "example": example,
        "example_json": in_template(json.dumps(example, ensure_ascii=False)),
        "shown_numbers": [c.field for c in numbers if c.is_number][:6],
        "shown_categories": [c.field for c in categories if c.distinct <= MAX_SHOWN][:6],
        "impossible": impossible_values(numbers, categories),
    }


def model_input(has_numeric: bool, has_categories: bool) -> str:
    """What the model takes of the features, as code."""
    if has_numeric and has_categories:
        return "to_frame(features)"
    return 'features["numeric"]' if has_numeric else 'features["categorical"]'


def monitored(has_numbers: bool, has_categories: bool) -> str:
    """The names of the fields that monitoring compares, as code."""
    if has_numbers and has_categories:
        return "(*RAW, *CATEGORICAL)"
    return "RAW" if has_numbers else "CATEGORICAL"


# Types of formatted numbers in the project, by their decimal point.
NUMBERS = {".": "Number", ",": "CommaNumber"}


def types_of_data(proposal: Proposal) -> list[str]:
    """What data.py needs of features.py to declare the target and the group."""
    target = [proposal.target] if proposal.variant == REGRESSION else []
    columns = [*target, *([proposal.group] if proposal.group else [])]
    return sorted({NUMBERS[point(column)] for column in columns if column.kind == "formatted"})


def point(column: Column) -> str:
    """The decimal point of a formatted number."""
    return column.decimal or "."


def date_formats(dates: list[Column]) -> list[str]:
    """The formats of all dates, and the two that JSON brings."""
    found = {column.date_format for column in dates}
    return [name for name in DATE_FORMATS if name in found | {"%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"}]


def declaration(column: Column) -> str:
    """A field of the schema: its type, range and name in the file."""
    kinds = {"integer": "int", "number": "float", "boolean": "bool"}
    kinds["formatted"] = NUMBERS[point(column)]
    if column.missing:
        # A table with missing values has no whole numbers.
        kinds["integer"] = "float"
    kind = kinds.get(column.kind, "Day" if column.kind == "date" else "Name")
    if column.kind == "identifier":
        kind = "str"
    options = []
    if column.missing:
        kind += " | None"
        options.append("default=None")
    if column.is_number:
        options += limits(column)
    if column.name != column.field:
        options.append(f"description={literal(f'The column {column.name}.')}")
    if options == ["default=None"]:
        return f"{column.field}: {kind} = None"
    return f"{column.field}: {kind}" + (f" = Field({', '.join(options)})" if options else "")


def limits(column: Column) -> list[str]:
    """The range of a number: ten times what was seen, not below 0 if nothing was; or 0 and 1."""
    lowest, highest = column.minimum or 0.0, column.maximum or 0.0
    if column.kind == "integer" and (lowest, highest) == (0, 1):
        return ["ge=0", "le=1"]
    largest = max(abs(lowest), abs(highest), 1)
    bound = 10 ** (math.floor(math.log10(largest)) + 2)
    low = 0 if lowest >= 0 else -bound
    shown = f"10**{round(math.log10(bound))}" if bound > 10_000 else str(bound)
    return [f"ge={'-' + shown if low else 0}", f"le={shown}"]


def target_declaration(proposal: Proposal) -> str:
    """The target in the schema of a raw row."""
    target = proposal.target
    may_be_missing = " | None = None" if target.missing else ""
    if proposal.variant == REGRESSION:
        return declaration(target)
    if proposal.rare:
        default = "default=None, " if target.missing else ""
        kind = "str | None" if target.missing else "str"
        longest = max(100, 2 * target.longest)
        return f"{target.field}: {kind} = Field({default}max_length={longest})"
    kind = f"Literal[{', '.join(map(literal, sorted(proposal.classes)))}]"
    if target.kind != "category":
        kind = f"Annotated[{kind}, BeforeValidator(str)]"
    return f"{target.field}: {kind}{may_be_missing}"


def masks(proposal: Proposal) -> list[tuple[str, str]]:
    """The slices: their names, and the masks as code."""
    found = []
    for column in proposal.slices:
        cells = f"table[{literal(column.field)}]"
        if column.kind == "boolean":
            found.append((column.name, f"{cells} == 1"))
        elif column.values and len(column.values) <= 6:
            for value, _ in column.values[:3]:
                if value not in column.marks:
                    equals = f"{cells} == {literal(typed(column, value))}"
                    found.append((f"{column.name}: {value}", equals))
        elif column.is_number:
            found.append((f"{column.name} below the median", f"{cells} < {cells}.median()"))
            found.append((f"{column.name} from the median on", f"{cells} >= {cells}.median()"))
    return found


def example_row(proposal: Proposal) -> dict[str, Any]:
    """The fields of the first row that has most of them, typed as in a request."""
    columns = ", ".join(text_of(column) for column in proposal.fields)
    present = " + ".join(f"({text_of(column)} IS NOT NULL)::INT" for column in proposal.fields)
    table = proposal.table
    row = table.source.one_row(
        f"SELECT {columns} FROM sampled WHERE NOT contains(concat({columns}), '''') "
        f"ORDER BY {present} DESC LIMIT 1"
    )
    texts = row or [None] * len(proposal.fields)
    return {
        column.field: typed(column, text)
        for column, text in zip(proposal.fields, texts, strict=True)
        if text is not None
    }


def typed(column: Column, text: str) -> Any:
    """A cell as JSON has it."""
    if column.kind == "formatted":
        return to_number(text, column.decimal)
    if column.kind == "boolean":
        return text.lower() == "true"
    if column.kind == "integer":
        return int(float(text))
    return float(text) if column.kind == "number" else text


def impossible_values(numbers: list[Column], categories: list[Column]) -> list[tuple[str, Any]]:
    """Values that the schema must refuse, for a test."""
    found: list[tuple[str, Any]] = []
    for column in [c for c in numbers if c.is_number][:3]:
        found += [(column.field, "many"), (column.field, 1e30)]
    for column in categories[:2]:
        if not column.missing:
            found.append((column.field, None))
    return found
