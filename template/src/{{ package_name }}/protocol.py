"""What platforms send, as instances: JSON under one of four keys, CSV, or the tensors of v2."""

import csv
import json
from typing import Any, Literal

import numpy as np
from pydantic import Field

from .bundle import FIELDS, INSTANCES, LISTS, PROPERTIES, instance_of
from .inputs import Raw
from .prepare import Instance
from .settings import UserError

# The fields in the words of v2; what may be missing has several types, and a list its items'.
KINDS = {"integer": "INT64", "number": "FP64", "boolean": "BOOL", "string": "BYTES"}


def datatype(about: dict[str, Any]) -> str:
    told = [about, *about.get("anyOf", []), about.get("items", {})]
    told += about.get("items", {}).get("anyOf", [])
    return next((KINDS[item["type"]] for item in told if item.get("type") in KINDS), "BYTES")


INPUTS = [
    {"name": name, "datatype": datatype(PROPERTIES[name]), "shape": [-1, -1][: 1 + (name in LISTS)]}
    for name in FIELDS
]


class Frame(Raw):
    """A pandas table in its form "split"."""

    columns: list[str]
    data: list[list[Any]]
    index: list[Any] = Field(default=[])


class Body(Raw):
    """Exactly one of the first four; Google and Amazon send instances, MLflow any of them."""

    instances: list[Instance] | None = None
    inputs: list[Instance] | dict[str, list[Any]] | None = None
    dataframe_records: list[Instance] | None = None
    dataframe_split: Frame | None = None
    parameters: dict[str, Any] | None = None

    def rows(self) -> list[Instance]:
        forms = (self.instances, self.inputs, self.dataframe_records, self.dataframe_split)
        given = [form for form in forms if form is not None]
        if len(given) != 1:
            raise UserError("Send instances, inputs, dataframe_records or dataframe_split: one.")
        if isinstance(given[0], list):
            return given[0]
        if isinstance(given[0], dict):
            return from_table(list(given[0]), zip(*given[0].values(), strict=True))
        return from_table(given[0].columns, given[0].data)


class Tensor(Raw):
    """One field of all instances; `data` may be nested or flat."""

    name: str
    shape: list[int] = Field(min_length=1, max_length=2)
    datatype: Literal["BOOL", "INT8", "INT16", "INT32", "INT64", "FP32", "FP64", "BYTES"]
    data: list[Any]
    parameters: dict[str, Any] = Field(default={})


class Tensors(Raw):
    """A request of the Open Inference Protocol: github.com/kserve/open-inference-protocol."""

    id: str = ""
    inputs: list[Tensor] = Field(min_length=1)
    outputs: list[Any] = Field(default=[])
    parameters: dict[str, Any] = Field(default={})

    def rows(self) -> list[Instance]:
        columns = []
        for tensor in self.inputs:
            cells = np.array(tensor.data, dtype=object).reshape(tensor.shape[0], -1).tolist()
            columns.append([listed(c) if tensor.name in LISTS else c[0] for c in cells])
        return from_table([tensor.name for tensor in self.inputs], zip(*columns, strict=True))


def listed(cell: list[Any]) -> Any:
    """A list; where others are longer or shorter, v2 has no shape for them, and JSON must do."""
    text = cell[0] if len(cell) == 1 and isinstance(cell[0], str) else ""
    return json.loads(text) if text.startswith("[") else cell


def from_table(names: list[str], rows: Any) -> list[Instance]:
    return INSTANCES.validate_python([dict(zip(names, row, strict=True)) for row in rows])


def from_csv(text: str) -> Body:
    """Rows without a header, as SageMaker sends them, have the fields in their own order."""
    rows = list(csv.reader(text.splitlines(keepends=True)))
    names = rows.pop(0) if rows and set(rows[0]) <= set(FIELDS) else FIELDS
    return Body(instances=[instance_of(dict(zip(names, row, strict=True))) for row in rows])


def as_tensors(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answers, a tensor a name; lists that differ in length travel as JSON."""
    tensors = []
    for name in answers[0] if answers else ():
        cells = [answer[name] for answer in answers]
        if len({len(cell) for cell in cells if isinstance(cell, list)}) > 1:
            cells = [json.dumps(cell) for cell in cells]
        column = np.array(cells)
        kind = {"f": "FP64", "i": "INT64", "b": "BOOL"}.get(column.dtype.kind, "BYTES")
        data = {"datatype": kind, "shape": list(column.shape), "data": column.ravel().tolist()}
        tensors.append({"name": name, **data})
    return tensors
