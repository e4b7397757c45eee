"""The bundle: the model as it is served, by numpy, onnxruntime and pydantic alone."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from pydantic import TypeAdapter

from .files import read_json, read_verified
from .inputs import Array, Inputs, Instances, records
from .metrics import Task
from .prepare import Instance, prepare
from .settings import UserError

FORMAT, RETRAIN = 1, "train the model again"
BLOCK = 1000
INSTANCES = TypeAdapter(list[Instance])
FIELDS = list(Instance.model_fields)
PROPERTIES = Instance.model_json_schema()["properties"]
LISTS = [name for name in FIELDS if PROPERTIES[name].get("type") == "array"]
# What skops may load beside its own list. Trees of a stranger's file could crash the process.
TRUSTED = ["numpy.dtype", "sklearn.tree._tree.Tree"]
TRUSTED += ["sklearn.compose._column_transformer.make_column_selector"]
TRUSTED += ["sklearn.calibration._CalibratedClassifier", "sklearn.calibration._SigmoidCalibration"]


class Predictor:
    """Answers raw instances; raises UserError when the bundle in `folder` cannot be trusted."""

    def __init__(self, folder: Path) -> None:
        self.meta = read_json(folder / "bundle.json", RETRAIN, "format", "task", "model", "run")
        if self.meta["format"] > FORMAT:
            raise UserError(f"The bundle in {folder} is of a newer format than {FORMAT}; update.")
        self.task = Task.model_validate(self.meta["task"])
        path = folder / str(self.meta["model"])
        content = read_verified(path, self.meta["model_sha256"], RETRAIN)
        self.run = load_model(content, path.suffix)

    @property
    def version(self) -> str:
        """The MLflow run that trained it."""
        return str(self.meta["run"]["mlflow_run_id"])

    def output(self, instances: Instances) -> Array:
        """In blocks, because prepared instances can fill the memory."""
        starts = range(0, len(instances), BLOCK)
        return np.concatenate([self.run(prepare(instances[i : i + BLOCK])) for i in starts])

    def answer(self, instances: list[Instance]) -> list[dict[str, Any]]:
        rows = [instance.model_dump() for instance in instances]
        return self.task.answers(self.output(rows)) if rows else []

    def predict(self, model_input: Any, **_: Any) -> list[dict[str, Any]]:
        """The same for a pandas table: MLflow calls this."""
        return self.answer(INSTANCES.validate_python(records(model_input), strict=False))


def _load_pyfunc(path: str) -> Predictor:
    """MLflow loads a registered model through this function, by its name."""
    return Predictor(Path(path))


def load_model(content: bytes, suffix: str) -> Callable[[Inputs], Array]:
    if suffix == ".skops":
        from skops.io import loads  # noqa: PLC0415 - needs the libraries that train

        from .model import predict  # noqa: PLC0415 - the same

        model = loads(content, trusted=TRUSTED)
        return lambda inputs: predict(model, inputs)
    onnxruntime.disable_telemetry_events()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs()]
    last = [session.get_outputs()[-1].name]
    # The inputs are picked, because ONNX Runtime refuses those that the model does not use.
    return lambda inputs: np.asarray(session.run(last, {k: inputs[k] for k in names})[0])


def instance_of(row: Mapping[str, Any]) -> Instance:
    """The instance in a row of a file, where cells may be text; a list is then written as JSON."""
    cells = {name: None if cell in ("", "NA", "NaN") else cell for name, cell in row.items()}
    texts = {name: cells[name] for name in LISTS if isinstance(cells.get(name), str)}
    cells |= {name: json.loads(str(text)) for name, text in texts.items()}
    return Instance.model_validate(cells, strict=False)
