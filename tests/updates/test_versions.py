"""Projects that an installed package made: their version, updates, and the way to git and back."""

import os
import shutil
import zipfile
from pathlib import Path

import pytest

from scaffold import ScaffoldError, render
from scaffold.commands import update
from scaffold.project import ANSWERS, recorded_answers
from scaffold.template.packages import INSTALLED, PACKAGE, PLACE
from scaffold.template.rendering import copy_template
from support.git import IDENTITY, git, read_tree

DIST = "ml_portfolio_scaffold"
FILE = "src/a_project/core/files.py"
SOURCE = f"{INSTALLED}/template/src/{{{{ package_name }}}}/core/files.py"
LINE = "# From the new version.\n"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of two versions; the second adds a line to core/files.py."""
    folder = tmp_path_factory.mktemp("wheels")
    content = folder / "content" / INSTALLED
    content.parent.mkdir(parents=True)
    copy_template(content)
    for version, line in (("0.1.0", ""), ("0.2.0", LINE)):
        file = folder / "content" / SOURCE
        file.write_text(file.read_text("utf-8") + line, "utf-8")
        build_wheel(folder, version)
    return folder


def build_wheel(folder: Path, version: str) -> None:
    """A wheel that holds the template alone."""
    info = f"{DIST}-{version}.dist-info"
    texts = {
        "METADATA": f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(folder / f"{DIST}-{version}-py3-none-any.whl", "w") as wheel:
        for path in sorted((folder / "content").rglob("*")):
            if path.is_file():
                wheel.write(path, path.relative_to(folder / "content").as_posix())
        for name, text in texts.items():
            wheel.writestr(f"{info}/{name}", text)


@pytest.fixture
def project(wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of version 0.1.0, which the installed package made, with an edit of its owner."""
    for name, value in {**IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    installed = tmp_path / INSTALLED
    installed.parent.mkdir()
    copy_template(installed)
    made = tmp_path / "project"
    render(made, {"project_name": "A Project"}, template=installed)
    git(made, "init", "--quiet", "--initial-branch=main")
    edit(made, "README.md", "# Mine\n")
    return made


def edit(project: Path, path: str, line: str) -> None:
    """Add a line at the top of a file, and commit all."""
    file = project / path
    file.write_text(line + file.read_text("utf-8"), "utf-8")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "Work")


def apply(project: Path, **options: str) -> None:
    """Update without conflicts."""
    planned = update.plan(project, {}, **options)
    assert planned.merge
    assert not planned.merge.conflicts
    update.apply(project, planned.merge)


def test_a_package_makes_the_same_project_as_a_clone(project: Path, tmp_path: Path) -> None:
    render(tmp_path / "cloned", {"project_name": "A Project"})
    ours, cloned = read_tree(project), read_tree(tmp_path / "cloned")
    assert {path for path in ours | cloned if ours.get(path) != cloned.get(path)} == {
        ANSWERS,
        "README.md",
    }
    answers, others = recorded_answers(project), recorded_answers(tmp_path / "cloned")
    assert (answers.pop("_commit"), answers.pop("_src_path")) == ("v0.1.0", PLACE)
    assert answers.items() <= others.items()


def test_a_newer_package_is_found_and_merged(project: Path) -> None:
    assert update.newer(project) == ("v0.1.0", "v0.2.0")
    edit(project, FILE, "# Mine\n")
    apply(project)
    text = (project / FILE).read_text("utf-8")
    assert text.startswith("# Mine\n")
    assert text.endswith(LINE)
    assert recorded_answers(project)["_commit"] == "v0.2.0"
    assert (project / ANSWERS).read_text("utf-8").startswith("# Written by Copier")
    assert update.newer(project) is None
    assert update.plan(project, {}).merge is None


def test_a_version_that_cannot_be_obtained(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read_tree(project)
    with pytest.raises(ScaffoldError, match=r"ml-portfolio-scaffold==0.3.0 cannot be obtained"):
        update.plan(project, {}, version="v0.3.0")
    monkeypatch.setenv("UV_FIND_LINKS", "/nowhere")
    with pytest.raises(ScaffoldError, match="cannot be obtained") as refused:
        update.newer(project)
    assert "\n" not in str(refused.value)
    assert read_tree(project) == before


def test_from_a_package_to_git_and_back(project: Path, wheels: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    copy_template(repository)
    git(repository, "init", "--quiet")
    for version in ("0.1.0", "0.2.0"):
        with zipfile.ZipFile(wheels / f"{DIST}-{version}-py3-none-any.whl") as wheel:
            wheel.extractall(tmp_path / version)
        shutil.copytree(tmp_path / version / INSTALLED, repository, dirs_exist_ok=True)
        git(repository, "add", "--all")
        git(repository, "commit", "--quiet", "--message", version)
        git(repository, "tag", f"v{version}")
    apply(project, template=str(repository), version="v0.1.0")
    answers = recorded_answers(project)
    assert (answers["_commit"], answers["_src_path"]) == ("v0.1.0", str(repository))
    assert update.newer(project) == ("v0.1.0", "v0.2.0")
    apply(project, template=PLACE)
    answers = recorded_answers(project)
    assert (answers["_commit"], answers["_src_path"]) == ("v0.2.0", PLACE)
    assert (project / FILE).read_text("utf-8").endswith(LINE)


def test_an_address_that_was_changed_by_hand_is_not_followed(project: Path) -> None:
    answers = project / ANSWERS
    answers.write_text(answers.read_text("utf-8").replace(PLACE, "gh:somebody/else"), "utf-8")
    git(project, "commit", "--quiet", "--all", "--message", "Fix a typing error")
    with pytest.raises(ScaffoldError, match="the project comes from pypi:ml-portfolio-scaffold"):
        update.plan(project, {})


def test_missing_linters_are_named_with_their_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    from scaffold.commands.check import check  # noqa: PLC0415 - beside its only use

    with pytest.raises(ScaffoldError, match=r"hadolint.*ml-portfolio-scaffold\[check\]"):
        check()
