"""Fuzz an API by its own description: no server error, no status that is not documented.

Usage: fuzz.py COMMAND, with the Python of this repository, in a network of its own.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from ask import ADDRESS, wait_for

EXAMPLES = 40
COMMAND = Path(sys.argv[1])

with tempfile.TemporaryDirectory() as folder:
    # What no description can hold: the one name that is not unknown.
    config = Path(folder) / "schemathesis.toml"
    config.write_text(f'[parameters]\n"path.name" = "{COMMAND.name}"\n', "utf-8")
    tool = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"]
    checks = ["--checks", "not_a_server_error,status_code_conformance"]
    phases = ["--phases", "coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "1"]
    serve = [str(COMMAND), "serve", "--host", "127.0.0.1", "--port", "18080"]
    with subprocess.Popen(serve) as process:  # noqa: S603 - the command of the test
        try:
            wait_for("/ping")
            command = [*tool, *checks, *phases, f"{ADDRESS}/openapi.json"]
            fuzzed = subprocess.run(command, cwd=folder, check=False)  # noqa: S603 - ours
        finally:
            process.terminate()
sys.exit(fuzzed.returncode)
