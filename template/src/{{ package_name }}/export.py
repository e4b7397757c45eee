"""The bundle is made here: converted, measured against the trained model, then written."""

import re
from importlib.metadata import requires, version
from typing import Any

import numpy as np
from skops.io import dumps

from . import data
from .bundle import FORMAT, load_model
from .dataset import Parts
from .drift import reference
from .files import write_json, write_whole
from .inputs import Array, Inputs
from .metrics import Task
from .model import predict, to_onnx
from .prepare import Instance, prepare
from .settings import BUNDLE, COMMAND, Settings, UserError

SKOPS = 'set export_format = "skops" in params.toml (serving then needs the training libraries).'
ONNX = 'set export_format = "onnx" in params.toml (skops is for models of scikit-learn alone).'


def export(
    model: Any, task: Task, parts: Parts, settings: Settings, about: dict[str, Any]
) -> list[dict[str, Any]]:
    """Write the bundle, if it answers as the model does; returns the answer to a test row."""
    suffix, tolerance = f".{settings.export_format}", settings.export_tolerance
    train, inputs = parts["train"], prepare([*parts["test"].instances, *data.AWKWARD])
    content, served = convert(model, suffix, train.inputs, inputs)
    trained = predict(model, inputs)
    largest = float(np.max(np.abs(trained - served) / np.maximum(1, np.abs(trained))))
    if largest > tolerance:
        raise UserError(
            f"The exported model differs from the trained one by {largest:.2g}, more than "
            f"export_tolerance = {tolerance:g}. Move the step that differs to prepare.py, "
            f"or {SKOPS}"
        )
    answers = task.answers(served[: len(parts["test"].table)])
    meta = {
        "format": FORMAT,
        "model": f"model{suffix}",
        "model_sha256": write_whole(BUNDLE / f"model{suffix}", content),
        "signature": Instance.model_json_schema(),
        "answer": answers[0],
        "task": task.model_dump(),
        "reference": reference(parts["test"], answers),
        "versions": serving_versions(),
        "export": {"format": suffix[1:], "max_abs_diff": largest, "size_bytes": len(content)},
        **about,
    }
    write_json(BUNDLE / "bundle.json", meta)
    return answers[:1]


def convert(model: Any, suffix: str, train: Inputs, asked: Inputs) -> tuple[bytes, Array]:
    """The model as it is stored, and what it answers when it is loaded again."""
    try:
        content = to_onnx(model, train) if suffix == ".onnx" else dumps(model)
        return content, load_model(content, suffix)(asked)
    except Exception as error:  # converters raise errors of many kinds
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        name, otherwise = ("ONNX", SKOPS) if suffix == ".onnx" else ("skops", ONNX)
        raise UserError(
            f"model.py does not convert to {name}: {reason.rstrip('.')}. "
            f"Replace the step that it names, or {otherwise}"
        ) from error


def serving_versions() -> dict[str, str]:
    """Of what pyproject.toml names under dependencies, which is what serving needs."""
    needed = [line for line in requires(COMMAND) or [] if "extra ==" not in line]
    names = [re.split(r"[^\w.-]", line)[0] for line in needed]
    return {name: version(name) for name in names}
