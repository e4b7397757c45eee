"""The network, its parameters and its search space.

Categories are encoded before it, in columns.py, because a network takes numbers.
"""

from typing import Any

import numpy as np
import torch
from optuna import Trial
from pydantic import Field
from torch import Tensor, nn

from .columns import Columns, encode, fit_encoder, join_encoder
from .core.rows import Array, Features
from .training.network import TrainingConfig, export_network, fit_network, predict_network

# The encoder of columns.py, and the network.
Model = tuple[Any, nn.Module]

# As metrics.json names it.
FRAMEWORK = "pytorch"


class ModelConfig(TrainingConfig):
    """[model] in params.toml."""

    width: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)


class Network(nn.Module):
    """Two hidden layers; the output is in the unit of the target."""

    def __init__(self, config: ModelConfig, inputs: Features, y: Array) -> None:
        super().__init__()
        n_columns = sum(values.shape[1] for values in inputs.values())
        self.layers = nn.Sequential(
            Columns(inputs),
            nn.Linear(n_columns, config.width),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.width, config.width),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.width, 1),
        )
        # A network learns values near 0 and 1 faster.
        self.center = float(np.median(y))
        self.scale = float(np.std(y))

    def forward(self, inputs: dict[str, Tensor]) -> Any:
        """Shape (n, 1)."""
        return self.center + self.scale * self.layers(inputs)


def search_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of ModelConfig, for `tune`."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-3, 1, log=True),
        "width": trial.suggest_int("width", 32, 256, log=True),
        "dropout": trial.suggest_float("dropout", 0, 0.5),
    }


def fit(config: ModelConfig, features: Features, y: Array, seed: int) -> Model:
    """Fit on the training set; `y` has shape (n,)."""
    encoder = fit_encoder(features)
    inputs = encode(encoder, features)
    target = y.reshape(-1, 1).astype(np.float32)
    torch.manual_seed(seed)
    network = Network(config, inputs, y)
    fit_network(network, inputs, target, nn.functional.l1_loss, config, seed)
    return encoder, network


def predict(model: Model, features: Features) -> Array:
    """Predicted values of shape (n, 1)."""
    encoder, network = model
    return predict_network(network, encode(encoder, features))


def to_onnx(model: Model, features: Features) -> bytes:
    """The model in ONNX: its inputs are named as the features, its last output is `predict`'s."""
    encoder, network = model
    onnx = export_network(network, encode(encoder, features))
    return join_encoder(encoder, onnx)
