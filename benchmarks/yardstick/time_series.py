"""The plain reference for series: gradient-boosted lags, a row a day, with holidays of pandas."""

import numpy as np
import pandas as pd
from measured import show, target, test, train
from pandas.tseries.holiday import USFederalHolidayCalendar
from sklearn.ensemble import HistGradientBoostingRegressor

holidays = USFederalHolidayCalendar().holidays("2000-01-01", "2020-12-31", return_name=True)
codes = holidays.astype("category").cat.codes + 1


def table(split):
    """Each day that is asked for: the same weekday of eight weeks, means, calendar and games."""
    past = pd.DataFrame([row["values"] for row in split.rows], dtype=float)
    level, last = past.mean(axis=1), pd.to_datetime([row["dates"][-1] for row in split.rows])
    steps = []
    for step in range(len(split.target[0])):
        day = last + pd.Timedelta(days=step + 1)
        columns = {f"week {k}": past[56 - 7 * k + step % 7] / level for k in range(1, 9)}
        columns |= {f"mean {k}": past.iloc[:, -k:].mean(axis=1) / level for k in (7, 28)}
        columns |= {"step": step, "weekday": day.day_of_week, "year_day": day.day_of_year}
        columns |= {"day": day.day, "game": [row["home_games"][step] for row in split.rows]}
        for ago in (0, 1):
            near = day - pd.Timedelta(days=ago)
            columns[f"holiday {ago}"] = codes.reindex(near, fill_value=0).to_numpy()
        steps.append(pd.DataFrame(columns))
    return pd.concat(steps), level.to_numpy()[:, None]


(known, level), (asked, now) = table(train), table(test)
truth = (np.stack([*train.target]) / level).T.ravel()
model = HistGradientBoostingRegressor(max_iter=300, learning_rate=0.05, random_state=0)
values = model.fit(known, truth).predict(asked).reshape(-1, len(test.table)).T * now
scale = target.encode(test.target, test.features)[:, -1:]
output = np.hstack([values, scale])
show("gradient-boosted lags (HistGradientBoosting, 300 trees)", output)
