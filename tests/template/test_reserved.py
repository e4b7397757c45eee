"""What environments bring is no name of a project; in the environments that test_lint.py makes."""

import re
from importlib.metadata import distributions

import pytest

from scaffold import Combination
from scaffold.commands.check import project_environment
from scaffold.template.questions import ROOT
from support.rendering import Render


@pytest.mark.every_combination
@pytest.mark.slow
def test_what_environments_bring_is_reserved(rendered: Render, combination: Combination) -> None:
    """A project cannot bear the name of a dependency, nor hide a module or command of one."""
    environment = project_environment(rendered(**combination.answers))
    brought = {path.name.replace("-", "_") for path in (environment / "bin").iterdir()}
    for distribution in distributions(path=[str(next(environment.glob("lib/*/site-packages")))]):
        brought.add(re.sub("[-_.]+", "_", distribution.metadata["Name"]).lower())
        tops = {path.parts[0] for path in distribution.files or []}
        brought |= {top.partition(".")[0] for top in tops if not top.endswith("-info")}
    possible = {name for name in brought if re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", name)}
    assert {"python", "scikit_learn", "pandas"} <= possible
    text = (ROOT / "includes" / "validate.jinja").read_text("utf-8")
    assert possible <= set(re.findall(r'"([A-Za-z0-9_]+)"', text))
