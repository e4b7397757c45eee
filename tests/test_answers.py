"""Answers: hostile ones come back unchanged, impossible ones are refused in a sentence."""

import json
import keyword
import re
import sys
import tomllib
from email.headerregistry import Address
from pathlib import Path

import pytest
import yaml
from conftest import Render

from scaffold import ScaffoldError, render
from scaffold.matrix import ROOT, questionnaire
from scaffold.render import questions, recorded_answers

HOSTILE = [
    'He said "hi" \\ back',
    "it's 100 % `rm -rf` $(true) ${HOME}",
    "emoji \U0001f600 and umlaut ö and 日本語",
    "{{ 7 * 7 }} {% raw %} {# no #} ${{ github.token }}",
    "yes",
    "null",
    "1e3",
    "- a: b # c",
    "[table]",
    "key = 'value'",
    "'''",
    '"""',
    "&anchor *alias !tag |",
    "trailing\\",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_back_from_every_file(rendered: Render, text: str) -> None:
    project = rendered(project_name=text, description=text, author_name=text)
    check_carriers(project, text, text)


@pytest.mark.parametrize("text", ["two\nlines", "three\n\nparagraphs\n", "tab\there"])
def test_a_description_may_have_lines(rendered: Render, text: str) -> None:
    check_carriers(rendered(description=text, project_name="x", author_name="x"), "x", text)


def check_carriers(project: Path, name: str, description: str) -> None:
    metadata = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    assert metadata["description"] == description
    assert metadata["authors"][0]["name"] == name
    recorded = recorded_answers(project)
    assert (recorded["description"], recorded["project_name"]) == (description, name)
    readme = (project / "README.md").read_text("utf-8")
    assert readme.startswith(f"# {name}\n")
    assert description in readme
    assert name in (project / "LICENSE").read_text("utf-8")
    card = (project / "MODEL_CARD.md").read_text("utf-8")
    assert description in card
    yaml.safe_load(card.split("---\n")[1])
    for path in [*project.glob(".github/**/*.yml"), *project.glob("*.yaml")]:
        yaml.safe_load(path.read_text("utf-8"))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"package_name": "class"}, "word of the Python language"),
        ({"package_name": "1x"}, "small letter"),
        ({"package_name": "../x"}, "small letter"),
        ({"package_name": "abc\n"}, "small letter"),
        ({"package_name": "größe"}, "small letter"),
        ({"package_name": "a__b"}, "small letter"),
        ({"package_name": "a_"}, "small letter"),
        ({"package_name": "Abc"}, "small letter"),
        ({"package_name": ""}, "small letter"),
        ({"package_name": "a" * 61}, "61 characters"),
        ({"package_name": "json"}, "standard library"),
        ({"package_name": "numpy"}, "library that projects"),
        ({"package_name": "tests"}, "too general"),
        ({"project_name": " "}, "empty"),
        ({"project_name": "a\nb"}, "line break"),
        ({"project_name": "a\u202eb"}, "invisible"),
        ({"project_name": "x" * 81}, "81 characters"),
        ({"description": "<!-- results:end -->"}, "HTML comment"),
        ({"description": "a\x00b"}, "invisible"),
        ({"author_name": ""}, "empty"),
        ({"author_email": "x"}, "name@example.org"),
        ({"author_email": "x@y.org\n"}, "name@example.org"),
        ({"github_user": "a--b"}, "hyphens"),
        ({"license": "WTFPL"}, "MIT"),
        ({"variant": "unknown"}, "tabular-classification"),
        ({"framework": "unknown"}, "sklearn"),
        ({"variant": "clustering", "framework": "pytorch"}, "no PyTorch model"),
        ({"varaint": "nlp"}, "no question"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_impossible_answers_are_refused(
    tmp_path: Path, template: Path, answer: dict[str, str], words: str
) -> None:
    with pytest.raises(ScaffoldError, match=re.escape(words)) as refusal:
        render(tmp_path / "project", answer, template=template)
    assert "\n" not in str(refusal.value).strip()
    assert not (tmp_path / "project").exists()


@pytest.mark.parametrize(
    ("folder", "package"),
    [
        ("Churn Radar", "churn_radar"),
        ("2024-sales!", "sales"),
        ("class", "class_model"),
        ("test", "test_model"),
        ("日本", "ml_project"),
    ],
)
def test_the_folder_suggests_a_package_name(
    tmp_path: Path, template: Path, folder: str, package: str
) -> None:
    render(tmp_path / folder, {}, template=template)
    assert (tmp_path / folder / "src" / package / "cli.py").is_file()


def test_the_authors_settings_are_suggested(
    tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = Address("Ada Lovelace", "ada", "example.org")
    settings = tmp_path / "settings.yml"
    user = {
        "user_name": address.display_name,
        "user_email": address.addr_spec,
        "github_user": "ada",
    }
    settings.write_text(json.dumps({"defaults": user}))
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(settings))
    render(tmp_path / "project", {}, template=template)
    recorded = recorded_answers(tmp_path / "project")
    assert [recorded[name] for name in ("author_name", "author_email", "github_user")] == [
        *user.values()
    ]


def test_at_most_ten_questions_each_with_help() -> None:
    assert len(questions()) <= 10
    for name in questions():
        details = questionnaire()[name]
        assert details["help"], name
        assert "default" in details, name
        assert "choices" in details or (details["validator"] and name), name


def test_reserved_names_are_complete() -> None:
    text = (ROOT / "includes" / "validate.jinja").read_text("utf-8")
    names = set(re.findall(r'"([A-Za-z0-9_]+)"', text))
    standard = {name for name in sys.stdlib_module_names if re.fullmatch("[a-z][a-z0-9_]*", name)}
    assert standard <= names
    assert {word.lower() for word in keyword.kwlist} <= names


def test_every_dependency_is_a_reserved_name() -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "template").rglob("*.py")]
    imported = {
        name
        for text in texts
        for name in re.findall(r"^ *(?:from|import) (\w+)", text, re.MULTILINE)
    }
    names = set(re.findall(r'"([A-Za-z0-9_]+)"', (ROOT / "includes/validate.jinja").read_text()))
    assert "pandas" in imported
    assert {name.lower() for name in imported if not name.startswith("_")} <= names


@pytest.mark.parametrize("license_", list(questionnaire()["license"]["choices"].values()))
def test_every_licence_has_its_text(rendered: Render, license_: str) -> None:
    project = rendered(license=license_, author_name="Ada")
    text = (project / "LICENSE").read_text("utf-8")
    words = {"MIT": "MIT License", "Apache-2.0": "Apache License", "BSD-3-Clause": "BSD 3-Clause"}
    words |= {
        "GPL-3.0-or-later": "GNU GENERAL PUBLIC LICENSE",
        "proprietary": "All rights reserved",
    }
    assert words[license_] in text
