"""What a model takes: named arrays, built from raw instances with numpy alone."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from .settings import UserError

Array = NDArray[Any]
Inputs = dict[str, Array]
Instances = Sequence[Mapping[str, Any]]
Predict = Callable[[Instances], Array]
# Matplotlib's axes by the name of the figure; a new name makes a new figure.
Axes = Mapping[str, Any]


class Raw(BaseModel):
    """What a client sends: unknown fields, numbers in quotes, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """The instance that a file holds, where one file is one instance: texts, images."""
        raise UserError(f"{path}: --input must be one .csv or .parquet file, not a folder.", 2)


def numbers(instances: Instances, *names: str) -> Inputs:
    """Each field as float32 of shape (n, 1); a missing value (None) becomes NaN."""
    # All at once: a call of numpy for each field would take longer than the model.
    table = np.array([[row[name] for row in instances] for name in names], dtype=np.float64)
    for place in np.flatnonzero((np.abs(table) > np.finfo(np.float32).max).any(axis=1)):
        raise UserError(f'"{names[place]}" holds a number that is too large for a model.')
    return {name: row[:, None] for name, row in zip(names, table.astype(np.float32), strict=True)}


def strings(instances: Instances, *names: str) -> Inputs:
    """Each field as strings of shape (n, 1); a missing value becomes the word "missing"."""
    rows = [["missing" if row[name] is None else row[name] for row in instances] for name in names]
    table = np.array(rows, dtype=np.str_)
    return {name: row[:, None] for name, row in zip(names, table, strict=True)}


def records(table: Any) -> list[dict[str, Any]]:
    """The rows of a pandas table as raw instances; a missing value becomes None."""
    import pyarrow as pa  # noqa: PLC0415 - the API has neither pandas nor this

    rows: list[dict[str, Any]] = pa.Table.from_pandas(table, preserve_index=False).to_pylist()
    return rows
