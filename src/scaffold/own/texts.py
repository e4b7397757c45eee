"""A project about the texts of one column."""

import json
import re
from dataclasses import replace
from typing import Any

from scaffold.errors import ScaffoldError, sentence
from scaffold.own.columns import PERSONAL, Column
from scaffold.own.networks import SKLEARN
from scaffold.own.proposal import Proposal
from scaffold.own.source import cell_text
from scaffold.own.tables import contents_of, date_formats, shared_context
from scaffold.own.writing import Contents, in_template

# Of texts.py in the template.
MAX_CHARACTERS = 20_000
# With fewer rows, a word of two texts is already of use.
FEW_ROWS = 2000


def contents(proposal: Proposal, text: Column, framework: str = SKLEARN) -> Contents:
    """The project that the proposal describes."""
    for column in proposal.table.columns:
        if column.field == "text" and column.name != text.name:
            raise ScaffoldError(
                sentence(
                    f'the column "{column.name}" must have another name, because the project '
                    f'calls "{text.name}" so'
                )
            )
    # Whatever it is called in the file: texts.py names it so.
    named = replace(text, field="text")
    context = context_of(proposal, named)
    return contents_of(
        proposal.table,
        context,
        variant=proposal.variant,
        description=f"Predicts {proposal.target.name} from {text.name}.",
        folder="text",
        framework=framework,
    )


def context_of(proposal: Proposal, text: Column) -> dict[str, Any]:
    """What the files say about the texts."""
    time, group = proposal.time, proposal.group
    beside = [column for column in (time, group) if column]
    used = [text, proposal.target, *proposal.slices, *beside]
    context = shared_context(proposal, used)
    texts = texts_of(proposal, text)
    if context["committed"] and (kind := personal_data(texts)):
        context |= {"committed": False, "not_committed": f"some texts hold personal data ({kind})"}
    short, long = quartiles_of_length(texts)
    example = {"text": example_text(texts)}
    return context | {
        "text_column": text,
        "too_long": text.longest > MAX_CHARACTERS,
        "short": short,
        "long": long,
        "dates": [time] if time else [],
        "date_formats": date_formats([time] if time else []),
        "slice_declarations": [f"{column.field}: str | None = None" for column in proposal.slices],
        "equal_rows": "",
        "min_df": 2 if proposal.table.n_rows < FEW_ROWS else 5,
        "example": example,
        "example_json": in_template(json.dumps(example, ensure_ascii=False)),
        "focus": proposal.positive or max(proposal.classes),
    }


def personal_data(texts: list[str]) -> str:
    """What personal data the texts hold; "" if none was found."""
    for kind, pattern in PERSONAL.items():
        within = re.compile(rf"(?<!\w)(?:{pattern.pattern})(?!\w)", pattern.flags)
        if any(map(within.search, texts)):
            return kind
    return ""


def texts_of(proposal: Proposal, text: Column) -> list[str]:
    """The texts of the sample."""
    query = f"SELECT {cell_text(text.name)} FROM sampled"
    rows = proposal.table.source.connection.execute(query).fetchall()
    return [cell for (cell,) in rows if cell]


def quartiles_of_length(texts: list[str]) -> tuple[int, int]:
    """The lower and the upper quartile of the number of characters, rounded to two digits."""
    lengths = sorted(map(len, texts))
    quartiles = (lengths[len(lengths) // 4], lengths[3 * len(lengths) // 4])
    low, high = (int(float(f"{length:.2g}")) for length in quartiles)
    return low, max(high, low + 1)


def example_text(texts: list[str]) -> str:
    """A short text of one line that a shell's command takes in single quotes."""
    plain = [
        cell
        for cell in texts
        if "\n" not in cell and "'" not in cell and any(map(str.isalpha, cell))
    ]
    return min(plain or ["An example."], key=lambda cell: abs(len(cell) - 100))
