"""What the tests share: renderings that fail loudly, and folders to make them in."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_copie.plugin import Copie

from scaffold import Combination, combinations
from scaffold.render import plain_template, recorded_answers

Render = Callable[..., Path]
COMBINATIONS = {combination.id: combination for combination in combinations()}


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
