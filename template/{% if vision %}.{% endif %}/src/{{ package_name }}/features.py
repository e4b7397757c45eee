"""The field of an image, and the features that the model takes.

Training, batch prediction and the API all build their features here. What is learned from data
belongs in model.py.
"""

from base64 import b64decode, b64encode
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from pydantic import Field, field_validator

from .core.folders import folder_reader
from .core.rows import READERS, Array, Features, Row, Rows

# Cells of a CSV file that mean "missing".
MISSING_VALUES = ("",)

# Few decoders, and few pixels: a hostile file may exploit a decoder, or decode to gigabytes.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
MAX_CHARACTERS = 1_500_000
MAX_PIXELS = 1_000_000
# Smaller differences between the lightest and the darkest pixel are noise.
MIN_CONTRAST = 32
# The darkest pixel that scaling may leave of a stroke.
MIN_INK = 0.2
# As in MNIST: the ink fills 20 of 28 pixels.
INK_SIZE = 20
MARGIN = 4
# Histograms of oriented gradients.
N_DIRECTIONS = 8
CELL_SIZE = 4


class Instance(Row):
    """One handwritten digit, upright, of any size: dark on light, or light on dark."""

    image: str = Field(
        max_length=MAX_CHARACTERS,
        description="A PNG, JPEG, WEBP or BMP file in base64, of at most a million pixels.",
    )

    @field_validator("image")
    @classmethod
    def require_ink(cls, image: str) -> str:
        """Refuse what is no image, and an image without contrast."""
        read_digit(image)
        return image


def read_image(path: Path) -> str:
    """An image file in base64, cut off soon after MAX_CHARACTERS."""
    with path.open("rb") as file:
        return b64encode(file.read(MAX_CHARACTERS)).decode()


READERS["folder"] = folder_reader("image", read_image)


# Small, because a text may have MAX_CHARACTERS: enough for what was just validated.
@lru_cache(maxsize=16)
def read_digit(text: str) -> Array:
    """Decode an image and cut out its ink.

    Args:
        text: An image file in base64.

    Returns:
        Shape (28, 28), 0 for paper and 1 for ink; the ink is scaled to INK_SIZE.

    Raises:
        ValueError: It is no image of FORMATS, too large, blank, or of too thin ink.
    """
    grey = decode(text)
    contrast = np.ptp(grey)
    if contrast < MIN_CONTRAST:
        raise ValueError("the image is blank: nothing contrasts with the paper")
    pixels = center_ink(find_ink((grey - grey.min()) / contrast))
    if pixels.max() < MIN_INK:
        raise ValueError("the ink is too thin: nothing is left of it at 20 pixels")
    return pixels


def decode(text: str) -> Array:
    """Grey values of shape (height, width), 0 to 255; raises ValueError for what is no image."""
    # Browsers put "data:image/png;base64," in front.
    encoded = text.rpartition(",")[2]
    try:
        image = Image.open(BytesIO(b64decode(encoded)), formats=FORMATS)
        # The size is in the header: nothing is decoded yet.
        if image.width * image.height <= MAX_PIXELS:
            return np.asarray(to_grey(image), dtype=np.float32)
    except Exception as error:  # Pillow raises errors of many kinds for damaged files
        kinds = " or ".join(FORMATS)
        raise ValueError(f"this is no complete {kinds} file in base64") from error
    raise ValueError(f"the image has more than {MAX_PIXELS:,} pixels")


def to_grey(image: Image.Image) -> Image.Image:
    """The image in 8-bit grey, turned as its EXIF data say, on white where it is transparent."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits, of which convert() would cut off the upper half
        deep = np.asarray(image).astype(np.int64)
        image = Image.fromarray((255 * deep // max(1, deep.max())).astype(np.uint8))
    paper = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(paper, image.convert("RGBA")).convert("L")


def find_ink(grey: Array) -> Array:
    """0 for paper to 1 for ink, from grey values of 0 to 1; the border shows mostly paper."""
    first_and_last_row = grey[[0, -1]].ravel()
    first_and_last_column = grey[:, [0, -1]].ravel()
    border = np.concatenate([first_and_last_row, first_and_last_column])
    return np.asarray(1 - grey if np.median(border) > 0.5 else grey)


def center_ink(ink: Array) -> Array:
    """The ink's bounding box, scaled to INK_SIZE in proportion, with MARGIN around it."""
    image = Image.fromarray((255 * ink).astype(np.uint8))
    # Less ink than this is a smudge.
    box = Image.fromarray(ink > 0.15).getbbox()
    scaled = ImageOps.pad(image.crop(box), (INK_SIZE, INK_SIZE))
    return np.asarray(ImageOps.expand(scaled, MARGIN), dtype=np.float32) / 255


def build_features(rows: Rows) -> Features:
    """Build what the model takes.

    Returns:
        "pixels": float32 of shape (n, 1, 28, 28), 0 for paper and 1 for ink.
        "hog": float32 of shape (n, 392), see oriented_gradients().
    """
    pixels = np.stack([read_digit(row["image"]) for row in rows])
    return {"pixels": pixels[:, None], "hog": oriented_gradients(pixels)}


def oriented_gradients(pixels: Array) -> Array:
    """Histograms of oriented gradients (HOG): Dalal and Triggs (2005), CVPR.

    Each cell of CELL_SIZE x CELL_SIZE pixels gets a histogram of the directions of its gradients,
    weighted by their magnitudes. It says where strokes begin and end, and which way they run.

    Args:
        pixels: Shape (n, 28, 28).

    Returns:
        Shape (n, N_DIRECTIONS * 7 * 7); a row is the square root of shares (L1-sqrt).
    """
    dy, dx = np.gradient(pixels, axis=(1, 2))
    magnitude = np.hypot(dy, dx) + 1e-6
    n_cells = pixels.shape[1] // CELL_SIZE
    cells = (-1, n_cells, CELL_SIZE, n_cells, CELL_SIZE)
    histograms = []
    for angle in np.arange(0, 2 * np.pi, 2 * np.pi / N_DIRECTIONS, dtype=np.float32):
        # A gradient between two directions counts for both, by its nearness to each.
        cosine = (np.sin(angle) * dy + np.cos(angle) * dx) / magnitude
        votes = magnitude * np.maximum(0, cosine) ** 8
        histograms.append(votes.reshape(cells).sum(axis=(2, 4)))
    counts = np.stack(histograms, axis=1).reshape(len(pixels), -1)
    return np.asarray(np.sqrt(counts / counts.sum(axis=1, keepdims=True)))


def monitored_columns(rows: Rows) -> dict[str, list[Any]]:
    """What monitoring compares: the images as they were sent, and how much ink they have."""
    measured = [measure(row["image"]) for row in rows]
    return {name: [values[name] for values in measured] for name in measured[0]}


def measure(text: str) -> dict[str, float]:
    """Size in pixels, grey values, and the share of ink of an image."""
    grey = decode(text)
    return {
        "ink": float(read_digit(text).mean()),
        "width": grey.shape[1],
        "height": grey.shape[0],
        "brightness": float(grey.mean()),
        "contrast": float(np.ptp(grey)),
    }
