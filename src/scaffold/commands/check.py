"""Checking what was made: every tool that a careful owner would run, on a fresh rendering."""

import hashlib
import itertools
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock, Timeout
from uv import find_uv_bin

from scaffold.errors import ScaffoldError
from scaffold.project import sync_options
from scaffold.template.matrix import Combination, select
from scaffold.template.rendering import plain_template, render

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ml-portfolio-scaffold"
# Beside the tools that a generated project brings itself.
TOOLS = (
    "check-jsonschema",
    "codespell",
    "hadolint",
    "shellcheck",
    "validate-pyproject",
    "yamllint",
    "zizmor",
)
# Environments that this process has brought up to date.
SYNCED: set[Path] = set()


@dataclass(frozen=True)
class Finding:
    """The output of a tool that failed on a rendered project."""

    combination: str
    tool: str
    output: str


def check(
    chosen: Iterable[str] = (), *, done: Callable[[str, list[Finding]], None] | None = None
) -> list[Finding]:
    """Render the chosen combinations (all by default) and lint them; no finding means clean.

    `done` is called with each combination's findings as soon as they are there.
    """
    selected = select(chosen)
    require_tools()
    findings = []
    with (
        TemporaryDirectory() as folder,
        plain_template() as template,
        ThreadPoolExecutor(2) as pool,
    ):

        def one(combination: Combination) -> list[Finding]:
            project = Path(folder) / combination.id
            render(project, combination.answers, template=template)
            return list(lint(project, combination.id))

        for combination, found in zip(selected, pool.map(one, selected), strict=True):
            findings += found
            if done:
                done(combination.id, found)
    return findings


def require_tools() -> None:
    """Raise ScaffoldError where the extra `check`, which brings the linters, is not installed."""
    folder = Path(sys.executable).parent
    missing = [tool for tool in TOOLS if not (folder / tool).exists()]
    if missing:
        raise ScaffoldError(
            f"{', '.join(missing)} are not installed; the extra `check` brings them: "
            "uvx --from 'ml-portfolio-scaffold[check]' scaffold check"
        )


def lint(project: Path, name: str, *, only: str | None = None) -> Iterator[Finding]:
    """Run every tool, or one of them, on a rendered project."""
    with mypy_cache() as cache:
        environment = project_environment(project)
        for tool, command in commands(project, environment, cache).items():
            if only not in (None, tool):
                continue
            result = subprocess.run(  # noqa: S603 - the commands below
                command,
                cwd=project,
                capture_output=True,
                text=True,
                check=False,
                # The project is not installed in the shared environment: mypy finds it in src.
                env={**os.environ, "MYPYPATH": "src", "NO_COLOR": "1"},
            )
            if result.returncode:
                yield Finding(name, tool, (result.stdout + result.stderr).strip())


@contextmanager
def mypy_cache() -> Iterator[Path]:
    """A cache that no other run of mypy uses meanwhile.

    It is kept, because mypy needs a minute to read the libraries. Two runs at once would corrupt
    it, and files of two renderings that agree in path, size and second would be taken for the same.
    """
    folder = CACHE / "mypy"
    folder.mkdir(parents=True, exist_ok=True)
    for number in itertools.count():
        lock = FileLock(folder / f"{number}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        try:
            yield folder / str(number)
        finally:
            lock.release()
        return


def commands(project: Path, environment: Path, cache: Path) -> dict[str, list[str]]:
    """Name -> command, run in the project's folder; silent success is exit status 0."""
    own, ours = environment / "bin", Path(sys.executable).parent
    schema = [f"{ours}/check-jsonschema", "--builtin-schema"]
    workflows = [str(path) for path in sorted(project.glob(".github/workflows/*.yml"))]
    scripts = [str(path) for path in sorted(project.rglob("*.sh"))]
    every = {
        "ruff check": [f"{own}/ruff", "check"],
        "ruff format": [f"{own}/ruff", "format", "--check"],
        "mypy": [f"{own}/mypy", "--cache-dir", str(cache)],
        "deptry": [f"{own}/deptry", "src"],
        "hadolint": [f"{ours}/hadolint", "Dockerfile"],
        "zizmor": [f"{ours}/zizmor", "--offline", "--persona=pedantic", "--quiet", ".github"],
        "workflow schema": [*schema, "vendor.github-workflows", *workflows],
        "dependabot schema": [*schema, "vendor.dependabot", ".github/dependabot.yml"],
        "compose schema": [*schema, "vendor.compose-spec", "compose.yaml"],
        "yamllint": [f"{ours}/yamllint", "--strict", "."],
        "validate-pyproject": [f"{ours}/validate-pyproject", "pyproject.toml"],
        "codespell": [f"{ours}/codespell", "--skip=uv.lock,LICENSE", "."],
    }
    if scripts:
        every["shellcheck"] = [f"{ours}/shellcheck", *scripts]
    return every


def project_environment(project: Path) -> Path:
    """An environment with the project's dependencies, shared by all that declare the same ones."""
    content = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    declared = [content["project"]["dependencies"], content["dependency-groups"], sys.version]
    key = hashlib.sha256(repr(declared).encode()).hexdigest()[:12]
    environment = CACHE / "environments" / key
    if environment in SYNCED:
        return environment
    command = [find_uv_bin(), "sync", "--quiet", "--no-install-project", *sync_options()]
    result = subprocess.run(  # noqa: S603 - uv itself
        [*command, "--python", sys.executable],
        cwd=project,
        env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(environment)},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise ScaffoldError(
            f"uv cannot install the project's dependencies: {result.stderr.strip()}"
        )
    SYNCED.add(environment)
    return environment
