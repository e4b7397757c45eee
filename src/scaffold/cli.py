"""The command `scaffold`."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from scaffold import linting
from scaffold.errors import ScaffoldError
from scaffold.matrix import combinations, questionnaire
from scaffold.render import command_of, recorded_answers
from scaffold.render import new as make

app = typer.Typer(
    help="Make machine-learning projects from the template, and check what it makes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
console = Console(stderr=True)


@app.command()
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


@app.command()
def new(
    destination: Annotated[Path, typer.Argument(help="The folder to make; its name is suggested.")],
    data: Annotated[
        list[str] | None, typer.Option("--data", "-d", help="An answer, as KEY=VALUE; repeatable.")
    ] = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Ask nothing; take what is suggested.")
    ] = False,
    run: Annotated[
        bool, typer.Option("--run", help="Run the pipeline and print the result table.")
    ] = False,
) -> None:
    """Make a project with its git repository and environment."""
    answers = {}
    for item in data or []:
        key, equals, value = item.partition("=")
        if not equals:
            raise ScaffoldError(f'-d takes KEY=VALUE, not "{item}".')
        answers[key] = value
    if not defaults:
        console.print(questionnaire()["_message_before_copy"], highlight=False)
    make(destination, answers, defaults=defaults, run=run)
    name, command = recorded_answers(destination)["project_name"], command_of(destination)
    console.print(f"{name} is ready. Next:\n", highlight=False, markup=False)
    console.print(
        f"    cd {shlex.quote(str(destination))}\n    uv run {command} run",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


@app.command()
def check(
    ids: Annotated[list[str] | None, typer.Argument(help="Combinations; all by default.")] = None,
) -> None:
    """Render combinations and run every linter and type checker on them."""

    def show(name: str, findings: list[linting.Finding]) -> None:
        console.print(f"{name}: {len(findings) or 'no'} findings", highlight=False)
        for finding in findings:
            console.print(f"[bold]{finding.tool}[/]")
            console.print(finding.output, markup=False, highlight=False)

    with console.status("rendering and linting ..."):
        findings = linting.check(ids or [], done=show)
    if findings:
        sys.exit(1)


def main() -> None:
    """What the user can mend is said in one sentence, without a traceback."""
    try:
        app()
    except ScaffoldError as error:
        console.print("error:", str(error), soft_wrap=True, highlight=False, markup=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
