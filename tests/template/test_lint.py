"""Every rendering is clean under every tool, and every tool would say so if it were not."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scaffold import Combination, check, combinations, render
from scaffold.commands import check as checking
from scaffold.commands.check import commands, lint, mypy_cache
from scaffold.template.questions import choices
from support.combinations import COMBINATIONS, EVERY_SLOWLY, few_unless_slow

FIRST, *OTHERS = COMBINATIONS
# The others take half a minute each, and their own environments.
EVERY = [FIRST, *(pytest.param(name, marks=EVERY_SLOWLY) for name in OTHERS)]


@pytest.mark.parametrize("name", EVERY)
def test_a_fresh_project_has_no_findings(name: str) -> None:
    findings = check([name])
    assert not findings, "\n".join(f"{finding.tool}:\n{finding.output}" for finding in findings)


@pytest.mark.slow
def test_project_with_every_platform_has_no_findings(tmp_path: Path, template: Path) -> None:
    project = tmp_path / "project"
    render(project, {"deploy": choices("deploy")}, template=template)
    findings = [*lint(project, "every platform")]
    assert not findings, "\n".join(f"{finding.tool}:\n{finding.output}" for finding in findings)


@few_unless_slow
@pytest.mark.parametrize("name", ["a", "a" * 40])
def test_the_layout_does_not_depend_on_the_name(
    tmp_path: Path, template: Path, combination: Combination, name: str
) -> None:
    answers = {"package_name": name, "deploy": choices("deploy"), **combination.answers}
    render(tmp_path / "project", answers, template=template)
    # Ruff of this environment: it reads the project's settings and needs none of its libraries.
    for command in (["check"], ["format", "--check"]):
        result = subprocess.run(  # noqa: S603 - ruff
            [str(Path(sys.executable).parent / "ruff"), *command, "--no-cache"],
            cwd=tmp_path / "project",
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    """A change of one file that must be there to be made."""

    def change(project: Path) -> None:
        path = next(project.glob(name))
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")

    return change


def add(name: str, text: str) -> Callable[[Path], None]:
    """A new file."""

    def change(project: Path) -> None:
        (project / name).write_text(text, "utf-8")

    return change


# One defect for each tool, to see it caught: a linter that is not really run finds nothing either.
DEFECTS: dict[str, Callable[[Path], None]] = {
    "ruff check": edit("src/*/cli.py", "import os\n", "import os\nimport pickle\n"),
    "ruff format": edit("src/*/cli.py", "import os\n", "import os \n"),
    "mypy": edit("src/*/data.py", "TARGET = ", "TARGET: int = "),
    "deptry": edit("pyproject.toml", '    "tomlkit', '    "requests>=2", "tomlkit'),
    "hadolint": edit("Dockerfile", "USER 10001:10001", "USER root"),
    "zizmor": edit(".github/workflows/ci.yml", "persist-credentials: false", "fetch-depth: 0"),
    "workflow schema": edit(".github/workflows/ci.yml", "runs-on:", "runs-no:"),
    "dependabot schema": edit(".github/dependabot.yml", "interval: weekly", "interval: often"),
    "compose schema": edit("compose.yaml", "services:", "servcies:"),
    "yamllint": edit("compose.yaml", "services:", "services:  "),
    "validate-pyproject": edit("pyproject.toml", "readme = ", 'keywords = "loans"\nreadme = '),
    "codespell": edit("README.md", "## Results", "## Resutls, recieved"),
    "shellcheck": add("run.sh", "#!/bin/sh\ncd $1\n"),
}


@pytest.mark.parametrize("tool", DEFECTS)
def test_each_tool_catches_its_defect(tmp_path: Path, template: Path, tool: str) -> None:
    project = tmp_path / "project"
    render(project, combinations()[0].answers, template=template)
    DEFECTS[tool](project)
    assert tool in {finding.tool for finding in lint(project, "broken", only=tool)}


def test_every_tool_has_a_defect(tmp_path: Path, template: Path) -> None:
    render(tmp_path / "project", {}, template=template)
    (tmp_path / "project" / "run.sh").touch()
    assert set(commands(tmp_path / "project", tmp_path, tmp_path)) == set(DEFECTS)


def test_two_runs_at_once_do_not_share_a_cache_of_mypy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(checking, "CACHE", tmp_path)
    with mypy_cache() as first, mypy_cache() as second:
        assert first != second
    with mypy_cache() as again:
        assert again == first
