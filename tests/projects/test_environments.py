"""Environments go from project to project of a framework, and hold no more than is declared."""

import subprocess
import sys
from pathlib import Path

import pytest

from support import environments
from support.combinations import COMBINATIONS

OF_SKLEARN = [c for c in COMBINATIONS.values() if c.framework == "sklearn"][:2]
OF_PYTORCH = next(c for c in COMBINATIONS.values() if c.framework == "pytorch")


def test_an_environment_goes_to_the_next_project_of_the_framework(
    template: Path, tmp_path: Path
) -> None:
    first, second = OF_SKLEARN
    with environments.rendered_project(first, template, tmp_path) as folder:
        assert not (folder / ".venv").exists()
        for name in (".venv", ".lean"):
            (folder / name).mkdir()
            (folder / name / "mark").touch()
        (folder / "left").touch()
    assert not folder.exists()
    with environments.rendered_project(OF_PYTORCH, template, tmp_path) as other:
        assert other == folder
        assert not (other / ".venv").exists()
    with environments.rendered_project(second, template, tmp_path) as folder:
        assert (folder / ".venv/mark").is_file()
        assert (folder / ".lean/mark").is_file()
        assert not (folder / "left").exists()


def test_what_no_package_owns_is_found(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "new")]
    subprocess.run(command, check=True)  # noqa: S603 - Python
    packages = next(tmp_path.glob("new/lib/*/site-packages"))
    (packages / "owned").mkdir()
    metadata = packages / "owned-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: owned\nVersion: 1\n", "utf-8")
    lines = ("owned/__init__.py,,", "owned-1.dist-info/METADATA,,", "owned-1.dist-info/RECORD,,")
    (metadata / "RECORD").write_text("\n".join(lines) + "\n", "utf-8")
    (packages / "__pycache__").mkdir()
    assert environments.unowned_directories(tmp_path / "new") == set()
    (packages / "gone/__pycache__").mkdir(parents=True)
    assert environments.unowned_directories(tmp_path / "new") == {"gone"}


def test_an_environment_with_remains_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, calls = tmp_path / "environment", []

    def run(command: list[str], **_: object) -> None:
        calls.append(command)
        packages = environment / "lib/python3/site-packages"
        packages.mkdir(parents=True, exist_ok=True)
        if len(calls) == 1:
            (packages / "gone").mkdir()

    monkeypatch.setattr(subprocess, "run", run)
    environments.sync(tmp_path, environment, {}, "--no-editable")
    assert len(calls) == 2
    assert not [*environment.rglob("gone")]
    assert "--no-editable" in calls[0]
