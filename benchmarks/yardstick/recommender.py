"""Alternating least squares on raw histories; run inside a generated project after `run`."""

import json
import sys
from importlib import import_module
from itertools import product
from pathlib import Path

import numpy as np
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix

package = next(path.parent.name for path in Path("src").glob("*/__init__.py"))
sys.path.insert(0, "src")
dataset, bundle = (import_module(f"{package}.{name}") for name in ("dataset", "bundle"))
parts = {name: dataset.load_part(name).table for name in dataset.NAMES}
predictor = bundle.Predictor(Path("artifacts/bundle"))
items, metric = predictor.task.items, predictor.task.primary
column = {item: number for number, item in enumerate(items)}


def primary(target, output):
    return predictor.task.scores(target, output, np.ones((1, len(output))))[metric][0]


def likes(histories):
    pairs = ((n, item) for n, own in enumerate(histories) for item in own if item in column)
    rows, columns = np.array([(n, column[item]) for n, item in pairs]).T
    shape = len(histories), len(items)
    return csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape)


def score(model, name):
    known = likes(parts[name]["history"])
    people = model.recalculate_user(np.arange(known.shape[0]), known)
    output = np.where(known.toarray() > 0, -1e9, people @ model.item_factors.T)
    return primary(predictor.task.encode(parts[name]["next"].to_numpy(), {}), output)


train = likes([[*row.history, row.next] for row in parts["train"].itertuples()])
models = []
for factors, regularization, alpha in product((32, 64, 128), (0.01, 1, 5), (1, 10)):
    model = AlternatingLeastSquares(factors, regularization, alpha, random_state=0)
    model.fit(train, show_progress=False)
    models.append((score(model, "valid"), len(models), model))
reference = float(score(max(models)[2], "test"))
own = dataset.load_part("test")
target, output = predictor.task.encode(own.target, {}), predictor.output(own.instances)
line = {"variant": "recommender", "reference": "alternating least squares", "metric": metric}
line |= {"reference_value": reference, "model_value": float(primary(target, output))}
print(json.dumps(line))
