"""The plain reference for the bookings: gradient boosting on the raw columns, as they come."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

package = next(path.parent.name for path in Path("src").glob("*/model.py"))
load_part = import_module(f"{package}.dataset").load_part
predictor = import_module(f"{package}.bundle").Predictor(Path("artifacts/bundle"))
train, test, task = load_part("train"), load_part("test"), predictor.task


def columns(part):
    table = pd.DataFrame(part.instances)
    days = pd.to_datetime(table.pop("arrival_date"))
    table = table.assign(year=days.dt.year, day=days.dt.day_of_year, weekday=days.dt.day_of_week)
    for name in table.select_dtypes(exclude="number"):
        table[name] = table[name].astype("category")
    return table


reference = HistGradientBoostingRegressor(categorical_features="from_dtype", random_state=0)
reference.fit(columns(train), task.encode(train.target, train.inputs))
said = reference.predict(columns(test)).reshape(-1, 1)
target, everyone = task.encode(test.target, test.inputs), np.ones((1, len(test.table)))
outputs = {"reference_value": said, "model_value": predictor.output(test.instances)}
result = {
    "variant": "tabular-regression",
    "reference": "HistGradientBoosting on the raw columns",
    "metric": task.primary,
    **{
        name: float(task.scores(target, o, everyone)[task.primary][0])
        for name, o in outputs.items()
    },
}
print(json.dumps(result))
