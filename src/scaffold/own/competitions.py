"""Competitions of Kaggle: their test rows, and the submission that `predict` makes of them."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from shutil import copyfile

from scaffold.errors import ScaffoldError, sentence
from scaffold.own.columns import Column, Table, look
from scaffold.own.proposal import REGRESSION, Proposal, listing
from scaffold.own.remote import Competition
from scaffold.own.source import Source, cell_text, open_source
from scaffold.own.writing import Contents

SUBMISSION = "src/{{ package_name }}/serving/submission.py"
CLI = "src/{{ package_name }}/cli.py"
# What a competition adds to a project, by the paths below files/.
FILES = {
    SUBMISSION: "shared/submission.py.jinja",
    "tests/test_submission.py.jinja": "shared/test_submission.py.jinja",
}
NOT_COMMITTED = "the rules of a competition rarely allow passing its rows on"
TRAINING_ONLY = "training only"
# Of the sample, so many different predictions are compared with the classes.
MAX_VALUES = 200
# The command line, as the template has it, and with the option that a competition adds.
OPTIONS = "    ] = 0.01,\n) -> None:\n"
CALL = "    predict_file(source, output, bundle, max_refused)\n"
ADDED_OPTION = """    ] = 0.01,
    submission: Annotated[
        Path | None,
        typer.Option(help="The competition's sample: writes a submission beside the output, too."),
    ] = None,
) -> None:
"""
ADDED_CALL = """    from .serving.submission import write_submission

    predict_file(source, output, bundle, max_refused)
    if submission:
        console.print(f"{write_submission(output, submission)} is the submission.")
"""


def look_at_test(table: Table, competition: Competition, target: str) -> tuple[Table, str]:
    """Look at the test rows, for which the model is made.

    Args:
        table: The training rows.
        competition: What is beside them.
        target: The column that the owner names as such, or "".

    Returns:
        The training rows: a column that the test rows do not have is no field, and one that has
        missing values there may have them. And the name of the target, which is "" if that is not
        clear.
    """
    test = look(open_source(competition.test, "", competition.test.name))
    others = {column.name: column for column in test.columns}
    target = table.column(target).name if target else target_of(table, test, competition)
    columns = []
    for column in table.columns:
        other = others.get(column.name)
        if other:
            columns.append(widened(column, other))
        else:
            is_target = column.name == target
            columns.append(column if is_target else replace(column, kind=TRAINING_ONLY))
    return replace(table, columns=columns), target


def target_of(table: Table, test: Table, competition: Competition) -> str:
    """The column that is predicted: of those without test values, the sample's; else the only."""
    names = {column.name for column in test.columns}
    absent = [column.name for column in table.columns if column.name not in names]
    sample = open_source(competition.sample, "", competition.sample.name)
    named = [name for name in absent if name in sample.columns]
    if len(named) == 1:
        return named[0]
    return absent[0] if len(absent) == 1 else ""


def widened(column: Column, other: Column) -> Column:
    """A column of the training rows that may have the values of the test rows."""
    column = replace(
        column,
        missing=column.missing or other.missing,
        marks=tuple(dict.fromkeys((*column.marks, *other.marks))),
        longest=max(column.longest, other.longest),
    )
    if not (column.is_number and other.is_number):
        return column
    return replace(
        column,
        kind="number" if {column.kind, other.kind} == {"integer", "number"} else column.kind,
        minimum=min(column.minimum or 0, other.minimum or 0),
        maximum=max(column.maximum or 0, other.maximum or 0),
    )


def as_competition(contents: Contents, competition: Competition | None) -> Contents:
    """The project, with the files of a competition beside its rows, none of which is committed.

    Args:
        contents: The project about the training rows.
        competition: None if it has no test rows, or no sample of a submission.
    """
    context = {**contents.context, "committed": False, "not_committed": NOT_COMMITTED}
    context["submission_files"] = [path.name for path in competition or ()]

    def store(target: Path) -> None:
        contents.store(target)
        for path in competition or ():
            copyfile(path, target.with_name(path.name))

    return replace(contents, context=context, committed=False, store=store)


def with_submission(contents: Contents, proposal: Proposal, competition: Competition) -> Contents:
    """The project, with the option `predict --submission`.

    Raises:
        ScaffoldError: The sample does not fit the test rows, or the predictions.
    """
    sample = open_source(competition.sample, "", competition.sample.name)
    key = key_of(sample, competition)
    others = [name for name in sample.columns if name != key]
    fills = {key: field_of(contents, key), **predictions_for(proposal, sample, others)}
    context = {
        **contents.context,
        "submission_key": key,
        "submission_columns": {name: fills[name] for name in sample.columns},
        "test_file": quote(competition.test.name),
        "sample_file": quote(competition.sample.name),
    }
    files = {**contents.files, **FILES}
    return replace(contents, context=context, files=files, edits={CLI: with_option})


def field_of(contents: Contents, name: str) -> str:
    """What a column is called in the output of `predict`."""
    renamed: Sequence[Column] = contents.context["renamed"]
    return next((column.field for column in renamed if column.name == name), name)


def key_of(sample: Source, competition: Competition) -> str:
    """The column of a sample that names the test rows; raises ScaffoldError without one."""
    test = open_source(competition.test, "", competition.test.name)
    shared = [name for name in sample.columns if name in test.columns]
    if len(shared) != 1:
        raise ScaffoldError(
            sentence(
                f"{competition.sample.name} and {competition.test.name} have {len(shared)} columns "
                "in common, and one is needed that names the rows"
            )
        )
    return shared[0]


def predictions_for(proposal: Proposal, sample: Source, names: list[str]) -> dict[str, str]:
    """The columns of the predictions that fill columns of the sample.

    Raises:
        ScaffoldError: The sample asks for something else.
    """
    known = {column.name for column in proposal.table.columns} - {proposal.target.name}
    if len(names) == 1 and names[0] not in known:
        if proposal.variant == REGRESSION:
            return {names[0]: "value"}
        if has_classes(proposal, sample, names[0]):
            return {names[0]: "label"}
        if proposal.is_binary:
            return {names[0]: f"probability_{proposal.positive}"}
    matches = {
        name: [label for label in proposal.classes if is_about(name, label)] for name in names
    }
    if any(len(found) != 1 for found in matches.values()) or len(names) != len(proposal.classes):
        predicted = f", which has the classes {listing(proposal.classes)}"
        raise ScaffoldError(
            sentence(
                f"the columns of {sample.path.name} ({', '.join(names)}) are no predictions of "
                f'"{proposal.target.name}"{predicted if proposal.classes else ""}'
            )
        )
    return {name: f"probability_{label}" for name, (label,) in matches.items()}


def has_classes(proposal: Proposal, sample: Source, name: str) -> bool:
    """Whether the sample's predictions are classes, and not probabilities."""
    text = cell_text(name)
    query = f"SELECT DISTINCT {text} FROM source WHERE {text} IS NOT NULL LIMIT {MAX_VALUES}"
    values = {value for (value,) in sample.connection.execute(query).fetchall()}
    return values <= {*proposal.classes, *proposal.rare}


def is_about(name: str, label: str) -> bool:
    """Whether a column is called as a class, or ends with its name, as in "Status_C"."""
    return bool(re.search(rf"(^|[\W_]){re.escape(label)}$", name, re.IGNORECASE))


def with_option(cli: str) -> str:
    """The command line of a project with the option --submission of `predict`."""
    return cli.replace(OPTIONS, ADDED_OPTION).replace(CALL, ADDED_CALL)


def keep_option(project: Path, rendering: Path) -> None:
    """Give a rendering of the template the option that a project about a competition has.

    So a change of the lines beside it is one of the template only.
    """
    for path in project.glob(CLI.replace("{{ package_name }}", "*")):
        other = rendering / path.relative_to(project)
        if other.is_file() and ADDED_CALL in path.read_text("utf-8"):
            other.write_text(with_option(other.read_text("utf-8")), "utf-8")
