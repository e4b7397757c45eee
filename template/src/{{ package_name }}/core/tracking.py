"""MLflow: the tracking server, and what a run records of its origin."""

import logging
import os
import subprocess
import warnings
from pathlib import Path
from urllib.parse import unquote

import mlflow
from mlflow.exceptions import MlflowException

from .config import COMMAND, UserError
from .rows import first_line

# Relative, because an absolute path may hold what has a meaning in a URI, such as %20.
LOCAL = "sqlite:///mlflow.db"
logger = logging.getLogger(__name__)

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
    uri = os.environ.get("MLFLOW_TRACKING_URI") or LOCAL
    try:
        mlflow.set_tracking_uri(uri)
        if uri == LOCAL:
            create_local_experiment()
        mlflow.set_experiment(COMMAND)
    except (OSError, ImportError, ValueError, MlflowException) as error:
        raise tracking_error(uri, error) from error


def create_local_experiment() -> None:
    """Make the experiment, whose artifacts are in mlruns; warn if the project was copied."""
    # Without a location MLflow takes a path, and decodes it as if it were a URI.
    location = Path("mlruns").resolve().as_uri()
    experiment = mlflow.get_experiment_by_name(COMMAND)
    if experiment is None:
        mlflow.create_experiment(COMMAND, artifact_location=location)
        return
    stored, here = experiment.artifact_location, str(Path.cwd())
    is_here = here in stored or here in unquote(stored)
    if stored.startswith(("/", "file:")) and not is_here:
        logger.warning(
            "mlflow.db stores artifacts in %s, because the project was copied or moved. To begin "
            "anew here, move mlflow.db and mlruns away, and train again.",
            stored,
        )


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
    """The error for the user."""
    advice = "move it away to begin anew, or set MLFLOW_TRACKING_URI to where the run is"
    if uri != LOCAL:
        advice = "start it, or unset MLFLOW_TRACKING_URI to use a local file; then train"
    return UserError(f"The tracking server {uri} fails: {first_line(error)}; {advice}.", 2)


def git_commit() -> str | None:
    """The commit of the working tree, with "-dirty" when files differ; None without git."""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - fixed
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()
