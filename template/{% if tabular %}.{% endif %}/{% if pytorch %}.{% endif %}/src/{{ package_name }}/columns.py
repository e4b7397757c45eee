"""What scikit-learn does before the network: impute and scale numbers, encode categories."""

import numpy as np
import pandas as pd
from onnx import ModelProto
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .core.rows import Features
from .training.network import OPSET


def fit_columns(features: Features) -> ColumnTransformer:
    """Fit medians, scales and categories on the training set."""
    numeric = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categorical = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    # By position, because ONNX has no names of columns.
    frame = to_frame(features)
    first = features["numeric"].shape[1]
    columns = ((numeric, slice(0, first)), (categorical, slice(first, frame.shape[1])))
    return make_column_transformer(*columns).fit(frame)


def transform_columns(columns: ColumnTransformer, features: Features) -> Features:
    """The array "columns": float32 of shape (n, width), without missing values."""
    return {"columns": columns.transform(to_frame(features)).astype(np.float32)}


def columns_to_onnx(columns: ColumnTransformer, features: Features) -> ModelProto:
    """The same in ONNX, with the inputs "numeric" and "categorical"."""
    inputs = [
        ("numeric", FloatTensorType([None, features["numeric"].shape[1]])),
        ("categorical", StringTensorType([None, features["categorical"].shape[1]])),
    ]
    model: ModelProto = to_onnx(columns, initial_types=inputs, target_opset=OPSET)
    return model


def to_frame(features: Features) -> pd.DataFrame:
    """Both arrays as one table."""
    arrays = [pd.DataFrame(features[name]) for name in ("numeric", "categorical")]
    return pd.concat(arrays, axis=1, ignore_index=True)
