"""Folders of images of an owner."""

import random
from pathlib import Path

from PIL import Image

# The pixels of a texture before it is scaled to an image: width and height.
TEXTURES = {"tall": (32, 4), "wide": (4, 32), "fine": (32, 32)}


def draw(width: int, height: int, seed: int) -> Image.Image:
    """Noise in colours of so many pixels, as a smooth image of 48 x 40."""
    pixels = random.Random(seed).randbytes(3 * width * height)  # noqa: S311 - no secret
    return Image.frombytes("RGB", (width, height), pixels).resize((48, 40))


def write_images(folder: Path, n_images: int = 60, labels: tuple[str, ...] = (*TEXTURES,)) -> None:
    """One folder for each texture, with images of different brightness."""
    for label in labels:
        (folder / label).mkdir(parents=True)
        for index in range(n_images):
            width, height = TEXTURES[label]
            image = draw(width, height, 1000 * [*TEXTURES].index(label) + index)
            darker = image.point(lambda value: value * (0.5 + index % 5 / 10))  # noqa: B023 - used at once
            darker.save(folder / label / f"{label} {index}.png")
