"""The bundle is made here: converted, measured against the trained model, then written."""

import json
from importlib.metadata import version
from typing import Any

import numpy as np

from . import data
from .bundle import FORMAT, load_model
from .dataset import FEATURES, Part, Parts
from .files import write_json, write_whole
from .metrics import Task
from .model import predict, to_onnx
from .prepare import Instance, prepare
from .settings import BUNDLE, Settings, UserError

SERVING = ("numpy", "onnxruntime", "pydantic")


def export(model: Any, task: Task, parts: Parts, settings: Settings, about: dict[str, Any]) -> None:
    """Write the bundle; nothing is replaced when it does not answer as the model does."""
    suffix, tolerance = f".{settings.export_format}", settings.export_tolerance
    content = convert(model, parts["train"], suffix)
    inputs = prepare([*parts["test"].instances, *data.AWKWARD])
    trained, served = predict(model, inputs), load_model(content, suffix)(inputs)
    largest = float(np.max(np.abs(trained - served) / np.maximum(1, np.abs(trained))))
    if largest > tolerance:
        raise UserError(
            f"The exported model differs from the trained one by {largest:.2g}, more than "
            f"export_tolerance = {tolerance:g}. Move the step that differs to prepare.py, "
            'or set export_format = "skops" in params.toml.'
        )
    meta = {
        "format": FORMAT,
        "model": f"model{suffix}",
        "model_sha256": write_whole(BUNDLE / f"model{suffix}", content),
        "signature": Instance.model_json_schema(),
        "outputs": list(task.answers(task.baseline(1))[0]),
        "task": task.model_dump(),
        "reference": json.loads(parts["train"].table[FEATURES].describe(include="all").to_json()),
        "versions": {name: version(name) for name in SERVING},
        "export": {"format": suffix[1:], "max_abs_diff": largest, "size_bytes": len(content)},
        **about,
    }
    write_json(BUNDLE / "bundle.json", meta)


def convert(model: Any, train: Part, suffix: str) -> bytes:
    if suffix == ".skops":
        from skops.io import dumps  # noqa: PLC0415 - few projects need it

        return bytes(dumps(model))
    try:
        return to_onnx(model, train.inputs)
    except Exception as error:  # converters raise errors of many kinds
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UserError(
            f"model.py does not convert to ONNX: {reason} Replace the step that it names, or set "
            'export_format = "skops" in params.toml (serving then needs the training libraries).'
        ) from error
