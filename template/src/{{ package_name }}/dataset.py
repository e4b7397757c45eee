"""The stage `data`: load, check, clean, split and store the rows that data.py gives."""

from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.types import is_list_like, is_numeric_dtype
from pandera.errors import SchemaErrors
from pyarrow import dataset as arrow
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier

from . import data
from .bundle import FIELDS
from .files import hash_of, read_json, read_verified, write_json, write_whole
from .inputs import Array, Inputs, records
from .locate import rows_given
from .prepare import prepare
from .settings import COMMAND, PARAMS, PARTS, Settings, UserError

NAMES = ("train", "valid", "test")


@dataclass(frozen=True)
class Part:
    """The rows of one part: as a table, as raw instances, and as what the model takes."""

    table: pd.DataFrame

    @cached_property
    def instances(self) -> list[dict[str, Any]]:
        return records(self.table[FIELDS])

    @cached_property
    def inputs(self) -> Inputs:
        return prepare(self.instances)

    @property
    def target(self) -> Array:
        """As it stands in the table; zeros where nothing is to be predicted."""
        return self.table[data.TARGET].to_numpy() if data.TARGET else np.zeros(len(self.table))

    @property
    def groups(self) -> Array:
        owners = self.table[data.GROUP] if data.GROUP else self.table.index
        return pd.factorize(owners, use_na_sentinel=False)[0]


Parts = dict[str, Part]


def build(settings: Settings) -> dict[str, Any]:
    """Write each part, then the manifest with their SHA-256, without which no part is read."""
    shares = data.Split.check(settings.split, f"{PARAMS}, [split]")
    table = data.clean(check_rows(load()))
    parts = divide(table, data.split(table, shares, settings.seed))
    files = {name: part.table.to_parquet(index=False) for name, part in parts.items()}
    hashes = {name: write_whole(PARTS / f"{name}.parquet", files[name]) for name in NAMES}
    manifest = {
        "source": data.SOURCE,
        "licence": data.LICENCE,
        "rows": len(table),
        **{name: len(part.table) for name, part in parts.items()},
        "warnings": find_duplicates(parts) + find_leaks(parts["train"].table),
        "drawn": drawn(settings),
        "parts": hashes,
        "sha256": hash_of("".join(hashes.values()).encode()),
    }
    write_json(PARTS / "manifest.json", manifest)
    return manifest


def load() -> pd.DataFrame:
    """The raw rows of data.py, or of the .parquet or .csv files that a platform hands over."""
    place = rows_given()
    if place is None:
        return data.load()
    kind = "csv" if place.endswith(".csv") or any(Path(place).glob("*.csv")) else "parquet"
    try:
        return pd.DataFrame(arrow.dataset(place, format=kind).to_table().to_pandas())
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{place} holds no rows as {kind}: {str(error).splitlines()[0]}") from error


def check_rows(raw: pd.DataFrame) -> pd.DataFrame:
    """The columns of SCHEMA; raises UserError with the column, row and rule that is broken."""
    if raw.empty:
        raise UserError("data.py: load() gave no rows; check the file or query that it reads.")
    for name in raw.columns.intersection(list(data.SCHEMA.columns)):
        if raw[name].isna().all():
            raise UserError(f'data.py: column "{name}" holds missing values only.')
    try:
        table = data.SCHEMA.validate(raw, lazy=True)
    except SchemaErrors as error:
        first = error.failure_cases[["column", "check", "failure_case", "index"]].iloc[0]
        column, rule, value, row = first.where(first.notna(), None)
        where = f'column "{column}", row {row}: {value!r}' if column else f'column "{value}"'
        raise UserError(f"data.py: {where} breaks the rule {rule} of SCHEMA.") from error
    if data.TARGET in table and table[data.TARGET].nunique() < 2:
        raise UserError(f'data.py: the target "{data.TARGET}" has one value; nothing to learn.')
    return table


def divide(table: pd.DataFrame, split: Array) -> Parts:
    """The rows of each part; raises UserError when test rows could be known from training."""
    parts = {name: Part(table[split == name].reset_index(drop=True)) for name in NAMES}
    if missing := [name for name in NAMES if parts[name].table.empty]:
        raise UserError(f"data.py: split() put no row into {missing[0]}.")
    used = np.isin(split, NAMES)
    if (pd.Series(split[used]).groupby(Part(table[used]).groups).nunique() > 1).any():
        raise UserError(f'data.py: split() puts rows of one "{data.GROUP}" into several parts.')
    if data.TIME and parts["train"].table[data.TIME].max() > parts["test"].table[data.TIME].min():
        raise UserError(f'data.py: split() trains on rows later by "{data.TIME}" than test rows.')
    return parts


def find_duplicates(parts: Parts) -> list[str]:
    train = set(map(repr, parts["train"].instances))
    counts = {k: sum(repr(row) in train for row in parts[k].instances) for k in NAMES[1:]}
    return [f"Rows of {name} that stand in train too: {n}." for name, n in counts.items() if n]


def find_leaks(train: pd.DataFrame, suspicious: float = 0.98) -> list[str]:
    """Features from which a small tree can tell the target alone: are they known in time?"""
    if data.TARGET not in plain_columns(train):
        return []
    target, tree = train[data.TARGET], DecisionTreeClassifier(max_leaf_nodes=50)
    if is_numeric_dtype(target) and target.nunique() > 20:
        target = pd.qcut(target, 10, labels=False, duplicates="drop")
    columns, options = plain_columns(train[FIELDS]), {"scoring": "balanced_accuracy", "cv": 2}
    table = train[columns].apply(lambda c: c if is_numeric_dtype(c) else pd.factorize(c)[0])
    scores = {k: cross_val_score(tree, table[[k]], target, **options).mean() for k in columns}
    return [f'"{k}" alone gives the target away.' for k in columns if scores[k] > suspicious]


def plain_columns(table: pd.DataFrame) -> list[str]:
    """The columns that hold one value a row, not a list."""
    return [name for name in table.columns if not table[name].map(is_list_like).any()]


def drawn(settings: Settings) -> str:
    """What a split depends on beside the rows."""
    return f"{settings.seed} {settings.split}"


def load_manifest() -> dict[str, Any]:
    return read_json(PARTS / "manifest.json", f"run `{COMMAND} data` first", "parts", "sha256")


def load_part(name: str) -> Part:
    sha256, advice = load_manifest()["parts"][name], f"run `{COMMAND} data` again"
    content = read_verified(PARTS / f"{name}.parquet", sha256, advice)
    return Part(pd.read_parquet(BytesIO(content)))
