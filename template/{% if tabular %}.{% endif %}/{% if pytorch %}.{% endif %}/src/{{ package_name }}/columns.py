"""What comes before the layers of a network for tables: encoded categories, scaled numbers."""

from typing import Any

import numpy as np
import torch
from onnx import ModelProto
from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.preprocessing import OneHotEncoder
from torch import Tensor, nn

from .core.rows import Array, Features
from .training.network import OPSET


def fit_encoder(features: Features) -> OneHotEncoder:
    """Learn the categories of the training set; others are ignored."""
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32)
    return encoder.fit(features["categorical"])


def encode(encoder: OneHotEncoder, features: Features) -> Features:
    """The features with "one_hot" of shape (n, categories) in place of "categorical"."""
    return {
        "numeric": features["numeric"],
        "one_hot": encoder.transform(features["categorical"]),
    }


def encoder_to_onnx(encoder: OneHotEncoder) -> ModelProto:
    """The encoder in ONNX, with the input "categorical"."""
    inputs = [("categorical", StringTensorType([None, encoder.n_features_in_]))]
    onnx: ModelProto = to_onnx(encoder, initial_types=inputs, target_opset=OPSET)
    return onnx


class Standardize(nn.Module):
    """Subtract the training set's medians, divide by its standard deviations; 0 where missing."""

    def __init__(self, numeric: Array) -> None:
        super().__init__()
        scale = np.nanstd(numeric, axis=0)
        scale[scale == 0] = 1
        self.scale = nn.Buffer(torch.tensor(scale))
        self.median = nn.Buffer(torch.tensor(np.nanmedian(numeric, axis=0)))

    def forward(self, numeric: Tensor) -> Any:
        """Shape (n, columns), as `numeric`."""
        return ((numeric - self.median) / self.scale).nan_to_num()
