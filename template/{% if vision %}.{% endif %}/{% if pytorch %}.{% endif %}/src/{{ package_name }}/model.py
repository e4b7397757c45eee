"""The network, its parameters and its search space.

Three convolutions. With a backbone in params.toml, a network of timm is trained further instead.
"""

from importlib import import_module
from itertools import pairwise
from typing import Any

import torch
from optuna import Trial
from pydantic import Field
from torch import Tensor, nn

from .core.config import UserError
from .core.rows import Array, Features, first_line
from .training.network import TrainingConfig, export_network, fit_network, predict_network

# As metrics.json names it.
FRAMEWORK = "pytorch"


class ModelConfig(TrainingConfig):
    """[model] in params.toml."""

    width: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)
    augment: float = Field(ge=0, lt=1)
    backbone: str = ""
    backbone_size: int = Field(default=96, ge=32)


class Network(nn.Module):
    """A score for each class, from images that are distorted at random during training."""

    def __init__(self, config: ModelConfig, shape: tuple[int, ...], n_classes: int) -> None:
        super().__init__()
        self.augment = config.augment
        if config.backbone:
            self.layers = load_backbone(config, shape[0], n_classes)
        else:
            self.layers = build_layers(config, shape, n_classes)

    def forward(self, inputs: dict[str, Tensor]) -> Any:
        """Scores of shape (n, classes)."""
        pixels = inputs["pixels"]
        if self.training:
            pixels = distort(pixels, self.augment)
        return self.layers(pixels)


def build_layers(config: ModelConfig, shape: tuple[int, ...], n_classes: int) -> nn.Module:
    """Convolutions, each of which halves height and width, and a linear layer.

    Args:
        config: The number of channels after the first convolution, and the dropout.
        shape: Channels, height and width of an image.
        n_classes: The number of scores.
    """
    channels, height, width = shape
    layers: list[nn.Module] = []
    widths = [channels, config.width, 2 * config.width, 4 * config.width]
    for before, after in pairwise(widths):
        layers += [
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    n_pixels = (height // 8) * (width // 8)
    layers += [
        nn.Flatten(),
        nn.Dropout(config.dropout),
        nn.Linear(widths[-1] * n_pixels, n_classes),
    ]
    return nn.Sequential(*layers)


def distort(pixels: Tensor, strength: float) -> Tensor:
    """Rotate, stretch, shear and shift each image at random; what was its edge fills the rest.

    Args:
        pixels: Shape (n, channels, height, width).
        strength: The largest change of each number of the affine transform.
    """
    change = torch.empty(len(pixels), 2, 3).uniform_(-strength, strength)
    transform = (torch.eye(2, 3) + change).to(pixels.device)
    grid = nn.functional.affine_grid(transform, list(pixels.shape), align_corners=False)
    return nn.functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)


def load_backbone(config: ModelConfig, n_channels: int, n_classes: int) -> Any:
    """A network of timm for enlarged images, with weights from the Hugging Face hub or its cache.

    Raises:
        UserError: timm is not installed, or has no such network, or the weights are not found.
    """
    key = f'params.toml: backbone = "{config.backbone}"'
    try:
        create_model = import_module("timm").create_model
        backbone = create_model(
            config.backbone, pretrained=True, in_chans=n_channels, num_classes=n_classes
        )
        return nn.Sequential(nn.Upsample(config.backbone_size, mode="bilinear"), backbone)
    except ModuleNotFoundError as error:
        raise UserError(f"{key} needs `uv add --group train timm torchvision`.", 2) from error
    except Exception as error:  # timm and the hub raise errors of many kinds
        raise UserError(f"{key} cannot be loaded: {first_line(error)}", 2) from error


def search_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of ModelConfig, for `tune`."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 2e-2, log=True),
        "width": trial.suggest_int("width", 8, 48, log=True),
        "dropout": trial.suggest_float("dropout", 0, 0.6),
        "augment": trial.suggest_float("augment", 0, 0.3),
    }


def fit(config: ModelConfig, features: Features, y: Array, seed: int) -> nn.Module:
    """Fit on the training set; `y` holds the index of each row's class."""
    torch.manual_seed(seed)
    network = Network(config, features["pixels"].shape[1:], int(y.max()) + 1)
    inputs = {"pixels": features["pixels"]}
    fit_network(network, inputs, y, nn.functional.cross_entropy, config, seed)
    return nn.Sequential(network, nn.Softmax(dim=1))


def predict(model: nn.Module, features: Features) -> Array:
    """Probabilities of shape (n, classes)."""
    return predict_network(model, {"pixels": features["pixels"]})


def to_onnx(model: nn.Module, features: Features) -> bytes:
    """The model in ONNX: its input is named as the feature, its last output is `predict`'s."""
    onnx = export_network(model, {"pixels": features["pixels"]})
    return bytes(onnx.SerializeToString())
