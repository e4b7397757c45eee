"""Yours: the network, what it learns before it predicts, and its search space.

One network for all stations and days: from the weeks before and a day's place in the calendar it
says how far the day will be from the usual one. Its loss is MASE itself.
"""

import math
from typing import Any

import torch
from optuna import Trial
from pydantic import Field
from torch import Tensor, nn

from .inputs import Array, Inputs
from .prepare import CODES, HISTORY
from .training import Training, export_network, predict_network, train_network

# Columns of `days` before the codes; the last of them is the day of the year, told as waves.
NUMBERS, WAVES = 9, 6


class Params(Training):
    """[model] in params.toml."""

    width: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)


class Network(nn.Module):
    """Forecasts, and in the last column the scale."""

    def __init__(self, params: Params) -> None:
        super().__init__()
        columns, width = HISTORY + NUMBERS - 1 + 2 * WAVES + sum(CODES), params.width
        drop = nn.Dropout(params.dropout)
        first = [nn.BatchNorm1d(columns), nn.Linear(columns, width), nn.GELU(), drop]
        second = [nn.Linear(width, width), nn.GELU(), drop, nn.Linear(width, 1)]
        self.layers = nn.Sequential(*first, *second)

    def forward(self, inputs: dict[str, Tensor]) -> Any:
        days, level = inputs["days"], inputs["level"]
        waves = torch.arange(1, WAVES + 1, device=days.device) * (math.tau / 365.25)
        angles = days[..., NUMBERS - 1, None] * waves
        codes = [
            (days[..., NUMBERS + place, None] == torch.arange(count, device=days.device)).float()
            for place, count in enumerate(CODES)
        ]
        past = (inputs["history"] / level)[:, None].expand(-1, days.shape[1], -1)
        columns = [past, days[..., : NUMBERS - 1], angles.sin(), angles.cos(), *codes]
        flat = torch.cat(columns, dim=-1).flatten(0, 1)
        shares = self.layers(flat).unflatten(0, days.shape[:2]).squeeze(-1)
        return torch.cat([inputs["usual"] + level * shares, inputs["scale"]], dim=1)


def search_space(trial: Trial) -> dict[str, Any]:
    """One point of the space that `tune` searches."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-3, 1, log=True),
        "width": trial.suggest_int("width", 32, 256, log=True),
        "dropout": trial.suggest_float("dropout", 0, 0.5),
    }


def fit(params: Params, inputs: Inputs, target: Array, seed: int) -> nn.Sequential:
    """Learn from the training part alone; `target` is encoded: its last column is the scale."""
    return train_network(
        lambda: nn.Sequential(Network(params), nn.Identity()), inputs, target, mase, params, seed
    )


def predict(model: nn.Sequential, inputs: Inputs) -> Array:
    """Forecasts, and in the last column the scale: shape (n, 15)."""
    return predict_network(model, inputs)


def to_onnx(model: nn.Sequential, inputs: Inputs) -> bytes:
    """The model in ONNX; its last output is what `predict` returns."""
    return export_network(model, inputs)


def mase(output: Tensor, target: Tensor) -> Tensor:
    return ((output - target)[:, :-1] / target[:, -1:]).abs().mean()
