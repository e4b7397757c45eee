"""The plain reference for clustering: standardised fields, k-means, k by the silhouette.

Both are scored where the project places the rows and where the reference does: each at home once.
"""

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

package = next(path.parent.name for path in Path("src").glob("*/model.py"))
load_part = import_module(f"{package}.dataset").load_part
predictor = import_module(f"{package}.bundle").Predictor(Path("artifacts/bundle"))
metrics = import_module(f"{package}.metrics")
raw = {name: pd.DataFrame(load_part(name).instances) for name in ("train", "test")}
for table in raw.values():
    table["average_gift"] = np.log(table["average_gift"])
scaler = StandardScaler().fit(raw["train"])
rows = scaler.transform(raw["train"])
models = [KMeans(k, n_init=10, random_state=0).fit(rows) for k in range(2, 9)]
reference = max(models, key=lambda model: silhouette_score(rows, model.labels_))

test, task, there = load_part("test"), predictor.task, scaler.transform(raw["test"])
target, everyone = task.encode(test.target, test.inputs), np.ones((1, len(raw["test"])))
model, plain = predictor.output(test.instances), metrics.as_output(reference.predict(there))
result = {
    "variant": "clustering",
    "reference": f"StandardScaler and k-means, k by silhouette ({reference.n_clusters})",
    "metric": task.primary,
    "reference_value": float(task.scores(target, plain, everyone)[task.primary][0]),
    "model_value": float(task.scores(target, model, everyone)[task.primary][0]),
    "reference_value_at_home": float(silhouette_score(there, plain[:, 0])),
    "model_value_away": float(silhouette_score(there, model[:, 0])),
}
print(json.dumps(result))
