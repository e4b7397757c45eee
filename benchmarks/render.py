"""How long it takes to make and to update a project, beside cookiecutter and any peer.

    uv run python benchmarks/render.py --runs 9
    uv run python benchmarks/render.py --peer ../some-template --peer-command "putup --dsproject {}"

Commands are timed as whole processes, taken in turn in one call; the table has medians, and ratios
to `copier copy`. A peer is a template's folder, copied by what it is made for (copier.yml or
cookiecutter.json), or a command, in which {} stands for the folder to make. Start-up is what
`--version` takes.
"""

import argparse
import shlex
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from first_model import timed
from rich.console import Console
from rich.progress import track
from rich.table import Table

from scaffold.template.questions import choices, layer
from scaffold.template.rendering import copy_template

BIN = Path(sys.executable).parent
# What `scaffold new` does before it makes a repository and an environment.
COPYING = """
import sys
from pathlib import Path
from scaffold import render
render(Path(sys.argv[1]), dict(), template=Path(sys.argv[2]))
"""
COPY = [str(BIN / "copier"), "copy", "--quiet", "--defaults"]


def git(folder: Path, *arguments: str) -> None:
    timed(["git", "-c", "user.name=x", "-c", "user.email=x@localhost", *arguments], folder)


class Bench:
    """A folder with the templates, in which each measurement makes a project and removes it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.files = folder, dict[str, int]()
        copy_template(folder / "plain")
        copy_template(folder / "versions")
        timed([str(BIN / "scaffold"), "export", "export", "tabular-classification-sklearn"], folder)
        self.release("v1.0.0")
        self.edited_project()
        with (folder / "versions/template/.gitignore").open("a") as file:
            file.write("# A newer version.\n")
        self.release("v1.1.0")

    def release(self, tag: str) -> None:
        versions = self.folder / "versions"
        git(versions, "init", "--quiet")
        git(versions, "add", "--all", "--force")
        git(versions, "commit", "--quiet", "--message", tag)
        git(versions, "tag", tag)

    def edited_project(self) -> None:
        """Of the first version, with a line of its owner's in every module."""
        project = self.folder / "edited"
        timed([*COPY, str(self.folder / "versions"), str(project)], self.folder)
        for path in project.rglob("*.py"):
            path.write_text(f"# Mine.\n{path.read_text('utf-8')}", "utf-8")
        git(project, "init", "--quiet")
        git(project, "add", "--all")
        git(project, "commit", "--quiet", "--message", "Mine")

    def make(self, name: str, command: list[str]) -> Callable[[], float]:
        """A measurement of a command in which {} stands for the folder to make."""

        def once() -> float:
            with tempfile.TemporaryDirectory(dir=self.folder) as place:
                target = Path(place, "project")
                seconds = timed([part.replace("{}", str(target)) for part in command], Path(place))
                made = [path for path in Path(place).rglob("*") if path.is_file()]
                self.files[name] = sum(".git" not in path.parts for path in made)
                return seconds

        return once

    def update(self, command: list[str]) -> Callable[[], float]:
        """A measurement of an update of the edited project."""

        def once() -> float:
            with tempfile.TemporaryDirectory(dir=self.folder) as place:
                project = shutil.copytree(self.folder / "edited", Path(place, "project"))
                return timed(command, project)

        return once

    def variants(self, count: int) -> Path:
        """A template with the layers of so many variants."""
        dropped = [name.replace("-", "_") for name in choices("variant")[count:]]
        copy_template(self.folder / str(count), *map(layer, dropped))
        return self.folder / str(count)


def peers(arguments: argparse.Namespace) -> dict[str, list[str]]:
    """Name -> the command that makes a project of it."""
    commands = {}
    for peer in arguments.peer:
        name = f"peer {peer.name}"
        if (peer / "cookiecutter.json").is_file():
            commands[name] = [str(BIN / "cookiecutter"), "--no-input", str(peer.resolve())]
        else:
            commands[name] = [*COPY, "--trust", str(peer.resolve()), "{}"]
    return commands | {f"peer `{line}`": shlex.split(line) for line in arguments.peer_command}


def measurements(bench: Bench, arguments: argparse.Namespace) -> dict[str, Callable[[], float]]:
    """Name -> a function that measures once."""
    plain, export = str(bench.folder / "plain"), str(bench.folder / "export")
    cookiecutter = [str(BIN / "cookiecutter"), "--no-input", export]
    made = {
        "copier copy": [*COPY, plain, "{}"],
        "scaffold new, its copying": [sys.executable, "-c", COPYING, "{}", plain],
        "cookiecutter, exported": [*cookiecutter, "--directory", "tabular-classification-sklearn"],
        **{f"copier copy, variants: {n}": [*COPY, str(bench.variants(n)), "{}"] for n in (1, 4, 7)},
        **peers(arguments),
    }
    return {
        **{name: bench.make(name, command) for name, command in made.items()},
        "copier --version": bench.make("", [str(BIN / "copier"), "--version"]),
        "copier update": bench.update([str(BIN / "copier"), "update", "--quiet", "--defaults"]),
        "scaffold update": bench.update([str(BIN / "scaffold"), "update", "--yes", "--no-checks"]),
    }


def main() -> None:
    """Measure in turn and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--runs", type=int, default=9, help="turns that count; one more comes first"
    )
    parser.add_argument(
        "--peer", type=Path, action="append", default=[], help="a template's folder"
    )
    parser.add_argument("--peer-command", action="append", default=[], help="makes the folder {}")
    arguments = parser.parse_args()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        todo = measurements(bench, arguments)
        taken: dict[str, list[float]] = {name: [] for name in todo}
        for turn in track(range(arguments.runs + 1), "measuring", console=console):
            for name, measure in todo.items():
                seconds = measure()
                if turn:
                    taken[name].append(seconds)
    table = Table("", "seconds", "lowest", "ratio", "files")
    first = statistics.median(taken["copier copy"])
    for name, measured in taken.items():
        median = statistics.median(measured)
        numbers = f"{median:.2f}", f"{min(measured):.2f}", f"{median / first:.2f}"
        table.add_row(name, *numbers, str(bench.files.get(name, "")))
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
