"""Stand-ins for `gh`, `docker` and `uv` where a test runs workflows: tools.py NAME ARGUMENTS.

gh and docker refuse what GitHub would refuse: an option that does not exist, no token, a permission
that the job does not have. Each call is written to STANDIN_LOG as one line of JSON.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jq  # type: ignore[import-not-found] # has no types

# The id of the run of CI whose registry was stored.
STORED_BY = "8"
# Subcommand -> the permission that it needs, options with a value, options without.
GH: dict[str, tuple[str, set[str], set[str]]] = {
    "auth setup-git": ("", set(), set()),
    "issue comment": ("issues: write", {"--body-file"}, set()),
    "issue create": ("issues: write", {"--title", "--body-file"}, set()),
    "issue list": ("issues: read", {"--search", "--state", "--json", "--jq"}, set()),
    "pr comment": ("pull-requests: write", {"--body-file"}, set()),
    "pr create": (
        "pull-requests: write",
        {"--base", "--head", "--title", "--body", "--body-file"},
        set(),
    ),
    "pr edit": ("pull-requests: write", {"--title", "--body-file"}, set()),
    "pr list": ("pull-requests: read", {"--head", "--state", "--json", "--jq"}, set()),
    "release create": ("contents: write", {"--title", "--notes-file"}, {"--verify-tag"}),
    "run download": ("actions: read", {"--name", "--dir"}, set()),
}
# Subcommand of docker -> what podman needs for it where there is no Docker engine (design.md, 6).
PODMAN = {
    "build": [
        *("--format", "docker", "--network", "host", "--pull=never"),
        *("--build-arg", "BASE=localhost/base:bookworm"),
    ],
    "run": ["--ulimit", "nofile=1024:4096", "--ulimit", "nproc=8192:8192"],
    **{name: [] for name in ("image", "load", "logs", "port", "rm", "save", "stop", "tag")},
}
# The images of the machine can be read, and no image is added to them.
SHARED = "additionalimagestore=/var/lib/containers/storage"


def record(tool: str, arguments: list[str], body: str = "") -> None:
    """Append a call to the log."""
    line = json.dumps({"tool": tool, "arguments": arguments, "body": body})
    with Path(os.environ["STANDIN_LOG"]).open("a", encoding="utf-8") as log:
        log.write(f"{line}\n")


def allow(permission: str) -> None:
    """Exit with a message unless the job has the permission."""
    scope, _, level = permission.partition(": ")
    has = json.loads(os.environ["STANDIN_PERMISSIONS"]).get(scope)
    if permission and has not in (level, "write"):
        sys.exit(f"HTTP 403: the job lacks the permission {permission}.")


def gh(arguments: list[str]) -> None:
    """Check a call of gh as GitHub would, and record it."""
    name, rest = " ".join(arguments[:2]), iter(arguments[2:])
    if name not in GH:
        sys.exit(f"unknown command {name}")
    permission, valued, plain = GH[name]
    if not os.environ.get("GH_TOKEN") or not os.environ.get("GH_REPO"):
        sys.exit("GH_TOKEN and GH_REPO must be set.")
    allow(permission)
    options: dict[str, str] = {}
    for argument in rest:
        if argument.startswith("--") and argument not in valued | plain:
            sys.exit(f"unknown flag {argument}")
        if argument in valued:
            options[argument] = next(rest)
    file = options.get("--body-file", options.get("--notes-file", ""))
    body = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8") if file else ""
    if file and not body.strip():
        sys.exit("The body is empty.")
    record("gh", arguments, body)
    if name == "run download":
        # With the id of another run, its artifacts.
        folder = "STANDIN_STORED" if arguments[2] == STORED_BY else "STANDIN_ARTIFACTS"
        source = Path(os.environ[folder]) / options["--name"]
        shutil.copytree(source, options["--dir"], dirs_exist_ok=True)
    if name in {"pr list", "issue list"}:
        sys.stdout.write(os.environ.get("STANDIN_OPEN", ""))
    if name == "auth setup-git":
        command = ["git", "config", "--global", "credential.helper", "gh"]
        subprocess.run(command, check=True)  # noqa: S603 - git


def api(arguments: list[str]) -> None:
    """`gh api` for stored artifacts, and for the comments of a pull request."""
    if "/actions/artifacts?" in arguments[1]:
        allow("actions: read")
        found = jq.compile(arguments[arguments.index("--jq") + 1])
        sys.stdout.write("".join(f"{item}\n" for item in found.input_value(artifacts())))
        return
    if "PATCH" not in arguments:
        allow("pull-requests: read")
        sys.stdout.write(os.environ.get("STANDIN_COMMENT", ""))
        return
    allow("pull-requests: write")
    (field,) = [argument for argument in arguments if argument.startswith("body=@")]
    record("gh", arguments, Path(field.removeprefix("body=@")).read_text("utf-8"))


def artifacts() -> dict[str, Any]:
    """The registries that runs have stored: by a fork, one that has expired, and the right one."""

    def artifact(
        run_id: str, branch: str = "main", owner: int = 1, *, expired: bool = False
    ) -> Any:
        run = {"id": int(run_id), "head_branch": branch, "repository_id": 1}
        return {"expired": expired, "workflow_run": run | {"head_repository_id": owner}}

    stored = [artifact(STORED_BY)] if os.environ["STANDIN_STORED"] else []
    others = [artifact("90", owner=2), artifact("91", "topic"), artifact("92", expired=True)]
    return {"artifacts": [*others, *stored]}


def docker(arguments: list[str]) -> None:
    """Record a call of docker, and run it with podman unless it needs a registry."""
    name, rest = arguments[0], arguments[1:]
    record("docker", arguments)
    if name in ("login", "push"):
        allow("packages: write")
    elif name in PODMAN:
        store = Path(os.environ["STANDIN_STORE"])
        podman = ["podman", "--root", str(store / "root"), "--runroot", str(store / "run")]
        podman += ["--storage-opt", SHARED, "--runtime", "runc", name, *PODMAN[name]]
        podman += uv_settings(store) if name == "build" else []
        os.execvp(podman[0], [*podman, *rest])  # noqa: S606 - as above
    else:
        sys.exit(f"unknown command {name}")


def uv_settings(store: Path) -> list[str]:
    """Options that let uv reach the registry and torch's wheel during a build, as it does here."""
    options = json.loads(os.environ["STANDIN_UV_OPTIONS"])
    lines, volumes = ["system-certs = true"], []
    if "--no-sources" in options:
        lines.append("no-sources = true")
    if "--find-links" in options:
        folder = options[options.index("--find-links") + 1]
        lines.append(f"find-links = {json.dumps([folder])}")
        volumes = ["--volume", f"{folder}:{folder}:ro"]
    store.mkdir(parents=True, exist_ok=True)
    (store / "uv.toml").write_text("\n".join(lines), "utf-8")
    return [*volumes, "--volume", f"{store}/uv.toml:/etc/uv/uv.toml:ro"]


def uv(arguments: list[str]) -> None:
    """Call the real uv; `run` must not synchronise again, which would need the same options."""
    if {"sync", "export", "audit"} & set(arguments[:1]):
        arguments = [*arguments, *json.loads(os.environ["STANDIN_UV_OPTIONS"])]
    if arguments[0] == "sync" and not Path(".venv").exists():
        # The environment of the previous job, so that Python is not compiled again: with torch that
        # is most of a job. A job without `uv sync` has none, as on a fresh machine.
        environment = Path(os.environ["STANDIN_STORE"]) / "venv"
        environment.mkdir(parents=True, exist_ok=True)
        Path(".venv").symlink_to(environment)
    if arguments[0] == "audit":
        arguments += ["--service-url", os.environ["STANDIN_OSV"]]
    here = {"UV_NO_SYNC": "1", "UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never"}
    binary = os.environ["STANDIN_UV"]
    os.execve(binary, [binary, *arguments], os.environ | here)  # noqa: S606 - uv


def uvx(arguments: list[str]) -> None:
    """Call the real `uv tool run`."""
    binary = os.environ["STANDIN_UV"]
    os.execv(binary, [binary, "tool", "run", *arguments])  # noqa: S606 - uv


if __name__ == "__main__":
    {"docker": docker, "gh": api if sys.argv[2] == "api" else gh, "uv": uv, "uvx": uvx}[
        sys.argv[1]
    ](sys.argv[2:])
