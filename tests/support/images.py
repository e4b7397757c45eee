"""Build and run images with what the machine has: podman or docker.

Where the registry of images is out of reach, SCAFFOLD_IMAGE_OPTIONS holds what a build needs, such
as `--pull=never --build-arg BASE=localhost/base:bookworm`; `.ci/run` sets it.
"""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ask import ask, wait_for

# crun, podman's first choice, needs a control group of its own, which a container has not.
PODMAN = ["podman", "--runtime", "runc"] if shutil.which("runc") else ["podman"]
ENGINE = PODMAN if shutil.which("podman") else ["docker"]
# Without --format docker podman leaves the HEALTHCHECK out.
BUILD = ["--format", "docker", "--network", "host"] if ENGINE[0] == "podman" else []
BUILD += shlex.split(os.environ.get("SCAFFOLD_IMAGE_OPTIONS", ""))
LIMITS = ["--ulimit", "nofile=1024:4096", "--ulimit", "nproc=8192:8192"]
# Tests may run side by side.
PORT = str(18085 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]))
ADDRESS = f"http://127.0.0.1:{PORT}"


def engine(*arguments: str, status: int = 0) -> str:
    """What the engine prints; fails the test with all of it when the status is another."""
    command = [*ENGINE, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert result.returncode == status, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout + result.stderr


def build(folder: Path, tag: str, *options: str) -> dict[str, Any]:
    """The configuration of the image that was built."""
    engine("build", *BUILD, *options, "--tag", tag, str(folder))
    inspected: list[dict[str, Any]] = json.loads(engine("image", "inspect", tag))
    # Podman keeps the health check beside the rest, docker in it.
    return {"Healthcheck": inspected[0].get("Healthcheck"), **inspected[0]["Config"]}


@contextmanager
def running(tag: str, *options: str) -> Iterator[str]:
    """A container that is ready, with a file system that nobody can write to but for /tmp."""
    confined = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"]  # noqa: S108 - of the container
    published = ["--publish", f"127.0.0.1:{PORT}:8080"]
    name = engine("run", "--detach", *confined, *LIMITS, *published, *options, tag).split()[0]
    try:
        wait_for(f"{ADDRESS}/health")
        yield name
    finally:
        engine("rm", "--force", name)


def answer(path: str, body: Any = None) -> Any:
    """The content of the response of the API in the container, whose status must be 200."""
    status, content = ask("POST" if body else "GET", f"{ADDRESS}{path}", body)
    assert status == 200, content
    return content
