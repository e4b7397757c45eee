"""What the tests share: renderings that fail loudly, and folders to make them in."""

import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pytest_copie.plugin import Copie
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped] # has no types

from scaffold import Combination, combinations, render
from scaffold.render import plain_template, recorded_answers

Render = Callable[..., Path]
SEED = "hypothesis_seed"
COMBINATIONS = {combination.id: combination for combination in combinations()}


class ByProject(LoadScopeScheduling):  # type: ignore[misc] # has no types
    """A file's tests are one process's; where they share a project, that project's are."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        if Path(file).name == "test_histories.py":
            # Each takes minutes, and they share nothing.
            return nodeid
        if Path(file).name not in {"test_projects.py", "test_workflows.py"}:
            return file
        chosen = [name for name in COMBINATIONS if f"[{name}" in test]
        return f"{file} {max(chosen, default='', key=len)}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByProject:
    """In place of --dist=loadfile, by which one process would have all projects."""
    return ByProject(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """One seed for all random tests, of --hypothesis-seed or drawn, which every process gets."""
    if config.getoption(SEED) is None:
        setattr(config.option, SEED, str(random.SystemRandom().randrange(2**32)))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the seed, so that a run can be repeated."""
    terminalreporter.write_line(f"random tests: --hypothesis-seed={config.getoption(SEED)}")


@pytest.fixture
def number(request: pytest.FixtureRequest) -> int:
    """The seed of this run."""
    return int(request.config.getoption(SEED))


@pytest.fixture(params=list(COMBINATIONS.values()), ids=list(COMBINATIONS))
def combination(request: pytest.FixtureRequest) -> Combination:
    """Every supported combination, one test each."""
    chosen: Combination = request.param
    return chosen


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """The template as a plain folder, without a git history."""
    with plain_template() as path:
        yield path


@pytest.fixture(scope="session")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The project of a combination, rendered once and only to be read; its package churn_radar."""

    @cache
    def make(name: str) -> Path:
        project = tmp_path_factory.mktemp("made") / name
        answers = {**COMBINATIONS[name].answers, "package_name": "churn_radar"}
        render(project, answers, template=template)
        return project

    return make


@pytest.fixture
def rendered(copie: Copie, template: Path) -> Render:
    """Render with answers and return the project's folder.

    pytest-copie takes unknown answers in silence and turns an exception into an exit code; here
    both fail the test.
    """

    def make(**answers: Any) -> Path:
        result = copie.copy(extra_answers=answers, template_dir=template)
        assert result.exception is None, result.exception
        assert result.exit_code == 0
        assert result.project_dir is not None
        recorded = recorded_answers(result.project_dir)
        assert {name: recorded.get(name) for name in answers} == answers
        return Path(result.project_dir)

    return make
