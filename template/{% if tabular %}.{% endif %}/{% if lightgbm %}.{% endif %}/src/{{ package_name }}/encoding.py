"""What comes before the trees: a code for each category, which LightGBM divides into two sets."""

import pandas as pd
from lightgbm import LGBMClassifier, LGBMModel, LGBMRegressor
from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
from skl2onnx import to_onnx, update_registered_converter
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)
from sklearn.compose import make_column_transformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from .core.rows import Array, Features
from .features import CATEGORICAL, NUMERIC
from .training.boosting import OPSET, BoostingConfig, fit_boosting

N_NUMERIC, N_COLUMNS = len(NUMERIC), len(NUMERIC) + len(CATEGORICAL)


def fit_columns(
    model: LGBMModel, config: BoostingConfig, features: Features, y: Array, seed: int
) -> Pipeline:
    """Fit on the training set; a number that is missing stays so, as does an unknown category.

    Returns:
        The encoder and the model.
    """
    # LightGBM takes a negative code for a missing value.
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer(
        ("passthrough", slice(N_NUMERIC)), (encoder, slice(N_NUMERIC, N_COLUMNS))
    )
    codes = columns.fit_transform(to_frame(features))
    fit_boosting(model, config, codes, y, [*range(N_NUMERIC, N_COLUMNS)], seed)
    return make_pipeline(columns, model)


def convert_columns(model: Pipeline) -> bytes:
    """The model in ONNX: its inputs are named as the features, its last output is `predict`'s."""
    register_converters()
    inputs = [
        ("numeric", FloatTensorType([None, N_NUMERIC])),
        ("categorical", StringTensorType([None, len(CATEGORICAL)])),
    ]
    onnx = to_onnx(
        model, initial_types=inputs, options={LGBMClassifier: {"zipmap": False}}, target_opset=OPSET
    )
    return bytes(onnx.SerializeToString())


def register_converters() -> None:
    """Tell skl2onnx how estimators of LightGBM are converted."""
    update_registered_converter(
        LGBMClassifier,
        "LGBMClassifier",
        calculate_linear_classifier_output_shapes,
        convert_lightgbm,
        options={"zipmap": [True, False], "nocl": [True, False]},
    )
    update_registered_converter(
        LGBMRegressor,
        "LGBMRegressor",
        calculate_linear_regressor_output_shapes,
        convert_lightgbm,
    )


def to_frame(features: Features) -> pd.DataFrame:
    """Both arrays as one table; its columns have numbers, because ONNX knows no other names."""
    arrays = [pd.DataFrame(features[name]) for name in ("numeric", "categorical")]
    return pd.concat(arrays, axis=1, ignore_index=True)
