"""The network, what comes before it in ONNX, its parameters and its search space.

Each film has a vector. A user's taste is the mean of the vectors of the latest likes, in which
older likes count less, at a rate that is learned. Films with a vector in its direction score high.
"""

from typing import Any

import numpy as np
import torch
from onnx import ModelProto, helper, parser
from optuna import Trial
from pydantic import Field
from torch import Tensor, nn

from .core.metrics import MASKED, build_catalogue, history_matrix, item_indices
from .core.rows import Array, Features
from .training.network import (
    OPSET,
    TrainingConfig,
    export_network,
    fit_network,
    join_graphs,
    predict_network,
)

Model = tuple[list[str], nn.Module]

# How many of the latest likes the network takes; older ones have no more weight.
WINDOW = 30

# As metrics.json names it.
FRAMEWORK = "pytorch"


class ModelConfig(TrainingConfig):
    """[model] in params.toml."""

    width: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)


class Network(nn.Module):
    """A score for each item, MASKED where the history holds it."""

    def __init__(self, config: ModelConfig, n_items: int) -> None:
        super().__init__()
        self.n_items = n_items
        self.dropout = config.dropout
        self.vectors = nn.Embedding(n_items + 1, config.width)
        nn.init.normal_(self.vectors.weight, std=0.1)
        self.popularity = nn.Parameter(torch.zeros(n_items))
        self.decay = nn.Parameter(torch.tensor(0.3))

    def forward(self, inputs: dict[str, Tensor]) -> Any:
        """Shape (n, items), from what build_inputs() returns."""
        latest = inputs["likes"][:, :WINDOW]
        in_history = inputs["likes"][:, WINDOW:]
        taste = torch.einsum("nl,nlw->nw", self.weights(latest), self.vectors(latest))
        scores = taste @ self.vectors.weight[: self.n_items].T + self.popularity
        # In training nothing is masked, and so the inputs have no such columns.
        return scores.masked_fill(in_history > 0, MASKED) if in_history.shape[1] else scores

    def weights(self, latest: Tensor) -> Tensor:
        """The weight of each like; in training some likes are left out at random.

        Args:
            latest: Indices of items, of shape (n, WINDOW); n_items where there is none.
        """
        age = torch.arange(WINDOW, device=latest.device)
        weights = torch.exp(-self.decay.abs() * age) * (latest < self.n_items)
        if self.training:
            weights = weights * (torch.rand_like(weights) >= self.dropout)
        return weights / weights.sum(dim=1, keepdim=True).clamp_min(1e-9)


def search_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of ModelConfig, for `tune`."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-3, 2e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-3, 1, log=True),
        "width": trial.suggest_int("width", 16, 256, log=True),
        "dropout": trial.suggest_float("dropout", 0, 0.7),
    }


def fit(config: ModelConfig, features: Features, y: Array, seed: int) -> Model:
    """Fit on the training set; `y` holds the index of each user's latest item, -1 for none."""
    items = build_catalogue(features)
    n_items = len(items)
    latest = np.where(y < 0, n_items, y)
    likes = np.column_stack([latest, item_indices(features, items)])
    # Every like was the next one at some time, so that each is an example.
    before = windows(likes[:, 1:], n_items)
    is_example = (likes < n_items) & (before < n_items).any(axis=2)
    inputs, target = {"likes": before[is_example]}, likes[is_example]
    torch.manual_seed(seed)
    network = Network(config, n_items)
    fit_network(network, inputs, target, nn.functional.cross_entropy, config, seed)
    return items, network


def windows(likes: Array, unknown: int) -> Array:
    """From each like on, the WINDOW likes before it in time: shape (n, likes + 1, WINDOW)."""
    padded = np.pad(likes, ((0, 0), (0, WINDOW)), constant_values=unknown)
    return np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=1)


def build_inputs(items: list[str], features: Features) -> Features:
    """The latest likes, then whether each item is in the history: shape (n, WINDOW + items)."""
    likes = item_indices(features, items)
    latest = windows(likes, len(items))[:, 0]
    return {"likes": np.hstack([latest, history_matrix(features, items)])}


def predict(model: Model, features: Features) -> Array:
    """Scores of shape (n, items)."""
    items, network = model
    return predict_network(network, build_inputs(items, features))


def to_onnx(model: Model, features: Features) -> bytes:
    """The model in ONNX: its input is named as the feature, its last output is `predict`'s."""
    items, network = model
    onnx = export_network(network, build_inputs(items, features))
    return join_graphs(inputs_to_onnx(items), onnx, "likes")


def inputs_to_onnx(items: list[str]) -> ModelProto:
    """build_inputs() in ONNX."""
    n_items = len(items)
    onnx = parser.parse_model(f"""
    <ir_version: 10, opset_import: ["": {OPSET}, "ai.onnx.ml": 4]>
    encode (string[n, longest] history) => (int64[n, wide] likes)
    <
        int64[1] zero = {{0}}, int64[1] one = {{1}}, int64[1] window = {{{WINDOW}}},
        int64[1] n_items = {{{n_items}}}, int64[1] n_columns = {{{n_items + 1}}}
    > {{
        indices = ai.onnx.ml.LabelEncoder <default_int64 = {n_items}> (history)
        n = Shape <end = 1> (history)
        filler_shape = Concat <axis = 0> (n, window)
        filler = Expand (n_items, filler_shape)
        filled = Concat <axis = 1> (indices, filler)
        latest = Slice (filled, zero, window, one)
        shape = Shape (history)
        ones = Expand (one, shape)
        empty_shape = Concat <axis = 0> (n, n_columns)
        empty = Expand (zero, empty_shape)
        scattered = ScatterElements <axis = 1> (empty, indices, ones)
        in_history = Slice (scattered, zero, n_items, one)
        likes = Concat <axis = 1> (latest, in_history)
    }}""")
    encoding = {"keys_strings": items, "values_int64s": range(n_items)}
    attributes = [helper.make_attribute(name, value) for name, value in encoding.items()]
    onnx.graph.node[0].attribute.extend(attributes)
    return onnx
