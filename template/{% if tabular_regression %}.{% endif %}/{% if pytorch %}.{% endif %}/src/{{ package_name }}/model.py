"""Yours: the network, and its search space.

Strings and missing values are scikit-learn's part; the network takes the columns that it makes.
"""

from typing import Any

import numpy as np
import torch
from optuna import Trial
from pydantic import Field
from skl2onnx import to_onnx as convert
from sklearn.compose import ColumnTransformer
from torch import Tensor, nn

from .columns import as_frame, fit_columns, transform
from .inputs import Array, Inputs
from .training import OPSET, Training, export_network, predict_network, train_network

Model = tuple[ColumnTransformer, nn.Sequential]


class Params(Training):
    """[model] in params.toml."""

    width: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)
    min_frequency: int = Field(ge=1)


class Network(nn.Module):
    """Two hidden layers; the output is in the unit of the target."""

    def __init__(self, params: Params, columns: int, target: Array) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in (columns, params.width):
            layers += [nn.Linear(width, params.width), nn.ReLU(), nn.Dropout(params.dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(params.width, 1))
        # Of the target: a network learns faster what is near 0 and 1.
        self.register_buffer("center", torch.tensor(np.median(target)).float())
        self.register_buffer("scale", torch.tensor(np.std(target)).float())

    def forward(self, inputs: dict[str, Tensor]) -> Any:
        return self.center + self.scale * self.layers(inputs["columns"])


def search_space(trial: Trial) -> dict[str, Any]:
    """One point of the space that `tune` searches."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-3, 1, log=True),
        "width": trial.suggest_int("width", 32, 256, log=True),
        "dropout": trial.suggest_float("dropout", 0, 0.5),
    }


def fit(params: Params, inputs: Inputs, target: Array, seed: int) -> Model:
    """Learn from the training part alone; `target` has shape (n,)."""
    columns = fit_columns(inputs, params.min_frequency)
    made = transform(columns, inputs)
    width = made["columns"].shape[1]
    network = train_network(
        lambda: nn.Sequential(Network(params, width, target), nn.Identity()),
        made,
        target.reshape(-1, 1),
        nn.functional.l1_loss,
        params,
        seed,
    )
    return columns, network


def predict(model: Model, inputs: Inputs) -> Array:
    """Predicted values of shape (n, 1)."""
    columns, network = model
    return predict_network(network, transform(columns, inputs))


def to_onnx(model: Model, inputs: Inputs) -> bytes:
    """The model in ONNX; its last output is what `predict` returns."""
    columns, network = model
    first = convert(columns, as_frame(inputs)[:1], target_opset=OPSET)
    return export_network(network, transform(columns, inputs), first)
