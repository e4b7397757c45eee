"""Pytest hooks: which tests run, in which order and process, and the summary after them."""

import random
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped] # has no types

from scaffold import combinations
from support import groups
from support.combinations import COMBINATIONS
from support.paths import REPOSITORY
from support.rendering import make_copier_faster
from support.rotation import Choice, choose, combination_of

SEED = "hypothesis_seed"
CHOICE = pytest.StashKey[Choice]()


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc] # has no types
    """Runs each group of tests in one process; see groups.py."""

    def _split_scope(self, nodeid: str) -> str:
        return groups.scope(nodeid, COMBINATIONS)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling:
    """Replace --dist=loadfile, by which one process would have all projects."""
    # Groups come in the order of the collection, in place of those with the most tests first: a
    # group of one test may take the longest.
    config.option.loadscopereorder = False
    return GroupScheduling(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--combinations` to pytest's own options."""
    parser.addoption(
        "--combinations",
        default="all",
        help="whose slow tests run: all (default), rotate (a part that changes with the number of "
        "commits or SCAFFOLD_ROTATION), or ids and `rest` with commas between them",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Set one seed for all random tests and processes, from --hypothesis-seed or at random."""
    if config.getoption(SEED) is None:
        setattr(config.option, SEED, str(random.SystemRandom().randrange(2**32)))
    try:
        choice = choose(config.getoption("--combinations"), combinations(), REPOSITORY)
    except ValueError as error:
        raise pytest.UsageError(f"--combinations: {error}") from error
    config.stash[CHOICE] = choice
    make_copier_faster()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests that `--combinations` excludes, and put the longest first."""
    choice = config.stash[CHOICE]
    selected: list[pytest.Item] = []
    deselected: list[pytest.Item] = []
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        runs = choice.runs(combination_of(item.nodeid, COMBINATIONS), marks)
        (selected if runs else deselected).append(item)
    order = groups.longest_first([item.nodeid for item in selected], COMBINATIONS)
    items[:] = [selected[index] for index in order]
    if deselected:
        config.hook.pytest_deselected(items=deselected)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the seed, so that a run can be repeated; durations; and what was left out."""
    write = terminalreporter.write_line
    write(f"random tests: --hypothesis-seed={config.getoption(SEED)}")
    reports = [
        report
        for kind in terminalreporter.stats.values()
        for report in kind
        if isinstance(report, pytest.TestReport)
    ]
    files, projects = groups.durations(reports, COMBINATIONS)
    lines = groups.table("by file", files)
    lines += groups.table("by combination, of slow tests", projects)
    choice = config.stash[CHOICE]
    if projects or choice.rotation is not None:
        ran = groups.end_to_end(reports, COMBINATIONS)
        lines += groups.run_summary(choice, ran, COMBINATIONS)
    for line in lines:
        write(line)
