"""The plain reference for series: gradient-boosted lags, a row a day, with holidays of pandas."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.tseries.holiday import USFederalHolidayCalendar
from sklearn.ensemble import HistGradientBoostingRegressor

package = next(path.parent.name for path in Path("src").glob("*/model.py"))
load_part = import_module(f"{package}.dataset").load_part
predictor = import_module(f"{package}.bundle").Predictor(Path("artifacts/bundle"))
holidays = USFederalHolidayCalendar().holidays("2000-01-01", "2020-12-31", return_name=True)
codes = holidays.astype("category").cat.codes + 1


def table(part):
    """Each day that is asked for: the same weekday of eight weeks, means, calendar and games."""
    past = pd.DataFrame([row["values"] for row in part.instances], dtype=float)
    level, last = past.mean(axis=1), pd.to_datetime([row["dates"][-1] for row in part.instances])
    steps = []
    for step in range(len(part.target[0])):
        day = last + pd.Timedelta(days=step + 1)
        columns = {f"week {k}": past[56 - 7 * k + step % 7] / level for k in range(1, 9)}
        columns |= {f"mean {k}": past.iloc[:, -k:].mean(axis=1) / level for k in (7, 28)}
        columns |= {"step": step, "weekday": day.day_of_week, "year_day": day.day_of_year}
        columns |= {"day": day.day, "game": [row["home_games"][step] for row in part.instances]}
        for ago in (0, 1):
            near = day - pd.Timedelta(days=ago)
            columns[f"holiday {ago}"] = codes.reindex(near, fill_value=0).to_numpy()
        steps.append(pd.DataFrame(columns))
    return pd.concat(steps), level.to_numpy()[:, None]


train, test, task = load_part("train"), load_part("test"), predictor.task
(known, level), (asked, now) = table(train), table(test)
truth = (np.stack([*train.target]) / level).T.ravel()
model = HistGradientBoostingRegressor(max_iter=300, learning_rate=0.05, random_state=0)
target, everyone = task.encode(test.target, test.inputs), np.ones((1, len(test.table)))
values = model.fit(known, truth).predict(asked).reshape(-1, len(test.table)).T * now
said = np.hstack([values, target[:, -1:]])
model_said = predictor.output(test.instances)
result = {
    "variant": "time-series",
    "reference": "gradient-boosted lags (HistGradientBoosting, 300 trees)",
    "metric": task.primary,
    "reference_value": float(task.scores(target, said, everyone)[task.primary][0]),
    "model_value": float(task.scores(target, model_said, everyone)[task.primary][0]),
}
print(json.dumps(result))
