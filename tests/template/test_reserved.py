"""Names that a project cannot have, in the environments that test_lint.py makes."""

import re
from importlib.metadata import distributions
from pathlib import Path

import pytest

from scaffold import Combination
from scaffold.commands.check import project_environment
from scaffold.template.questions import ROOT
from support.rendering import Render

RESERVED = set(
    re.findall(r'"([A-Za-z0-9_]+)"', (ROOT / "includes" / "validate.jinja").read_text("utf-8"))
)


@pytest.mark.every_combination
@pytest.mark.slow
def test_what_environments_bring_is_reserved(rendered: Render, combination: Combination) -> None:
    """With the name of a distribution or a module that is installed, a project does not work."""
    environment = project_environment(rendered(**combination.answers))
    brought = {"python", "python3", "activate"}
    for distribution in distributions(path=[str(next(environment.glob("lib/*/site-packages")))]):
        brought.add(re.sub("[-_.]+", "_", distribution.metadata["Name"]).lower())
        tops = {path.parts[0] for path in distribution.files or []}
        modules = {top for top in tops if not top.endswith("-info") and top != ".."}
        brought |= {module.partition(".")[0] for module in modules}
    possible = {name for name in brought if re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", name)}
    assert {"python", "scikit_learn", "sklearn", "pandas"} <= possible
    assert possible <= RESERVED


def test_modules_of_its_tests_are_reserved(template: Path) -> None:
    tests = [path for path in template.rglob("tests/*.py*") if path.name.startswith("test_")]
    assert len(tests) > 20
    assert {path.name.partition(".")[0] for path in tests} <= RESERVED
