"""The plain reference for the bookings: gradient boosting on the raw columns, as they come."""

import pandas as pd
from measured import show, task, test, train
from sklearn.ensemble import HistGradientBoostingRegressor


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
show("HistGradientBoosting on the raw columns", said)
