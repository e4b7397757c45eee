"""Answers: hostile ones come back unchanged, impossible ones are refused in a sentence."""

import json
import keyword
import re
import subprocess
import sys
from email.headerregistry import Address
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml

from scaffold import ScaffoldError, combinations, render
from scaffold.project import recorded_answers
from scaffold.template.questions import ROOT, questionnaire, questions
from support.answers import HOSTILE_TEXTS, check_refusal, refused, verify
from support.rendering import Render

DEVICES = ["con", "prn", "aux", "nul", *(f"{n}{i}" for n in ("com", "lpt") for i in range(10))]
DEPLOY = ["azureml", "huggingface"]
PAIR = combinations()[0].answers


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_hostile_text_comes_back_from_every_file(tmp_path: Path, trimmed: Path, text: str) -> None:
    answers = {"project_name": text, "description": text, "author_name": text, "deploy": DEPLOY}
    assert not refused(tmp_path / "tried", answers, trimmed)
    verify(trimmed, tmp_path / "x", PAIR | answers)


# What broke a file before test_any_answers.py was there, and is accepted now.
FOUND: dict[str, dict[str, Any]] = {
    "a marker of the report in the name": {"project_name": "<!-- results:start -->"},
    "a marker of the report in the description": {"description": "<!-- results:end -->"},
    "HTML that hides the rest of the README": {"description": "<details>"},
    "a fence that makes the rest code": {"description": "```"},
    "a heading": {"description": "# Results"},
    "a list": {"description": "- a: b"},
    "a numbered list": {"description": "2024. A year"},
    "a quotation": {"description": "> said"},
    "a line across": {"description": "***"},
    "emphasis": {"project_name": "_Churn_ *radar* ~~old~~"},
    "no emphasis": {"project_name": "churn_radar"},
    "a link": {"project_name": "[Churn](radar) ![x](y)"},
    "code": {"project_name": "the `churn` radar"},
    "an entity": {"project_name": "AT&amp;T &#35;"},
    "an end of a heading": {"project_name": "Learn C #"},
    "backslashes": {"project_name": "C:\\_x\\", "description": "\\"},
    "an author of two addresses": {"author_name": "Ada <a@b.org>", "author_email": "ada@x.org"},
    "an author with a group": {"author_name": "Ada: Dr; B", "author_email": "ada@x.org"},
    "an author with a comment": {"author_name": "(", "author_email": "ada@x.org"},
    "an author in quotes": {"author_name": '"Ada"', "author_email": "ada@x.org"},
    "an author in brackets": {"author_name": "[Ada]", "author_email": "ada@x.org"},
    "an author with two spaces": {"author_name": "Ada  L", "author_email": "ada@x.org"},
    "a name that YAML takes for true": {"package_name": "yes", "deploy": DEPLOY},
    "a name that YAML takes for nothing": {"package_name": "null", "deploy": DEPLOY},
    "a name cut at a hyphen": {"package_name": "a" * 31 + "_b", "deploy": DEPLOY},
}


@pytest.mark.parametrize("answers", FOUND.values(), ids=FOUND)
def test_found_by_random_answers(tmp_path: Path, trimmed: Path, answers: dict[str, Any]) -> None:
    assert not refused(tmp_path / "tried", answers, trimmed)
    verify(trimmed, tmp_path / "x", PAIR | answers)


def test_no_escapes_where_none_are_needed(rendered: Render) -> None:
    name = "churn_radar 2.0 (A/B) & p<0.05: it's 5 % + more!"
    text = (rendered(project_name=name) / "README.md").read_text("utf-8")
    assert text.startswith(f"# {name}\n")


@pytest.mark.parametrize("said", ["vertex,sagemaker", "[sagemaker, vertex]", ' "vertex" sagemaker'])
def test_a_list_may_be_answered_on_the_command_line(
    tmp_path: Path, template: Path, said: str
) -> None:
    render(tmp_path / "project", {"deploy": said}, template=template)
    assert recorded_answers(tmp_path / "project")["deploy"] == ["vertex", "sagemaker"]


def test_a_description_with_an_example_does_not_answer_for_it(rendered: Render) -> None:
    """The workflow sends the request of the README's example, not what looks like one."""
    description = "curl -s localhost:8080/predict -d '1'"
    project = rendered(project_name="x -d '2'", description=description)
    workflow = yaml.safe_load((project / ".github/workflows/image.yml").read_text("utf-8"))
    steps = {step["name"]: step for step in workflow["jobs"]["build"]["steps"]}
    command = steps["Send the request of the README"]["run"].splitlines()[0].partition(" > ")[0]
    run = ["bash", "-c", command]
    sent = subprocess.run(run, cwd=project, capture_output=True, check=True)  # noqa: S603 - rendered
    assert json.loads(sent.stdout)["instances"]


def test_a_name_like_a_marker_is_not_in_the_summary(rendered: Render) -> None:
    project = rendered(project_name="/results:start/", description="results:end")
    workflow = yaml.safe_load((project / ".github/workflows/ci.yml").read_text("utf-8"))
    steps = {step["name"]: step for step in workflow["jobs"]["train"]["steps"]}
    command = steps["Show the results"]["run"].partition(" >> ")[0]
    run = ["bash", "-c", command]
    shown = subprocess.run(run, cwd=project, capture_output=True, check=True)  # noqa: S603 - rendered
    assert shown.stdout.startswith(b"<!-- results:start -->\n")
    assert shown.stdout.endswith(b"<!-- results:end -->\n")


def test_answers_survive_a_recopy(rendered: Render) -> None:
    """What an update starts from is not taken for Jinja."""
    answers = {"project_name": "{{ 7 * 7 }}", "description": "{% if x %} {{ y }} ${{ z }} {#"}
    project = rendered(**answers, author_name="{{ author_email }}")
    before = recorded_answers(project)
    copier.run_recopy(project, defaults=True, overwrite=True, quiet=True)
    assert recorded_answers(project) == before


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
        # These a library brings along: uv resolves nothing that depends on itself.
        ({"package_name": "scikit_learn"}, "library that projects"),
        ({"package_name": "flask"}, "library that projects"),
        ({"package_name": "python"}, "command"),
        ({"package_name": "tests"}, "too general"),
        ({"package_name": "test_api"}, "tests of the project"),
        ({"package_name": "conftest"}, "tests of the project"),
        *(({"package_name": name}, "device on Windows") for name in DEVICES),
        ({"project_name": " "}, "empty"),
        ({"project_name": "a\nb"}, "line break"),
        ({"project_name": "a\u202eb"}, "invisible"),
        ({"project_name": "x" * 81}, "81 characters"),
        ({"project_name": "\u200b\u200e \u3164"}, "empty"),
        ({"project_name": "a\ufeff"}, "invisible"),
        ({"project_name": "a "}, "begins or ends with a space"),
        ({"project_name": "\ud800"}, "invisible"),
        ({"project_name": "a\uffff", "deploy": DEPLOY}, "invisible"),
        ({"description": "a\x00b"}, "invisible"),
        # uv builds no package whose description has several lines.
        ({"description": "two\nlines"}, "line break"),
        ({"description": "a paragraph\n"}, "line break"),
        ({"description": "tab\there"}, "line break"),
        ({"description": "    code"}, "begins or ends with a space"),
        ({"description": "<!-- \0 -->"}, "line break"),
        ({"description": "x" * 501}, "501 characters"),
        ({"description": None}, "no text"),
        ({"project_name": 7}, "no text"),
        ({"deploy": ["vertex", "nowhere"]}, "nowhere"),
        ({"deploy": "nowhere"}, "nowhere"),
        ({"deploy": None}, "no list"),
        ({"deploy": [["vertex"]]}, "no list"),
        ({"author_name": "Lovelace, Ada"}, "comma"),
        ({"author_name": ""}, "empty"),
        ({"author_email": "x"}, "name@example.org"),
        ({"author_email": "x@y.org\n"}, "name@example.org"),
        ({"author_email": "a..b@x.org"}, "name@example.org"),
        ({"author_email": ".a@x.org"}, "name@example.org"),
        ({"author_email": "a" * 65 + "@x.org"}, "name@example.org"),
        ({"author_email": "a@" + "x" * 64 + ".org"}, "name@example.org"),
        ({"author_email": "a@" + "x." * 130 + "org"}, "name@example.org"),
        ({"github_user": "a--b"}, "hyphens"),
        ({"license": "WTFPL"}, "MIT"),
        ({"variant": "unknown"}, "tabular-classification"),
        ({"framework": "unknown"}, "sklearn"),
        ({"variant": "clustering", "framework": "pytorch"}, "no PyTorch model"),
        ({"variant": "nlp", "framework": "lightgbm"}, "for tables and series"),
        ({"varaint": "nlp"}, "no question"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_impossible_answers_are_refused(
    tmp_path: Path, template: Path, answer: dict[str, Any], words: str
) -> None:
    with pytest.raises(ScaffoldError, match=re.escape(words)) as refusal:
        render(tmp_path / "project", answer, template=template)
    check_refusal(str(refusal.value))
    assert not (tmp_path / "project").exists()


@pytest.mark.parametrize(
    ("folder", "package"),
    [
        ("Churn Radar", "churn_radar"),
        ("2024-sales!", "sales"),
        ("class", "class_model"),
        ("scikit-learn", "scikit_learn_model"),
        ("test", "test_model"),
        ("日本", "ml_project"),
    ],
)
def test_the_folder_suggests_a_package_name(
    tmp_path: Path, template: Path, folder: str, package: str
) -> None:
    render(tmp_path / folder, {}, template=template)
    assert (tmp_path / folder / "src" / package / "cli.py").is_file()


def test_a_project_without_a_folder_name_is_named_after_its_sample(
    tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    copier.run_copy(str(template), ".", defaults=True, quiet=True)
    recorded = recorded_answers(tmp_path)
    assert (recorded["project_name"], recorded["package_name"]) == ("loan-risk", "loan_risk")


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
