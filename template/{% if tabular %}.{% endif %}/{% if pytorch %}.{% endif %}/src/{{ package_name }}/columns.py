"""What comes before the layers of a network for tables: encoded categories, scaled numbers."""

from typing import Any

import numpy as np
import torch
from onnx import ModelProto
from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.preprocessing import OneHotEncoder
from torch import Tensor, nn

from .core.rows import Features
from .training.network import OPSET, join_graphs


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


def join_encoder(encoder: OneHotEncoder, network: ModelProto) -> bytes:
    """Encoder and network as one ONNX graph; its inputs are named as the features."""
    inputs = [("categorical", StringTensorType([None, encoder.n_features_in_]))]
    onnx = to_onnx(encoder, initial_types=inputs, target_opset=OPSET)
    return join_graphs(onnx, network, "one_hot")


class Columns(nn.Module):
    """All columns side by side, of what encode() returns.

    From numbers the training set's medians are subtracted; then they are divided by its standard
    deviations. Missing ones are 0.
    """

    def __init__(self, inputs: Features) -> None:
        super().__init__()
        scale = np.nanstd(inputs["numeric"], axis=0)
        self.scale = nn.Buffer(torch.tensor(np.where(scale, scale, 1)))
        self.median = nn.Buffer(torch.tensor(np.nanmedian(inputs["numeric"], axis=0)))

    def forward(self, inputs: dict[str, Tensor]) -> Any:
        """Shape (n, columns)."""
        numeric = ((inputs["numeric"] - self.median) / self.scale).nan_to_num()
        return torch.cat([numeric, inputs["one_hot"]], dim=1)
