"""Any answers at all: a rendering gives them back from every file, or one sentence refuses them.

`--hypothesis-seed=N` repeats a run; without it each run draws a seed, and prints it.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from email.utils import getaddresses
from functools import cache
from pathlib import Path
from typing import Any

import copier._template
import jinja2
import pytest
import yaml
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from packaging.utils import canonicalize_name
from validate_pyproject.api import Validator

from scaffold import ScaffoldError, render
from scaffold.template.matrix import combinations
from scaffold.template.questions import choices, questions
from scaffold.template.rendering import plain_template

Answers = dict[str, Any]
SUPPORTED = {(combination.variant, combination.framework) for combination in combinations()}
LONGEST = {"project_name": 80, "description": 500, "author_name": 120}

# What breaks a format or looks like one, divided by spaces.
SEEN = r"""
' " \' \" ` ``` ~~~ \ \\ \n \x41 \u0041 {{ }} {% %} {# #} {%raw%} {{self}} {{7*7}} ${{github.token}}
$(id) ${HOME} `id` ;rm & | > >> $1$ !! - a: #c : yes null ~ 1e3 0x1f 12:30:45 2024-01-01 << = ---
... &a *b !t %YAML ? @x [a,b] {a:b} k='v' [t] None f'{x}' __class__ *a* _a_ a_b ~~a~~ [x](y) ![x](y)
[x]: <b> </div> <details> <script> <?x <!DOCTYPE &amp; &#35; &lt 1. 1) 12. <!-- --> results:end ###
# ## === + ++ | |-| *** ___ -d'1' http://x.org ada@x.org <a@b.org> , ; ( ) (PhD) [ ] =?utf-8?q?x?=
../.. C:\x /etc FROM RUN import Predict: ]]> %s %(a)s {0} \N{DASH} \ud800 \u202e
"""
SPACED = ["\n", "\r", "\r\n", "\t", "\f", " ", "  ", "    ", " #", " -d '1'", "x\ny", "-d '{}'"]
SPACED += ["<!-- results:start -->", "<!-- results:end -->", "# results:start", "## Ask it"]
# What is not seen, as escapes: controls, spaces, directions, joiners, halves of pairs.
UNSEEN = "\0\x1b\x7f\x85\xa0\xad\u200b\u200d\u200e\u2028\u2029\u202e\u2066\u2069\u3000\ufe0f\ufeff"
UNSEEN += "\ud800\udcff\ufffe\uffff\U000e0001"
OTHER = ["\U0001f600", "\U0001f468\u200d\U0001f469", "e\u0301", "\u0130", "\u00df", "\u65e5\u672c"]
LONG = ["a" * 40, "a" * 81, "a" * 600, "a b " * 200, "\u65e5" * 79]

PACKAGES = ["churn_radar", "loan_risk2", "a", "a1_b2_c3", "null_x", "a_" * 15 + "ab_cd", "x" * 40]
# YAML takes these for something else.
PACKAGES += ["on", "off", "yes", "no", "y", "n", "null", "e1"]
NO_PACKAGES = ["numpy", "json", "class", "con", "lpt1", "Churn", "a__b", "_a", "a-", "python"]
NO_PACKAGES += ["flask", "scikit_learn", "test_data", "x" * 41, "../x", "x\n"]
MAILS = ["", "ada@example.org", "a.b+c@x.y.org", "o'neil@x-y.org", "{{x}}@y.org", "1@2.3"]
NO_MAILS = ["a..b@x.org", ".a@x.org", "a@b", "a@-b.org", '"a b"@x.org', "x@y.org\n", " a@x.org"]
NO_MAILS += ["a" * 65 + "@x.org", "ada@" + "x" * 64 + ".org", "ada@" + "x." * 130 + "org"]
ACCOUNTS = ["", "ada", "Ada-Love", "a" * 39]
NO_ACCOUNTS = ["a" * 40, "-a", "a--b", "a_b", "{{a}}", "a\n"]

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=60)
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=80)
WORDS = st.lists(
    st.sampled_from(["Churn", "radar", "of", "bank", "2", "\u00e9t\u00e9"]), min_size=1, max_size=6
)
ORDINARY = WORDS.map(" ".join)
VISIBLE = st.sampled_from([*SEEN.split(), *OTHER]) | ORDINARY | st.just(" ")
PIECE = VISIBLE | st.sampled_from([*SPACED, *UNSEEN, *LONG])
COMPOSED = st.lists(VISIBLE, min_size=1, max_size=5).map("".join).map(str.strip)
HOSTILE = st.lists(PIECE, min_size=1, max_size=5).map("".join)
TEXT = st.one_of(HOSTILE, HOSTILE.map(str.strip), ANYTHING)


def mostly(good: st.SearchStrategy[Any], all_: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Nine of ten are good: else hardly any whole set would be accepted."""
    return st.integers(0, 9).flatmap(lambda number: good if number else all_)


ANSWERS = st.fixed_dictionaries(
    {
        "variant": st.sampled_from(choices("variant")),
        "framework": st.sampled_from(["sklearn", "sklearn", "pytorch"]),
    },
    optional={
        "license": st.sampled_from(choices("license")),
        "deploy": st.lists(st.sampled_from(choices("deploy")), unique=True),
        **{name: mostly(ASCII.map(str.strip) | COMPOSED, TEXT) for name in LONGEST},
        "package_name": mostly(st.sampled_from(PACKAGES), st.sampled_from(NO_PACKAGES) | TEXT),
        "author_email": mostly(st.sampled_from(MAILS), st.sampled_from(NO_MAILS) | TEXT),
        "github_user": mostly(st.sampled_from(ACCOUNTS), st.sampled_from(NO_ACCOUNTS) | TEXT),
    },
)


def must_be_accepted(answers: Answers) -> bool:
    """Answers of which nobody can doubt that they are good, said without asking the validator."""
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
    """How many sets were accepted and refused: to refuse all must not pass."""

    accepted: int = 0
    refused: int = 0


@pytest.fixture(scope="module")
def trimmed() -> Iterator[Path]:
    """The template without the files that are copied as they are, and read only once.

    Copier compiles every text and reads the questions anew for every project, and asks git about
    every file. That is most of its time, and the same for all answers.
    """
    with plain_template() as template, pytest.MonkeyPatch.context() as patch:
        compiled = remembered(jinja2.Environment.compile)
        patch.setattr(jinja2.Environment, "compile", compiled)
        load = remembered(copier._template.load_template_config)  # noqa: SLF001 - see above
        patch.setattr("copier._template.load_template_config", lambda path: deepcopy(load(path)))
        worker = "copier._main.Worker._sync_git_index_executable_bit"
        patch.setattr(worker, lambda *_: None, raising=False)
        trim(template)
        yield template


def remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, called once for each set of arguments that are texts, paths and numbers."""
    results: dict[Any, Any] = {}

    def remember(*arguments: Any) -> Any:
        key = tuple(item for item in arguments if not isinstance(item, jinja2.Environment))
        if key not in results:
            results[key] = function(*arguments)
        return results[key]

    return remember


def trim(template: Path) -> None:
    for path in sorted((template / "template").rglob("*"), reverse=True):
        if path.is_file() and path.suffix != ".jinja":
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def search(template: Path, folder: Path, examples: int, number: int) -> Tally:
    """Try as many sets of answers."""
    tally = Tally()

    @seed(number)
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(ANSWERS)
    def run(answers: Answers) -> None:
        verify(template, folder, answers, tally)

    run()
    print(f"{tally.accepted} accepted and checked, {tally.refused} refused")  # noqa: T201 - asked for
    return tally


def test_any_answers(trimmed: Path, tmp_path: Path, number: int) -> None:
    tally = search(trimmed, tmp_path / "made", 150, number)
    assert tally.accepted > 30
    assert tally.refused > 10


# A quarter of an hour on a core of its own.
@pytest.mark.timeout(5400)
@pytest.mark.slow
def test_ten_thousand_answers(trimmed: Path, tmp_path: Path, number: int) -> None:
    count = int(os.environ.get("SCAFFOLD_ANSWERS", "10000"))
    tally = search(trimmed, tmp_path / "made", count, number)
    assert tally.accepted > 0.3 * count
    assert tally.refused > 0.1 * count


def verify(template: Path, folder: Path, answers: Answers, tally: Tally | None = None) -> None:
    """The property: what is accepted comes back from every file, what is refused leaves nothing."""
    tally = tally or Tally()
    # What an example has left must not fail the next one.
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
    """Why the answers are refused; nothing if the project is made."""
    try:
        render(project, answers, template=template)
    except ScaffoldError as error:
        return str(error)
    return ""


def check_refusal(said: str) -> None:
    """One sentence that any terminal can print and that names a question."""
    assert said.isprintable(), ascii(said)
    assert said.endswith(".")
    assert any(name in said for name in questions()), said
    assert not re.search(r"[.] ?[A-Z]", said), f"more than one sentence: {said}"
    assert len(said) < 400


def check_recorded(project: Path, answers: Answers) -> Answers:
    """What the answers file holds, which is what an update starts from."""
    recorded: Answers = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
    for name, answer in answers.items():
        expected = answer
        if name == "deploy":
            expected = [choice for choice in choices("deploy") if choice in answer]
        assert recorded[name] == expected, name
    assert set(recorded) == {"_src_path", *questions()}
    return recorded


def check_files(project: Path) -> None:
    """Every file can be read in its format, each by another program than the one that wrote it."""
    for path in project.rglob("*"):
        if path.is_file():
            readers = {path.name: READERS.get(path.name), path.suffix: READERS.get(path.suffix)}
            found = [reader for reader in readers.values() if reader]
            assert found, f"nothing reads {path.name}"
            found[0](path.read_bytes().decode("utf-8"))


@cache
def read_yaml(text: str) -> None:
    content = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - safe both
    for job in content.get("jobs", {}).values():
        for step in job["steps"]:
            if "run" in step:
                read_shell(step["run"])
    # Azure's names are texts, whatever they look like.
    for name in (content.get(key, "") for key in ("name", "endpoint_name")):
        assert isinstance(name, str)
        assert not name.endswith("-")


@cache
def read_shell(text: str) -> None:
    command = ["bash", "-n"]
    subprocess.run(command, input=text, text=True, check=True, capture_output=True)  # noqa: S603


@cache
def read_python(text: str) -> None:
    compile(text, "file.py", "exec")


@cache
def read_notebook(text: str) -> None:
    notebook = json.loads(text)
    assert notebook["nbformat"] == 4
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            read_python("".join(cell["source"]))


@cache
def read_dockerfile(text: str) -> None:
    words = "ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|RUN|USER|WORKDIR"
    for line in text.replace("\\\n", "").splitlines():
        assert re.match(rf"$|#|({words}) ", line), line


def read_text(text: str) -> None:
    assert text.endswith("\n")
    assert "\r" not in text


def read_toml(text: str) -> None:
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
    """As uv writes them into a package: `Name <address>` must be read as this one person."""
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
    name, description = recorded["project_name"], recorded["description"]
    readme = (project / "README.md").read_text("utf-8")
    check_head(readme, name, description, "\n## The decision\n")
    card = (project / "MODEL_CARD.md").read_text("utf-8")
    front, body = front_matter(card)
    assert set(front) == {"license", "tags"}
    check_head(body, f"Model card: {name}", description, "\n## Intended use\n")
    check_report(project)
    if "huggingface" in recorded["deploy"]:
        space = (project / "deploy/huggingface/README.md").read_text("utf-8")
        front, body = front_matter(space)
        assert front == {"title": name, "sdk": "docker", "app_port": 8080}
        check_head(f"# x\n{body}", "x", description, "\n`POST /predict`")


def front_matter(text: str) -> tuple[Answers, str]:
    """What a model hub reads on top of a document, and the rest."""
    found = re.match(r"---\n(.*?)\n---\n(.*)", text, re.DOTALL)
    assert found, "there is no front matter"
    content = yaml.safe_load(found[1])
    assert isinstance(content, dict)
    return content, found[2]


def check_head(text: str, title: str, description: str, rest: str) -> None:
    """Title and description are shown as they were answered, and change nothing behind them."""
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
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def structure(tokens: list[Token]) -> list[tuple[str, str, str]]:
    return [(token.type, token.tag, token.content) for token in tokens]


def plain(token: Token) -> str:
    """The text of a line that is nothing but text."""
    children = token.children or []
    assert {child.type for child in children} <= {"text"}, token.content
    return "".join(child.content for child in children)


@cache
def report() -> Callable[[str, str, Path], str]:
    """The function of a project's report that puts the results between its markers."""
    path = next((Path(__file__).parents[1] / "template/src").glob("*/evaluation/report.py"))
    wanted: list[ast.stmt] = [
        node
        for node in ast.parse(path.read_text("utf-8")).body
        if (isinstance(node, ast.FunctionDef) and node.name == "insert_results")
        or (isinstance(node, ast.Assign) and "START" in ast.unparse(node.targets[0]))
    ]
    names: dict[str, Any] = {"Path": Path, "UserError": AssertionError}
    exec(compile(ast.Module(wanted, []), str(path), "exec"), names)  # noqa: S102 - our own
    insert: Callable[[str, str, Path], str] = names["insert_results"]
    return insert


def check_report(project: Path) -> None:
    """Results written later stand where no results stood, and nothing else changes."""
    for document in ("README.md", "MODEL_CARD.md"):
        text = (project / document).read_text("utf-8")
        head, found, rest = text.rpartition("\nNo results yet: ")
        assert found
        after = rest.partition("\n")[2]
        assert report()(text, "new", project / document) == f"{head}\nnew\n{after}"


# What the property must catch: a place of the template, how it is broken, and answers that show it.
PYPROJECT, README = "template/pyproject.toml.jinja", "includes/readme.md"
CI = "template/.github/workflows/ci.yml.jinja"
SPACE = "template/*/deploy/huggingface/README.md.jinja"
VALIDATE, ASCII_ = "includes/validate.jinja", "to_json(ensure_ascii=False)"
QUOTE: Answers = {"project_name": 'a "b"', "description": 'a "b"', "author_name": "Ada (D)"}
QUOTE |= {"author_email": "a@x.org", "deploy": ["azureml", "huggingface"], "package_name": "yes"}
BROKEN: list[tuple[str, str, str, Answers]] = [
    (PYPROJECT, f"description | {ASCII_}", "'\"' ~ description ~ '\"'", {}),
    (PYPROJECT, f"description | {ASCII_}", "description | replace('b', 'c') | to_json", {}),
    (PYPROJECT, '" if author_name |', '" if false and author_name |', {"author_name": "Ada: D"}),
    (PYPROJECT, "command | to_json", "'x' | to_json", {}),
    (README, "markdown.plain(description)", "description", {"description": "<details>"}),
    (README, "markdown.plain(project_name)", "project_name", {"project_name": "*x*"}),
    (README, "<!-- results:end -->\n", "", {}),
    (SPACE, f"project_name | {ASCII_}", "project_name", {"project_name": "a: b"}),
    (SPACE, f"project_name | {ASCII_}", "'x'", {}),
    ("template/*/deploy/azureml/endpoint.yml.jinja", " | to_json", "", {}),
    (
        "template/.github/workflows/ci.yml.jinja",
        "run: uv sync",
        "run: '{{ project_name }}' #",
        {"project_name": "x("},
    ),
    ("template/Dockerfile.jinja", "# The API", "{{ description }}", {}),
    ("includes/licenses/MIT.txt", "{{ author_name }}", "somebody", {"license": "MIT"}),
    (VALIDATE, "{{ what }} begins or ends with a space; leave that out.", "", {"description": " "}),
    (VALIDATE, "character; write", "character. Write", {"description": "a\nb"}),
    (VALIDATE, "\\\\ufffe\\\\uffff", "", {"project_name": "\uffff"}),
    (VALIDATE, "{%- elif value != value.strip() -%}", "{%- else -%}", {}),
    ("template/*_copier_conf*", "_copier_answers", "dict(_copier_answers, variant=1)", {}),
]


@pytest.mark.parametrize("number", range(len(BROKEN)))
def test_the_property_can_fail(trimmed: Path, tmp_path: Path, number: int) -> None:
    pattern, old, new, answers = BROKEN[number]
    copy = tmp_path / "template"
    shutil.copytree(trimmed, copy)
    (path,) = copy.glob(pattern)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    pair = {"variant": "nlp", "framework": "sklearn"}
    with pytest.raises((AssertionError, ValueError, yaml.YAMLError, subprocess.SubprocessError)):
        verify(copy, tmp_path / "made", pair | QUOTE | answers)
    verify(trimmed, tmp_path / "sound", pair | QUOTE | answers)
