"""The export: what cookiecutter and cruft make of it is what Copier makes, byte for byte."""

import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
from cookiecutter.exceptions import FailedHookException  # type: ignore[import-untyped] # has no types
from cookiecutter.main import cookiecutter  # type: ignore[import-untyped] # has no types
from cookiecutter.utils import create_env_with_context  # type: ignore[import-untyped] # has no types
from jinja2_ansible_filters import AnsibleCoreFiltersExtension  # type: ignore[import-untyped] # has no types

from scaffold import ScaffoldError, export, render
from scaffold.commands import export as exporting
from scaffold.commands.export import suggestion
from scaffold.template.questions import ROOT, choices, questionnaire
from scaffold.template.staging import finished, flag, staged
from support.answers import HOSTILE_TEXTS
from support.combinations import COMBINATIONS
from support.command import scaffold
from support.git import git

FEW = ["nlp-sklearn", "vision-pytorch"]
BIN = Path(sys.executable).parent
PLAIN = {
    "project_name": "Churn Radar",
    "description": "Tells a support team which customers are about to leave.",
    "package_name": "churn_radar",
    "author_name": "Ada Lovelace",
    "author_email": "ada@example.org",
    "github_user": "Ada",
    "license": "MIT",
    "deploy": [],
}
PLATFORMS = choices("deploy")


def hostile() -> Iterator[dict[str, Any]]:
    """Every hostile text and licence and platform somewhere, and what may be empty both ways."""
    texts = itertools.cycle(HOSTILE_TEXTS)
    deploys = [[], *([platform] for platform in PLATFORMS), PLATFORMS]
    licences = itertools.cycle(reversed(choices("license")))
    for number, (deploy, license_) in enumerate(zip(deploys, licences, strict=False)):
        yield {
            "project_name": next(texts),
            "description": f"{next(texts)} {next(texts)}",
            "package_name": "a" * 20 + "_" + "b" * 19 if number % 2 else "x",
            # Metadata take a comma for two authors.
            "author_name": next(texts).replace(",", ""),
            "author_email": "o'neil+{x}@example.org" if number % 2 else "",
            "github_user": "Ada-X" if number % 3 else "",
            "license": license_,
            "deploy": deploy,
        }


CASES = [PLAIN, *hostile()]


@pytest.fixture(autouse=True)
def own_settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Neither the settings of who runs the tests, nor a trace of these among them."""
    folder = tmp_path_factory.mktemp("settings")
    names = ("replay_dir", "cookiecutters_dir")
    (folder / "config.yml").write_text(json.dumps({name: str(folder) for name in names}))
    monkeypatch.setenv("COOKIECUTTER_CONFIG", str(folder / "config.yml"))
    return folder


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two combinations, by the command."""
    folder = tmp_path_factory.mktemp("an empty folder")
    assert "is ready" in scaffold("export", "--to", "cookiecutter", str(folder), *FEW)
    return folder


@pytest.fixture(scope="session")
def all_exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every combination."""
    folder = tmp_path_factory.mktemp("all") / "new" / "export"
    export(folder)
    return folder


def context(answers: dict[str, Any]) -> dict[str, Any]:
    """Answers as cookiecutter has them: a boolean a platform."""
    flags = {flag("deploy", name): name in answers.get("deploy", []) for name in PLATFORMS}
    return {**{name: value for name, value in answers.items() if name != "deploy"}, **flags}


def bake(template: Path, answers: dict[str, Any], folder: Path) -> Path:
    """The project of cookiecutter, which renders what it is given: a brace is escaped."""
    extra = {
        name: value.replace("{", "{{ '{' }}") if isinstance(value, str) else value
        for name, value in context(answers).items()
    }
    made = cookiecutter(str(template), no_input=True, extra_context=extra, output_dir=str(folder))
    return Path(made)


def content(project: Path) -> dict[str, tuple[int, bytes]]:
    """Every path with its rights and bytes, folders too; not what a tool writes about itself."""
    return {
        str(path.relative_to(project)): (
            path.stat().st_mode & 0o111,
            b"" if path.is_dir() else path.read_bytes(),
        )
        for path in project.rglob("*")
        if path.relative_to(project).parts[0] not in (".copier-answers.yml", ".cruft.json", ".git")
    }


def differing(project: Path, answers: dict[str, Any], template: Path, folder: Path) -> list[str]:
    """The paths in which a project is not the one that Copier makes."""
    render(folder, answers, template=template)
    theirs, ours = content(project), content(folder)
    return sorted(path for path in theirs | ours if theirs.get(path) != ours.get(path))


def check(exported: Path, name: str, case: dict[str, Any], template: Path, folder: Path) -> None:
    """One combination with these answers."""
    answers = {**case, **COMBINATIONS[name].answers}
    project = bake(exported / name, case, folder / "theirs")
    assert project.name == str(case["package_name"]).replace("_", "-")
    assert differing(project, answers, template, folder / "ours") == []


@pytest.mark.parametrize(
    "number", [0, 1, *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, len(CASES)))]
)
def test_cookiecutter_makes_what_copier_makes(
    exported: Path, template: Path, tmp_path: Path, number: int
) -> None:
    check(exported, FEW[number % 2], CASES[number], template, tmp_path)


def test_the_cases_hold_every_choice() -> None:
    assert {case["license"] for case in CASES} == set(choices("license"))
    assert {name for case in CASES for name in case["deploy"]} == set(PLATFORMS)
    for text in HOSTILE_TEXTS:
        assert any(text in str(value) for case in CASES for value in case.values())
    for name in ("author_email", "github_user"):
        assert {bool(case[name]) for case in CASES} == {True, False}


FOLDER = "{{ cookiecutter.__folder }}"
HOOK = "../hooks/post_gen_project.py"
BREAKS = [
    ("pyproject.toml", r"""replace('"', '\\"')""", "string", "pyproject.toml"),
    ("LICENSE", '"MIT"', '"MIT "', "LICENSE"),
    ("Dockerfile", "(cookiecutter.package_name", "(cookiecutter.project_name", "Dockerfile"),
    (".github/workflows/ci.yml", "{{ '{{' }}", "{", ".github/workflows/ci.yml"),
    (HOOK, "not (cookiecutter.deploy_vertex)", "0", "deploy/vertex/deploy.py"),
    (HOOK, "folder.rmdir()", "pass", "deploy/azureml"),
]


def test_every_kind_of_difference_is_found(exported: Path, template: Path, tmp_path: Path) -> None:
    broken = tmp_path / "nlp-sklearn"
    shutil.copytree(exported / "nlp-sklearn", broken)
    for where, old, new, _ in BREAKS:
        path = broken / FOLDER / where
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")
    case = {**PLAIN, "description": 'a "b"'}
    project = bake(broken, case, tmp_path / "theirs")
    (project / "compose.yaml").chmod(0o755)
    answers = {**case, **COMBINATIONS["nlp-sklearn"].answers}
    found = differing(project, answers, template, tmp_path / "ours")
    folders = {f"deploy/{path.parent.name}" for path in broken.glob("{*/deploy/*/*")}
    wanted = {found for *_, found in BREAKS} | {"compose.yaml", "deploy", *folders}
    assert wanted <= {*found}
    assert all(path.startswith("deploy/vertex/") for path in {*found} - wanted)


@pytest.mark.parametrize(
    "answer",
    [
        {"project_name": " "},
        {"project_name": "a\u202eb"},
        {"description": "two\nlines"},
        {"description": "\"\"\" + '''\\\x00{{ 7 * 7 }}{% endraw %}"},
        {"package_name": "class"},
        {"package_name": "numpy"},
        {"package_name": "../x/y"},
        {"package_name": ""},
        {"package_name": "x" * 300},
        {"author_name": "x" * 121},
        {"author_email": "x"},
        {"github_user": "a--b", "author_email": "x"},
    ],
    ids=lambda value: repr(value)[:40],
)
def test_the_hook_refuses_in_the_same_words(
    exported: Path,
    template: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    answer: dict[str, str],
) -> None:
    with pytest.raises(ScaffoldError) as refusal:
        render(tmp_path / "ours", {**PLAIN, **answer}, template=template)
    capfd.readouterr()
    with pytest.raises(FailedHookException):
        bake(exported / "nlp-sklearn", {**PLAIN, **answer}, tmp_path / "theirs")
    said = capfd.readouterr().err.splitlines()[0]
    assert len(said) > 20  # a sentence, not the end of one
    assert str(refusal.value).strip().endswith(said)
    assert [path.name for path in tmp_path.rglob("*")] == ["theirs"]


def test_what_is_replayed_is_not_rendered(
    exported: Path, template: Path, tmp_path: Path, own_settings: Path
) -> None:
    """A replay holds all that cookiecutter knew, so one is made first and the answers replaced."""
    bake(exported / "nlp-sklearn", PLAIN, tmp_path / "first")
    replay = own_settings / "nlp-sklearn.json"
    known = json.loads(replay.read_text("utf-8"))
    case = {**PLAIN, "description": "{{ 7 * 7 }} {% raw %}", "project_name": "{# no #} ${{ a }}"}
    known["cookiecutter"] |= context(case)
    replay.write_text(json.dumps(known))
    made = cookiecutter(
        str(exported / "nlp-sklearn"), replay=True, output_dir=str(tmp_path / "theirs")
    )
    answers = {**case, **COMBINATIONS["nlp-sklearn"].answers}
    assert differing(Path(made), answers, template, tmp_path / "ours") == []


NAMES = [
    "Churn Radar",
    "2024-sales!",
    "日本",
    "größe Ä 1,000",
    "a" * 60,
    "ab " * 20,
    "__x__ ",
    "İx",
]
NAMES += [
    "{{ 7 }}",
    "a" * 39 + " b",
    "x's & y\u00b2",
    "\u0663 1a",
    "HTTP",
    "Class",
    "Sentence Transformers",
]


def test_the_same_package_name_is_suggested() -> None:
    ours = jinja2.Environment(  # noqa: S701 - no HTML
        loader=jinja2.FileSystemLoader(ROOT), extensions=[AnsibleCoreFiltersExtension]
    ).from_string(questionnaire()["package_name"]["default"])
    text = suggestion("package_name", {})
    theirs = create_env_with_context({}).from_string(text)
    reserved = json.loads(text[text.index("[", text.index("slug in")) : text.rindex("]") + 1])
    assert len(reserved) > 300
    for name in [*NAMES, *HOSTILE_TEXTS, *reserved]:
        suggested = theirs.render(cookiecutter={"project_name": name})
        assert suggested == ours.render(project_name=name), name


def test_the_questions_are_asked_in_the_same_words(
    exported: Path, template: Path, tmp_path: Path
) -> None:
    """And what is suggested is what Copier suggests where it knows as little."""
    asked = json.loads((exported / "vision-pytorch" / "cookiecutter.json").read_text("utf-8"))
    assert asked["__prompts__"]["project_name"] == questionnaire()["project_name"]["help"]
    assert {key for key in asked if not key.startswith("_")} == set(asked["__prompts__"])
    assert "{{" not in json.dumps(asked["__prompts__"])
    made = cookiecutter(str(exported / "vision-pytorch"), no_input=True, output_dir=str(tmp_path))
    answers = {"project_name": "digit-reader", **COMBINATIONS["vision-pytorch"].answers}
    assert differing(Path(made), answers, template, tmp_path / "ours") == []


SOURCES = [
    'a \n\n{%- if license == "MIT" -%}\n b \n{%- elif author_email %} c{% else %}\n{%- endif %} d',
    "${{ '{{' }} x {{ '}}' }} {{ '{' }}{{ package_name }}} {{ '{%' }} {{ '{#' }} {{ '{{{%' }} {",
    "a {# gone #} {#- gone -#} \n\nb{% raw %}{% if %} {{ x }}{% endraw %}{{ command[:3] }}",
    "{% if nlp %}{% for x in [1, 2] %}{{ x }}{% else %}{% endfor %}{% if deploy %}{{ variant }}",
    "{% if deploy_vertex %}v{% endif %}{{ 'vertex' in deploy }}",
    "{{ description | to_json(ensure_ascii=False) }}{{ (github_user or 'OWNER') | lower }}\n\n",
    "{{ command | to_json }}{% if license == 'MIT' and deploy %}x{% else %}{{ license }}{%endif%}",
]
SOURCES[3] += "{% endif %}{% else %}no{% endif %}"


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("case", CASES[:4])
def test_two_steps_give_what_one_gives(source: str, case: dict[str, Any]) -> None:
    environment = create_env_with_context({})
    environment.add_extension(AnsibleCoreFiltersExtension)
    flags = {flag("deploy", name): name in case["deploy"] for name in PLATFORMS}
    command = case["package_name"].replace("_", "-")
    decided = {"nlp": True, "variant": "nlp"}
    once = environment.from_string(source).render(case, command=command, **decided, **flags)
    left = finished(environment.from_string(staged(source)).render(decided))
    plain = create_env_with_context({})
    assert plain.from_string(left).render(cookiecutter=context(case)) == once


@pytest.mark.parametrize(
    "source",
    [
        "{% set x = license %}",
        "{% for platform in deploy %}{% endfor %}",
        "{% if nlp and license %}{% endif %}",
        "{% if nlp %}{% elif license %}{% endif %}",
        "{% if license %}{% elif nlp %}{% endif %}",
        "{{ variant ~ license }}",
    ],
)
def test_a_tag_that_cannot_wait_is_refused(source: str) -> None:
    with pytest.raises(ScaffoldError, match="cannot be exported"):
        staged(source)


def test_a_folder_in_use_or_a_slip_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = tmp_path / "used"
    used.mkdir()
    (used / "mine.txt").write_text("mine")
    for destination, chosen, words in (
        (used, [], "is in use"),
        (used / "mine.txt", [], "is in use"),
        (used / "mine.txt" / "x", [], "is a file"),
        (tmp_path / "new", ["unknown"], "There is no"),
    ):
        with pytest.raises(ScaffoldError, match=words):
            export(destination, chosen)
    assert "is in use" in scaffold("export", str(used), status=2)

    def fail(*_: Any) -> None:
        raise OSError("The disk is full")

    monkeypatch.setattr(exporting, "write_hooks", fail)
    with pytest.raises(ScaffoldError, match="disk is full"):
        export(tmp_path / "new", FEW[:1])
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == [
        "used",
        "used/mine.txt",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", COMBINATIONS)
def test_every_combination(all_exported: Path, template: Path, tmp_path: Path, name: str) -> None:
    """Three cases each, and all of them with some combination of either framework."""
    first = [*COMBINATIONS].index(name)
    for number in (first, first + 1, first + 4):
        case = CASES[number % len(CASES)]
        check(all_exported, name, case, template, tmp_path / str(number))


@pytest.mark.slow
def test_the_command_asks_for_the_combination_and_takes_what_is_typed(
    all_exported: Path, template: Path, tmp_path: Path
) -> None:
    description = '{{ 7 * 7 }} "quoted" \\ \U0001f600 [bold] {% raw %}'
    typed = [str(1 + [*COMBINATIONS].index("vision-sklearn")), "Digit Reader", description, ""]
    platforms = ["vertex", "huggingface"]
    typed += ["Ada", "", "Ada", "4", *("y" if name in platforms else "n" for name in PLATFORMS)]
    result = subprocess.run(  # noqa: S603 - ours
        [str(BIN / "cookiecutter"), str(all_exported), "--output-dir", str(tmp_path)],
        input="\n".join(typed) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    answers = {"project_name": "Digit Reader", "description": description, "author_name": "Ada"}
    answers |= {
        "github_user": "Ada",
        "license": "GPL-3.0-or-later",
        **COMBINATIONS["vision-sklearn"].answers,
    }
    chosen = {**answers, "deploy": platforms}
    assert differing(tmp_path / "digit-reader", chosen, template, tmp_path / "ours") == []


@pytest.mark.slow
def test_cruft_makes_the_same_and_updates_it(
    exported: Path, template: Path, tmp_path: Path
) -> None:
    """As one would use it: the export is committed, exported anew later, and committed again."""
    repository = tmp_path / "repository"
    shutil.copytree(exported, repository)
    git(repository, "init", "--quiet")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Export")
    case = {
        **CASES[2],
        "project_name": "Churn Radar",
        "description": 'A "b" \\ ö\U0001f600',
        "author_name": "Ada",
    }
    command = [str(BIN / "cruft"), "create", str(repository), "--directory", "vision-pytorch"]
    command += ["--no-input", "--output-dir", str(tmp_path)]
    command += ["--extra-context", json.dumps(context(case))]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert made.returncode == 0, made.stdout + made.stderr
    project = tmp_path / str(case["package_name"]).replace("_", "-")
    answers = {**case, **COMBINATIONS["vision-pytorch"].answers}
    assert differing(project, answers, template, tmp_path / "ours") == []

    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "Generate the project")
    for path in repository.glob("*/*/.editorconfig"):
        path.write_text(path.read_text() + "# new\n")
    git(repository, "commit", "--all", "--quiet", "--message", "Export anew")
    updated = subprocess.run(  # noqa: S603 - ours
        [str(BIN / "cruft"), "update", "--skip-apply-ask"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert updated.returncode == 0, updated.stdout + updated.stderr
    assert differing(project, answers, template, tmp_path / "again") == [".editorconfig"]
    assert (project / ".editorconfig").read_text().endswith("# new\n")
