"""Yours: the network, what goes before it in ONNX, and its search space.

Each film has a place, and a person is where the latest likes are: their mean, in which what is
longer ago fades at a rate that is learned. The films that lie in that direction are recommended.
"""

from typing import Any

import numpy as np
import torch
from onnx import helper, numpy_helper, parser
from optuna import Trial
from pydantic import Field
from torch import Tensor, nn

from .inputs import Array, Inputs
from .metrics import MASKED, catalogue, chosen, positions
from .training import OPSET, Training, export_network, predict_network, train_network

Model = tuple[list[str], nn.Sequential]
WINDOW = 30  # how many of the latest likes the network looks at; what is older has faded
# What predict() does before the network; export measures whether it is the same.
GRAPH = f"""
<ir_version: 10, opset_import: ["": {OPSET}, "ai.onnx.ml": 4]>
before (string[rows, longest] history) => (int64[rows, wide] likes) {{
    position = ai.onnx.ml.LabelEncoder (history)
    shape = Shape (history) rows = Shape <end = 1> (history)
    long = Concat <axis = 0> (rows, window) filler = Expand (count, long)
    padded = Concat <axis = 1> (position, filler) latest = Slice (padded, zero, window, one)
    size = Concat <axis = 0> (rows, columns) empty = Expand (zero, size)
    ones = Expand (one, shape) marked = ScatterElements <axis = 1> (empty, position, ones)
    had = Slice (marked, zero, count, one) likes = Concat <axis = 1> (latest, had)
}}
"""


class Params(Training):
    """[model] in params.toml."""

    width: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)


class Network(nn.Module):
    """A score for each item, from the positions of the latest likes."""

    def __init__(self, params: Params, items: int) -> None:
        super().__init__()
        self.items, self.dropout = items, params.dropout
        self.places = nn.Embedding(items + 1, params.width)
        nn.init.normal_(self.places.weight, std=0.1)
        self.popularity = nn.Parameter(torch.zeros(items))
        self.fading = nn.Parameter(torch.tensor(0.3))

    def forward(self, inputs: dict[str, Tensor]) -> Any:
        latest, had = inputs["likes"].tensor_split([WINDOW], dim=1)
        weight = torch.exp(-self.fading.abs() * torch.arange(WINDOW, device=latest.device))
        weight = weight * (latest < self.items)
        if self.training:  # whole likes are dropped, so that none is relied upon
            weight = weight * (torch.rand_like(weight) >= self.dropout)
        weight = weight / weight.sum(1, keepdim=True).clamp_min(1e-9)
        person = torch.einsum("nl,nlw->nw", weight, self.places(latest))
        scores = person @ self.places.weight[: self.items].T + self.popularity
        # While it learns it is not told which items a person had: that is for those who ask.
        return scores.masked_fill(had > 0, MASKED) if had.shape[1] else scores


def search_space(trial: Trial) -> dict[str, Any]:
    """One point of the space that `tune` searches."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-3, 2e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-3, 1, log=True),
        "width": trial.suggest_int("width", 16, 256, log=True),
        "dropout": trial.suggest_float("dropout", 0, 0.7),
    }


def fit(params: Params, inputs: Inputs, target: Array, seed: int) -> Model:
    """Learn from the training part alone; `target` holds the position of each person's last."""
    items = catalogue(inputs)
    # Every like was the next one once: not only the last teaches.
    last = np.where(target < 0, len(items), target)
    following = np.column_stack([last, positions(inputs, items)])
    before = windows(following[:, 1:], len(items))
    known = (following < len(items)) & (before < len(items)).any(axis=2)
    likes, loss = {"likes": before[known]}, nn.functional.cross_entropy

    def build() -> nn.Sequential:
        return nn.Sequential(Network(params, len(items)), nn.Identity())

    return items, train_network(build, likes, following[known], loss, params, seed)


def predict(model: Model, inputs: Inputs) -> Array:
    """Scores of shape (n, items)."""
    items, network = model
    latest = windows(positions(inputs, items), len(items))[:, 0]
    return predict_network(network, {"likes": np.hstack([latest, chosen(inputs, items)])})


def to_onnx(model: Model, _: Inputs) -> bytes:
    """The model in ONNX; its last output is what `predict` returns."""
    items, network = model
    count, before = len(items), parser.parse_model(GRAPH)
    numbers = {"zero": 0, "one": 1, "window": WINDOW, "count": count, "columns": count + 1}
    constants = [numpy_helper.from_array(np.array([numbers[name]]), name) for name in numbers]
    before.graph.initializer.extend(constants)
    encode = {"keys_strings": items, "values_int64s": range(count), "default_int64": count}
    before.graph.node[0].attribute.extend(helper.make_attribute(n, encode[n]) for n in encode)
    example = np.zeros((2, WINDOW + count), dtype=np.int64)
    return export_network(network, {"likes": example}, before)


def windows(likes: Array, unknown: int) -> Array:
    """From each like on, the WINDOW likes before it in time: shape (n, likes, WINDOW)."""
    padded = np.pad(likes, ((0, 0), (0, WINDOW)), constant_values=unknown)
    return np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=1)
