"""Yours: the network, its parameters and its search space.

columns.py makes numbers of the features; the network takes those.
"""

from typing import Any

import torch
from optuna import Trial
from pydantic import Field
from sklearn.compose import ColumnTransformer
from torch import Tensor, nn

from .columns import columns_to_onnx, fit_columns, transform_columns
from .core.rows import Array, Features
from .training.network import (
    TrainingConfig,
    export_network,
    fit_network,
    join_graphs,
    predict_network,
)

Model = tuple[ColumnTransformer, nn.Module]


class ModelConfig(TrainingConfig):
    """[model] in params.toml."""

    width: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)


class Network(nn.Module):
    """One hidden layer; the output is a score for each class."""

    def __init__(self, config: ModelConfig, n_columns: int, n_classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_columns, config.width),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.width, n_classes),
        )

    def forward(self, inputs: dict[str, Tensor]) -> Any:
        return self.layers(inputs["columns"])


def search_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of ModelConfig, for `tune`."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-3, 1, log=True),
        "width": trial.suggest_int("width", 8, 256, log=True),
        "dropout": trial.suggest_float("dropout", 0, 0.5),
    }


def fit(config: ModelConfig, features: Features, y: Array, seed: int) -> Model:
    """Fit on the training set; `y` holds the index of each row's class."""
    columns = fit_columns(features)
    inputs = transform_columns(columns, features)
    torch.manual_seed(seed)
    network = Network(config, inputs["columns"].shape[1], int(y.max()) + 1)
    fit_network(network, inputs, y, nn.functional.cross_entropy, config, seed)
    return columns, nn.Sequential(network, nn.Softmax(dim=1))


def predict(model: Model, features: Features) -> Array:
    """Probabilities of shape (n, classes)."""
    columns, network = model
    return predict_network(network, transform_columns(columns, features))


def to_onnx(model: Model, features: Features) -> bytes:
    """The model in ONNX: its inputs are named as the features, its last output is `predict`'s."""
    columns, network = model
    first = columns_to_onnx(columns, features)
    second = export_network(network, transform_columns(columns, features))
    return bytes(join_graphs(first, second).SerializeToString())
