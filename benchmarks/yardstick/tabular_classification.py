"""The plain reference for the loans: gradient boosting on the raw columns, as they come."""

import pandas as pd
from measured import show, target, test, train
from sklearn.ensemble import HistGradientBoostingClassifier


def columns(split):
    table = pd.DataFrame(split.rows)
    for name in table.select_dtypes(exclude="number"):
        table[name] = table[name].astype("category")
    return table


reference = HistGradientBoostingClassifier(
    learning_rate=0.05, max_leaf_nodes=15, categorical_features="from_dtype", random_state=0
)
reference.fit(columns(train), target.encode(train.target, train.features))
output = reference.predict_proba(columns(test))
show("HistGradientBoosting on the raw columns", output)
