"""The plain reference for clustering: standardised fields, k-means, k by the silhouette.

Both are scored where the project places the rows and where the reference does: each at home once.
"""

from importlib import import_module

import numpy as np
import pandas as pd
from measured import package, predictor, show, test, train
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

as_output = import_module(f"{package}.core.metrics").as_output
raw = {"train": pd.DataFrame(train.rows), "test": pd.DataFrame(test.rows)}
for table in raw.values():
    table["monthly_charges"] = np.log(table["monthly_charges"])
scaler = StandardScaler().fit(raw["train"])
rows = scaler.transform(raw["train"])
models = [KMeans(k, n_init=10, random_state=0).fit(rows) for k in range(2, 9)]
reference = max(models, key=lambda model: silhouette_score(rows, model.labels_))

there = scaler.transform(raw["test"])
model, plain = predictor.output(test.rows), as_output(reference.predict(there))
show(
    f"StandardScaler and k-means, k by silhouette ({reference.n_clusters})",
    plain,
    reference_value_at_home=float(silhouette_score(there, plain[:, 0])),
    model_value_away=float(silhouette_score(there, model[:, 0])),
)
