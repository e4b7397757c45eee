"""Columns by which rows of any kind can be compared, and how far they have drifted."""

import re
from collections import Counter
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, ks_2samp

from .bundle import BLOCK, FIELDS, Predictor
from .dataset import Part
from .inputs import Array, Instances
from .prepare import prepare
from .settings import Monitor, UserError


def reference(test: Part, answers: list[dict[str, Any]]) -> dict[str, Any]:
    """What is usual, for `monitor`: how often each category comes, and of numbers all, sorted.

    Each column is sorted by itself, so that no row can be read from the bundle.
    """
    some = np.random.default_rng(0).permutation(len(answers))[:1000]
    instances, answers = ([rows[row] for row in some] for rows in (test.instances, answers))
    texts = chain.from_iterable(words(cell) for row in instances for cell in row.values())
    usual = [word for word, _ in Counter(texts).most_common(300)]
    table, columns, opaque = profile(instances, answers, usual), dict[str, Any](), False
    for name in map(str, table.select_dtypes(exclude="number").columns):
        often = table.pop(name).value_counts()
        # Of texts and customers' numbers hardly one comes twice: they are no categories.
        if often[often >= len(some) / 100].sum() > len(some) / 2:
            columns[name] = often.to_dict()
            table = table.filter(regex=f"^(?!{re.escape(name)}: )")
        opaque = opaque or name not in columns
    # What always rises or falls with an earlier column says nothing new.
    order = table.rank(na_option="top").corr().abs().to_numpy()
    repeats = np.triu(order > 0.9999, 1).sum(axis=0)
    for name, again in zip(map(str, table.columns), repeats, strict=True):
        told = opaque or not name.startswith("prepared ")
        if told and not again and table[name].notna().any():
            columns[name] = " ".join(map("{:.6g}".format, np.sort(table[name])))
    return {"words": usual, "columns": columns}


def profile(instances: Instances, answers: Instances, usual: list[str]) -> pd.DataFrame:
    """Columns by which rows of any kind can be compared: numbers, and texts for categories.

    A text or a list becomes its length and what is in it; so does, where prepare.py makes more than
    the fields, what it makes of pixels and dates.
    """
    rows = {name: [row[name] for row in instances] for name in FIELDS}
    for name, array in prepare(instances).items():
        if array.dtype.kind in "fiub" and name not in rows:
            flat = array[:, 0] if array.shape[1:] == (1,) else array.reshape(len(array), -1)
            rows[f"prepared {name}"] = flat.tolist()
    rows |= {f"answer {name}": [row[name] for row in answers] for name in answers[0]}
    columns, known = dict[str, Any](), set(usual)
    for name, cells in rows.items():
        kinds = {type(cell) for cell in cells}
        if not kinds & {str, list}:
            columns[name] = np.array(cells, dtype=float)
            continue
        if str in kinds:
            columns[name] = ["missing" if cell is None else cell for cell in cells]
        columns[f"{name}: length"] = [float(len(cell or "")) for cell in cells]
        if isinstance(next(chain.from_iterable(filter(None, cells)), ""), str):
            texts = [[word in known for word in words(cell)] for cell in cells]
            columns[f"{name}: usual words"] = [np.mean(text) if text else np.nan for text in texts]
        else:
            items = pd.Series(cells).explode().astype(float)
            columns[f"{name}: mean"] = items.groupby(level=0).mean()
            columns[f"{name}: spread"] = items.groupby(level=0).std()
            columns[f"{name}: empty"] = items.fillna(0).eq(0).groupby(level=0).mean()
    table = pd.DataFrame(columns)
    # Six digits, as the bundle keeps: what was always the same must stay the same.
    return table.map(lambda cell: cell if isinstance(cell, str) else float(f"{cell:.6g}"))


def drift(
    predictor: Predictor, instances: Any, output: Array, limits: Monitor
) -> list[dict[str, Any]]:
    """Each column that the bundle keeps, compared with these rows; the most drifted first."""
    answers, kept = predictor.task.answers(output), predictor.meta["reference"]
    if "columns" not in kept:
        raise UserError("The bundle is of a version that keeps no rows to compare; train again.")
    blocks = [slice(start, start + BLOCK) for start in range(0, len(instances), BLOCK)]
    now = pd.concat(profile(instances[rows], answers[rows], kept["words"]) for rows in blocks)
    now = now.reindex(columns=[*kept["columns"]])
    columns = [compare(name, old, now[name]) for name, old in kept["columns"].items()]
    for column in columns:
        sure = column["p_value"] < limits.alpha / len(columns)
        changed = column["psi"] > limits.psi and column["name"] not in limits.ignored
        column["drifted"] = bool(sure and changed)
    return sorted(columns, key=lambda column: (not column["drifted"], -column["psi"]))


def compare(name: str, kept: Any, now: "pd.Series[Any]") -> dict[str, Any]:
    """How far a column is from what the bundle keeps of it: the PSI of its bins, and a test.

    A missing number counts as less than all numbers, so that both measures see it.
    """
    if isinstance(kept, dict):
        usual = pd.Series([*kept]).repeat([*kept.values()])
        now = now.astype(object).where(now.notna(), "missing")
        table = pd.DataFrame({"usual": usual.value_counts(), "now": now.value_counts()}).fillna(0)
        # Chi-square takes five expected rows (Cochran, 1954); what is rarer stands together.
        rare = table["usual"] * min(1, len(now) / len(usual)) < 5
        table = table.groupby(np.where(rare, "others", table.index)).sum()
        bins, counts = [str(name)[:40] for name in table.index], table.to_numpy().T
        unseen = sorted({*now} - {*usual})
        test = chi2_contingency(counts, correction=False)
    else:
        usual, unseen = pd.Series(kept.split()).astype(float), []
        both = [rows.fillna(-np.inf).to_numpy(dtype=float) for rows in (usual, now)]
        tenths = np.quantile(both[0], np.arange(0.1, 1, 0.1), method="inverted_cdf")
        edges = np.unique([np.nextafter(both[0].min(), -np.inf), *tenths])
        places = [np.searchsorted(edges, rows) for rows in both]
        counts = np.array([np.bincount(place, minlength=len(edges) + 1) for place in places])
        bins = ["less, missing", *(f"to {edge:.3g}" for edge in edges[1:]), "more"]
        test = ks_2samp(*both, method="asymp")
    shares = counts / counts.sum(axis=1, keepdims=True)
    before, after = np.maximum(shares, 1e-4)
    return {
        "name": name,
        "psi": float(np.sum((after - before) * np.log(after / before))),
        "test": "chi-square" if isinstance(kept, dict) else "Kolmogorov-Smirnov",
        "statistic": float(test.statistic),
        "p_value": float(test.pvalue),
        "missing": [float(rows.isin(["missing", np.nan]).mean()) for rows in (usual, now)],
        "unseen": unseen[:5],
        "bins": bins,
        "shares": shares.tolist(),
    }


def words(cell: Any) -> list[str]:
    """Of a text or of a list of texts; what has no space between is no text."""
    items = cell if isinstance(cell, list) else [cell]
    text = " ".join(item for item in items if isinstance(item, str))
    return re.findall(r"[^\W\d_]+", text.casefold()) if " " in text else []
