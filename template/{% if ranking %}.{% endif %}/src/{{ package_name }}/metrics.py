"""What good means for a ranking: scores, baseline, answers and plots.

It needs numpy alone, because the API uses it too. An output has shape (n, items): a score for each
item of the catalogue, MASKED where the person had it already; a target holds the position of the
one item that came next, -1 if it is not there. Equal scores stand in the order of the catalogue.
"""

from collections import Counter
from itertools import chain
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, Field

from .inputs import Array, Axes, Inputs
from .settings import Section, UserError

HIGHER_IS_BETTER = True
MASKED = -1e9
# People who must have chosen an item before anything can be learned of it.
LEAST = 5


class Decision(Section):
    """[decision] in params.toml: how many items are shown."""

    k: int = Field(ge=1, le=100)


class Task(BaseModel):
    """What is learned from the training part alone; it travels in bundle.json."""

    items: list[str]
    # How many people chose each item, and how many people there are.
    counts: list[int]
    people: int
    decision: Decision

    @property
    def primary(self) -> str:
        return f"ndcg_at_{self.decision.k}"

    def encode(self, target: Array, _: Inputs) -> Array:
        index = {item: position for position, item in enumerate(self.items)}
        return np.array([index.get(item, -1) for item in target])

    def baselines(self, inputs: Inputs) -> dict[str, Array]:
        """What most people chose, without what this person has."""
        return {"popularity": mask(np.array(self.counts), chosen(inputs, self.items))}

    def calibrate(self, _: Array, __: Array) -> Self:
        return self  # there is nothing to choose

    def scores(self, target: Array, output: Array, weights: Array) -> dict[str, Array]:
        """Each metric, once a row of `weights`: shape (resamples, n), how often a row counts."""
        k, rank, shown = self.decision.k, ranks(target, output), top(output, self.decision.k)
        # With one item to find, the best possible DCG is 1.
        gains = {"ndcg": 1 / np.log2(rank + 1), "hit_rate": np.ones(len(rank)), "mrr": 1 / rank}
        rows = {name: np.where(rank <= k, gain, 0) for name, gain in gains.items()}
        # A row's part in the coverage: each item is shared among the rows that show it. The parts
        # add up to the share of the catalogue that is shown to anybody, and can be resampled.
        rows["coverage"] = shown @ (len(rank) / len(self.items) / np.maximum(shown.sum(axis=0), 1))
        rarity = -np.log2(np.maximum(self.counts, 1) / self.people)
        rows["novelty_bits"] = shown @ rarity / np.maximum(shown.sum(axis=1), 1)
        rows = {f"{name}_at_{k}": values for name, values in rows.items()}
        # Of what came next, no model could find more.
        rows["in_catalogue"] = target >= 0
        return {name: weights @ values / weights.sum(axis=1) for name, values in rows.items()}

    def answers(self, output: Array) -> list[dict[str, Any]]:
        """The best items with their scores: fewer than k for who has had nearly everything."""
        order = np.argsort(-output, axis=1, kind="stable")[:, : self.decision.k]
        answers = []
        for row, best in zip(output, order, strict=True):
            shown = best[row[best] > MASKED]
            names, scores = [self.items[position] for position in shown], row[shown].tolist()
            # Without an item that the catalogue has, nothing but popularity is left.
            basis = "history" if (row <= MASKED).any() else "popularity"
            answers.append({"items": names, "scores": scores, "based_on": basis})
        return answers

    def notes(self) -> list[str]:
        size = f"{len(self.items):,} items that at least {LEAST} people of train chose"
        return [f"The catalogue holds the {size}; what is not in it counts as missed."]

    def draw(self, target: Array, output: Array, axes: Axes) -> None:
        popular = mask(np.array(self.counts), output <= MASKED)
        lengths = np.arange(1, 101)
        for name, scores in {"model": output, "popularity": popular}.items():
            rank = ranks(target, scores)
            axes["hits"].plot(lengths, [np.mean(rank <= k) for k in lengths], label=name)
        axes["hits"].set(xlabel="length of the list", ylabel="share of next items in it")
        axes["hits"].legend()


def learn_task(target: Array, inputs: Inputs, decision: Decision) -> Task:
    items = catalogue(inputs)
    if len(items) <= decision.k:
        raise UserError(f"params.toml: k = {decision.k}, of {len(items)} items in train.", 2)
    everything = np.column_stack([target, inputs["history"]])
    counts = chosen({"history": everything}, items).sum(axis=0).tolist()
    return Task(items=items, counts=counts, people=len(target), decision=decision)


def catalogue(inputs: Inputs) -> list[str]:
    """The items that can be recommended, in an order that depends on nothing else."""
    counts = Counter(chain.from_iterable(inputs["history"].tolist()))
    return sorted(item for item, count in counts.items() if item and count >= LEAST)


def positions(inputs: Inputs, items: list[str]) -> Array:
    """Shape (n, longest): where each chosen item stands in `items`; their number if nowhere."""
    index = {item: position for position, item in enumerate(items)}
    rows = [[index.get(item, len(items)) for item in row] for row in inputs["history"].tolist()]
    return np.array(rows, dtype=np.int64)


def chosen(inputs: Inputs, items: list[str]) -> Array:
    """Shape (n, items): whether a person has chosen an item."""
    table = np.zeros((len(inputs["history"]), len(items) + 1), dtype=bool)
    np.put_along_axis(table, positions(inputs, items), values=True, axis=1)
    return table[:, :-1]


def mask(scores: Array, seen: Array) -> Array:
    return np.where(seen, MASKED, scores)


def ranks(target: Array, output: Array) -> Array:
    """The place of the target in each row's list, from 1; infinite where it cannot be in it."""
    score = output[np.arange(len(target)), np.maximum(target, 0)][:, np.newaxis]
    before = np.arange(output.shape[1]) < target[:, np.newaxis]
    rank = 1.0 + ((output > score) | ((output == score) & before)).sum(axis=1)
    return np.where((target >= 0) & (score[:, 0] > MASKED), rank, np.inf)


def top(output: Array, k: int) -> Array:
    """Of shape (n, items): which items are among the first k; sorting all would take long."""
    least = -np.partition(-output, k - 1, axis=1)[:, k - 1 : k]
    above, level = output > least, output == least
    fits = np.cumsum(level, axis=1) <= k - above.sum(axis=1, keepdims=True)
    return np.asarray((above | (level & fits)) & (output > MASKED))
