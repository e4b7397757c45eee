"""Categories for the network: scikit-learn encodes them as numbers, in ONNX too."""

import numpy as np
from onnx import ModelProto
from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.preprocessing import OneHotEncoder

from .core.rows import Features
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
