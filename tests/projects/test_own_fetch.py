"""A colleague's clone of a project whose rows are not in its repository."""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rich.console import Console
from uv import find_uv_bin

from scaffold.own.asking import Wanted, contents_from
from scaffold.project import sync_options
from support.git import git
from support.own import customers, made
from support.projects import ENVIRONMENT

pytestmark = pytest.mark.slow

ROWS = customers(1500).encode()


class Source(ThreadingHTTPServer):
    """A web server of one file.

    Attributes:
        content: Of the file; none for a status of 404.
        seconds: The time that a response takes after its first half.
        n_requests: Of the file, so far.
    """

    content = ROWS
    seconds = 0
    n_requests = 0


class Handler(BaseHTTPRequestHandler):
    """Sends the file."""

    def do_GET(self) -> None:
        """The first half, and after a while the second."""
        source = self.server
        assert isinstance(source, Source)
        source.n_requests += 1
        self.send_response(200 if source.content else 404)
        self.send_header("Content-Length", str(len(source.content)))
        self.end_headers()
        half = len(source.content) // 2
        self.wfile.write(source.content[:half])
        self.wfile.flush()
        time.sleep(source.seconds)
        self.wfile.write(source.content[half:])

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def source() -> Iterator[Source]:
    """Where the rows are."""
    with Source(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def clone(source: Source, tmp_path: Path) -> Path:
    """A clone of the repository of a project whose rows hold personal data, installed."""
    address = f"http://127.0.0.1:{source.server_port}/rows.csv"
    wanted = Wanted("gekündigt", "ja", defaults=True)
    origin, folder = tmp_path / "origin", tmp_path / "clone"
    apart = made(contents_from(address, wanted, Console(quiet=True)), origin)
    assert [path.name for path in apart] == ["rows.csv"]
    git(origin, "init", "--quiet")
    git(origin, "add", "--all")
    git(origin, "commit", "--quiet", "--message", "Generate")
    git(tmp_path, "clone", "--quiet", "origin", "clone")
    command = [find_uv_bin(), "sync", "--quiet", "--python", sys.executable, *sync_options()]
    subprocess.run(command, cwd=folder, env=ENVIRONMENT, check=True)  # noqa: S603 - uv
    return folder


def run(folder: Path, *command: str, status: int = 0) -> str:
    """Run a command of the project, and return its output, which is no traceback."""
    result = subprocess.run(  # noqa: S603 - the project's
        [folder / ".venv/bin" / command[0], *command[1:]],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    output = result.stdout + result.stderr
    assert result.returncode == status, output
    assert "Traceback" not in output
    return output


def test_clone_fetches_its_rows(clone: Path, source: Source) -> None:
    """By one command, or by itself where they are missing: in `run` and in tests."""
    raw = clone / "data/raw/rows.csv"
    assert not (clone / "data").exists()
    source.content = b""
    assert "rows.csv cannot be downloaded (status 404): check" in run(clone, "own", "run", status=1)
    source.content = ROWS.replace(b"Bonn", b"Kiel")
    refused = run(clone, "own", "data", "--fetch", status=1)
    assert "rows.csv is not the recorded file: if it is the right one, set SHA256" in refused
    assert not raw.exists()

    source.content = ROWS
    assert "data/raw/rows.csv was downloaded" in run(clone, "own", "data", "--fetch")
    assert raw.read_bytes() == ROWS
    shutil.rmtree(clone / "data")
    run(clone, "own", "run")
    assert "passed" in run(clone, "pytest")
    assert raw.read_bytes() == ROWS
    # Results are written, and the rows stay out of the repository.
    changed = {line.split()[-1] for line in git(clone, "status", "--porcelain").splitlines()}
    assert changed == {"MODEL_CARD.md", "README.md", "reports/", "uv.lock"}


def test_killed_download_leaves_no_rows(clone: Path, source: Source) -> None:
    source.seconds = 600
    command = [str(clone / ".venv/bin/own"), "data", "--fetch"]
    before = source.n_requests
    process = subprocess.Popen(command, cwd=clone, env=ENVIRONMENT)  # noqa: S603 - the project's
    while source.n_requests == before:
        assert process.poll() is None
        time.sleep(0.1)
    process.kill()
    process.wait()
    assert not [*(clone / "data/raw").iterdir()]
    assert not [line for line in git(clone, "status", "--porcelain").splitlines() if "data" in line]
    source.seconds = 0
    run(clone, "own", "data", "--fetch")
    assert (clone / "data/raw/rows.csv").read_bytes() == ROWS
