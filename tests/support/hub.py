"""A project with a remote repository, and the tools and variables that its workflows find."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uv import find_uv_bin

from scaffold import Combination, render
from scaffold.project import sync_options
from support.git import git
from support.paths import STANDINS
from support.runner import Job, Runner

# The only variables of this machine that a step has: how to reach the registry.
PASSED = re.compile(
    r"(SSL_CERT|PIP_|GIT_SSL|REQUESTS_CA|CURL_CA|LANG$|(http|https|no)_proxy$)", re.IGNORECASE
)
MAIN = "refs/heads/main"
# Refuses a push that GitHub would refuse: from a job without the permission or credentials.
HOOK = """#!/bin/sh
test -z "$STANDIN_PERMISSIONS" && exit 0
git config --global credential.helper || { echo "no credentials"; exit 1; }
case "$STANDIN_PERMISSIONS" in *'"contents": "write"'*) ;; *) echo "HTTP 403"; exit 1 ;; esac
"""


@dataclass
class Hub:
    """A project's working copy, its remote repository, and the tools that its jobs find.

    Attributes:
        folder: Where all of it is.
        osv: URL of the stand-in for the OSV database, which `uv audit` asks.
    """

    folder: Path
    osv: str = ""

    def __post_init__(self) -> None:
        self.source, self.remote = self.folder / "source", self.folder / "remote.git"
        self.log, self.tools = self.folder / "log.jsonl", self.folder / "tools"
        # With capitals, which are not allowed in the name of an image.
        self.repository = "Octo/Radar"
        self.started = 0
        # The artifacts of the last run of CI on main that stored a registry.
        self.stored: Path | None = None

    def create(self, combination: Combination, template: Path, *, lock: bool = True) -> None:
        """Render a combination and publish it."""
        render(self.source, combination.answers, template=template)
        self.publish(lock=lock)

    def publish(self, *, lock: bool = True) -> None:
        """Commit the files of the source, and make the remote from it."""
        if lock:
            command = [find_uv_bin(), "lock", "--quiet", "--python", sys.executable]
            command += sync_options()
            subprocess.run(command, cwd=self.source, check=True)  # noqa: S603 - uv
        git(self.source, "init", "--quiet", "--initial-branch", "main")
        git(self.source, "add", "--all")
        git(self.source, "commit", "--quiet", "--message", "Generate")
        git(self.folder, "clone", "--quiet", "--bare", str(self.source), str(self.remote))
        self.executable(self.remote / "hooks/pre-receive", HOOK)

    def executable(self, path: Path, text: str) -> None:
        """Write an executable file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        path.chmod(0o755)

    def start(self, workflow: str, event: str, ref: str = MAIN, **payload: Any) -> Runner:
        """A runner of a workflow for this event; `payload` is github.event."""
        self.started += 1
        self.log.unlink(missing_ok=True)
        github = {
            "event_name": event,
            "ref": ref,
            "ref_name": re.sub("^refs/(heads|tags|pull)/", "", ref),
            "sha": git(self.remote, "rev-parse", ref).strip(),
            "repository": self.repository,
            "actor": "octo",
            "run_id": "7",
            "server_url": "https://github.com",
            "token": "a-token",
            "event": payload,
        }
        path = self.source / f".github/workflows/{workflow}.yml"
        folder = self.folder / f"{self.started}-{workflow}"
        return Runner(path, github, self.remote, folder, self.environment(), self.tools / "uv")

    def environment(self) -> dict[str, str]:
        """Variables of a fresh machine, on whose PATH uv is missing until setup-uv has run."""
        script = STANDINS / "tools.py"
        for folder, name in (("bin", "docker"), ("bin", "gh"), ("uv", "uv"), ("uv", "uvx")):
            text = f'#!/bin/sh\nexec {sys.executable} {script} {name} "$@"\n'
            self.executable(self.tools / folder / name, text)
        cache = subprocess.run(  # noqa: S603 - uv
            [find_uv_bin(), "cache", "dir"], capture_output=True, text=True, check=True
        )
        options = sync_options()
        # The lock already has these versions; with the options again, uv would call it stale.
        while "-P" in options:
            del options[options.index("-P") : options.index("-P") + 2]
        return {name: value for name, value in os.environ.items() if PASSED.match(name)} | {
            "PATH": f"{self.tools}/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "OMP_NUM_THREADS": "1",
            "UV_CACHE_DIR": cache.stdout.strip(),
            "STANDIN_LOG": str(self.log),
            "STANDIN_STORED": str(self.stored or ""),
            "STANDIN_OSV": self.osv,
            "STANDIN_STORE": str(self.folder / "store"),
            "STANDIN_UV": find_uv_bin(),
            "STANDIN_UV_OPTIONS": json.dumps(options),
        }

    def asked(self, tool: str) -> list[dict[str, Any]]:
        """The calls of a stand-in since the last start."""
        lines = self.log.read_text("utf-8").splitlines() if self.log.exists() else []
        return [item for item in map(json.loads, lines) if item["tool"] == tool]

    def asked_gh(self, *begin: str) -> list[str]:
        """The bodies of the calls of gh that begin with these arguments."""
        length = len(begin)
        return [item["body"] for item in self.asked("gh") if item["arguments"][:length] == [*begin]]


def succeed(jobs: dict[str, Job]) -> None:
    """Check that every job succeeded: each step did, or was skipped by its own condition."""
    for job in jobs.values():
        print(job.log())  # noqa: T201 - how long each step took: pytest -rP shows it
        assert job.result == "success", job.log()
