"""The stage `data`: load, check, clean and split the rows, and store the splits."""

import os
from collections.abc import Iterable
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import data
from ..core.config import PARAMS, SPLITS, ProjectConfig, UserError
from ..core.files import replace_folder, sha256, to_json
from ..core.rows import Array, Batch, first_line, open_rows, table_rows
from ..core.splits import FIELDS, MANIFEST, Manifest, Split, Splits, split_key
from ..features import MISSING_VALUES

# How messages call the sets.
NAMES = ("training", "validation", "test")


def build_dataset(config: ProjectConfig) -> Manifest:
    """Write one file for each split, and the manifest.

    Raises:
        UserError: A row breaks the schema, or the split leaks test rows into training.
    """
    split_config = data.SplitConfig.parse(config.split, f"{PARAMS}, [split]")
    table = data.clean(load_rows())
    require_columns(table)
    try:
        names = data.split(table, split_config, config.seed)
    except ValueError as error:
        raise UserError(f"data.py, split(): {first_line(error)}") from error
    splits = make_splits(table, names)
    warnings = find_duplicates(splits) | data.check(splits.train.table)
    return store(splits, warnings, config)


def load_rows() -> pd.DataFrame:
    """The checked rows of data.load(), or of the file that the variable DATA names."""
    path = os.environ.get("DATA")
    if path:
        return check_rows(open_rows(Path(path), MISSING_VALUES), path)
    raw = data.load()
    known = raw.columns.intersection(list(data.SourceRow.model_fields))
    return check_rows([Batch(table_rows(raw[known]), 0)] if len(raw) else [], "data.py")


def check_rows(batches: Iterable[Batch], source: str) -> pd.DataFrame:
    """The columns of SourceRow, typed as it says.

    Args:
        batches: Rows of the source; further columns are dropped.
        source: Named in errors.

    Raises:
        UserError: Names the column, and the row where there is one, that breaks the schema.
    """
    rows: list[dict[str, Any]] = []
    for batch in batches:
        batch.require_columns(data.SourceRow, source)
        rows += batch.validate(data.SourceRow, source)
    if not rows:
        raise UserError(f"{source}: there are no rows; check the file or query that is read.")
    table = pd.DataFrame(rows)
    for name in table.columns[table.isna().all()]:
        raise UserError(f'{source}: column "{name}" has missing values only.')
    return table


def require_columns(table: pd.DataFrame) -> None:
    """Raises UserError with a column that data.py or features.py names and the table lacks."""
    for name in (data.TARGET, data.GROUP, data.TIME, *FIELDS):
        if name is not None and name not in table:
            raise UserError(f'data.py: clean() returns no column "{name}".')


def make_splits(table: pd.DataFrame, names: Array) -> Splits:
    """Divide the table by the name of each row's split; rows with another name are left out.

    Raises:
        UserError: A split is empty, or rows of one could be known from an earlier one.
    """
    for name in Splits._fields:
        if name not in names:
            raise UserError(f'data.py: split() gives no row to "{name}".')
    tables = [table[names == name].reset_index(drop=True) for name in Splits._fields]
    if data.GROUP and not getattr(data, "GROUPS_RETURN", False):
        groups = pd.concat([rows[data.GROUP].drop_duplicates() for rows in tables])
        if groups.duplicated().any():
            raise UserError(f'data.py: split() puts one "{data.GROUP}" into several splits.')
    for (first, earlier), (second, later) in pairwise(zip(NAMES, tables, strict=True)):
        if data.TIME and earlier[data.TIME].max() > later[data.TIME].min():
            message = f'data.py: by "{data.TIME}", split() puts {first} rows after {second} rows.'
            raise UserError(message)
    return Splits(*map(Split, tables))


def find_duplicates(splits: Splits) -> dict[str, str]:
    """A warning about rows of a set that are also in an earlier one; none where there are none."""
    counts = []
    for (first, earlier), (second, later) in combinations(zip(NAMES, splits, strict=True), 2):
        count = np.isin(later.keys, earlier.keys).sum()
        if count:
            counts.append(f"{count} of the {second} set are also in the {first} set")
    return {"duplicates": f"Duplicate rows: {', '.join(counts)}."} if counts else {}


def store(splits: Splits, warnings: dict[str, str], config: ProjectConfig) -> Manifest:
    """Write the splits and the manifest, in place of earlier ones."""
    contents = {
        f"{name}.parquet": split.table.to_parquet(index=False)
        for name, split in splits._asdict().items()
    }
    files = {name: sha256(content) for name, content in contents.items()}
    manifest = Manifest(
        source=data.SOURCE,
        licence=data.LICENCE,
        rows=sum(map(len, splits)),
        **{name: len(split) for name, split in splits._asdict().items()},
        warnings=warnings,
        split_config=split_key(config),
        files=files,
        sha256=sha256("".join(files.values()).encode()),
    )
    replace_folder(SPLITS, contents | {MANIFEST.name: to_json(manifest.model_dump())})
    return manifest
