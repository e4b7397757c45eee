"""Send requests to a server and wait for it, which several scripts and tests do.

As a script it starts an API, sends instances, stops it with SIGTERM and prints the response.
Usage: ask.py COMMAND INSTANCES, run where the API is to run: in a network of its own.
"""

import json
import signal
import subprocess
import sys
import time
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import Request, urlopen

ADDRESS = "http://127.0.0.1:18080"


def ask(method: str, url: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """The status, 0 while nobody listens, and the content: parsed, where it is JSON."""
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    headers = {"Content-Type": "application/json", **headers}
    request = Request(urljoin(ADDRESS, url), content, headers, method=method)  # noqa: S310 - http
    try:
        with urlopen(request, timeout=30) as response:  # noqa: S310 - http, as above
            return response.status, read(response)
    except HTTPError as error:
        return error.code, read(error)
    except OSError as error:
        return 0, str(error)


def read(response: Any) -> Any:
    """The content of a response."""
    text = response.read()
    kind = response.headers.get("content-type", "")
    return json.loads(text) if kind.startswith("application/json") else text.decode()


def wait_for(url: str, status: int = 200, seconds: float = 60) -> Any:
    """The content of the first response with this status."""
    end = time.monotonic() + seconds
    while True:
        response = ask("GET", url)
        if response[0] == status:
            return response[1]
        if time.monotonic() > end:
            raise TimeoutError(url, status, response)
        time.sleep(0.05)


if __name__ == "__main__":
    command = [sys.argv[1], "serve", "--host", "127.0.0.1", "--port", "18080"]
    with subprocess.Popen(command) as process:  # noqa: S603 - the command of the test
        try:
            wait_for("/health")
            status, content = ask("POST", "/predict", {"instances": json.loads(sys.argv[2])})
            assert status == 200, content
        finally:
            process.send_signal(signal.SIGTERM)
        stopped = process.wait(timeout=10)
    print(json.dumps({"stopped": stopped, **content}))  # noqa: T201 - the result
