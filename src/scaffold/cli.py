"""The command `scaffold`."""

import json
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from uv import find_uv_bin

from scaffold.commands import check as checking
from scaffold.commands import update as updating
from scaffold.commands.export import export as write_export
from scaffold.commands.new import known_answers
from scaffold.commands.new import new as make
from scaffold.errors import ScaffoldError
from scaffold.git.repository import Repository
from scaffold.git.surroundings import has_changes, leave_callers_repository
from scaffold.project import (
    PYPI,
    command_of,
    find_project,
    foreign_registries,
    recorded_answers,
)
from scaffold.template.matrix import combinations
from scaffold.template.questions import ROOT, questionnaire

# What of this repository a project is made from.
TEMPLATE = ("copier.yml", "includes", "template")
# Answers that are repeated once a project is made.
SHOWN = ("variant", "framework", "author_name", "license")
app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown")
console = Console(stderr=True)

Ids = Annotated[
    list[str] | None,
    typer.Argument(help="Such as nlp-sklearn; `scaffold variants` lists them. All by default."),
]


def print_version(asked: bool) -> None:
    if asked:
        typer.echo(metadata.version("ml-portfolio-scaffold"))
        raise typer.Exit


@app.callback()
def about(
    _: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=print_version, is_eager=True),
    ] = False,
) -> None:
    """Make machine-learning projects from the template, and check what it makes."""


From = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="FILE|FOLDER|ADDRESS",
        help="Your rows in place of the sample: a file (.csv, .tsv, .parquet, .jsonl, .xlsx, "
        ".sqlite, .duckdb), a folder of texts or images by class, https://..., s3://BUCKET/KEY, "
        "hf:OWNER/NAME, kaggle:OWNER/NAME, kaggle:competitions/NAME or openml:ID.",
    ),
]
TableOption = Annotated[
    str,
    typer.Option("--table", help="The sheet of a workbook or table of a database, with --from."),
]
Target = Annotated[
    str,
    typer.Option(help="The column to predict, or of the items to recommend, with --from."),
]
Positive = Annotated[
    str, typer.Option(help="Of two classes, the one whose errors have costs, with --from.")
]
CostsOption = Annotated[
    str,
    typer.Option(
        "--costs",
        metavar="FN:FP",
        help="What a false negative and a false positive cost, such as 5:1, with --from.",
    ),
]


@app.command(epilog="Example: scaffold variants --json")
def variants(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")] = False,
) -> None:
    """List every combination that can be made."""
    if as_json:
        typer.echo(json.dumps([combination.as_json() for combination in combinations()], indent=2))
        return
    table = Table("id", "variant", "framework")
    for combination in combinations():
        table.add_row(combination.id, combination.variant, combination.framework)
    Console().print(table)


@app.command(
    epilog="Examples: scaffold new ../loan-risk --defaults --run\n\n"
    "scaffold new ../review-triage -d variant=nlp -d deploy=vertex,sagemaker\n\n"
    "scaffold new ../churn --from customers.csv --target churned --run"
)
def new(
    destination: Annotated[Path, typer.Argument(help="The folder to make; its name is suggested.")],
    data: Annotated[
        list[str] | None,
        typer.Option("--data", "-d", help="An answer, such as variant=nlp; repeatable."),
    ] = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Ask nothing; take what is suggested.")
    ] = False,
    run: Annotated[
        bool, typer.Option("--run", help="Run the pipeline and print the result table.")
    ] = False,
    source: From = "",
    table: TableOption = "",
    target: Target = "",
    positive: Positive = "",
    costs: CostsOption = "",
) -> None:
    """Make a project with its git repository and environment.

    Asks the questions that -d does not answer, each with what the answer is for; the author's name
    is that of git's settings. `scaffold variants` lists the variants and frameworks.

    With --from it looks at the rows, shows what it found, and makes a project about them: a table
    in which a category or a number is predicted, or with -d variant=clustering segments are found;
    series, of which the next values are forecast; rows of users, items and times, of which items
    are recommended; or images in a folder for each class.
    """
    if not source and (target or positive or table or costs):
        raise ScaffoldError("--table, --target, --positive and --costs need --from.")
    answers, fill = known_answers(destination) | answers_of(data), None
    if source:
        # Here, because DuckDB takes a while to import.
        from scaffold.own.asking import Wanted, contents_from, own_answers  # noqa: PLC0415
        from scaffold.own.networks import SKLEARN  # noqa: PLC0415
        from scaffold.own.writing import adopt  # noqa: PLC0415

        variant, framework = answers.get("variant", ""), answers.get("framework", SKLEARN)
        wanted = Wanted(target, positive, table, variant, defaults, costs, framework)
        contents = contents_from(source, wanted, console)
        answers, fill = own_answers(contents, answers), partial(adopt, contents)
    if not defaults:
        console.print(questionnaire()["_message_before_copy"], highlight=False)
    if has_changes(ROOT, *TEMPLATE):
        note(
            f"The template in {ROOT} has uncommitted changes: a project made from them records a "
            "version that nobody can obtain, and cannot be updated. Commit them first."
        )
    larger = make(destination, answers, defaults=defaults, run=run, fill=fill)
    for address in foreign_registries(destination):
        note(
            f"uv.lock names {address}, from the settings of uv on this machine. If others cannot "
            f"reach it: uv lock --default-index {PYPI}"
        )
    if larger:
        note(f"The project is a part of the repository {larger}; commit it there.")
    uv = "uv" if shutil.which("uv") else shlex.quote(find_uv_bin())
    made, command = recorded_answers(destination), command_of(destination)
    taken = ", ".join(f"{key}={made[key]}" for key in SHOWN)
    note(f"{made['project_name']} is ready ({taken}). Next:\n")
    then = "serve" if run else "run"
    note(f"    cd {shlex.quote(str(destination))}\n    {uv} run {command} {then}")


@app.command(
    epilog="Examples: scaffold adopt --from customers.csv --target churned\n\n"
    "scaffold adopt ../churn --from customers-2026.csv --defaults"
)
def adopt(
    source: From,
    project: Annotated[Path, typer.Argument(help="The project's folder.")] = Path(),
    table: TableOption = "",
    target: Target = "",
    positive: Positive = "",
    costs: CostsOption = "",
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Ask nothing; take what is suggested.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also replace files that you have changed.")
    ] = False,
) -> None:
    """Replace the sample of a project, or earlier rows, by yours, in one commit.

    Replaces data.py, features.py, their tests, params.toml, the notebook, README.md and
    MODEL_CARD.md, and model.py (with PyTorch columns.py) for tables, as `new --from` writes them,
    unless you have changed one of them.
    """
    from scaffold.commands.adopt import adopt as adopt_rows  # noqa: PLC0415
    from scaffold.own.asking import Wanted, contents_from  # noqa: PLC0415

    project = find_project(project)
    Repository(project).require_rest()
    answers = recorded_answers(project)
    variant, framework = answers["variant"], answers["framework"]
    wanted = Wanted(target, positive, table, variant, defaults, costs, framework)
    adopt_rows(project, contents_from(source, wanted, console), force=force)
    note(f"The rows are committed. Next:\n\n    uv run {command_of(project)} run")


def note(text: str) -> None:
    """Print a text as it is: no markup, no line of it broken."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def answers_of(data: list[str] | None) -> dict[str, str]:
    """The answers in the values of -d."""
    answers = {}
    for item in data or []:
        key, equals, value = item.partition("=")
        if not equals:
            raise ScaffoldError(f'-d takes KEY=VALUE, not "{item}".')
        answers[key] = value
    return answers


@app.command(
    epilog="Examples: scaffold update --look\n\n"
    "scaffold update ../loan-risk -d license=Apache-2.0 --yes"
)
def update(
    project: Annotated[Path, typer.Argument(help="The project's folder.")] = Path(),
    data: Annotated[
        list[str] | None,
        typer.Option("--data", "-d", help="A changed answer, such as license=MIT; repeatable."),
    ] = None,
    version: Annotated[
        str, typer.Option(help="A tag of the template; by default the newest.")
    ] = "",
    template: Annotated[str, typer.Option(help="Where the template is, if it has moved.")] = "",
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Only report whether there is a newer version; exit status 1 if so."
        ),
    ] = False,
    look: Annotated[bool, typer.Option("--look", help="Only show what would change.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before changing.")] = False,
    checks: Annotated[
        bool, typer.Option(help="Afterwards, run the project's linters and tests.")
    ] = True,
    undo: Annotated[bool, typer.Option("--undo", help="Take the latest update back.")] = False,
) -> None:
    """Bring a project to a newer version of the template, or to other answers.

    Shows what would change and where conflicts are to come, asks, and makes one commit of it. With
    conflicts it stops with status 1, the files as git leaves them in a merge: resolve, `git add`,
    `git cherry-pick --continue`, or --undo. No line that you wrote is lost without a conflict that
    shows it.
    """
    project = find_project(project)
    if check + look + undo > 1:
        raise ScaffoldError("Of --check, --look and --undo, give one.")
    if check:
        sys.exit(report_newer(project))
    if undo:
        confirm(yes, "Take the latest update of the template back?")
        with uninterrupted():
            typer.echo(updating.undo(project))
        return
    answers = answers_of(data)
    with console.status("rendering both versions and merging ..."):
        planned = updating.plan(project, answers, template=template, version=version)
    show(planned)
    if "variant" in answers and "description" not in answers:
        typer.echo("The description stays: -d description=... changes it. Run the pipeline again.")
    if look or planned.merge is None:
        return
    confirm(yes, "Update?")
    # Git goes on when Ctrl-C is pressed; so does scaffold, to report what git has done.
    with uninterrupted():
        updating.apply(project, planned.merge)
    if planned.merge.conflicts:
        typer.echo(
            "Resolve the conflicts, `git add` the files, then `git cherry-pick --continue`, "
            "`uv lock` and `uv run pytest`; --undo takes the update back."
        )
        sys.exit(1)
    try:
        with uninterrupted():
            updating.lock(project)
        passed = not checks or updating.passes(project)
    except KeyboardInterrupt:
        raise ScaffoldError("Interrupted; the update is committed, its checks not done.") from None
    if not passed:
        typer.echo("The update is committed, and checks fail: fix it, or take it back by --undo.")
        sys.exit(1)
    typer.echo("The update is committed; --undo takes it back.")


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Without Ctrl-C and SIGTERM, for as long as git writes files."""
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.SIG_IGN) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def report_newer(project: Path) -> int:
    """Print whether there is a newer version; the exit status is the same answer."""
    versions = updating.newer(project)
    if versions is None:
        typer.echo("The project is of the newest version.")
        return 0
    typer.echo(f"There is a newer version: {versions[1]}; the project is of {versions[0]}.")
    typer.echo(f"`scaffold update {project}` shows what would change.")
    return 1


def show(planned: updating.Plan) -> None:
    """What an update would do."""
    if planned.merge is None:
        typer.echo(f"Nothing to do: the project is of {planned.after}, with these answers.")
        return
    typer.echo(f"{planned.template}\n{planned.before} to {planned.after}:")
    typer.echo(planned.merge.changes.rstrip())
    for question, answer in planned.answered.items():
        typer.echo(f"new question: {question}, answered with {answer!r}; change it by -d")
    for path in planned.deleted:
        typer.echo(f"stays deleted, as you left it: {path}")
    for path in planned.kept:
        typer.echo(
            f"kept as you wrote it: {path}; "
            "`git show --no-patch` will show what the template changed"
        )
    for path in planned.merge.conflicts:
        typer.echo(f"conflict to come: {path}")


def confirm(yes: bool, question: str) -> None:
    """End here unless the user agrees."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise ScaffoldError("There is no terminal to ask in; give --yes.")
    typer.confirm(question, abort=True)


@app.command(epilog="Example: scaffold check nlp-sklearn nlp-pytorch")
def check(
    ids: Ids = None,
) -> None:
    """Render combinations and run every linter and type checker on them."""

    def show(name: str, findings: list[checking.Finding]) -> None:
        count = f"{len(findings) or 'no'} finding{'s' * (len(findings) != 1)}"
        console.print(f"{name}: {count}", highlight=False)
        for finding in findings:
            console.print(f"[bold]{finding.tool}[/]")
            console.print(finding.output, markup=False, highlight=False)

    with console.status("rendering and linting ..."):
        findings = checking.check(ids or [], done=show)
    if findings:
        sys.exit(1)


@app.command(epilog="Example: scaffold export ../ml-cookiecutter nlp-sklearn")
def export(
    out: Annotated[Path, typer.Argument(help="The folder to make.")],
    ids: Ids = None,
    to: Annotated[Literal["cookiecutter"], typer.Option(help="For which tool.")] = "cookiecutter",
) -> None:
    """Write the template for cookiecutter and cruft, each combination in a folder of its own."""
    with console.status("exporting ...") as status:
        write_export(out, ids or [], done=lambda name: status.update(f"exported {name} ..."))
    console.print(f"{out} is ready: {to} {out}", highlight=False, markup=False)


def main() -> None:
    """Run a command; an error that the user can fix is one sentence, without a traceback."""
    leave_callers_repository()
    # As after Ctrl-C, nothing that is half made stays.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except ScaffoldError as error:
        console.print("error:", str(error), soft_wrap=True, highlight=False, markup=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
