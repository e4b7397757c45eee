"""Tests of features.py and texts.py."""

from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from {{ package_name }} import data
from {{ package_name }}.features import (
    Instance,
    build_features,
    monitored_columns,
)
from {{ package_name }}.texts import MAX_CHARACTERS, read_text, split_words


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no word"),
        (" \n\t\u3000", "no word"),
        ("<br /><br />", "no word"),
        ("a" * 1_000_000, "at most 20000 characters"),
        ("\ufdfa" * 20_000, "normal form NFKC"),
        ("\ud83d", "unicode"),
        (None, "valid string"),
    ],
    ids=["empty", "blank", "markup", "too long", "expanding", "surrogate", "missing"],
)
def test_instance_refuses_text(text: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Instance(text=text)


def test_split_words_normalizes_case_markup_and_signs() -> None:
    expected = ["don't", "buy", "strasse", "\u00e9", "!"]
    assert split_words("DON\u2019T<br />BUY&nbsp;STRASSE E\u0301!") == expected


def test_build_features_separates_words_by_single_spaces() -> None:
    features = build_features([{"text": "Not  good,\n😡"}])
    assert features["text"].tolist() == [["not good , 😡"]]


def test_build_features_accepts_edge_cases() -> None:
    features = build_features(data.EDGE_CASES)
    assert all(len(values) == len(data.EDGE_CASES) for values in features.values())


def test_monitored_columns_describes_writing() -> None:
    columns = monitored_columns([{"text": "BAD é"}])
    assert columns == {"n_words": [2], "capitals": [0.6], "not_ascii": [pytest.approx(0.2)]}


def test_read_text_limits_length(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("a" * 1_000_000, encoding="utf-8")
    assert len(read_text(path)) == MAX_CHARACTERS + 1
