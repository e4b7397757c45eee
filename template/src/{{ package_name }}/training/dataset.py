"""The stage `data`: load, check, clean and split the rows, and store the splits."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier

from .. import data
from ..core.config import PARAMS, SPLITS, ProjectConfig, UserError
from ..core.files import sha256, write_atomic, write_json
from ..core.rows import Array, open_rows, table_rows, validate_all
from ..core.splits import FIELDS, MANIFEST, NAMES, Manifest, Split, Splits, split_key
from ..features import MISSING_VALUES

LEAKAGE_SCORE = 0.98


def build_dataset(config: ProjectConfig) -> Manifest:
    """Write one file a split, then the manifest.

    Raises:
        UserError: A row breaks the schema, or the split leaks test rows into training.
    """
    split_config = data.SplitConfig.parse(config.split, f"{PARAMS}, [split]")
    table = data.clean(load_rows())
    names = data.split(table, split_config, config.seed)
    splits = make_splits(table, names)
    warnings = [*find_duplicates(splits), *find_leakage(splits.train.table)]
    return store(splits, warnings, config)


def load_rows() -> pd.DataFrame:
    """The checked rows of data.load(), or of the file that the variable DATA names."""
    path = os.environ.get("DATA")
    if path:
        file = open_rows(Path(path), MISSING_VALUES)
        file.require(data.SourceRow.model_fields)
        raw = pd.DataFrame([row for batch in file.batches for row in batch.rows])
    else:
        raw = data.load()
    return check_rows(raw, path or "data.py")


def check_rows(raw: pd.DataFrame, source: str) -> pd.DataFrame:
    """The columns of SourceRow, typed as it says.

    Args:
        raw: Rows of the source; further columns are dropped.
        source: Named in errors.

    Raises:
        UserError: Names the column, and the row where there is one, that breaks the schema.
    """
    if raw.empty:
        raise UserError(f"{source}: there are no rows; check the file or query that is read.")
    columns = list(data.SourceRow.model_fields)
    for name in columns:
        if name not in raw:
            raise UserError(f'{source} has no column "{name}".')
        if raw[name].isna().all():
            raise UserError(f'{source}: column "{name}" has missing values only.')
    rows = validate_all(table_rows(raw[columns]), data.SourceRow, source, 0)
    return pd.DataFrame(rows)


def make_splits(table: pd.DataFrame, names: Array) -> Splits:
    """Divide the table by the name of each row's split; rows with another name are left out.

    Raises:
        UserError: A split is empty, or test rows could be known from training.
    """
    tables = [table[names == name].reset_index(drop=True) for name in NAMES]
    for name, part in zip(NAMES, tables, strict=True):
        if part.empty:
            raise UserError(f'data.py: split() gives no row to "{name}".')
    splits = Splits(*map(Split, tables))
    used = np.isin(names, NAMES)
    splits_per_group = pd.Series(names[used]).groupby(Split(table[used]).groups).nunique()
    if splits_per_group.max() > 1:
        raise UserError(f'data.py: split() puts rows of one "{data.GROUP}" into several splits.')
    if data.TIME:
        check_time_order(splits, data.TIME)
    return splits


def check_time_order(splits: Splits, column: str) -> None:
    """Raises UserError when a training row is later than a test row."""
    if splits.train.table[column].max() > splits.test.table[column].min():
        raise UserError(f'data.py: by "{column}", split() puts training rows after test rows.')


def find_duplicates(splits: Splits) -> list[str]:
    """Warnings about rows of validation and test set that are also in the training set."""
    train_rows = {repr(row) for row in splits.train.rows}
    warnings = []
    for name, split in (("validation", splits.valid), ("test", splits.test)):
        count = sum(repr(row) in train_rows for row in split.rows)
        if count:
            warnings.append(f"Duplicate rows between training and {name} set: {count}.")
    return warnings


def find_leakage(train: pd.DataFrame) -> list[str]:
    """Warnings about fields from which a small decision tree predicts the target alone."""
    scalar = train.loc[:, [np.ndim(value) == 0 for value in train.iloc[0]]]
    if data.TARGET not in scalar or scalar[data.TARGET].nunique() < 2:
        return []
    target = scalar[data.TARGET]
    if is_numeric_dtype(target) and target.nunique() > 20:
        target = pd.qcut(target, 10, labels=False, duplicates="drop")
    warnings = []
    for name in scalar.columns.intersection(FIELDS):
        score = single_field_score(scalar[name], target)
        if score > LEAKAGE_SCORE:
            warnings.append(
                f'Possible target leakage: "{name}" alone predicts the target '
                f"(balanced accuracy {score:.3f})."
            )
    return warnings


def single_field_score(column: "pd.Series[float]", target: "pd.Series[float]") -> float:
    """Balanced accuracy of a small tree on one field, in two-fold cross-validation."""
    values = column if is_numeric_dtype(column) else pd.Series(pd.factorize(column)[0])
    tree = DecisionTreeClassifier(max_leaf_nodes=50)
    scores = cross_val_score(tree, values.to_frame(), target, scoring="balanced_accuracy", cv=2)
    return float(scores.mean())


def store(splits: Splits, warnings: list[str], config: ProjectConfig) -> Manifest:
    """Write the splits, then the manifest."""
    named = splits.named()
    contents = {name: split.table.to_parquet(index=False) for name, split in named.items()}
    files = {
        name: write_atomic(SPLITS / f"{name}.parquet", content)
        for name, content in contents.items()
    }
    manifest = Manifest(
        source=data.SOURCE,
        licence=data.LICENCE,
        rows=sum(map(len, named.values())),
        train=len(splits.train),
        valid=len(splits.valid),
        test=len(splits.test),
        warnings=warnings,
        split_config=split_key(config),
        files=files,
        sha256=sha256("".join(files.values()).encode()),
    )
    write_json(MANIFEST, manifest.model_dump())
    return manifest
