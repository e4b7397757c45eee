"""Asking the owner for what the rows do not say, and showing what the project would be."""

import sys
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scaffold.errors import ScaffoldError
from scaffold.own.columns import look
from scaffold.own.proposal import Proposal, guess_target, propose
from scaffold.own.source import open_source
from scaffold.own.tables import contents as contents_of_table
from scaffold.own.writing import Contents


def contents_from(
    source: Path,
    target: str,
    positive: str,
    console: Console,
    *,
    sheet: str = "",
    origin: str = "",
    defaults: bool,
) -> Contents:
    """Look at the rows, ask for what they do not say, and show what the project would be."""
    with console.status(f"looking at {origin or source} ..."):
        table = look(open_source(source, sheet, origin))
    if not target:
        guess = guess_target(table).name
        target = guess if defaults else ask("Which column is predicted?", guess, "--target")
    proposal = propose(table, target, positive)
    if proposal.is_binary and not positive and not defaults:
        question = "Which class is the one to find?"
        positive = ask(question, proposal.positive, "--positive")
        proposal = propose(table, target, positive)
    show_proposal(proposal, console)
    return contents_of_table(proposal)


def ask(question: str, suggested: str, option: str) -> str:
    """The answer to a question; raises ScaffoldError without a terminal."""
    if not sys.stdin.isatty():
        raise ScaffoldError(f"There is no terminal to ask in; give {option}, or --defaults.")
    return str(typer.prompt(question, suggested))


def show_proposal(proposal: Proposal, console: Console) -> None:
    """One line for each column: what was found, and what becomes of it."""
    shown = Table("column", "holds", "missing", "values", "example", "in the project")
    for column in proposal.table.columns:
        use = proposal.left_out.get(column.name, "field")
        if use != "field":
            use = f"left out: {use}"
        if column is proposal.target:
            use = f"target ({proposal.variant})"
        if column in (proposal.time, proposal.group):
            use += "; decides the split"
        holds = f"{column.kind} ({column.note})" if column.note else column.kind
        cells = (column.name, holds, f"{column.missing:.1%}", f"{column.distinct:,}")
        shown.add_row(*map(escape, (*cells, column.example, use)))
    console.print(shown)
    if proposal.is_binary:
        text = f"The positive class is {proposal.positive}; its costs are assumed in params.toml."
        console.print(text, highlight=False, markup=False, soft_wrap=True)


def own_answers(contents: Contents, answers: dict[str, str]) -> dict[str, str]:
    """The answers, with those that the rows give.

    Raises:
        ScaffoldError: An answer does not fit the rows.
    """
    variant = answers.get("variant", contents.variant)
    if variant != contents.variant:
        raise ScaffoldError(f"These rows make a project of {contents.variant}, not of {variant}.")
    if answers.get("framework", "sklearn") != "sklearn":
        raise ScaffoldError("--from makes projects with scikit-learn: leave framework out.")
    given = {"variant": variant, "framework": "sklearn", "description": contents.description}
    return given | answers
