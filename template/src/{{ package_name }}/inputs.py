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
    table = np.array([[row[name] for name in names] for row in instances], dtype=np.float64)
    table = table.reshape(-1, len(names))
    for name in np.array(names)[(np.abs(table) > np.finfo(np.float32).max).any(axis=0)]:
        raise UserError(f'"{name}" holds a number that is too large for a model.')
    table = table.astype(np.float32)
    return {name: table[:, [place]] for place, name in enumerate(names)}


def strings(instances: Instances, *names: str) -> Inputs:
    """Each field as strings of shape (n, 1); a missing value becomes the word "missing"."""
    rows = [["missing" if row[name] is None else row[name] for name in names] for row in instances]
    table = np.array(rows, dtype=np.str_).reshape(-1, len(names))
    return {name: table[:, [place]] for place, name in enumerate(names)}


def records(table: Any) -> list[dict[str, Any]]:
    """The rows of a pandas table as raw instances; a missing value becomes None."""
    import pyarrow as pa  # noqa: PLC0415 - the API has neither pandas nor this

    rows: list[dict[str, Any]] = pa.Table.from_pandas(table, preserve_index=False).to_pylist()
    return rows
