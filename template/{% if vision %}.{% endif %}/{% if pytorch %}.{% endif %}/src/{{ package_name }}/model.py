"""Yours: the network, where its first weights come from, and its search space.

Small and from scratch; or, with `backbone` in params.toml, one that has seen photographs.
"""

from importlib import import_module
from itertools import pairwise
from typing import Any

import torch
from optuna import Trial
from pydantic import Field
from torch import Tensor, nn

from .inputs import Array, Inputs
from .settings import UserError
from .training import Training, export_network, predict_network, train_network


class Params(Training):
    """[model] in params.toml."""

    width: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)
    augment: float = Field(ge=0, lt=1)
    backbone: str = ""
    backbone_size: int = Field(default=96, ge=32)


class Network(nn.Module):
    """Three convolutions, or a backbone; the output is a score for each class."""

    def __init__(self, params: Params, shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        self.params, (channels, height, width) = params, shape
        widths = [channels, *(params.width * k for k in (1, 2, 4))]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after)]
            layers += [nn.ReLU(), nn.MaxPool2d(2)]
        last = nn.Linear(widths[-1] * (height // 8) * (width // 8), classes)
        self.layers: Any = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(params.dropout), last)
        if params.backbone:
            self.layers = load_backbone(params.backbone, in_chans=channels, num_classes=classes)

    def forward(self, inputs: dict[str, Tensor]) -> Any:
        pixels = inputs["pixels"]
        if self.training:
            # Turned, stretched, sheared and shifted at random: people write so, too.
            by = torch.empty(len(pixels), 2, 3).uniform_(-self.params.augment, self.params.augment)
            turn = (by + torch.eye(2, 3)).to(pixels.device)
            places = nn.functional.affine_grid(turn, list(pixels.shape), align_corners=False)
            pixels = nn.functional.grid_sample(pixels, places, align_corners=False)
        if self.params.backbone:
            pixels = nn.functional.interpolate(pixels, self.params.backbone_size, mode="bilinear")
        return self.layers(pixels)


def load_backbone(name: str, **shape: int) -> Any:
    """A network of timm, with weights of its hub that stay in the cache of this machine."""
    where = f'params.toml: backbone = "{name}"'
    try:
        return import_module("timm").create_model(name, pretrained=True, **shape)
    except ModuleNotFoundError as error:
        raise UserError(f"{where} needs `uv add --group train timm torchvision`.", 2) from error
    except Exception as error:  # a wrong name, no network, no weights: they share no class
        reason = str(error).splitlines()[0]
        raise UserError(f"{where} cannot be had, from the cache or the hub: {reason}", 2) from error


def search_space(trial: Trial) -> dict[str, Any]:
    """One point of the space that `tune` searches."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 2e-2, log=True),
        "width": trial.suggest_int("width", 8, 48, log=True),
        "dropout": trial.suggest_float("dropout", 0, 0.6),
        "augment": trial.suggest_float("augment", 0, 0.3),
    }


def fit(params: Params, inputs: Inputs, target: Array, seed: int) -> nn.Sequential:
    """Learn from the training part alone; `target` holds the index of each row's class."""

    def build() -> nn.Sequential:
        network = Network(params, inputs["pixels"].shape[1:], int(target.max()) + 1)
        return nn.Sequential(network, nn.Softmax(1))

    return train_network(build, seen(inputs), target, nn.functional.cross_entropy, params, seed)


def predict(model: nn.Sequential, inputs: Inputs) -> Array:
    """Probabilities of shape (n, classes)."""
    return predict_network(model, seen(inputs))


def to_onnx(model: nn.Sequential, inputs: Inputs) -> bytes:
    """The model in ONNX; its last output is what `predict` returns."""
    return export_network(model, seen(inputs))


def seen(inputs: Inputs) -> Inputs:
    return {"pixels": inputs["pixels"]}
