"""The plain reference for the loans: gradient boosting on the raw columns, as they come."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

package = next(path.parent.name for path in Path("src").glob("*/model.py"))
load_part = import_module(f"{package}.dataset").load_part
predictor = import_module(f"{package}.bundle").Predictor(Path("artifacts/bundle"))
train, test, task = load_part("train"), load_part("test"), predictor.task


def columns(part):
    table = pd.DataFrame(part.instances)
    for name in table.select_dtypes(exclude="number"):
        table[name] = table[name].astype("category")
    return table


reference = HistGradientBoostingClassifier(
    learning_rate=0.05, max_leaf_nodes=15, categorical_features="from_dtype", random_state=0
)
reference.fit(columns(train), task.encode(train.target, train.inputs))
said = reference.predict_proba(columns(test))
target, everyone = task.encode(test.target, test.inputs), np.ones((1, len(test.table)))
outputs = {"reference_value": said, "model_value": predictor.output(test.instances)}
result = {
    "variant": "tabular-classification",
    "reference": "HistGradientBoosting on the raw columns",
    "metric": task.primary,
    **{
        name: float(task.scores(target, o, everyone)[task.primary][0])
        for name, o in outputs.items()
    },
}
print(json.dumps(result))
