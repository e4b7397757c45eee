"""MLflow: where runs are kept, and whether that place answers."""

import logging
import os
import re
import subprocess
import warnings
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from .settings import COMMAND, UserError

warnings.filterwarnings("ignore", module="mlflow")
for noisy in ("mlflow", "alembic"):
    logging.getLogger(noisy).setLevel(logging.ERROR)


def connect(run_id: str | None = None) -> None:
    """Raises UserError soon when the tracking server does not answer, or know the run."""
    # By default MLflow tries for minutes before it says that a server is down.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path.cwd() / 'mlflow.db'}"
    try:
        mlflow.set_tracking_uri(uri)
        mlflow.set_experiment(COMMAND)
        if run_id:
            mlflow.get_run(run_id)
    except (OSError, ImportError, ValueError, MlflowException) as error:
        said = re.sub("//[^/@]*@", "//", f"{uri} fails: {str(error).splitlines()[0]}")
        advice = "Start it, or unset MLFLOW_TRACKING_URI to keep runs in a local file; then train."
        raise UserError(f"The tracking server {said} {advice}", 2) from error


def git_commit() -> str | None:
    """The commit of the working tree, with "-dirty" when files have changed; None without git."""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - fixed
    except (OSError, subprocess.CalledProcessError):
        return None
