"""The plain reference for the bookings: gradient boosting on the raw columns, as they come."""

import pandas as pd
from measured import show, target, test, train
from sklearn.ensemble import HistGradientBoostingRegressor


def columns(split):
    table = pd.DataFrame(split.rows)
    days = pd.to_datetime(table.pop("arrival_date"))
    table = table.assign(year=days.dt.year, day=days.dt.day_of_year, weekday=days.dt.day_of_week)
    for name in table.select_dtypes(exclude="number"):
        table[name] = table[name].astype("category")
    return table


reference = HistGradientBoostingRegressor(categorical_features="from_dtype", random_state=0)
reference.fit(columns(train), target.encode(train.target, train.features))
output = reference.predict(columns(test)).reshape(-1, 1)
show("HistGradientBoosting on the raw columns", output)
