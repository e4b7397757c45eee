"""Yours: a raw instance, and how it becomes what the model takes.

Training, batch and API all pass here. What is learned from data belongs in model.py.
"""

from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path
from typing import Self

import numpy as np
from PIL import Image, ImageOps
from pydantic import Field

from .inputs import Array, Inputs, Instances, Raw
from .settings import UserError

# Fewer decoders are fewer ways in for a hostile file; and a small file can unfold to gigabytes.
FORMATS, LONGEST, MOST_PIXELS = ["PNG", "JPEG", "WEBP", "BMP"], 1_500_000, 10_000_000


class Instance(Raw):
    """One handwritten digit, upright, of any size: dark on light, or light on dark."""

    image: str = Field(max_length=LONGEST, description="A PNG, JPEG, WEBP or BMP file in base64.")

    @classmethod
    def from_file(cls, path: Path) -> Self:
        with path.open("rb") as file:
            return cls(image=b64encode(file.read(LONGEST)).decode())


def prepare(instances: Instances) -> Inputs:
    """Pixels of shape (n, 1, 28, 28), where ink is 1 and paper 0, and the edges in them."""
    pixels = np.stack([view(row["image"], number) for number, row in enumerate(instances, 1)])
    return {"pixels": pixels[:, None], "edges": edges(pixels)}


def view(text: str, number: int) -> Array:
    """The ink, 28 x 28, as large as a margin of 4 allows; raises UserError where there is none."""
    try:  # A browser writes "data:image/png;base64," before it.
        grey = decode(b64decode(text.rpartition(",")[2]))
    except Exception as error:  # broken files fail in as many ways as there are
        kind = f"{' or '.join(FORMATS)} file of at most {MOST_PIXELS:,} pixels in base64"
        raise UserError(f"Image {number} is no whole {kind}.") from error
    pixels = np.asarray(grey, dtype=np.float32)
    pixels -= pixels.min()
    if pixels.max() < 32:
        raise UserError(f"Image {number} is blank: nothing stands out from the paper.")
    pixels /= pixels.max()
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    ink = 1 - pixels if np.median(border) > 0.5 else pixels
    # The smallest box with all that is darker than a smudge.
    y, x = (np.flatnonzero((ink > 0.15).any(axis=axis)) for axis in (1, 0))
    box = Image.fromarray((255 * ink[y[0] : y[-1] + 1, x[0] : x[-1] + 1]).astype(np.uint8))
    return np.pad(np.asarray(ImageOps.pad(box, (20, 20)), dtype=np.float32) / 255, 4)


def decode(content: bytes) -> Image.Image:
    """The image in grey, upright, on white where it is transparent."""
    image: Image.Image = Image.open(BytesIO(content), formats=FORMATS)
    if image.width * image.height > MOST_PIXELS:  # says the header; nothing is decoded yet
        raise Image.DecompressionBombError
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits a pixel, of which convert() would cut the upper half
        deep = np.asarray(image).astype(np.int64)
        image = Image.fromarray((255 * deep // max(1, deep.max())).astype(np.uint8))
    paper = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(paper, image.convert("RGBA")).convert("L")


def edges(pixels: Array) -> Array:
    """Histograms of edge directions: how much ink begins in each of 8, in each of 49 cells."""
    down, right = np.gradient(pixels, axis=(1, 2))
    size, cells = np.hypot(down, right) + 1e-6, []
    for angle in np.arange(0, 2 * np.pi, np.pi / 4, dtype=np.float32):
        # An edge between two directions counts for both, by its nearness to each.
        nearness = np.maximum(0, (np.sin(angle) * down + np.cos(angle) * right) / size) ** 8
        cells.append((size * nearness).reshape(-1, 7, 4, 7, 4).sum(axis=(2, 4)))
    counts = np.stack(cells, axis=1).reshape(len(pixels), -1)
    return np.asarray(np.sqrt(counts / counts.sum(axis=1, keepdims=True)))
