"""A project about images: looking at a folder with one folder for each class, and storing it."""

import json
import os
import re
import warnings
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
from PIL import ExifTags, Image, ImageChops, ImageOps

from scaffold.errors import ScaffoldError, sentence
from scaffold.own.costs import Costs, balanced
from scaffold.own.networks import SKLEARN, batch_size
from scaffold.own.source import quoted
from scaffold.own.writing import MAX_COMMITTED, MODEL, OWN, Contents, in_template

# By suffix, and what decodes them; features.py of the project knows the same.
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
# What Windows puts into folders; the files of other systems start with a dot.
SYSTEM_FILES = ("Thumbs.db", "desktop.ini")
# The long side of the copies; features.py of the project shrinks what it gets as much.
STORED_SIDE = 256
JPEG_QUALITY = 90
# Decoding a larger file may take all memory.
MAX_PIXELS = 100_000_000
# All images of a project are in memory at once.
MAX_IMAGES = 10_000
MAX_CLASSES = 100
# With fewer images of a class, the three sets would not have some of each.
MIN_CLASS_IMAGES = 30
# Of two classes, the threshold is chosen on ten images of each or more.
MIN_BINARY_IMAGES = 60
# More damaged images are no accident.
MAX_DAMAGED = 0.05
# A larger difference between two channels is a colour, and no trace of the compression.
MAX_GREY_DIFFERENCE = 12
# The side of the image in the README's example.
EXAMPLE_SIDE = 16
# Folders of sets, not of classes.
SETS = {"train", "training", "valid", "validation", "val", "dev", "test", "testing"}


class ImageError(Exception):
    """Why an image is left out."""


@dataclass(frozen=True)
class Photo:
    """An image, and its copy.

    Attributes:
        file: Its path in the folder.
        label: Its class.
        width: Of the original in pixels, upright; so is the height.
        is_grey: Whether it has no colours.
        has_position: Whether its EXIF data say where it was taken.
        copy: A file of at most STORED_SIDE pixels, without EXIF data.
    """

    file: str
    label: str
    width: int
    height: int
    is_grey: bool
    has_position: bool
    copy: bytes


@dataclass
class Collection:
    """A folder of images.

    Attributes:
        path: The folder.
        photos: Images that could be read, and are in one class only.
        left_out: Why other files are left out, by their path in the folder.
        damaged: Those of them that should be images.
        classes: Names of the classes that are predicted, the most frequent first.
        rare: How many images the other classes have, by name.
        positive: The class whose errors have costs, of two.
        stated_costs: What the owner says they are.
    """

    path: Path
    photos: list[Photo] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    rare: dict[str, int] = field(default_factory=dict)
    positive: str = ""
    stated_costs: Costs | None = None

    @property
    def is_binary(self) -> bool:
        """Whether one of two classes is the positive one."""
        return len(self.classes) == 2

    @property
    def costs(self) -> Costs:
        """Of two classes; unless they are stated, no class is dearer to predict for all images."""
        n_positive = len(self.of_class(self.positive))
        n_negative = len(self.chosen) - n_positive
        return self.stated_costs or balanced(n_negative, n_positive)

    @property
    def chosen(self) -> list[Photo]:
        """The images of the classes that are predicted."""
        return [photo for photo in self.photos if photo.label in self.classes]

    def of_class(self, label: str) -> list[Photo]:
        """The images of one class."""
        return [photo for photo in self.photos if photo.label == label]


# Looking.


def look(path: Path) -> Collection:
    """Read all images of a folder and choose the classes.

    Raises:
        ScaffoldError: No project can be made of these images.
    """
    folders = class_folders(path)
    files = {folder.name: list(list_files(folder)) for folder in folders}
    require_possible(path, files)
    collection = Collection(path)
    outside = [item for item in path.iterdir() if item.is_file() and is_visible(item)]
    for file in sorted(outside):
        collection.left_out[shown_path(file, path)] = "it is in no folder of a class"
    for label, paths in files.items():
        for file in paths:
            add_file(collection, file, label)
    require_readable(collection)
    leave_out_copies(collection)
    choose_classes(collection, list(files))
    return collection


def add_file(collection: Collection, file: Path, label: str) -> None:
    """Add the image in a file, or the reason why it is left out."""
    name = shown_path(file, collection.path)
    if file.suffix.lower() not in SUFFIXES:
        collection.left_out[name] = f"its name does not end in {', '.join(SUFFIXES)}"
        return
    try:
        collection.photos.append(read_photo(file, name, label))
    except ImageError as error:
        collection.left_out[name] = str(error)
        collection.damaged.append(name)


def require_readable(collection: Collection) -> None:
    """Raise ScaffoldError where more images are damaged than by accident."""
    damaged = collection.damaged
    n_images = len(collection.photos) + len(damaged)
    if len(damaged) <= max(1, MAX_DAMAGED * n_images):
        return
    reason = collection.left_out[damaged[0]]
    raise ScaffoldError(
        sentence(
            f"{collection.path}: {len(damaged)} of {n_images} images cannot be used, such as "
            f"{damaged[0]} ({reason}); repair or remove them"
        )
    )


def class_folders(path: Path) -> list[Path]:
    """The folders of the classes; raises ScaffoldError where a folder has none, or too many."""
    try:
        folders = sorted(item for item in path.iterdir() if item.is_dir() and is_visible(item))
    except OSError as error:
        raise ScaffoldError(sentence(f"{path} cannot be read: {error.strerror}")) from error
    names = [folder.name for folder in folders]
    if not names:
        raise ScaffoldError(
            sentence(
                f"{path} has no folders; put the images of each class into a folder of its own"
            )
        )
    if SETS.issuperset(name.lower() for name in names):
        listed = " and ".join(names)
        raise ScaffoldError(
            sentence(
                f"{path}: {listed} are sets, not classes; name one of them, or a folder with the "
                "images of all sets, since the project splits them itself"
            )
        )
    if len(names) > MAX_CLASSES:
        raise ScaffoldError(
            sentence(f"{path} has {len(names)} folders; {MAX_CLASSES} classes are the most")
        )
    for name in names:
        if not name.isprintable():
            raise ScaffoldError(
                sentence(f"{path}: the folder {name} has characters that no text has; rename it")
            )
    return folders


def list_files(folder: Path) -> Iterator[Path]:
    """The files of a folder and of those in it, without the ones of the operating system."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if all(is_visible(Path(part)) for part in parts) and path.is_file():
            yield path


def is_visible(path: Path) -> bool:
    """Whether a file or folder is not one of the operating system's."""
    return not path.name.startswith(".") and path.name not in SYSTEM_FILES


def shown_path(path: Path, folder: Path) -> str:
    """The path of a file in the folder, as text that can be written into any file."""
    return os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "replace")


def require_possible(path: Path, files: dict[str, list[Path]]) -> None:
    """Raise ScaffoldError, before images are read, if there are none or too many."""
    names = [file for paths in files.values() for file in paths]
    n_images = sum(file.suffix.lower() in SUFFIXES for file in names)
    if not n_images:
        found = Counter(file.suffix.lower() or "no suffix" for file in names).most_common(3)
        kinds = ", ".join(kind for kind, _ in found) or "no file"
        raise ScaffoldError(
            sentence(
                f"{path}: no file in its folders ends in {', '.join(SUFFIXES)}; there is {kinds}"
            )
        )
    if n_images > MAX_IMAGES:
        raise ScaffoldError(
            sentence(f"{path} has {n_images:,} images; {MAX_IMAGES:,} are the most, so take a part")
        )


def read_photo(path: Path, name: str, label: str) -> Photo:
    """Read and shrink an image; raises ImageError for what is no complete image."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            exif = image.getexif()
            if width * height <= MAX_PIXELS:
                small = shrink(image)
                content = encode(small, lossless=is_lossless(image, (width, height)))
    except Image.DecompressionBombError:
        width, height = MAX_PIXELS, MAX_PIXELS
    except Exception as error:
        raise ImageError(f"no complete {' or '.join(FORMATS)} file") from error
    if width * height > MAX_PIXELS:
        raise ImageError(f"more than {MAX_PIXELS // 1_000_000} megapixels")
    if exif.get(ExifTags.Base.Orientation, 1) >= 5:
        width, height = height, width
    has_position = bool(exif.get_ifd(ExifTags.IFD.GPSInfo))
    return Photo(name, label, width, height, is_grey(small), has_position, content)


def shrink(image: Image.Image) -> Image.Image:
    """A copy in RGB of at most STORED_SIDE pixels: upright, on white where it is transparent.

    As decode() in features.py of the project.
    """
    # JPEG is decoded at a fraction of its size, which is faster.
    image.draft("RGB", (2 * STORED_SIDE, 2 * STORED_SIDE))
    if image.mode.startswith("I"):  # 16 bits, of which convert() would cut off the upper half
        highest = max(255, int(image.getextrema()[1]))  # type: ignore[arg-type]  # of one channel
        image = image.convert("I").point(lambda value: value * (255 / highest)).convert("L")
    exif_upright = ImageOps.exif_transpose(image).convert("RGBA")
    exif_upright.thumbnail((STORED_SIDE, STORED_SIDE))
    white = Image.new("RGBA", exif_upright.size, "white")
    return Image.alpha_composite(white, exif_upright).convert("RGB")


def is_lossless(image: Image.Image, size: tuple[int, int]) -> bool:
    """Whether the copy should have the same pixels as the original."""
    return image.format in ("PNG", "BMP") and max(size) <= STORED_SIDE


def encode(image: Image.Image, *, lossless: bool) -> bytes:
    """An image as a file, which holds no EXIF data."""
    file = BytesIO()
    if lossless:
        image.save(file, "PNG", optimize=True)
    else:
        # Without subsampling, the copy is as colourful as the original.
        image.save(file, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return file.getvalue()


def is_grey(image: Image.Image) -> bool:
    """Whether the channels of an RGB image are equal."""
    red, green, blue = image.split()
    differences = [ImageChops.difference(red, other) for other in (green, blue)]
    return all(max(map(int, item.getextrema())) <= MAX_GREY_DIFFERENCE for item in differences)  # type: ignore[arg-type]  # of one channel


# Choosing.


def leave_out_copies(collection: Collection) -> None:
    """Keep one of equal images, or none if they are in several classes: which is right?"""
    equal: dict[bytes, list[Photo]] = {}
    for photo in collection.photos:
        equal.setdefault(sha256(photo.copy).digest(), []).append(photo)
    collection.photos = []
    for photos in equal.values():
        first, *others = photos
        if len({photo.label for photo in photos}) > 1:
            others = photos
            reason = "the same image is in another class"
        else:
            collection.photos.append(first)
            reason = "the same image is there twice"
        collection.left_out |= {photo.file: reason for photo in others}


def choose_classes(collection: Collection, labels: list[str]) -> None:
    """The classes with enough images; raises ScaffoldError where there are fewer than two."""
    counts = Counter(dict.fromkeys(labels, 0))
    counts.update(photo.label for photo in collection.photos)
    ordered = [label for label, _ in counts.most_common()]
    least = MIN_CLASS_IMAGES
    collection.classes = [label for label in ordered if counts[label] >= least]
    if collection.is_binary:
        least = MIN_BINARY_IMAGES
        collection.classes = [label for label in ordered if counts[label] >= least]
    collection.rare = {label: counts[label] for label in ordered if label not in collection.classes}
    if len(labels) == 1:
        raise ScaffoldError(
            sentence(
                f'{collection.path} has one folder, "{labels[0]}", and so one class only; put the '
                "images of each class into a folder of its own"
            )
        )
    if len(collection.classes) < 2:
        listed = ", ".join(f"{label} ({counts[label]})" for label in ordered[:5])
        raise ScaffoldError(
            sentence(
                f"{collection.path} has too few images: {listed}; two classes need "
                f"{MIN_BINARY_IMAGES} each, three or more {MIN_CLASS_IMAGES}"
            )
        )
    if collection.is_binary:
        collection.positive = collection.classes[-1]


def choose_positive(collection: Collection, positive: str) -> None:
    """The class whose errors have costs; raises ScaffoldError if there is no such."""
    if not positive:
        return
    known = ", ".join(collection.classes)
    if positive not in collection.classes:
        raise ScaffoldError(sentence(f'"{positive}" is no class of {collection.path} ({known})'))
    if not collection.is_binary:
        n_classes = len(collection.classes)
        raise ScaffoldError(
            sentence(f"{collection.path} has {n_classes} classes, and none is positive")
        )
    collection.positive = positive


def size_of(photos: list[Photo]) -> str:
    """The median width and height."""
    if not photos:
        return ""
    width, height = (
        median(getattr(photo, name) for photo in photos) for name in ("width", "height")
    )
    return f"{width:.0f} x {height:.0f}"


def colours_of(photos: list[Photo]) -> str:
    """Whether the images are grey or have colours."""
    n_grey = sum(photo.is_grey for photo in photos)
    if n_grey in (0, len(photos)):
        return "grey" if n_grey else "colour"
    return f"{n_grey / len(photos):.0%} grey"


def remarks(collection: Collection) -> list[str]:
    """Sentences about what is left out, and about what is decided."""
    reasons: dict[str, list[str]] = {}
    for file, reason in collection.left_out.items():
        reasons.setdefault(reason, []).append(file)
    found = [
        f"{len(files)} left out, such as {files[0]}: {reason}." for reason, files in reasons.items()
    ]
    n_located = sum(photo.has_position for photo in collection.chosen)
    if n_located:
        found.append(f"{n_located} images say where they were taken; their copies do not.")
    if collection.is_binary:
        costs = collection.costs.sentence
        found.append(f"The positive class is {collection.positive}, with {costs}.")
    return found


# Writing.


def contents(collection: Collection, framework: str = SKLEARN) -> Contents:
    """The project that the images make."""
    context = context_of(collection)
    # The template's network takes images of any size, its estimators those of the sample.
    model = {MODEL: "model.py.jinja"} if framework == SKLEARN else {}
    return Contents(
        variant="vision",
        description=f"Predicts which of {len(collection.classes)} classes an image belongs to.",
        source=str(collection.path),
        folder="image",
        files={**OWN, **model},
        context=context,
        store=partial(store, collection),
        name=stored_name(collection.path),
        committed=context["committed"],
        framework=framework,
    )


def stored_name(path: Path) -> str:
    """The name of the file in the project, which no spaces are in."""
    name = re.sub(r"[^\w-]+", "-", path.resolve().name).strip("-")
    return f"{name or 'images'}.parquet"


def store(collection: Collection, target: Path) -> None:
    """Write file, class and copy of each image as Parquet."""
    photos = collection.chosen
    columns = [
        [photo.file for photo in photos],
        [photo.label for photo in photos],
        [b64encode(photo.copy).decode() for photo in photos],
    ]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE images (file VARCHAR, category VARCHAR, image VARCHAR)")
        connection.execute("INSERT INTO images SELECT unnest($1), unnest($2), unnest($3)", columns)
        connection.execute(
            f"COPY images TO {quoted(target)} (FORMAT parquet, COMPRESSION zstd, "
            "ROW_GROUP_SIZE 2048)"
        )


def context_of(collection: Collection) -> dict[str, Any]:
    """What the files say about the images."""
    photos = collection.chosen
    n_characters = sum(4 * len(photo.copy) // 3 for photo in photos)
    too_large = n_characters > MAX_COMMITTED
    folder = collection.path.resolve().name
    return {
        "folder": folder,
        "origin": folder,
        "n_images": f"{len(photos):,}",
        "batch_size": batch_size(len(photos)),
        "classes": sorted(collection.classes),
        "rare": collection.rare,
        "min_class_images": MIN_BINARY_IMAGES if collection.is_binary else MIN_CLASS_IMAGES,
        "binary": collection.is_binary,
        "positive": collection.positive,
        "negative": next((c for c in collection.classes if c != collection.positive), ""),
        "costs": collection.costs if collection.is_binary else None,
        "size": size_of(photos),
        "colours": colours_of(photos),
        "n_left_out": len(collection.left_out),
        "stored_side": STORED_SIDE,
        "committed": not too_large,
        "not_committed": f"the images are larger than {MAX_COMMITTED // 1_000_000} MB",
        "example_json": in_template(json.dumps({"image": example(photos[0])})),
    }


def example(photo: Photo) -> str:
    """A tiny version of an image, for a request in the README."""
    file = BytesIO()
    with Image.open(BytesIO(photo.copy)) as image:
        image.resize((EXAMPLE_SIDE, EXAMPLE_SIDE)).save(file, "WEBP", quality=50)
    return b64encode(file.getvalue()).decode()
