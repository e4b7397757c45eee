"""Start an API, ask it, stop it with SIGTERM, and print what it answered, as JSON.

Usage: ask.py COMMAND INSTANCES, run where the API is to run: in a network of its own.
"""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from typing import Any

ADDRESS = "http://127.0.0.1:18080"


def request(path: str, body: bytes | None = None) -> Any:
    """The JSON that the API answers; raises URLError until it listens and is ready."""
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(ADDRESS + path, body, headers)  # noqa: S310 - http, as above
    with urllib.request.urlopen(asked, timeout=10) as response:  # noqa: S310 - http, as above
        return json.load(response)


def wait_until_ready() -> None:
    """Ten seconds at the most."""
    for _ in range(100):
        try:
            request("/ping")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("The API did not become ready.")


if __name__ == "__main__":
    command = [sys.argv[1], "serve", "--host", "127.0.0.1", "--port", "18080"]
    with subprocess.Popen(command) as process:  # noqa: S603 - the command of the test
        try:
            wait_until_ready()
            body = json.dumps({"instances": json.loads(sys.argv[2])}).encode()
            answered = request("/invocations", body)
        finally:
            process.send_signal(signal.SIGTERM)
        stopped = process.wait(timeout=10)
    print(json.dumps({"stopped": stopped, **answered}))  # noqa: T201 - the result
