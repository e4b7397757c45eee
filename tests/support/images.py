"""Build and run images with podman or docker, whichever the machine has.

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

from client import send, wait_for

# crun, podman's default, needs a control group of its own, which a container does not have.
PODMAN = ["podman", "--runtime", "runc"] if shutil.which("runc") else ["podman"]
ENGINE = PODMAN if shutil.which("podman") else ["docker"]
# Without --format docker, podman omits the HEALTHCHECK.
BUILD = ["--format", "docker", "--network", "host"] if ENGINE[0] == "podman" else []
BUILD += shlex.split(os.environ.get("SCAFFOLD_IMAGE_OPTIONS", ""))
LIMITS = ["--ulimit", "nofile=1024:4096", "--ulimit", "nproc=8192:8192"]
# Processes of pytest-xdist may use it at the same time.
PORT = str(18085 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]))
ADDRESS = f"http://127.0.0.1:{PORT}"


def engine(*arguments: str, status: int = 0) -> str:
    """Run the engine and return its output; fail with the output if the exit status differs."""
    command = [*ENGINE, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - podman or docker
    assert result.returncode == status, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout + result.stderr


def build(folder: Path, tag: str, *options: str) -> dict[str, Any]:
    """Build an image and return its configuration."""
    engine("build", *BUILD, *options, "--tag", tag, str(folder))
    inspected: list[dict[str, Any]] = json.loads(engine("image", "inspect", tag))
    # Podman keeps the health check beside the rest, docker in it.
    return {"Healthcheck": inspected[0].get("Healthcheck"), **inspected[0]["Config"]}


@contextmanager
def running(tag: str, *options: str) -> Iterator[str]:
    """Run a container, read-only but for /tmp, and wait until it is healthy; its name."""
    confined = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"]  # noqa: S108 - of the container
    published = ["--publish", f"127.0.0.1:{PORT}:8080"]
    name = engine("run", "--detach", *confined, *LIMITS, *published, *options, tag).split()[0]
    try:
        wait_for(f"{ADDRESS}/health")
        yield name
    finally:
        engine("rm", "--force", name)


def call(path: str, body: Any = None) -> Any:
    """Call the API in the container; content of the response, whose status must be 200."""
    status, content = send("POST" if body else "GET", f"{ADDRESS}{path}", body)
    assert status == 200, content
    return content
