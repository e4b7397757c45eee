"""Answers for the questionnaire, and the check of what they must lead to.

A rendering gives accepted answers back from every file; one sentence refuses all others.
"""

import ast
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import getaddresses
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from packaging.utils import canonicalize_name
from validate_pyproject.api import Validator

from scaffold import ScaffoldError, render
from scaffold.template.questions import choices, questions
from support.combinations import SUPPORTED
from support.paths import REPOSITORY

Answers = dict[str, Any]
# Texts that break some format of a rendered file unless they are escaped.
HOSTILE_TEXTS = [
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

# Question -> the length of the longest answer.
LONGEST = {"project_name": 80, "description": 500, "author_name": 120}

# Answers that must be accepted.
PACKAGES = ["churn_radar", "loan_risk2", "a", "a1_b2_c3", "null_x", "a_" * 15 + "ab_cd", "x" * 40]
# YAML takes these for something else.
PACKAGES += ["on", "off", "yes", "no", "y", "n", "null", "e1"]
MAILS = ["", "ada@example.org", "a.b+c@x.y.org", "o'neil@x-y.org", "{{x}}@y.org", "1@2.3"]
# What follows the description in README.md and MODEL_CARD.md.
ABOUT = "\n<!-- about: "
ACCOUNTS = ["", "ada", "Ada-Love", "a" * 39]


def must_be_accepted(answers: Answers) -> bool:
    """Whether answers are valid beyond doubt, decided without the template's own validators."""
    texts = {name: answers[name] for name in LONGEST if name in answers}
    return (
        (answers["variant"], answers["framework"]) in SUPPORTED
        and all(
            re.fullmatch(r"[!-~]([ -~]*[!-~])?", text) and len(text) <= LONGEST[name]
            for name, text in texts.items()
        )
        and "," not in texts.get("author_name", "")
        and answers.get("package_name", "on") in PACKAGES
        and answers.get("author_email", "") in MAILS
        and answers.get("github_user", "") in ACCOUNTS
    )


@dataclass
class Tally:
    """How many sets were accepted and refused: a test must not pass because all were refused."""

    accepted: int = 0
    refused: int = 0


def verify(template: Path, folder: Path, answers: Answers, tally: Tally | None = None) -> None:
    """Check that accepted answers come back from every file, and refused ones leave no file."""
    tally = tally or Tally()
    # Files of an earlier example must not fail this one.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    project = folder / "project"
    refusal = refused(project, answers, template)
    if refusal:
        tally.refused += 1
        assert not must_be_accepted(answers), refusal
        check_refusal(refusal)
        assert not any(folder.iterdir()), "something is left of a refused project"
        return
    try:
        tally.accepted += 1
        assert (answers["variant"], answers["framework"]) in SUPPORTED
        recorded = check_recorded(project, answers)
        check_files(project)
        check_metadata(project, recorded)
        check_documents(project, recorded)
    finally:
        shutil.rmtree(project)


def refused(project: Path, answers: Answers, template: Path) -> str:
    """Render, and return why the answers are refused; empty if the project is made."""
    try:
        render(project, answers, template=template)
    except ScaffoldError as error:
        return str(error)
    return ""


def check_refusal(message: str) -> None:
    """Check that it is one sentence that any terminal can print, and that it names a question."""
    assert message.isprintable(), ascii(message)
    assert message.endswith(".")
    assert any(name in message for name in questions()), message
    assert not re.search(r"[.] ?[A-Z]", message), f"more than one sentence: {message}"
    assert len(message) < 400


def check_recorded(project: Path, answers: Answers) -> Answers:
    """Check the answers file, from which an update starts, and return its content."""
    recorded: Answers = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
    for name, answer in answers.items():
        expected = answer
        if name == "deploy":
            expected = [choice for choice in choices("deploy") if choice in answer]
        assert recorded[name] == expected, name
    assert set(recorded) == {"_src_path", *questions()}
    return recorded


def check_files(project: Path) -> None:
    """Check that every file can be read in its format, by another program than wrote it."""
    for path in project.rglob("*"):
        if path.is_file():
            readers = {path.name: READERS.get(path.name), path.suffix: READERS.get(path.suffix)}
            found = [reader for reader in readers.values() if reader]
            assert found, f"nothing reads {path.name}"
            found[0](path.read_bytes().decode("utf-8"))


@cache
def read_yaml(text: str) -> None:
    """Parse YAML, and the scripts of a workflow."""
    content = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - safe both
    for job in content.get("jobs", {}).values():
        for step in job["steps"]:
            if "run" in step:
                read_shell(step["run"])
    # Azure requires names that are strings, also where YAML could read another type.
    for name in (content.get(key, "") for key in ("name", "endpoint_name")):
        assert isinstance(name, str)
        assert not name.endswith("-")


@cache
def read_shell(text: str) -> None:
    """Parse a script for bash."""
    command = ["bash", "-n"]
    subprocess.run(command, input=text, text=True, check=True, capture_output=True)  # noqa: S603


@cache
def read_python(text: str) -> None:
    """Parse Python."""
    compile(text, "file.py", "exec")


@cache
def read_notebook(text: str) -> None:
    """Parse a notebook and the code of its cells."""
    notebook = json.loads(text)
    assert notebook["nbformat"] == 4
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            read_python("".join(cell["source"]))


@cache
def read_dockerfile(text: str) -> None:
    """Check that each line of a Dockerfile begins with an instruction."""
    words = "ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|RUN|USER|WORKDIR"
    for line in text.replace("\\\n", "").splitlines():
        assert re.match(rf"$|#|({words}) ", line), line


def read_text(text: str) -> None:
    """Check the line endings of a text."""
    assert text.endswith("\n")
    assert "\r" not in text


def read_toml(text: str) -> None:
    """Parse TOML."""
    tomllib.loads(text)


READERS: dict[str, Callable[[str], None]] = {
    ".toml": read_toml,
    ".yml": read_yaml,
    ".yaml": read_yaml,
    ".py": read_python,
    ".ipynb": read_notebook,
    "Dockerfile": read_dockerfile,
    "LICENSE": read_text,
    ".dockerignore": read_text,
    ".editorconfig": read_text,
    ".gitignore": read_text,
    ".md": read_text,
}


def check_metadata(project: Path, recorded: Answers) -> None:
    """Check that pyproject.toml is valid and holds the answers."""
    content = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    metadata = content["project"]
    assert Validator(plugins=[])(json.loads(json.dumps(content)))
    assert metadata["name"] == recorded["package_name"].replace("_", "-")
    assert metadata["name"] == canonicalize_name(metadata["name"], validate=True)
    assert metadata["description"] == recorded["description"]
    assert len(metadata["description"].splitlines()) <= 1, "uv builds no package of such a one"
    authors = metadata["authors"]
    assert [entry["name"] for entry in authors if "name" in entry] == [recorded["author_name"]]
    mails = [entry["email"] for entry in authors if "email" in entry]
    assert mails == [recorded["author_email"]] * bool(recorded["author_email"])
    check_authors(authors)
    owned = recorded["license"] in {"MIT", "BSD-3-Clause", "proprietary"}
    assert not owned or recorded["author_name"] in (project / "LICENSE").read_text("utf-8")


def check_authors(authors: list[dict[str, str]]) -> None:
    """Check that `Name <address>`, as uv writes it into a package, is read as this one person."""
    assert all("," not in entry.get("name", "") for entry in authors), "PEP 621 forbids it"
    for entry in authors:
        if "email" in entry:
            written = f"{entry['name']} <{entry['email']}>" if "name" in entry else entry["email"]
            assert getaddresses([written]) == [(entry.get("name", ""), entry["email"])]
            local, _, domain = entry["email"].partition("@")
            assert len(local) <= 64
            assert all(local.split("."))
            assert all(0 < len(label) <= 63 for label in domain.split("."))


def check_documents(project: Path, recorded: Answers) -> None:
    """Check the documents that are shown as Markdown."""
    name, description = recorded["project_name"], recorded["description"]
    readme = (project / "README.md").read_text("utf-8")
    check_head(readme, name, description, ABOUT)
    card = (project / "MODEL_CARD.md").read_text("utf-8")
    front, body = front_matter(card)
    assert set(front) == {"license", "tags"}
    check_head(body, f"Model card: {name}", description, ABOUT)
    check_report(project)
    if "huggingface" in recorded["deploy"]:
        space = (project / "deploy/huggingface/README.md").read_text("utf-8")
        front, body = front_matter(space)
        assert front == {"title": name, "sdk": "docker", "app_port": 8080}
        check_head(f"# x\n{body}", "x", description, "\n`POST /predict`")


def front_matter(text: str) -> tuple[Answers, str]:
    """The YAML that a model hub reads at the top of a document, and the rest."""
    found = re.match(r"---\n(.*?)\n---\n(.*)", text, re.DOTALL)
    assert found, "there is no front matter"
    content = yaml.safe_load(found[1])
    assert isinstance(content, dict)
    return content, found[2]


def check_head(text: str, title: str, description: str, rest: str) -> None:
    """Check that Markdown shows title and description as answered, and the rest as without them."""
    tokens = [*markdown(text)]
    behind = markdown(text[text.rindex(rest) :])
    assert structure(tokens[-len(behind) :]) == structure(behind)
    head = tokens[: -len(behind)]
    paragraph = ["paragraph_open", "inline", "paragraph_close"] * bool(description)
    assert [token.type for token in head] == [
        *("heading_open", "inline", "heading_close"),
        *paragraph,
    ]
    shown = [plain(token) for token in head if token.type == "inline"]
    assert shown == [title, description][: len(shown)]


def markdown(text: str) -> list[Token]:
    """Parse Markdown as GitHub shows it."""
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def structure(tokens: list[Token]) -> list[tuple[str, str, str]]:
    """Type, tag and content of each token."""
    return [(token.type, token.tag, token.content) for token in tokens]


def plain(token: Token) -> str:
    """The text of an inline token that consists of text only."""
    children = token.children or []
    assert {child.type for child in children} <= {"text"}, token.content
    return "".join(child.content for child in children)


@cache
def results_inserter() -> Callable[[str, str, Path], str]:
    """The function `insert_results` of a project's report module, without its imports."""
    path = next((REPOSITORY / "template/src").glob("*/evaluation/report.py"))
    wanted: list[ast.stmt] = [
        node
        for node in ast.parse(path.read_text("utf-8")).body
        if (isinstance(node, ast.FunctionDef) and node.name == "insert_results")
        or (isinstance(node, ast.Assign) and re.search("START|MARKERS", ast.unparse(node)))
    ]
    names: dict[str, Any] = {"Path": Path, "UserError": AssertionError, "re": re}
    exec(compile(ast.Module(wanted, []), str(path), "exec"), names)  # noqa: S102 - of this repository
    insert: Callable[[str, str, Path], str] = names["insert_results"]
    return insert


def check_report(project: Path) -> None:
    """Check that a report replaces the text without results, and nothing else."""
    for document in ("README.md", "MODEL_CARD.md"):
        text = (project / document).read_text("utf-8")
        head, found, rest = text.rpartition("\nNo results yet: ")
        assert found
        after = rest.partition("\n")[2]
        assert results_inserter()(text, "new", project / document) == f"{head}\nnew\n{after}"
