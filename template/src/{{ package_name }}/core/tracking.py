"""MLflow: the tracking server, and what a run records of its origin."""

import logging
import os
import re
import subprocess
import warnings
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from .config import COMMAND, UserError
from .rows import first_line

warnings.filterwarnings("ignore", module="mlflow")
for noisy in ("mlflow", "alembic"):
    logging.getLogger(noisy).setLevel(logging.ERROR)


def connect() -> None:
    """Use the server in MLFLOW_TRACKING_URI, else a SQLite file in the project.

    Raises:
        UserError: The server cannot be used.
    """
    # MLflow's own defaults retry for minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path.cwd() / 'mlflow.db'}"
    try:
        mlflow.set_tracking_uri(uri)
        mlflow.set_experiment(COMMAND)
    except (OSError, ImportError, ValueError, MlflowException) as error:
        raise tracking_error(uri, error) from error


def require_run(run_id: str) -> None:
    """Connect to the server that holds this run.

    Raises:
        UserError: The server does not know the run.
    """
    connect()
    try:
        mlflow.get_run(run_id)
    except MlflowException as error:
        raise tracking_error(mlflow.get_tracking_uri(), error) from error


def tracking_error(uri: str, error: Exception) -> UserError:
    """The error for the user, without a password that the address may hold."""
    message = re.sub("//[^/@]*@", "//", f"The tracking server {uri} fails: {first_line(error)}")
    advice = "Start it, or unset MLFLOW_TRACKING_URI to use a local file; then train."
    return UserError(f"{message} {advice}", 2)


def git_commit() -> str | None:
    """The commit of the working tree, with "-dirty" when files differ; None without git."""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - fixed
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()
