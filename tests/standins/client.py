"""Send requests to a server, and wait until it answers.

Scripts in this folder and tests import it. As a script it starts an API, sends instances, stops the
API with SIGTERM and prints the response. Usage: client.py COMMAND INSTANCES, run in a network
namespace in which the API may listen.
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


def send(method: str, url: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Send a request and return status and content.

    The status is 0 while no server listens. Content of type JSON is parsed, other is text.
    """
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
    """Content of a response, parsed if it is JSON."""
    text = response.read()
    kind = response.headers.get("content-type", "")
    return json.loads(text) if kind.startswith("application/json") else text.decode()


def wait_for(url: str, status: int = 200, seconds: float = 60) -> Any:
    """Repeat a GET request until its response has this status, and return the content.

    Raises:
        TimeoutError: No response had the status within these seconds.
    """
    end = time.monotonic() + seconds
    while True:
        response = send("GET", url)
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
            status, content = send("POST", "/predict", {"instances": json.loads(sys.argv[2])})
            assert status == 200, content
        finally:
            process.send_signal(signal.SIGTERM)
        stopped = process.wait(timeout=10)
    print(json.dumps({"stopped": stopped, **content}))  # noqa: T201 - the result
