"""Alternating least squares on raw histories; run inside a generated project after `run`.

Needs the package implicit: `uv run --with implicit python ...`.
"""

from itertools import product

import numpy as np
from implicit.als import AlternatingLeastSquares
from measured import load_split, score, show, target, test, train
from scipy.sparse import csr_matrix

items = target.items
column = {item: number for number, item in enumerate(items)}


def likes(histories):
    pairs = ((n, item) for n, own in enumerate(histories) for item in own if item in column)
    rows, columns = np.array([(n, column[item]) for n, item in pairs]).T
    shape = len(histories), len(items)
    return csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape)


def answers(model, split):
    known = likes(split.table["history"])
    people = model.recalculate_user(np.arange(known.shape[0]), known)
    return np.where(known.toarray() > 0, -1e9, people @ model.item_factors.T)


valid = load_split("valid")
liked = likes([[*row.history, *row.next_items] for row in train.table.itertuples()])
models = []
for factors, regularization, alpha in product((32, 64, 128), (0.01, 1, 5), (1, 10)):
    model = AlternatingLeastSquares(factors, regularization, alpha, random_state=0)
    model.fit(liked, show_progress=False)
    models.append((score(valid, answers(model, valid)), len(models), model))
show("alternating least squares", answers(max(models)[2], test))
