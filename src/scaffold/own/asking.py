"""Asking the owner for what the rows do not say, and showing what the project would be."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table as ShownTable

from scaffold.errors import ScaffoldError, sentence
from scaffold.own import clusters, images, tables, texts
from scaffold.own.columns import Table, look
from scaffold.own.costs import parse
from scaffold.own.folders import has_texts, open_texts
from scaffold.own.proposal import Proposal, guess_target, propose
from scaffold.own.remote import Given, local_copy
from scaffold.own.source import open_source
from scaffold.own.writing import Contents


@dataclass(frozen=True)
class Wanted:
    """What the owner says beside the source; what is empty is guessed or asked.

    Attributes:
        target: The column to predict.
        positive: Of two classes, the one whose errors have costs.
        table: Of several, such as the sheets of a workbook.
        variant: The kind of problem.
        defaults: Ask nothing.
        costs: Of two classes, of a false negative and a false positive, such as 5:1.
    """

    target: str = ""
    positive: str = ""
    table: str = ""
    variant: str = ""
    defaults: bool = False
    costs: str = ""


def contents_from(source: str, wanted: Wanted, console: Console) -> Contents:
    """Look at the rows, ask for what they do not say, and show what the project would be.

    Args:
        source: A path or an address.
        wanted: What the owner says.
        console: Where the look is shown.

    Raises:
        ScaffoldError: The rows cannot be read, or make no project.
    """
    with local_copy(source, console) as given:
        if given.path.is_dir() and not has_texts(given.path):
            return contents_of_images(given.path, wanted, console)
        contents = contents_of_rows(given, wanted, console)
        return replace(contents, given=given)


def contents_of_rows(given: Given, wanted: Wanted, console: Console) -> Contents:
    """As contents_from(), for a file of rows, or a folder of texts."""
    path = given.path
    with console.status(f"looking at {given.origin} ..."):
        opened = (
            open_texts(path) if path.is_dir() else open_source(path, wanted.table, given.origin)
        )
        table = look(opened)
    if wanted.variant == clusters.CLUSTERING:
        return contents_of_segments(table, wanted, console)
    proposal = propose_from(table, wanted)
    show_proposal(proposal, console)
    return contents_of(proposal)


def contents_of_images(folder: Path, wanted: Wanted, console: Console) -> Contents:
    """As contents_from(), for a folder with one folder of images for each class."""
    if wanted.target:
        raise ScaffoldError(
            sentence(f"{folder}: the classes are its folders, so leave --target out")
        )
    with console.status(f"looking at {folder} ..."):
        collection = images.look(folder)
    images.choose_positive(collection, wanted.positive)
    if collection.is_binary and not wanted.positive and not wanted.defaults:
        question = "Which class is the one to find?"
        images.choose_positive(collection, ask(question, collection.positive, "--positive"))
    choose_costs(collection, wanted)
    show_collection(collection, console)
    return images.contents(collection)


def contents_of_segments(table: Table, wanted: Wanted, console: Console) -> Contents:
    """As contents_from(), for rows in which nothing is predicted."""
    if wanted.target or wanted.positive or wanted.costs:
        raise ScaffoldError(
            "A project of the variant clustering predicts no column: leave --target, --positive "
            "and --costs out."
        )
    found = clusters.propose(table)
    show_segmentation(found, console)
    return clusters.contents(found)


def propose_from(table: Table, wanted: Wanted) -> Proposal:
    """What the project would be, after asking."""
    target, positive = wanted.target, wanted.positive
    if not target:
        guess = guess_target(table).name
        target = guess if wanted.defaults else ask("Which column is predicted?", guess, "--target")
    proposal = propose(table, target, positive, wanted.variant)
    if proposal.is_binary and not positive and not wanted.defaults:
        question = "Which class is the one to find?"
        positive = ask(question, proposal.positive, "--positive")
        proposal = propose(table, target, positive, wanted.variant)
    choose_costs(proposal, wanted)
    return proposal


def choose_costs(found: Proposal | images.Collection, wanted: Wanted) -> None:
    """What the errors of two classes cost: as the owner says, else as is suggested.

    Raises:
        ScaffoldError: Costs are given, and there are not two classes, or they are no costs.
    """
    if not found.is_binary:
        if wanted.costs:
            raise ScaffoldError("--costs are of two classes, and there are not two.")
        return
    if wanted.costs:
        found.stated_costs = parse(wanted.costs)
    elif not wanted.defaults:
        suggested = str(found.costs)
        question = f'What do a missed "{found.positive}" and a false one cost?'
        answer = ask(question, suggested, "--costs")
        # An answer by Enter stays an assumption.
        found.stated_costs = None if answer == suggested else parse(answer)


def contents_of(proposal: Proposal) -> Contents:
    """The project that the proposal describes."""
    if proposal.text:
        return texts.contents(proposal, proposal.text)
    return tables.contents(proposal)


def ask(question: str, suggested: str, option: str) -> str:
    """The answer to a question; raises ScaffoldError without a terminal."""
    if not sys.stdin.isatty():
        raise ScaffoldError(f"There is no terminal to ask in; give {option}, or --defaults.")
    return str(typer.prompt(question, suggested))


def show_proposal(proposal: Proposal, console: Console) -> None:
    """One line for each column: what was found, and what becomes of it."""
    uses = {}
    for column in proposal.table.columns:
        use = proposal.left_out.get(column.name, "field")
        if use != "field":
            use = f"left out: {use}"
        if column is proposal.target:
            use = f"target ({proposal.variant})"
        if column is proposal.text:
            use = "the text that the model reads"
        if column in (proposal.time, proposal.group):
            use += "; decides the split"
        uses[column.name] = use
    show_columns(proposal.table, uses, console)
    if proposal.is_binary:
        text = f"The positive class is {proposal.positive}, with {proposal.costs.sentence}."
        console.print(text, highlight=False, markup=False, soft_wrap=True)


def show_segmentation(found: clusters.Segmentation, console: Console) -> None:
    """One line for each column, as show_proposal(); and what is not in the distances."""
    uses = {name: f"left out: {reason}" for name, reason in found.left_out.items()}
    uses |= {column.name: "describes the segments" for column in found.described}
    for measure in found.measures:
        kind = "factor" if measure.is_factor else "difference"
        uses[measure.column.name] = f"field; one step is a {kind} of {measure.step:g}"
    show_columns(found.table, uses, console)
    n_incomplete = found.table.n_rows - found.n_complete
    if n_incomplete:
        text = f"{n_incomplete:,} of {found.table.n_rows:,} rows lack a field and are left out."
        console.print(text, highlight=False, markup=False, soft_wrap=True)


def show_columns(table: Table, uses: dict[str, str], console: Console) -> None:
    """One line for each column: what was found, and its use by name."""
    shown = ShownTable("column", "holds", "missing", "values", "example", "in the project")
    for column in table.columns:
        holds = f"{column.kind} ({column.note})" if column.note else column.kind
        cells = (column.name, holds, f"{column.missing:.1%}", f"{column.distinct:,}")
        shown.add_row(*map(escape, (*cells, column.example, uses[column.name])))
    console.print(shown)


def show_collection(collection: images.Collection, console: Console) -> None:
    """One line for each class: what was found, and what becomes of it; then what is left out."""
    shown = ShownTable("class", "images", "median size", "colours", "example", "in the project")
    for label in (*collection.classes, *collection.rare):
        photos = collection.of_class(label)
        use = "class" if label in collection.classes else "left out: too few images"
        file = photos[0].file if photos else ""
        cells = (label, f"{len(photos):,}", images.size_of(photos), images.colours_of(photos))
        shown.add_row(*map(escape, (*cells, file, use)))
    console.print(shown)
    for text in images.remarks(collection):
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
