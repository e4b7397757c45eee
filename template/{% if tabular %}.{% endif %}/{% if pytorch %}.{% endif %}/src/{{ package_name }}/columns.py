"""What scikit-learn makes of the columns before the network: all numbers, and none missing."""

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .inputs import Inputs


def fit_columns(inputs: Inputs, min_frequency: int) -> ColumnTransformer:
    """Medians, scales and categories of the training part; rarer categories are taken for one."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    options = {"handle_unknown": "ignore", "sparse_output": False}
    categories = OneHotEncoder(min_frequency=min_frequency, **options)
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    ).fit(as_frame(inputs))


def transform(columns: ColumnTransformer, inputs: Inputs) -> Inputs:
    """`columns` of shape (n, columns)."""
    return {"columns": columns.transform(as_frame(inputs)).astype(np.float32)}


def as_frame(inputs: Inputs) -> pd.DataFrame:
    """The columns as a table, from which scikit-learn selects by type."""
    return pd.DataFrame({name: column[:, 0] for name, column in inputs.items()})
