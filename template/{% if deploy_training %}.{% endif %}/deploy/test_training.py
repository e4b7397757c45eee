"""Tests of training in a container."""

from pathlib import Path

from .training import find_rows


def test_find_rows_returns_only_file(tmp_path: Path) -> None:
    assert find_rows(tmp_path) == tmp_path
    (tmp_path / "rows.csv").touch()
    assert find_rows(tmp_path) == tmp_path / "rows.csv"
