"""A rotation has every variant and framework, and soon every combination; the choice is kept."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from scaffold import Combination, combinations
from support.combinations import COMBINATIONS, ONE_PER_VARIANT
from support.git import git
from support.paths import REPOSITORY
from support.rotation import (
    VARIABLE,
    Choice,
    choose,
    combination_of,
    frameworks,
    rotation_number,
    select,
    turns,
)

IDS = list(COMBINATIONS)
# A matrix as it may become: twice as large, with frameworks that few variants have.
OFFERED = {
    "sklearn": "abcdefghi",
    "pytorch": "abcdefgh",
    "lightgbm": "abei",
    "keras": "cdef",
    "spark": "af",
}
LARGE = [
    Combination(variant, framework)
    for variant in "abcdefghi"
    for framework, variants in OFFERED.items()
    if variant in variants
]
# One variant with several frameworks, and frameworks that no other variant has.
ODD = [Combination("a", "x"), *(Combination("b", name) for name in "xyz"), Combination("c", "x")]
MATRICES = {"today": combinations(), "large": LARGE, "odd": ODD, "one": LARGE[:1]}


def chosen(matrix: Iterable[Combination], rotation: int) -> list[Combination]:
    matrix = list(matrix)
    ids = select(matrix, rotation)
    assert len(set(ids)) == len(ids)
    return [combination for combination in matrix if combination.id in ids]


@pytest.mark.parametrize("name", MATRICES)
def test_a_rotation_has_every_variant_and_framework(name: str) -> None:
    matrix = list(MATRICES[name])
    for rotation in range(120):
        found = chosen(matrix, rotation)
        assert {item.variant for item in found} == {item.variant for item in matrix}
        assert {item.framework for item in found} == {item.framework for item in matrix}


@pytest.mark.parametrize("name", MATRICES)
def test_every_combination_has_its_turn_within_a_few_rotations(name: str) -> None:
    matrix = list(MATRICES[name])
    assert turns(matrix) == max(map(len, frameworks(matrix).values()))
    for begin in range(120):
        seen = {item for turn in range(turns(matrix)) for item in chosen(matrix, begin + turn)}
        assert seen == set(matrix)


def test_a_rotation_is_little_more_than_one_of_each_variant() -> None:
    assert len(LARGE) == 27
    sizes = [len(select(LARGE, rotation)) for rotation in range(60)]
    assert max(sizes) <= 11
    assert sum(sizes) / len(sizes) < 10.5
    today = {len(select(combinations(), rotation)) for rotation in range(60)}
    assert today == {len(frameworks(combinations()))}


def test_the_choice_is_that_of_the_number() -> None:
    assert select(LARGE, 7) == select(LARGE, 7)
    assert len({tuple(select(LARGE, rotation)) for rotation in range(5)}) == 5
    places = [[item.id for item in LARGE].index(name) for name in select(LARGE, 3)]
    assert places == sorted(places)


def test_some_project_has_its_workflows_run_in_every_rotation() -> None:
    """test_workflows.py has one combination of each variant, and not the others."""
    had = {combination.id for combination in ONE_PER_VARIANT.values()}
    several = [set(select(combinations(), rotation)) & had for rotation in range(60)]
    assert all(several)
    assert set.union(*several) == had


def test_the_number_is_that_of_the_commits_unless_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(ValueError, match=VARIABLE):
        rotation_number(tmp_path)
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "--quiet")
    for count in (1, 2):
        git(repository, "commit", "--quiet", "--allow-empty", "--message", "x")
        assert rotation_number(repository) == count
    # With part of the history the number would be the same after every commit.
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{repository}", "shallow")
    with pytest.raises(ValueError, match=VARIABLE):
        rotation_number(tmp_path / "shallow")
    monkeypatch.setenv(VARIABLE, "41")
    assert rotation_number(tmp_path / "shallow") == 41
    assert rotation_number(repository) == 41


def test_the_combination_of_a_test_is_that_of_its_parameters() -> None:
    for nodeid, name in {
        "tests/test_a.py::test[nlp-sklearn]": "nlp-sklearn",
        "tests/test_a.py::test[x-nlp-sklearn-y-z]": "nlp-sklearn",
        "tests/test_a.py::test[my_nlp-sklearn]": "",
        "tests/test_a.py::test[nlp]": "",
        "tests/test_nlp-sklearn.py::test": "",
        "tests/test_a.py::test[b-nlp-sklearn]": "b-nlp-sklearn",
    }.items():
        assert combination_of(nodeid, ["nlp-sklearn", "b-nlp-sklearn", "nlp-pytorch"]) == name


def test_what_a_choice_runs() -> None:
    first, second = IDS[:2]
    everything = choose("all", combinations(), REPOSITORY)
    one = choose(first, combinations(), REPOSITORY)
    rest = choose("rest", combinations(), REPOSITORY)
    rotating = Choice((first,), rest=True, rotation=3)
    asked: dict[tuple[str, str], tuple[bool, ...]] = {
        # combination, marks: whether all, one, rest, and the rotation run it
        ("", ""): (True, False, True, True),
        ("", "slow"): (True, False, True, True),
        (second, ""): (True, False, True, True),
        (first, "slow"): (True, True, False, True),
        (second, "slow"): (True, False, False, False),
        (second, "slow once"): (True, False, False, True),
        (second, "slow every_combination"): (True, False, False, True),
    }
    for (combination, marks), runs in asked.items():
        choices = (everything, one, rest, rotating)
        assert tuple(item.runs(combination, set(marks.split())) for item in choices) == runs
    assert choose(f"{second},rest,{first}", combinations(), REPOSITORY).ids == (first, second)


def test_shards_leave_nothing_out_and_do_nothing_twice() -> None:
    """Those of .ci/full: a combination each, and the rest."""
    shards = [choose(name, combinations(), REPOSITORY) for name in ("rest", *IDS)]
    for combination in ("", *IDS):
        for marks in ({"slow"}, {"slow", "once"}, {"slow", "every_combination"}, set[str]()):
            assert sum(shard.runs(combination, marks) for shard in shards) == 1


@pytest.mark.parametrize("text", ["", "nonsense", "rotate,rest", "nlp-sklearn,"])
def test_an_unknown_choice_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="There is no combination"):
        choose(text, combinations(), REPOSITORY)


def test_pytest_collects_what_is_chosen() -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n0", "-m", "slow"]
    files = ["projects/test_projects.py", "template/test_lint.py", "projects/test_workflows.py"]
    result = subprocess.run(  # noqa: S603 - pytest
        [*command, "-o", "addopts=", "--combinations=rotate", *(f"tests/{file}" for file in files)],
        cwd=REPOSITORY,
        env={**os.environ, VARIABLE: "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    lines = [line for line in result.stdout.splitlines() if "::" in line]
    chosen = set(select(combinations(), 1))
    own = [line for line in lines if "::test_its_own_tests_pass[" in line]
    assert {combination_of(line, IDS) for line in own} == chosen
    linted = [line for line in lines if "::test_a_fresh_project_has_no_findings[" in line]
    # The first one is linted by the fast tests.
    assert {combination_of(line, IDS) for line in linted} == set(IDS[1:])
    once = [line for line in lines if "::test_rows_come_from_a_bucket" in line]
    assert [combination_of(line, IDS) for line in once] == IDS[:1]
    hubs = [line for line in lines if "::test_retraining_proposes" in line]
    assert {combination_of(line, IDS) for line in hubs} == chosen & {
        c.id for c in ONE_PER_VARIANT.values()
    }
    assert f"rotation 1 chose: {', '.join(select(combinations(), 1))}" in result.stdout
