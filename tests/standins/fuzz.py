"""Fuzz an API by its OpenAPI document: no server error, and nothing that is not documented.

Each response must have a documented status, type and schema, and a method that is not documented
must be refused, with the methods that are allowed.

Usage: fuzz.py COMMAND ..., with the Python of this repository, in a network namespace of its own.
The command starts the API on the port of the variable PORT.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from client import ADDRESS, wait_for

EXAMPLES = 40
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "negative_data_rejection",
)
PORT = ADDRESS.rpartition(":")[2]
CONFIG = f"""
hooks = {json.dumps(str(Path(__file__).with_name("fuzz_hooks.py")))}

# What an OpenAPI document cannot contain: the only name of a model that exists.
[parameters]
"path.name" = "churn-radar"

# A body with too many instances may be refused for its size, before they are counted.
[checks.negative_data_rejection]
expected-statuses = ["400", "404", "405", "413", "415", "422"]
"""

with tempfile.TemporaryDirectory() as folder:
    config = Path(folder) / "schemathesis.toml"
    config.write_text(CONFIG, "utf-8")
    tool = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"]
    checks = ["--checks", ",".join(CHECKS)]
    phases = ["--phases", "coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "1"]
    with subprocess.Popen(sys.argv[1:], env={**os.environ, "PORT": PORT}) as process:  # noqa: S603 - the command of the test
        try:
            wait_for("/health")
            command = [*tool, *checks, *phases, f"{ADDRESS}/openapi.json"]
            fuzzed = subprocess.run(command, cwd=folder, check=False)  # noqa: S603 - schemathesis
        finally:
            process.terminate()
sys.exit(fuzzed.returncode)
