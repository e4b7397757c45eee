"""The network, its parameters and its search space.

From the history and a day's place in the calendar it predicts how far the day will be from its
weekday's median, as a share of the station's level. So one network serves all stations and steps.
"""

import math
from typing import Any

import numpy as np
import torch
from optuna import Trial
from pydantic import Field
from torch import Tensor, nn

from .core.rows import Array, Features
from .features import CODES, HISTORY
from .training.network import TrainingConfig, export_network, fit_network, predict_network

# The columns of `days` before the codes; the last of them is the day of the year.
N_NUMERIC = 9
# Sine and cosine waves that represent the day of the year.
N_WAVES = 6

# As metrics.json names it.
FRAMEWORK = "pytorch"


class ModelConfig(TrainingConfig):
    """[model] in params.toml."""

    width: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)


class Network(nn.Module):
    """Forecasts, and the scale in the last column."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        n_columns = HISTORY + N_NUMERIC - 1 + 2 * N_WAVES + sum(CODES)
        self.layers = nn.Sequential(
            nn.BatchNorm1d(n_columns),
            nn.Linear(n_columns, config.width),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.width, config.width),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.width, 1),
        )

    def forward(self, inputs: dict[str, Tensor]) -> Any:
        """Shape (n, 15)."""
        days, level = inputs["days"], inputs["level"]
        history = (inputs["history"] / level).unsqueeze(1)
        repeated = history.expand(-1, days.shape[1], -1)
        columns = torch.cat([repeated, encode_days(days)], dim=2)
        # The layers take one row for each day.
        shares = self.layers(columns.flatten(0, 1)).reshape(-1, days.shape[1])
        forecast = inputs["weekday_median"] + level * shares
        return torch.cat([forecast, inputs["scale"]], dim=1)


def encode_days(days: Tensor) -> Tensor:
    """The numbers of `days`, the day of the year as waves, and the codes one-hot.

    Args:
        days: Shape (n, 14, 12), see build_features().

    Returns:
        Shape (n, 14, columns).
    """
    numeric, day_of_year, *codes = torch.split(days, [N_NUMERIC - 1, 1, 1, 1, 1], 2)
    frequencies = torch.arange(1, N_WAVES + 1, device=days.device)
    angles = day_of_year * frequencies * (2 * math.pi / 365.25)
    one_hot = [
        code == torch.arange(n_values, device=days.device)
        for code, n_values in zip(codes, CODES, strict=True)
    ]
    return torch.cat([numeric, angles.sin(), angles.cos(), *one_hot], dim=2)


def search_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of ModelConfig, for `tune`."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-3, 1, log=True),
        "width": trial.suggest_int("width", 32, 256, log=True),
        "dropout": trial.suggest_float("dropout", 0, 0.5),
    }


def fit(config: ModelConfig, features: Features, y: Array, seed: int) -> nn.Module:
    """Fit on the training set; `y` has shape (n, 15), and its last column is the scale."""
    torch.manual_seed(seed)
    network = Network(config)
    fit_network(network, features, y.astype(np.float32), mase, config, seed)
    return network


def mase(output: Tensor, target: Tensor) -> Tensor:
    """The mean absolute scaled error, which the network learns to reduce.

    Args:
        output: What the network returns.
        target: Shape (n, 15), with the scale in the last column.
    """
    return ((output - target)[:, :-1] / target[:, -1:]).abs().mean()


def predict(model: nn.Module, features: Features) -> Array:
    """Forecasts, and the scale in the last column: shape (n, 15)."""
    return predict_network(model, features)


def to_onnx(model: nn.Module, features: Features) -> bytes:
    """The model in ONNX: its inputs are named as the features, its last output is `predict`'s."""
    return bytes(export_network(model, features).SerializeToString())
