"""The training, validation and test set, as the stage `data` stores them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from .. import data
from ..features import Instance, build_features
from .bundle import DataInfo
from .config import COMMAND, SPLITS, ProjectConfig, UserError
from .files import read_checked, read_model, sha256
from .rows import Array, Features, IntArray, table_rows

FIELDS = list(Instance.model_fields)
MANIFEST = SPLITS / "manifest.json"


@dataclass(frozen=True)
class Split:
    """Rows of one split.

    Attributes:
        table: All columns that data.clean() returned.
    """

    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The instances, as a client of the API would send them."""
        return table_rows(self.table[FIELDS])

    @cached_property
    def features(self) -> Features:
        """What the model takes."""
        return build_features(self.rows)

    @cached_property
    def keys(self) -> list[str]:
        """A hash of each row."""
        return [row_key(row) for row in self.rows]

    @property
    def target(self) -> Array:
        """The target as it is in the table."""
        return self.table[data.TARGET].to_numpy()

    @property
    def groups(self) -> IntArray:
        """A number for each row; rows with the same number belong together."""
        owners = self.table.get(data.GROUP, self.table.index)
        return pd.factorize(owners, use_na_sentinel=False)[0]


def row_key(row: Mapping[str, Any]) -> str:
    """Equal for rows that differ only in case, spaces, or after the third digit of a number."""
    values = [f"{value:.3g}" if isinstance(value, float) else value for value in row.values()]
    return sha256(" ".join(repr(values).casefold().split()).encode())


class Splits(NamedTuple):
    """The three sets: fit on `train`, choose on `valid`, measure on `test`."""

    train: Split
    valid: Split
    test: Split


class Manifest(DataInfo):
    """What is known of the stored splits; without it none of them is read.

    Attributes:
        split_config: What the split depends on besides the rows.
        files: SHA-256 of each split's file.
    """

    split_config: str
    files: dict[str, str]


def split_key(config: ProjectConfig) -> str:
    """A hash of the seed, of [split] and of data.py."""
    code = Path(str(data.__file__)).read_text(encoding="utf-8")
    return sha256(f"{config.seed} {config.split} {code}".encode())


def load_manifest() -> Manifest:
    """Read the manifest of the stored splits.

    Raises:
        UserError: The stage `data` has not run, or the file is damaged.
    """
    return read_model(MANIFEST, Manifest, f"run `{COMMAND} data`")


def load_split(name: str) -> Split:
    """Read one of the splits; raises UserError when its file was changed."""
    path = SPLITS / f"{name}.parquet"
    content = read_checked(path, load_manifest().files[path.name], f"run `{COMMAND} data` again")
    return Split(pd.read_parquet(BytesIO(content)))


def load_splits(config: ProjectConfig) -> Splits:
    """Read all three splits.

    Raises:
        UserError: A file is missing or changed, or what the split depends on has changed.
    """
    if load_manifest().split_config != split_key(config):
        raise UserError(f"data.py, seed or [split] has changed; run `{COMMAND} data` again.")
    return Splits(*map(load_split, Splits._fields))
