"""MLflow: the tracking server, and what a run records of its origin."""

import logging
import os
import subprocess
import warnings
from contextlib import suppress
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from .config import COMMAND, UserError
from .rows import first_line

DATABASE = Path("mlflow.db")
# Relative, because an absolute path may hold what has a meaning in a URI, such as %20.
LOCAL = f"sqlite:///{DATABASE}"
# The artifact of a run with the hashes of the rows that its model has learned from.
KNOWN_ROWS = "known_rows.txt"
TOKEN = "MLFLOW_TRACKING_TOKEN"  # noqa: S105 - its name
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
    if TOKEN in os.environ:  # a file of secrets often ends in a newline
        os.environ[TOKEN] = os.environ[TOKEN].strip()
    uri = os.environ.get("MLFLOW_TRACKING_URI") or LOCAL
    # Without a location MLflow takes a path, and decodes it as if it were a URI.
    location = Path("mlruns").resolve().as_uri() if uri == LOCAL else None
    try:
        if location and not DATABASE.exists():
            create_database(location)
        mlflow.set_tracking_uri(uri)
        if mlflow.get_experiment_by_name(COMMAND) is None:
            with suppress(MlflowException):  # another process may be faster
                mlflow.create_experiment(COMMAND, location)
        experiment = mlflow.set_experiment(COMMAND)
    except Exception as error:  # MLflow lets errors of SQLAlchemy, Alembic and requests through
        raise tracking_error(uri, first_line(error)) from error
    if location and experiment.artifact_location != location:
        logger.warning(
            "mlflow.db stores artifacts in %s, because the project was copied or moved. To begin "
            "anew here, move mlflow.db and mlruns away, and train again.",
            experiment.artifact_location,
        )


def create_database(location: str) -> None:
    """Create the tables beside the place of mlflow.db, so that a crash leaves none of them there.

    Args:
        location: The URI of the artifacts.
    """
    temporary = DATABASE.with_suffix(f".{os.getpid()}.db")
    temporary.unlink(missing_ok=True)
    store = SqlAlchemyStore(f"sqlite:///{temporary}", location)  # type: ignore[no-untyped-call]
    store.engine.dispose()
    if DATABASE.exists():  # another process was faster
        temporary.unlink()
    else:
        temporary.rename(DATABASE)


def require_run(run_id: str) -> None:
    """Connect to the server that holds this run.

    Raises:
        UserError: The server does not know the run, or it was deleted.
    """
    connect()
    uri = mlflow.get_tracking_uri()
    try:
        run = mlflow.get_run(run_id)
    except MlflowException as error:
        raise tracking_error(uri, first_line(error)) from error
    if run.info.lifecycle_stage == "deleted":
        raise tracking_error(uri, f"run {run_id} was deleted")


def tracking_error(uri: str, reason: str) -> UserError:
    """The error for the user, with advice that fits the reason."""
    if "deleted" in reason:
        advice = "restore it by `mlflow experiments restore` or `mlflow runs restore`"
    elif uri == LOCAL:
        advice = (
            "install the MLflow that wrote it, set MLFLOW_TRACKING_URI to where the run is, or "
            "move mlflow.db and mlruns away; then train"
        )
    else:
        advice = "start it, or unset MLFLOW_TRACKING_URI to use a local file; then train"
    return UserError(f"The tracking server {uri} fails: {reason.rstrip('.')}; {advice}.", 2)


def git_commit() -> str | None:
    """The commit of the working tree, with "-dirty" when files differ; None without git."""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - fixed
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()
