"""Asking the owner for what the rows do not say, and showing what the project would be."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table as ShownTable

from scaffold.errors import ScaffoldError, sentence
from scaffold.own import clusters, images, items, series, tables, texts
from scaffold.own.columns import Table, look
from scaffold.own.competitions import as_competition, look_at_test, with_submission
from scaffold.own.costs import parse
from scaffold.own.folders import has_texts, open_texts
from scaffold.own.networks import FRAMEWORKS, SKLEARN
from scaffold.own.proposal import Proposal, guess_target, listing, propose
from scaffold.own.remote import COMPETITION, Competition, Given, local_copy
from scaffold.own.source import open_source
from scaffold.own.writing import Contents

# What a table of columns shows of an example.
MAX_EXAMPLE = 17
LEFT_OUT = "left out"
# Numbers stand at the right of their cells.
RIGHT = ("missing", "values")


@dataclass(frozen=True)
class Wanted:
    """What the owner says beside the source; what is empty is guessed or asked.

    Attributes:
        target: The column to predict; of a recommender, that of the items.
        positive: Of two classes, the one whose errors have costs.
        table: Of several, such as the sheets of a workbook.
        variant: The kind of problem.
        defaults: Ask nothing.
        costs: Of two classes, of a false negative and a false positive, such as 5:1.
        framework: Of the model.
    """

    target: str = ""
    positive: str = ""
    table: str = ""
    variant: str = ""
    defaults: bool = False
    costs: str = ""
    framework: str = SKLEARN


def contents_from(source: str, wanted: Wanted, console: Console) -> Contents:
    """Look at the rows, ask for what they do not say, and show what the project would be.

    Args:
        source: A path or an address.
        wanted: What the owner says.
        console: Where the look is shown.

    Raises:
        ScaffoldError: The rows cannot be read, or make no project.
    """
    if wanted.framework not in FRAMEWORKS:
        known = " and ".join(FRAMEWORKS)
        raise ScaffoldError(f'--from knows the frameworks {known}, not "{wanted.framework}".')
    with local_copy(source, console) as given:
        return contents_of_given(given, wanted, console)


def contents_of_given(given: Given, wanted: Wanted, console: Console) -> Contents:
    """As contents_from(), for what is on this machine."""
    if given.path.is_dir() and not has_texts(given.path):
        return contents_of_images(given.path, wanted, console)
    contents = contents_of_rows(given, wanted, console)
    if given.location and given.location.service == COMPETITION:
        contents = as_competition(contents, given.competition)
    return replace(contents, given=given)


def contents_of_rows(given: Given, wanted: Wanted, console: Console) -> Contents:
    """As contents_from(), for a file of rows, or a folder of texts."""
    path = given.path
    with console.status(f"looking at {given.origin} ..."):
        opened = (
            open_texts(path) if path.is_dir() else open_source(path, wanted.table, given.origin)
        )
        table = look(opened)
        if given.competition:
            table, target = look_at_test(table, given.competition, wanted.target)
            wanted = replace(wanted, target=target)
    if not opened.encoding.startswith("utf"):
        say(f"{given.origin} is read as {opened.encoding}, which its bytes make likely.", console)
    if wanted.variant == clusters.CLUSTERING:
        return contents_of_segments(table, wanted, console)
    recognised = None if wanted.variant else series.recognise(table, wanted.target)
    if recognised or wanted.variant == series.SERIES:
        return contents_of_forecasts(table, recognised, wanted, console)
    if wants_items(table, wanted):
        return contents_of_items(table, wanted, console)
    proposal = propose_from(table, wanted)
    show_proposal(proposal, console)
    contents = contents_of(proposal, wanted.framework)
    return add_submission(contents, proposal, given.competition, console)


def add_submission(
    contents: Contents, proposal: Proposal, competition: Competition | None, console: Console
) -> Contents:
    """The project, with the submission of a competition, unless its sample does not fit."""
    if not competition:
        return contents
    try:
        contents = with_submission(contents, proposal, competition)
    except ScaffoldError as error:
        say(f"There is no submission: {error}", console)
        return contents
    columns = listing(list(contents.context["submission_columns"]))
    say(f"`predict --submission` writes {columns} for {competition.test.name}.", console)
    return contents


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
    return images.contents(collection, wanted.framework)


def require_sklearn(variant: str, wanted: Wanted) -> None:
    """Raise ScaffoldError where another framework is wanted."""
    if wanted.framework != SKLEARN:
        raise ScaffoldError(
            f"--from makes a project of the variant {variant} with scikit-learn: leave framework "
            "out."
        )


def contents_of_segments(table: Table, wanted: Wanted, console: Console) -> Contents:
    """As contents_from(), for rows in which nothing is predicted."""
    if wanted.target or wanted.positive or wanted.costs:
        raise ScaffoldError(
            "A project of the variant clustering predicts no column: leave --target, --positive "
            "and --costs out."
        )
    require_sklearn(clusters.CLUSTERING, wanted)
    found = clusters.propose(table)
    show_segmentation(found, console)
    return clusters.contents(found)


def contents_of_forecasts(
    table: Table, recognised: series.Forecasts | None, wanted: Wanted, console: Console
) -> Contents:
    """As contents_from(), for values at regular times, which may have been recognised before."""
    require_sklearn(series.SERIES, wanted)
    if wanted.positive or wanted.costs:
        raise ScaffoldError("A forecast has no classes: leave --positive and --costs out.")
    target = wanted.target
    if not recognised and not target:
        guess = series.guess_value(table)
        target = guess if wanted.defaults else ask("Which column is forecast?", guess, "--target")
    found = recognised or series.propose(table, target)
    show_forecasts(found, console)
    return series.contents(found)


def wants_items(table: Table, wanted: Wanted) -> bool:
    """Whether items are recommended: the owner says so, or names no target and the rows look so."""
    if wanted.variant:
        return wanted.variant == items.RECOMMENDER
    return not (wanted.target or wanted.positive or wanted.costs) and items.is_about_items(table)


def contents_of_items(table: Table, wanted: Wanted, console: Console) -> Contents:
    """As contents_from(), for rows that say which user chose which item."""
    require_sklearn(items.RECOMMENDER, wanted)
    if wanted.positive or wanted.costs:
        raise ScaffoldError(
            "A project of the variant recommender has no classes: leave --positive and --costs out."
        )
    found = items.propose(table, wanted.target)
    uses = dict.fromkeys(found.left_out, LEFT_OUT) | items.roles(found)
    show_columns(table, uses, found.left_out, console)
    say(items.summary(found), console)
    if not wanted.variant:
        say("--target COLUMN makes a project that predicts a column.", console)
    return items.contents(found)


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


def contents_of(proposal: Proposal, framework: str) -> Contents:
    """The project that the proposal describes."""
    if proposal.text:
        return texts.contents(proposal, proposal.text, framework)
    return tables.contents(proposal, framework)


def ask(question: str, suggested: str, option: str) -> str:
    """The answer to a question; raises ScaffoldError without a terminal."""
    if not sys.stdin.isatty():
        raise ScaffoldError(f"There is no terminal to ask in; give {option}, or --defaults.")
    return str(typer.prompt(question, suggested))


def show_proposal(proposal: Proposal, console: Console) -> None:
    """One line for each column: what was found, and what becomes of it."""
    deciding = next((column for column in (proposal.time, proposal.group) if column), None)
    uses = {}
    for column in proposal.table.columns:
        use = LEFT_OUT if column.name in proposal.left_out else "field"
        if column is proposal.target:
            use = "target"
        if column is proposal.text:
            use = "text"
        uses[column.name] = f"{use}, split" if column is deciding else use
    show_columns(proposal.table, uses, proposal.left_out, console)
    split = f'; the rows are split by "{deciding.name}"' if deciding else ""
    say(f'The project predicts "{proposal.target.name}" ({proposal.variant}){split}.', console)
    if proposal.rare:
        say(f"Rows of classes with few rows are left out: {listing(proposal.rare)}.", console)
    if proposal.text:
        say(f'The model reads "{proposal.text.name}".', console)
    if proposal.is_binary:
        say(f"The positive class is {proposal.positive}, with {proposal.costs.sentence}.", console)


def show_segmentation(found: clusters.Segmentation, console: Console) -> None:
    """One line for each column, as show_proposal(); and what is not in the distances."""
    uses = dict.fromkeys(found.left_out, LEFT_OUT)
    uses |= {column.name: "describes" for column in found.described}
    for measure in found.measures:
        sign = "x " if measure.is_factor else ""
        uses[measure.column.name] = f"field, step {sign}{measure.step:g}"
    show_columns(found.table, uses, found.left_out, console)
    say(
        'The project finds segments by the fields; two values that differ by a step (with "x" by '
        "a factor) are as far apart in each of them.",
        console,
    )
    n_incomplete = found.table.n_rows - found.n_complete
    if n_incomplete:
        say(
            f"{n_incomplete:,} of {found.table.n_rows:,} rows lack a field and are left out.",
            console,
        )


def show_forecasts(found: series.Forecasts, console: Console) -> None:
    """One line for each column, as show_proposal(); and what is forecast from what."""
    uses = dict.fromkeys(found.left_out, LEFT_OUT)
    uses |= {column.name: "series" for column in found.keys}
    uses |= {found.time.name: "time", found.target.name: "target"}
    show_columns(found.table, uses, found.left_out, console)
    step = found.step
    say(
        f"{len(found.series):,} series with a value each {step.name}: the next {step.horizon} are "
        f"forecast from the last {step.history}.",
        console,
    )


def show_columns(
    table: Table, uses: dict[str, str], left_out: dict[str, str], console: Console
) -> None:
    """One line for each column, which fits into 80 characters; below, what takes sentences.

    Args:
        table: The rows.
        uses: A word or two about each column, by name.
        left_out: The reasons of those that are left out, by name.
        console: Where it is shown.
    """
    shown = ShownTable(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    shown.add_column("column", overflow="fold")
    for name in ("holds", "missing", "values", "example", "use"):
        shown.add_column(name, no_wrap=True, justify="right" if name in RIGHT else "left")
    for column in table.columns:
        missing = f"{column.missing:.1%}" if column.missing else ""
        example = shorten(column.example, MAX_EXAMPLE)
        cells = (column.name, column.kind, missing, f"{column.distinct:,}", example)
        shown.add_row(*map(escape, (*cells, uses[column.name])))
    console.print(shown)
    for column in table.columns:
        if column.note:
            say(f'"{column.name}" is read with the {column.note}.', console)
    reasons: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        each = ", each because" if len(names) > 1 else ", because"
        say(f"Left out: {listing(names)}{each} {reason}.", console)


def shorten(text: str, length: int) -> str:
    """A text on one line, cut off with three dots."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 3]}..."


def say(text: str, console: Console) -> None:
    """Print a sentence, broken between words."""
    console.print(text, highlight=False, markup=False)


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
    framework = answers.get("framework", contents.framework)
    if framework != contents.framework:
        raise ScaffoldError(
            f"These rows make a project with {contents.framework}, not with {framework}."
        )
    given = {"variant": variant, "framework": framework, "description": contents.description}
    return given | answers
