"""MLflow: where runs are kept, whether that place answers, and who the champion is."""

import logging
import os
import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import mlflow
from mlflow.exceptions import MlflowException

from .errors import UserError
from .settings import COMMAND, PACKAGE

warnings.filterwarnings("ignore", module="mlflow")
for noisy in ("mlflow", "alembic"):
    logging.getLogger(noisy).setLevel(logging.ERROR)


def connect() -> None:
    """Choose tracking server and experiment; raises UserError at once when it does not answer."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path.cwd() / 'mlflow.db'}"
    try:
        if uri.startswith("http"):
            # MLflow itself would try again for minutes before it says that a server is down.
            urlopen(f"{uri.rstrip('/')}/health", timeout=5).close()  # noqa: S310 - http by the test
        mlflow.set_tracking_uri(uri)
        mlflow.set_experiment(COMMAND)
    except (OSError, MlflowException) as error:
        reason = str(error).splitlines()[0]
        advice = "Start it, or unset MLFLOW_TRACKING_URI to keep runs in a local file."
        raise UserError(f"The tracking server {uri} fails: {reason} {advice}", 2) from error


def git_commit() -> str | None:
    """The commit of the working tree, with "-dirty" when files have changed; None without git."""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    with suppress(OSError):
        result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed
        return result.stdout.strip() or None
    return None


def champion_predicts(rows: Path, output: Path) -> bool:
    """Let the champion answer a file, by the code it came with; False where there is none yet."""
    try:
        champion = mlflow.MlflowClient().get_model_version_by_alias(COMMAND, "champion")
    except MlflowException:
        return False
    uri = f"models:/{COMMAND}/{champion.version}"
    model = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(output.parent / "model")))
    bundle = str(model / "data/bundle")
    command = [sys.executable, "-m", f"{PACKAGE}.cli", "predict", "--raw", "--bundle", bundle]
    subprocess.run(  # noqa: S603 - our own program
        [*command, "--input", str(rows), "--output", str(output)],
        env={**os.environ, "PYTHONPATH": str(model / "code")},
        check=True,
        capture_output=True,
    )
    return True
