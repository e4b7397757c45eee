"""Generated projects that are installed and used as on a user's machine."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from scaffold import Combination
from support.paths import STANDINS

# Runs a command without a network.
OFFLINE = ["unshare", "--net", "--map-root-user", sys.executable, str(STANDINS / "offline.py")]
# As on a user's machine: no variables of this test's environment; one thread; bytecode is written.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("VIRTUAL_ENV", "PYTHON", "MLFLOW", "PYTEST", "UV_PROJECT"))
} | {"OMP_NUM_THREADS": "1", "UV_NO_SYNC": "1"}


class Project:
    """A rendered project with its environment."""

    def __init__(self, folder: Path, combination: Combination) -> None:
        self.folder, self.combination = folder, combination

    def online(self, *command: str) -> None:
        """Run a command in the project's folder; it must succeed."""
        subprocess.run(command, cwd=self.folder, env=ENVIRONMENT, check=True)  # noqa: S603 - a command of a test

    def offline(self, *command: str, status: int = 0) -> str:
        """Run a command of the project's environment without a network, and return its output."""
        result = subprocess.run(  # noqa: S603 - a command of a test
            [*OFFLINE, f".venv/bin/{command[0]}", *command[1:]],
            cwd=self.folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        output = result.stdout + result.stderr
        assert result.returncode == status, output
        return output

    def commit(self) -> None:
        """Commit all files."""
        self.online("git", "add", "--all")
        identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        self.online("git", *identity, "commit", "--quiet", "--message", "Generate")

    def json(self, name: str) -> Any:
        """Parse a JSON file of the project."""
        return json.loads((self.folder / name).read_text("utf-8"))
