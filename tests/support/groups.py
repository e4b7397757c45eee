"""How tests are divided among processes, in which order, and how long each group took."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from scaffold import Combination
from support.rotation import Choice, combination_of

# Names of files in which tests of the same combination share a project, and so run in one process.
BY_COMBINATION = {"test_projects.py", "test_workflows.py", "test_monitoring.py", "test_own.py"}
# In these, tests share an environment: two processes must not make the same one at once.
BY_FRAMEWORK = {"test_lint.py", "test_reserved.py"}
# In these, each test takes minutes, and tests share nothing.
BY_TEST = {"test_histories.py"}
# The longest begin first, so that no process is still busy with one when all others are done.
LONGEST_FIRST = [
    "test_histories.py",
    "test_any_answers.py",
    "test_monitoring.py",
    "test_workflows.py",
    "test_projects.py",
    "test_own.py",
    "test_lint.py",
    "test_reserved.py",
]


def scope(nodeid: str, combinations: dict[str, Combination]) -> str:
    """The name of a test's group; one process runs a whole group."""
    file = nodeid.partition("::")[0]
    name = Path(file).name
    combination = combination_of(nodeid, combinations)
    if name in BY_TEST:
        return nodeid
    if name in BY_COMBINATION:
        return f"{file} {combination}"
    if name in BY_FRAMEWORK:
        # A test without a combination uses the first one.
        chosen = combinations[combination or next(iter(combinations))]
        return f"environments of {chosen.framework}"
    return file


def longest_first(nodeids: Sequence[str], combinations: dict[str, Combination]) -> list[int]:
    """The indices of the tests in the order in which they are to run, group by group.

    After the files of LONGEST_FIRST come the groups with the most tests.
    """
    scopes = [scope(nodeid, combinations) for nodeid in nodeids]
    sizes = Counter(scopes)
    first = {name: index for index, name in reversed(list(enumerate(scopes)))}

    def key(index: int) -> tuple[int, int, int]:
        group = scopes[index]
        begin = first[group]
        file = Path(nodeids[begin].partition("::")[0]).name
        rank = LONGEST_FIRST.index(file) if file in LONGEST_FIRST else len(LONGEST_FIRST)
        return rank, -sizes[group], begin

    return sorted(range(len(nodeids)), key=key)


def durations(
    reports: Iterable[pytest.TestReport], ids: Iterable[str]
) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of the tests of each file, and of the slow tests of each combination."""
    files: dict[str, float] = defaultdict(float)
    projects: dict[str, float] = defaultdict(float)
    ids = list(ids)
    for report in reports:
        files[Path(report.nodeid.partition("::")[0]).name] += report.duration
        combination = combination_of(report.nodeid, ids)
        if combination and "slow" in report.keywords:
            projects[combination] += report.duration
    return files, projects


def table(title: str, times: dict[str, float]) -> list[str]:
    """Lines with the longest first; all that took less than a second share one line."""
    if not times:
        return []
    ordered = sorted(times.items(), key=lambda item: -item[1])
    long = {name: taken for name, taken in ordered if taken >= 1}
    lines = [f"{taken:8.0f} s  {name}" for name, taken in long.items()]
    if len(times) > len(long):
        less = sum(times.values()) - sum(long.values())
        lines.append(f"{less:8.0f} s  {len(times) - len(long)} others")
    return [f"{title} ({sum(times.values()):.0f} s in all):", *lines]


def end_to_end(reports: Iterable[pytest.TestReport], ids: Iterable[str]) -> set[str]:
    """The combinations of which a slow test ran that runs for some combinations only."""
    ids = list(ids)
    return {
        combination_of(report.nodeid, ids)
        for report in reports
        if report.when == "call"
        and not report.skipped
        and "slow" in report.keywords
        and not {"once", "every_combination"} & set(report.keywords)
    } - {""}


def run_summary(choice: Choice, ran: set[str], combinations: dict[str, Combination]) -> list[str]:
    """Lines that name the combinations that ran end to end, and those left to other runs."""
    lines = []
    if choice.rotation is not None:
        lines.append(f"rotation {choice.rotation} chose: {', '.join(choice.ids)}")
    left = [name for name in combinations if name not in ran]
    lines.append(f"end to end: {', '.join(n for n in combinations if n in ran) or 'none'}")
    lines.append(f"left out: {', '.join(left) or 'none'}")
    return lines
