"""Every combination renders: the exact files, no Jinja left, no trust, the same twice."""

import filecmp
import inspect
import re
from dataclasses import dataclass
from pathlib import Path

import copier
import pytest

from scaffold import Combination, render
from scaffold.project import recorded_answers
from scaffold.template.questions import ROOT, choices, questionnaire, questions
from support.combinations import COMBINATIONS, few_unless_slow
from support.readability import PLATFORM, PRIVATE, Size, find_words, measure, undocumented
from support.rendering import Made

PACKAGE = "src/churn_radar"
MODULES = {
    ".": ["__init__", "cli", "data", "features", "model"],
    "core": ["__init__", "bootstrap", "bundle", "config", "files", "metrics", "reference", "rows"],
    "training": ["__init__", "dataset", "export", "train", "tune"],
    "evaluation": ["__init__", "conditions", "evaluate", "gate", "plots", "report"],
    "serving": ["__init__", "api", "batch", "middleware", "request_log"],
    "monitoring": ["__init__", "drift", "monitor"],
}
MODULES["core"] += ["results", "splits", "tracking"]
TESTS = ["api", "batch", "config", "dataset", "features", "gate", "metrics", "monitor", "report"]
TESTS += ["train"]
# Jinja templates that a project has of its own.
REPORTS = [f"{PACKAGE}/{name}.md" for name in ("evaluation/report", "monitoring/drift")]
FILES = {
    ".copier-answers.yml",
    ".dockerignore",
    ".editorconfig",
    ".github/dependabot.yml",
    ".github/workflows/ci.yml",
    ".github/workflows/image.yml",
    ".github/workflows/retrain.yml",
    ".github/workflows/update.yml",
    ".gitignore",
    ".pre-commit-config.yaml",
    ".yamllint.yaml",
    "AGENTS.md",
    "Dockerfile",
    "LICENSE",
    "MODEL_CARD.md",
    "README.md",
    "compose.yaml",
    "notebooks/explore.ipynb",
    "params.toml",
    "pyproject.toml",
    *REPORTS,
    *(f"{PACKAGE}/{Path(folder, name)}.py" for folder, names in MODULES.items() for name in names),
    "tests/conftest.py",
    *(f"tests/test_{name}.py" for name in TESTS),
}
# What may differ between any two variants; all the rest is the same text.
SEAM = {
    *(f"{PACKAGE}/{name}.py" for name in ("data", "features", "model")),
    f"{PACKAGE}/core/metrics.py",
    *(f"{PACKAGE}/evaluation/{name}.py" for name in ("conditions", "plots")),
    "notebooks/explore.ipynb",
    "tests/test_features.py",
    "tests/test_metrics.py",
    "AGENTS.md",
    "README.md",
    "MODEL_CARD.md",
    "params.toml",
    "pyproject.toml",
    ".copier-answers.yml",
}


def added(combination: Combination) -> set[str]:
    """The files of a combination besides FILES."""
    variant, is_pytorch = combination.variant, combination.framework == "pytorch"
    is_lightgbm = combination.framework == "lightgbm"
    boosting = {f"{PACKAGE}/training/boosting.py", "tests/test_boosting.py"}
    has_constraints = is_lightgbm and variant == "tabular-classification"
    network = {f"{PACKAGE}/training/network.py", "tests/test_network.py"}
    folders = {f"{PACKAGE}/core/folders.py", "tests/test_folders.py"}
    lists = {f"{PACKAGE}/core/lists.py", "tests/test_lists.py"}
    is_tabular = variant.startswith("tabular")
    return {
        *(network if is_pytorch else ()),
        *(boosting if is_lightgbm else ()),
        *([f"{PACKAGE}/columns.py"] if is_pytorch and is_tabular else ()),
        *([f"{PACKAGE}/encoding.py"] if is_lightgbm and is_tabular else ()),
        *(["tests/test_constraints.py"] if has_constraints else ()),
        *([f"{PACKAGE}/core/leakage.py"] if is_tabular else ()),
        *([f"{PACKAGE}/core/arrays.py"] if is_tabular or variant == "clustering" else ()),
        *(["tests/test_conditions.py"] if variant == "clustering" else ()),
        *(folders if variant in {"nlp", "vision"} else ()),
        *(lists if variant in {"time-series", "recommender"} else ()),
        *([f"{PACKAGE}/texts.py"] if variant == "nlp" else ()),
    }


def files(project: Path) -> set[str]:
    """The paths of all files, relative to the project."""
    return {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}


def test_exactly_these_files(made: Made, combination: Combination) -> None:
    project = made(combination.id)
    assert files(project) == FILES | added(combination)


def test_samples_have_nothing_to_fetch(made: Made, combination: Combination) -> None:
    text = (made(combination.id) / f"{PACKAGE}/data.py").read_text("utf-8")
    assert 'def fetch() -> str:\n    """Get rows that are not part of the repository' in text
    assert 'return "There is nothing to fetch: the package ' in text


def test_no_jinja_is_left(made: Made, combination: Combination) -> None:
    project = made(combination.id)
    for name in files(project) - {*REPORTS}:
        text = (project / name).read_text("utf-8")
        # GitHub's own expressions are the one thing that looks like Jinja and is not.
        # An f-string may end in ":.0%}", or hold "{{0}}"; a tag or a name of Jinja is neither.
        # So is "{{{name}}}", a value in braces.
        found = re.search(r"\{%|[ -]%\}|(?<![\${])\{\{[- ]*[a-z_]|\{#", text)
        assert not found, f"{name}: {found}"
        assert "copier" not in name or name == ".copier-answers.yml"


def test_all_files_are_text(made: Made, combination: Combination) -> None:
    """Copier cannot merge others, and would write over an owner's of the same name."""
    project = made(combination.id)
    for name in files(project):
        assert "\0" not in (project / name).read_text("utf-8"), name


def test_plain_python_is_copied_byte_for_byte(made: Made, combination: Combination) -> None:
    project = made(combination.id)
    sources = {path.read_bytes() for path in (ROOT / "template").rglob("*.py")}
    for path in (project / "src").rglob("*.py"):
        assert path.read_bytes() in sources, path


def test_the_answers_file_holds_every_question(made: Made, combination: Combination) -> None:
    project = made(combination.id)
    # No commit either: a plain copy is rendered as it is, not cloned.
    assert set(recorded_answers(project)) == {"_src_path", *questions()}


@few_unless_slow
def test_rendering_twice_gives_the_same(
    tmp_path: Path, template: Path, combination: Combination
) -> None:
    for name in ("one", "two"):
        answers = {"project_name": "Churn radar", **combination.answers}
        render(tmp_path / name, answers, template=template)
    compared = filecmp.cmpfiles(
        tmp_path / "one", tmp_path / "two", files(tmp_path / "one"), shallow=False
    )
    assert not compared[1]
    assert not compared[2]
    assert files(tmp_path / "one") == files(tmp_path / "two")


@few_unless_slow
def test_rendering_over_itself_changes_nothing(
    tmp_path: Path, template: Path, combination: Combination
) -> None:
    project = tmp_path / "project"
    render(project, combination.answers, template=template)
    before = {name: (project / name).read_bytes() for name in files(project)}
    copier.run_recopy(project, defaults=True, overwrite=True, quiet=True)
    assert before == {name: (project / name).read_bytes() for name in files(project)}


def test_no_trust_is_needed() -> None:
    """Nothing that Copier calls unsafe: no task, no migration, no extension of Jinja."""
    assert not {"_tasks", "_migrations", "_jinja_extensions"} & set(questionnaire())
    assert inspect.signature(copier.run_copy).parameters["unsafe"].default is False


def test_the_machinery_is_the_same_in_every_variant(
    tmp_path: Path, template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, combination in COMBINATIONS.items():
        answers = {"project_name": "x", "package_name": "churn_radar", **combination.answers}
        answers["description"] = "x"
        render(tmp_path / name, answers, template=template)
    first, *others = COMBINATIONS
    same = FILES - SEAM
    for other in others:
        differing = filecmp.cmpfiles(tmp_path / first, tmp_path / other, same, shallow=False)[1:]
        assert differing == ([], []), (first, other)
    layers: dict[str, set[bytes]] = {}
    for name, combination in COMBINATIONS.items():
        for path in added(combination):
            layers.setdefault(path, set()).add((tmp_path / name / path).read_bytes())
    assert {path for path, texts in layers.items() if len(texts) > 1} == set()
    with capsys.disabled():
        print(f" {len(same)} of {len(FILES)} files are the same in all variants", end="")  # noqa: T201 - asked for


def test_no_two_layers_hold_the_same_path() -> None:
    """A path may stand in several layers only if these are never on together."""
    homes: dict[str, list[str]] = {}
    for path in (ROOT / "template").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            parts = path.relative_to(ROOT / "template").parts
            layer = "/".join(part for part in parts if part.startswith("{% if"))
            place = "/".join(part for part in parts if not part.startswith("{% if"))
            homes.setdefault(place.removesuffix(".jinja"), []).append(layer)
    for place, layers in homes.items():
        conditions = [set(re.findall(r"if (\w+)", layer)) for layer in layers]
        for combination in COMBINATIONS.values():
            active = {*active_layers(combination)}
            on = [condition for condition in conditions if condition <= active]
            assert len(on) <= 1, (place, combination.id)


def active_layers(combination: Combination) -> list[str]:
    """The hidden booleans of copier.yml that are true for a combination."""
    variant = combination.variant.replace("-", "_")
    kinds = {
        name
        for name, details in questionnaire().items()
        if isinstance(details, dict)
        and details.get("type") == "bool"
        and f"'{combination.variant}'" in str(details.get("default"))
    }
    return [variant, *kinds, combination.framework]


def test_a_layer_lies_over_the_root(tmp_path: Path) -> None:
    """The mechanism itself: a folder whose name renders to a dot. Copier does not document it."""
    source = tmp_path / "template"
    layer = source / "{% if outer %}.{% endif %}" / "{% if inner %}.{% endif %}"
    layer.mkdir(parents=True)
    (source / "copier.yml").write_text("outer: {type: bool}\ninner: {type: bool}\n")
    (source / "root.txt").write_text("root")
    (layer / "deep.txt").write_text("deep")
    (layer.parent / "layer.txt").write_text("layer")
    for on, inner, expected in (
        (True, True, {"root.txt", "layer.txt", "deep.txt"}),
        (True, False, {"root.txt", "layer.txt"}),
        (False, True, {"root.txt"}),
    ):
        target = tmp_path / f"{on}-{inner}"
        copier.run_copy(str(source), target, data={"outer": on, "inner": inner}, quiet=True)
        assert files(target) - {"copier.yml"} == expected


# What can be read in one sitting.


@dataclass(frozen=True)
class Limits:
    """Of a project without platforms: syntax nodes, those of its tests, and files."""

    nodes: int
    tests: int = 5000
    files: int = 70


FIRST = next(iter(COMBINATIONS))
# The present excess over the limits. It may only go down, until this table is empty.
EXCESS: dict[str, Limits] = {
    "tabular-classification-sklearn": Limits(9448, 0, 0),
    "tabular-classification-pytorch": Limits(9315, 788, 3),
    "tabular-classification-lightgbm": Limits(9146, 469, 4),
    "tabular-regression-sklearn": Limits(6770, 170, 0),
    "tabular-regression-pytorch": Limits(7549, 958, 3),
    "tabular-regression-lightgbm": Limits(7237, 489, 3),
    "nlp-sklearn": Limits(8425, 296, 1),
    "nlp-pytorch": Limits(9714, 1084, 3),
    "vision-sklearn": Limits(9242, 496, 0),
    "vision-pytorch": Limits(10250, 1284, 2),
    "time-series-sklearn": Limits(8369, 272, 0),
    "time-series-pytorch": Limits(9032, 1060, 2),
    "time-series-lightgbm": Limits(8946, 591, 2),
    "recommender-sklearn": Limits(7492, 293, 0),
    "recommender-pytorch": Limits(8278, 1081, 2),
    "clustering-sklearn": Limits(8220, 440, 0),
}
# Nodes that the handling of crashes, races and secrets may add, and those that the checks of
# splits, gates and monitoring may add.
FAULTS, NUMBERS = 700, 1500
# Nodes a line: of all files together, and of the densest line.
DENSITY, DENSEST = 8, 22
PLATFORM_NODES = 1000


def limits(combination: Combination) -> Limits:
    """The limits of a combination: the default project's are the narrowest."""
    if combination.framework == "pytorch":
        return Limits(13_000 + FAULTS + NUMBERS)
    return Limits((11_000 if combination.id == FIRST else 12_000) + FAULTS + NUMBERS)


def sources(project: Path) -> list[Path]:
    """The Python files of a project outside of tests/ and deploy/."""
    apart = {"tests", "deploy"}
    return [p for p in project.rglob("*.py") if p.relative_to(project).parts[0] not in apart]


def modules_of_tests(project: Path) -> list[Path]:
    """The Python files in tests/."""
    return [*(project / "tests").rglob("*.py")]


@pytest.fixture(scope="module")
def deployed(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default project with every platform."""
    project = tmp_path_factory.mktemp("deployed") / "project"
    answers = {"package_name": "churn_radar", "deploy": choices("deploy")}
    render(project, answers, template=template)
    return project


def test_measure_counts_syntax_nodes_by_line(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("x = 1\n\n\ny = [2, 3]\n")
    # A module, two assignments, two names that are stored, three constants, a list that is loaded.
    assert measure([path]) == Size(12, 2, (5, f"{path}:4"))


def test_project_has_few_syntax_nodes(made: Made, combination: Combination) -> None:
    project, limit = made(combination.id), limits(combination)
    excess = EXCESS.get(combination.id, Limits(0, 0, 0))
    assert measure(sources(project)).nodes <= limit.nodes + excess.nodes
    assert measure(modules_of_tests(project)).nodes <= limit.tests + excess.tests
    assert len(files(project)) <= limit.files + excess.files


def test_project_has_few_syntax_nodes_a_line(made: Made, combination: Combination) -> None:
    project = made(combination.id)
    for size in (measure(sources(project)), measure(modules_of_tests(project))):
        assert size.density <= DENSITY
        assert size.densest[0] <= DENSEST, size.densest[1]


@pytest.mark.parametrize("platform", choices("deploy"))
def test_platform_has_few_syntax_nodes(deployed: Path, platform: str) -> None:
    folder = deployed / "deploy" / platform.replace("-", "_")
    size = measure(folder.rglob("*.py"))
    assert 0 < size.nodes <= PLATFORM_NODES
    assert size.density <= DENSITY
    assert size.densest[0] <= DENSEST, size.densest[1]


def test_undocumented_finds_public_functions() -> None:
    text = (
        '"""A."""\ndef f(): """B."""\nclass C:\n    """C."""\n    def m(self): ...\ndef _g(): ...'
    )
    assert undocumented(text) == ["m"]
    assert undocumented("async def f(): ...") == ["f", "module"]


def test_every_public_function_is_documented(
    made: Made, deployed: Path, combination: Combination
) -> None:
    project = made(combination.id)
    shared = [path for path in deployed.glob("deploy/**/*.py") if "test" not in path.name]
    for path in [*sources(project), *shared]:
        assert undocumented(path.read_text("utf-8")) == [], path


def test_find_words_finds_private_words(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    text = "is_told = AWKWARD\n# rows of now\nmisjudged, untold = drawn_rows\n# drawn together\n"
    path.write_text(text)
    found = find_words(PRIVATE, [path])
    assert [line.rpartition(": ")[2] for line in found] == [
        "told",
        "AWKWARD",
        "rows of now",
        "drawn",
    ]
    assert found[0].startswith(f"{path}:1: ")


def test_words_are_those_of_the_field(made: Made, deployed: Path, combination: Combination) -> None:
    project = made(combination.id)
    paths = [path for path in project.rglob("*") if path.suffix in {".py", ".md", ".ipynb"}]
    paths += [project / "params.toml", *deployed.glob("deploy/**/*.py")]
    assert find_words(PRIVATE, paths) == []


# MLflow's own name of a registered model; every project has MLflow.
REGISTERED = ("tests/test_gate.py", "models:/")
# The sample that a variant's owner chose.
SAMPLE = {"nlp": "amazon"}


def test_no_platform_is_named_unless_it_was_chosen(
    made: Made, deployed: Path, combination: Combination
) -> None:
    def named(project: Path) -> list[str]:
        folders = ("src", "tests", ".github/workflows")
        names = ("Dockerfile", "compose.yaml", "README.md", "AGENTS.md")
        paths = [path for folder in folders for path in (project / folder).rglob("*.*")]
        found = find_words(PLATFORM, [*paths, *(project / name for name in names)])
        gate, uri = REGISTERED
        return [line for line in found if not (gate in line and line.endswith(uri))]

    sample = SAMPLE.get(combination.variant, "no sample")
    found = [line for line in named(made(combination.id)) if not line.lower().endswith(sample)]
    assert found == []
    assert len(named(deployed)) > 10
