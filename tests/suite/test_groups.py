"""Tests are grouped by what they share, the longest begin first, and their times are added up."""

from typing import Any, Literal

import pytest

from support.combinations import COMBINATIONS
from support.groups import durations, end_to_end, longest_first, run_summary, scope, table
from support.rotation import Choice

FIRST, SECOND, *_ = COMBINATIONS
HISTORIES = "tests/updates/test_histories.py"
LINT = "tests/template/test_lint.py"
PROJECTS = "tests/projects/test_projects.py"
RENDER = "tests/template/test_render.py"
TORCH = next(name for name in reversed(COMBINATIONS) if name.endswith("-pytorch"))


def report(nodeid: str, duration: float, *marks: str, **more: Any) -> pytest.TestReport:
    outcome: Literal["passed", "failed", "skipped"] = more.get("outcome", "passed")
    return pytest.TestReport(
        nodeid=nodeid,
        location=("", 0, ""),
        keywords=dict.fromkeys(marks, 1),
        outcome=outcome,
        longrepr=None,
        when=more.get("when", "call"),
        duration=duration,
    )


def test_a_group_is_what_shares_something() -> None:
    for nodeid, group in {
        f"{RENDER}::test_a": RENDER,
        f"{RENDER}::test_b[{FIRST}]": RENDER,
        f"{PROJECTS}::test_a[{FIRST}]": f"{PROJECTS} {FIRST}",
        "tests/projects/test_workflows.py::test_a": "tests/projects/test_workflows.py ",
        f"{HISTORIES}::test_a[x]": f"{HISTORIES}::test_a[x]",
        f"{LINT}::test_a[{TORCH}]": "environments of pytorch",
        f"tests/template/test_reserved.py::test_b[{TORCH}]": "environments of pytorch",
        # The defects are put into the first combination.
        f"{LINT}::test_a[mypy]": f"environments of {COMBINATIONS[FIRST].framework}",
    }.items():
        assert scope(nodeid, COMBINATIONS) == group


def test_long_groups_begin_first_and_stay_together() -> None:
    nodeids = [
        "tests/tool/test_cli.py::test_a",
        f"{PROJECTS}::test_a[{FIRST}]",
        f"{PROJECTS}::test_a[{SECOND}]",
        f"{RENDER}::test_a",
        f"{PROJECTS}::test_b[{FIRST}]",
        f"{HISTORIES}::test_a[x]",
        f"{RENDER}::test_b",
        f"{PROJECTS}::test_b[{SECOND}]",
        f"{HISTORIES}::test_a[y]",
    ]
    order = longest_first(nodeids, COMBINATIONS)
    assert order == [5, 8, 1, 4, 2, 7, 3, 6, 0]


REPORTS = [
    report(f"{PROJECTS}::test_a[{FIRST}]", 30, "slow", when="setup"),
    report(f"{PROJECTS}::test_a[{FIRST}]", 5, "slow"),
    report(f"{PROJECTS}::test_once[{SECOND}]", 7, "slow", "once"),
    report(f"{LINT}::test_a[{TORCH}]", 3, "slow", "every_combination"),
    report(f"{PROJECTS}::test_a[{TORCH}]", 0, "slow", outcome="skipped"),
    report(f"{RENDER}::test_a[{FIRST}]", 0.5),
]


def test_times_are_added_up_by_file_and_combination() -> None:
    files, projects = durations(REPORTS, COMBINATIONS)
    assert files == {"test_projects.py": 42, "test_lint.py": 3, "test_render.py": 0.5}
    assert {name: taken for name, taken in projects.items() if taken} == {
        FIRST: 35,
        SECOND: 7,
        TORCH: 3,
    }
    assert table("by file", files) == [
        "by file (46 s in all):",
        "      42 s  test_projects.py",
        "       3 s  test_lint.py",
        "       0 s  1 others",
    ]
    assert table("by file", {}) == []


def test_what_ran_is_told_from_what_was_left_out() -> None:
    ran = end_to_end(REPORTS, COMBINATIONS)
    assert ran == {FIRST}
    lines = run_summary(Choice((FIRST, SECOND), rest=True, rotation=4), ran, COMBINATIONS)
    assert lines[0] == f"rotation 4 chose: {FIRST}, {SECOND}"
    assert lines[1] == f"end to end: {FIRST}"
    # What was chosen and did not run is left out, too.
    assert lines[2].startswith(f"left out: {SECOND}, ")
    assert lines[2].count(",") == len(COMBINATIONS) - 2
    assert (
        run_summary(Choice((), rest=True), set(COMBINATIONS), COMBINATIONS)[1] == "left out: none"
    )
