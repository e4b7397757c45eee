"""From `copier copy` to metrics.json, stage by stage, beside the bare script and any peer.

    uv run python benchmarks/first_model.py --runs 5
    uv run python benchmarks/first_model.py --peer ../spaceflights --peer-command "uv run kedro run"

All figures are seconds, medians over the runs, taken in turn in one call. Caches are warm: the
first turn is not counted. "run, the first" starts without a database, as a user's does.
"""

import argparse
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table
from uv import find_uv_bin

from scaffold.template.questions import ROOT

HERE = Path(__file__).parent
# As on a user's machine: compiled Python is kept.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def timed(command: list[str], folder: Path) -> float:
    """Seconds that a command takes as a whole process; its failure ends the benchmark."""
    started = time.perf_counter()
    result = subprocess.run(  # noqa: S603 - the benchmark's own commands
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    if result.returncode:
        sys.exit(f"`{shlex.join(command)}` failed in {folder}:\n{result.stdout}{result.stderr}")
    return time.perf_counter() - started


def forget(project: Path) -> None:
    """Back to a project that has never run; its environment stays."""
    for name in ("artifacts", "data", "mlruns"):
        shutil.rmtree(project / name, ignore_errors=True)
    (project / "mlflow.db").unlink(missing_ok=True)


def measurements(
    project: Path, peer: Path | None, peer_command: str
) -> dict[str, Callable[[], float]]:
    """Name -> a function that measures once."""
    command = str(project / ".venv/bin/loan-risk")
    python = str(project / ".venv/bin/python")
    copier = [str(Path(sys.executable).parent / "copier"), "copy", "--quiet", "--defaults"]

    def copy() -> float:
        with tempfile.TemporaryDirectory() as folder:
            return timed([*copier, str(ROOT), f"{folder}/loan-risk"], Path(folder))

    def first_run() -> float:
        forget(project)
        return timed([command, "run"], project)

    stages: dict[str, Callable[[], float]] = {
        "copier copy": copy,
        "uv sync": lambda: timed([find_uv_bin(), "sync", "--quiet"], project),
        "run, the first": first_run,
        "run, the next": lambda: timed([command, "run"], project),
        "--help": lambda: timed([command, "--help"], project),
        "bare script": lambda: timed([python, str(HERE / "bare.py")], project),
    }
    for stage in ("data", "train", "evaluate", "promote", "report"):
        stages[f"  {stage} alone"] = partial(timed, [command, stage], project)
    if peer:
        stages[f"peer: {peer_command}"] = lambda: timed(shlex.split(peer_command), peer)
    return stages


def main() -> None:
    """Measure everything in turn and print medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each (default 5)")
    parser.add_argument("--peer", type=Path, help="the folder of another project")
    parser.add_argument("--peer-command", default="kedro run", help="what runs it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "loan-risk"
        timed(
            [str(Path(sys.executable).parent / "scaffold"), "new", str(project), "--defaults"], HERE
        )
        stages = measurements(project, options.peer, options.peer_command)
        seconds: dict[str, list[float]] = {name: [] for name in stages}
        for turn in track(range(options.runs + 1), description="measuring"):
            for name, measure in stages.items():
                taken = measure()
                if turn:
                    seconds[name].append(taken)
    show(seconds)


def show(seconds: dict[str, list[float]]) -> None:
    """A table of medians, and what the first run costs beyond the bare script."""
    table = Table("", "median s", "lowest s", "highest s")
    for name, taken in seconds.items():
        table.add_row(
            name,
            *(f"{figure:.2f}" for figure in (statistics.median(taken), min(taken), max(taken))),
        )
    console = Console()
    console.print(table)
    pairs = zip(seconds["run, the first"], seconds["bare script"], strict=True)
    console.print(
        f"first run beyond the bare script: {statistics.median(a - b for a, b in pairs):.2f} s"
    )


if __name__ == "__main__":
    main()
