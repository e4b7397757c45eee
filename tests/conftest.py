"""Fixtures that several test modules use: renderings that fail loudly, and folders for them."""

import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pytest_copie.plugin import Copie

from scaffold import Combination, render
from scaffold.project import recorded_answers
from scaffold.template.rendering import plain_template
from support.combinations import COMBINATIONS
from support.plugin import CHOICE, SEED
from support.rendering import Made, Render, trimmed_template
from support.wheels import build_wheels

pytest_plugins = ["support.plugin"]


@pytest.fixture
def number(request: pytest.FixtureRequest) -> int:
    """The seed of this run."""
    return int(request.config.getoption(SEED))


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where this process installs one project after another; gigabytes, so it is removed."""
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
def trimmed() -> Iterator[Path]:
    """The template of the files that hold answers."""
    with trimmed_template() as path:
        yield path


@pytest.fixture(scope="session")
def built_wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of this repository and of a next version."""
    folder = tmp_path_factory.mktemp("built-wheels")
    build_wheels(folder)
    return folder


@pytest.fixture(scope="session")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The project of a combination, rendered once, to be read only; its package is churn_radar."""

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

    pytest-copie ignores unknown answers and turns an exception into an exit code; here both fail
    the test.
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
