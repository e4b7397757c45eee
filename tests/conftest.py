"""What the tests share: renderings that fail loudly, and folders to make them in."""

import random
import shutil
from collections.abc import Callable, Iterator
from functools import cache, wraps
from pathlib import Path
from typing import Any

import groups
import jinja2
import pytest
from pytest_copie.plugin import Copie
from rotation import Choice, choose, named
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped] # has no types

from scaffold import Combination, combinations, render
from scaffold.project import recorded_answers
from scaffold.template.rendering import plain_template

Render = Callable[..., Path]
SEED = "hypothesis_seed"
COMBINATIONS = {combination.id: combination for combination in combinations()}
REPOSITORY = Path(__file__).resolve().parents[1]
CHOICE = pytest.StashKey[Choice]()


def compile_once() -> None:
    """Compile each text of a template once in a process, however often it is rendered.

    Copier compiles a thousand parts of paths for each project, three quarters of them again, and
    that is half of the time of a rendering.
    """
    compile_text = jinja2.Environment.compile
    compiled: dict[Any, Any] = {}

    @wraps(compile_text)
    def compile_cached(
        self: jinja2.Environment, source: Any, *arguments: Any, **options: Any
    ) -> Any:
        # All that the code depends on; what is undefined, and values, it meets when it runs.
        syntax = (self.block_start_string, self.trim_blocks, self.keep_trailing_newline)
        names = (frozenset(self.filters), frozenset(self.tests), frozenset(self.extensions))
        key = (source, arguments, *options.items(), type(self), str(self.autoescape), syntax, names)
        if not isinstance(source, str):
            return compile_text(self, source, *arguments, **options)
        if key not in compiled:
            compiled[key] = compile_text(self, source, *arguments, **options)
        return compiled[key]

    jinja2.Environment.compile = compile_cached  # type: ignore[method-assign] # in tests alone


compile_once()


class ByGroup(LoadScopeScheduling):  # type: ignore[misc] # has no types
    """A group of tests is one process's; see groups.py."""

    def _split_scope(self, nodeid: str) -> str:
        return groups.scope(nodeid, COMBINATIONS)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup:
    """In place of --dist=loadfile, by which one process would have all projects."""
    # Groups come in the order of the collection, in place of those with the most tests first: a
    # group of one test may take the longest.
    config.option.loadscopereorder = False
    return ByGroup(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--combinations`, beside pytest's own options."""
    parser.addoption(
        "--combinations",
        default="all",
        help="whose slow tests run: all (default), rotate (a part that changes with the number of "
        "commits or SCAFFOLD_ROTATION), or ids and `rest` with commas between them",
    )


def pytest_configure(config: pytest.Config) -> None:
    """One seed for all random tests, of --hypothesis-seed or drawn, which every process gets."""
    if config.getoption(SEED) is None:
        setattr(config.option, SEED, str(random.SystemRandom().randrange(2**32)))
    try:
        asked = choose(config.getoption("--combinations"), combinations(), REPOSITORY)
    except ValueError as error:
        raise pytest.UsageError(f"--combinations: {error}") from error
    config.stash[CHOICE] = asked


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what `--combinations` does not ask for, and let the longest begin first."""
    choice = config.stash[CHOICE]
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        runs = choice.runs(named(item.nodeid, COMBINATIONS), marks)
        (kept if runs else dropped).append(item)
    order = groups.longest_first([item.nodeid for item in kept], COMBINATIONS)
    items[:] = [kept[place] for place in order]
    if dropped:
        config.hook.pytest_deselected(items=dropped)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the seed, so that a run can be repeated; what took how long, and what was left out."""
    write = terminalreporter.write_line
    write(f"random tests: --hypothesis-seed={config.getoption(SEED)}")
    reports = [
        report
        for kind in terminalreporter.stats.values()
        for report in kind
        if isinstance(report, pytest.TestReport)
    ]
    files, projects = groups.seconds(reports, COMBINATIONS)
    lines = groups.table("by file", files)
    lines += groups.table("by combination, of slow tests", projects)
    choice = config.stash[CHOICE]
    if projects or choice.rotation is not None:
        ran = groups.end_to_end(reports, COMBINATIONS)
        lines += groups.account(choice, ran, COMBINATIONS)
    for line in lines:
        write(line)


@pytest.fixture
def number(request: pytest.FixtureRequest) -> int:
    """The seed of this run."""
    return int(request.config.getoption(SEED))


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where this process installs one project after another; gigabytes, so nothing is kept."""
    folder = tmp_path_factory.mktemp("workshop")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def serving_images(request: pytest.FixtureRequest) -> list[str]:
    """The combinations of whose images some are built: those of a rotation, or all."""
    choice = request.config.stash[CHOICE]
    return list(COMBINATIONS if choice.rotation is None else choice.ids)


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
