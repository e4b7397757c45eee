"""Train, measure and serve this project's model, one command a stage."""

import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markdown import Markdown

from .settings import HYPERPARAMETERS, UserError, load_settings

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console(stderr=True)

Check = Annotated[bool, typer.Option("--check", help="Only say whether they are stale.")]
Search = Annotated[bool, typer.Option("--tune", help="Search parameters first.")]
Source = Annotated[Path, typer.Option("--input", help=".csv, .parquet or a folder.")]
Target = Annotated[Path, typer.Option("--output", help="Rows with answers: .csv or .parquet.")]
Current = Annotated[Path, typer.Option(help=".csv, .parquet, or the .jsonl of REQUEST_LOG.")]
Bundle = Annotated[str, typer.Option(help="Where the bundle is: a folder, s3://, models:/.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535, envvar=["AIP_HTTP_PORT", "PORT"])]


def call(place: str, *arguments: Any) -> Any:
    """Modules are imported when they are needed, so that --help answers at once."""
    module, _, function = place.partition(".")
    try:
        found = import_module(f".{module}", __package__)
    except ModuleNotFoundError as error:
        raise UserError(f"{error}; `uv sync` installs what this command needs.", 2) from error
    return getattr(found, function)(*arguments)


def stage(name: str, place: str, *arguments: Any) -> Any:
    started = time.perf_counter()
    with console.status(f"{name} ..."):
        result = call(place, *arguments)
    console.print(f"{name:<9}{time.perf_counter() - started:5.1f} s", highlight=False)
    return result


@app.command()
def data() -> None:
    """Load, check, clean and split the rows of data.py; write them to data/parts."""
    for warning in stage("data", "dataset.build", load_settings())["warnings"]:
        console.print("warning:", warning, soft_wrap=True, highlight=False, markup=False)


@app.command()
def train() -> None:
    """Fit the model of model.py, track the run in MLflow, and write artifacts/bundle."""
    if HYPERPARAMETERS.is_file():
        data()
    stage("train", "train.train", load_settings())


@app.command()
def tune() -> None:
    """Search better parameters and write the best into params.toml; Ctrl-C keeps what is found."""
    call("train.tune", load_settings())


@app.command()
def evaluate() -> None:
    """Measure the bundle on the test rows; write reports/metrics.json and plots."""
    stage("evaluate", "evaluate.evaluate", load_settings())


@app.command()
def promote() -> None:
    """Pass the gate as `champion`, or be refused as `challenger` with exit status 1."""
    enforce(stage("promote", "evaluate.promote", load_settings()))


@app.command()
def report(check: Check = False) -> None:
    """Write the results into README.md and MODEL_CARD.md."""
    stage("report", "report.report", check)


@app.command()
def run(search: Search = False) -> None:
    """All stages in order: data, train, evaluate, promote, report."""
    for command in (data, tune, train, evaluate) if search else (data, train, evaluate):
        command()
    metrics = stage("promote", "evaluate.promote", load_settings())
    report()
    Console().print(Markdown(call("report.headline", metrics)))
    enforce(metrics)


@app.command()
def predict(source: Source, output: Target, bundle: Bundle = "") -> None:
    """Answer every row of a file from the bundle."""
    call("predict.predict_file", bundle, source, output)


@app.command()
def monitor(current: Current, bundle: Bundle = "") -> None:
    """Compare rows of now with the test rows; past [monitor] of params.toml, exit status 1."""
    stage("monitor", "monitor.monitor", load_settings(), current, bundle)


@app.command()
def serve(host: Host = "0.0.0.0", port: Port = 8080, bundle: Bundle = "") -> None:  # noqa: S104 - for containers
    """Answer over HTTP: POST /invocations, GET /ping; the rest stands under /docs."""
    call("serve.serve", bundle, host, port)


def enforce(metrics: dict[str, Any]) -> None:
    if not metrics["gate"]["passed"]:
        raise UserError(f"The gate refused the model. {' '.join(metrics['gate']['reasons'])}")


def main() -> None:
    """What the user can mend is said in one sentence, without a traceback."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    try:
        app()
    except UserError as error:
        console.print("error:", str(error), soft_wrap=True, highlight=False, markup=False)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
