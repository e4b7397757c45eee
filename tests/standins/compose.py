"""Run the services of deploy/mlflow/compose.yaml as processes, and the pipeline beside them.

Usage: compose.py FOLDER, with the Python of the project in FOLDER, in a network namespace of its
own.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from client import wait_for

FOLDER = Path(sys.argv[1])
BINARIES = Path(sys.executable).parent
SERVICES = yaml.safe_load((FOLDER / "deploy/mlflow/compose.yaml").read_text())["services"]
HEALTH = "http://127.0.0.1:8080/health"


@contextmanager
def service(command: list[str], folder: str, **environment: str) -> Iterator[None]:
    """Run a process until the block ends."""
    env = {**os.environ, **environment}
    with (
        Path(folder, "stderr").open("wb") as stderr,
        subprocess.Popen(command, cwd=folder, env=env, stderr=stderr) as process,  # noqa: S603 - a service
    ):
        try:
            yield
        finally:
            process.terminate()


with tempfile.TemporaryDirectory() as volume, tempfile.TemporaryDirectory() as elsewhere:
    words = [word.replace("/mlflow/", f"{volume}/") for word in SERVICES["mlflow"]["command"]]
    words[0] = str(BINARIES / words[0])
    given = SERVICES["api"]["environment"]
    # The name of the service is that of its host.
    address = given["MLFLOW_TRACKING_URI"].replace("mlflow:", "127.0.0.1:")
    api = [sys.executable, "-m", "deploy.serve"]
    variables = {
        "MODEL_DIR": given["MODEL_DIR"],
        "MLFLOW_TRACKING_URI": address.replace("://", "://somebody:secret@"),
        "PYTHONPATH": str(FOLDER),
    }
    with service(words, volume), service(api, elsewhere, **variables):
        # The server imports for a minute where many processes run.
        wait_for(f"{address}/health", seconds=300)
        log = Path(elsewhere, "stderr")
        while "models:/" not in log.read_text("utf-8"):
            assert "models:/" not in wait_for(HEALTH, 503)["detail"]
        assert "secret" not in log.read_text("utf-8")
        run = [str(BINARIES / "churn-radar"), "run"]
        env = {**os.environ, "MLFLOW_TRACKING_URI": address}
        subprocess.run(run, cwd=FOLDER, env=env, check=True)  # noqa: S603 - the project
        served = wait_for(HEALTH)["run_id"]
        info = json.loads((FOLDER / "artifacts/bundle/bundle.json").read_text())
        assert served == info["run"]["mlflow_run_id"]
        print("champion ok")  # noqa: T201 - the result
