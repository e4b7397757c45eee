"""Train, measure and serve this project's model: one command for each stage."""

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown

from .core.config import BUNDLE, ProjectConfig, UserError, hide_credentials, load_config

# Each command imports its own stage, so that --help answers at once and serving needs no training
# library.
app = typer.Typer(
    help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)
console = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
LOCK = Path(".lock.db")

Bundle = Annotated[Path, typer.Option(help="Folder of the bundle.", envvar="MODEL_DIR")]
ReplaceChampion = Annotated[
    str | None,
    typer.Option(
        help="Why the champion is replaced without a comparison.", envvar="REPLACE_CHAMPION"
    ),
]


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Show that something is running, then how long it took."""
    started = time.perf_counter()
    with console.status(f"{name} ..."):
        yield
    console.print(f"{name:<9}{time.perf_counter() - started:5.1f} s")


@contextmanager
def stage(name: str) -> Iterator[ProjectConfig]:
    """Lock the project for a stage that writes to it, and time it."""
    config = lock_config()
    with timed(name):
        yield config


def lock_config() -> ProjectConfig:
    """Read params.toml, and lock the project."""
    config = load_config()
    lock_project()
    return config


@cache
def lock_project() -> sqlite3.Connection:
    """Let no other command write to the project until this process ends, even if it is killed.

    The database is empty; SQLite locks a file in the same way on all systems.

    Raises:
        UserError: Another command holds the lock.
    """
    LOCK.touch()
    connection = sqlite3.connect(LOCK, timeout=0)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.DatabaseError as error:
        message = f"{LOCK} cannot be locked: {error}."
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            message = "Another command is running in this project; wait until it has ended."
        raise UserError(message, 2) from error
    return connection


@app.command()
def data(
    fetch: Annotated[
        bool,
        typer.Option(
            "--fetch",
            help="First get rows that are not part of the repository: fetch() in data.py knows "
            "their source, and checks that they are the recorded ones.",
        ),
    ] = False,
) -> None:
    """Load, check, clean and split the rows of data.py, and store the splits in data/splits.

    With DATA=FILE in the environment the rows come from a .csv or .parquet file.
    """
    from .data import fetch as fetch_rows
    from .training.dataset import build_dataset

    if fetch:
        console.print(fetch_rows())
    with stage("data") as config:
        manifest = build_dataset(config)
    for warning in manifest.warnings.values():
        console.print("warning:", warning)


@app.command()
def train() -> None:
    """Fit the model of model.py, log the run to MLflow, and write artifacts/bundle."""
    from .training.train import train as train_model

    with stage("train") as config:
        train_model(config)


@app.command()
def tune() -> None:
    """Search parameters and store the best in params.toml, also after Ctrl-C."""
    from .training.tune import tune as search

    typer.echo(search(lock_config()))


@app.command()
def evaluate() -> None:
    """Measure the bundle on the test set; write reports/metrics.json and figures."""
    from .evaluation.evaluate import evaluate as measure

    with stage("evaluate") as config:
        measure(config)


@app.command()
def promote(replace_champion: ReplaceChampion = None) -> None:
    """Register the model: as champion if it passes the gate, else as challenger (exit status 1)."""
    from .evaluation.gate import promote as check_gate

    with stage("promote") as config:
        result = check_gate(config, replace_champion)
    if not result.passed:
        raise UserError(f"The model is not promoted. {' '.join(result.reasons)}")


@app.command()
def report(
    check: Annotated[bool, typer.Option("--check", help="Only fail if they are outdated.")] = False,
    since: Annotated[
        Path | None, typer.Option(help="Only print the change since an earlier metrics.json.")
    ] = None,
) -> None:
    """Write the results into README.md and MODEL_CARD.md."""
    from .evaluation.report import compare_results
    from .evaluation.report import report as write_report

    if check and since:
        raise UserError("Give --check or --since, not both.", 2)
    if since:
        typer.echo(compare_results(since))
        return
    with timed("report"):
        write_report(check=check)


@app.command()
def run(
    search: Annotated[bool, typer.Option("--tune", help="Search parameters first.")] = False,
    replace_champion: ReplaceChampion = None,
) -> None:
    """Run all stages in order: data, train, evaluate, promote, report."""
    from .evaluation.report import headline

    data()
    if search:
        tune()
    train()
    evaluate()
    try:
        promote(replace_champion)
    finally:
        report()
        Console().print(Markdown(headline()))


@app.command()
def predict(
    source: Annotated[Path, typer.Option("--input", help="Rows: .csv or .parquet.")],
    output: Annotated[Path, typer.Option(help="The rows with predictions: .csv or .parquet.")],
    bundle: Bundle = BUNDLE,
    max_refused: Annotated[
        float, typer.Option(min=0, max=1, help="The share of refused rows that is accepted.")
    ] = 0.01,
) -> None:
    """Predict the rows of a file; continues after an interruption.

    Refused rows are written beside the output, with the reason; exit status 1 if they are too many.
    """
    from .serving.batch import predict_file

    predict_file(source, output, bundle, max_refused)


@app.command()
def monitor(
    current: Annotated[Path, typer.Option(help=".csv, .parquet, or a request log in .jsonl.")],
    bundle: Bundle = BUNDLE,
) -> None:
    """Compare current rows with the test set; exit status 1 if a limit is exceeded."""
    from .monitoring.monitor import monitor as compare

    with timed("monitor"):
        compare(load_config(), current, bundle)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "0.0.0.0",  # noqa: S104 - for containers
    port: Annotated[int, typer.Option(min=1, max=65535, envvar="PORT")] = 8080,
    bundle: Bundle = BUNDLE,
) -> None:
    """Predict over HTTP: POST /predict, GET /health, GET /metrics; GET /docs describes them."""
    from .serving.api import serve as serve_bundle

    serve_bundle(bundle, host, port)


def main(command: Callable[[], None] = app) -> None:
    """Run a command; an error of the user is printed as one sentence."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    try:
        Path.home()
    except RuntimeError:  # a user id without a name; MLflow needs a home to be imported
        os.environ["HOME"] = gettempdir()
    try:
        command()
    except UserError as error:
        fail(str(error), error.exit_status)
    except ModuleNotFoundError as error:
        fail(f"{error}; `uv sync` installs what this command needs.")
    except OSError as error:  # a full disk, or a folder that cannot be written
        fail(hide_credentials(str(error)))


def fail(message: str, exit_status: int = 2) -> None:
    """Print the error and exit."""
    console.print("error:", message)
    sys.exit(exit_status)


if __name__ == "__main__":
    main()
