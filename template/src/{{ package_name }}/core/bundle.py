"""The bundle: the exported model, and all that is needed to serve and monitor it.

Imports no training library, so that the API needs none.
"""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime
from pydantic import BaseModel, FiniteFloat

from ..features import Instance, build_features
from .config import BUNDLE, UserError
from .files import read_checked, read_model, sha256
from .metrics import Target
from .reference import ReferenceColumn
from .rows import Array, Batch, Rows, first_line, table_rows

MODEL_FILE = "model.onnx"
INFO_FILE = "bundle.json"
FORMAT: Literal[3] = 3
BLOCK_ROWS = 1000
EXTERNAL_WEIGHTS = "session.model_external_initializers_file_folder_path"
RETRAIN = "train the model again"


class DataInfo(BaseModel):
    """The rows that the model was trained and measured on.

    Attributes:
        train: Number of rows, as are `rows`, `valid` and `test`.
        warnings: What may make the results too good, by name.
        sha256: Of the files of all splits.
    """

    source: str
    licence: str
    rows: int
    train: int
    valid: int
    test: int
    warnings: dict[str, str]
    sha256: str


class RunInfo(BaseModel):
    """The MLflow run that trained the model."""

    mlflow_run_id: str
    git_commit: str | None
    seed: int
    seconds: FiniteFloat
    python: str
    hardware: str


class ExportInfo(BaseModel):
    """How the exported model compares with the trained one."""

    format: str
    max_abs_diff: FiniteFloat
    size_bytes: int


class BundleInfo(BaseModel):
    """The content of bundle.json.

    Attributes:
        format: FORMAT of the code that wrote it.
        variant: Of the template, as is `framework`.
        files: SHA-256 of each other file of the bundle.
        code: SHA-256 of the code that trained the model; see code_key().
        features: SHA-256 of the code that built its features; see features_key().
        signature: JSON schema of an instance.
        example_prediction: The response for one row of the test set.
        reference: Distributions of the test set, for monitoring.
        versions: Of the serving dependencies that it was made with.
    """

    format: Literal[3]
    variant: str
    framework: str
    files: dict[str, str]
    code: str
    features: str
    target: Target
    signature: dict[str, Any]
    example_prediction: dict[str, Any]
    reference: dict[str, ReferenceColumn]
    versions: dict[str, str]
    data: DataInfo
    run: RunInfo
    export: ExportInfo


def load_info(folder: Path = BUNDLE) -> BundleInfo:
    """Read bundle.json; raises UserError when it is missing, damaged or of another format."""
    return read_model(folder / INFO_FILE, BundleInfo, RETRAIN)


def code_key(unused: Collection[str] = ("cli.py",)) -> str:
    """A hash of the files beside features.py, which decide what the model learns.

    Args:
        unused: Names of files that are left out, as are hidden ones, and those in folders.
    """
    files = sorted(Path(__file__).parents[1].glob("[!.]*.*"))
    contents = [path.read_bytes() for path in files if path.name not in unused]
    return sha256(b"".join(contents))


def features_key() -> str:
    """A hash of the files that decide what build_features() returns."""
    return code_key(unused=("cli.py", "data.py", "model.py"))


class Predictor:
    """The exported model, which predicts raw rows.

    Args:
        folder: The bundle.

    Raises:
        UserError: A file of the bundle is missing, damaged or changed, or features.py has changed.
    """

    def __init__(self, folder: Path = BUNDLE) -> None:
        self.info = load_info(folder)
        if self.info.features != features_key():
            raise UserError(f"features.py has changed since {folder} was written; {RETRAIN}.")
        self.target = self.info.target
        # The id of the MLflow run that trained the model.
        self.version = self.info.run.mlflow_run_id
        path = folder / MODEL_FILE
        content = read_checked(path, self.info.files.get(MODEL_FILE, ""), RETRAIN)
        try:
            self.model = OnnxModel(content)
        except Exception as error:  # ONNX Runtime raises errors of many kinds
            raise UserError(f"{path} cannot be loaded: {first_line(error)}; {RETRAIN}.") from error

    def output(self, rows: Rows) -> Array:
        """What the model returns for valid rows; core/metrics.py documents the shape.

        Raises:
            UserError: A number is not finite; names the index of the row.
        """
        output, is_finite = self.raw_output(rows)
        if not is_finite.all():
            index = np.argmin(is_finite)
            raise UserError(f"The model returns no finite number for instance {index}.")
        return output

    def raw_output(self, rows: Rows) -> tuple[Array, Array]:
        """What the model returns for valid rows, and for each row whether that is finite."""
        # In blocks, because the features of many rows may not fit into memory.
        blocks = [rows[start : start + BLOCK_ROWS] for start in range(0, len(rows), BLOCK_ROWS)]
        output = np.concatenate([self.model.run(build_features(block)) for block in blocks])
        return output, np.isfinite(output).all(axis=1)

    def predict(self, rows: Rows) -> list[dict[str, Any]]:
        """One prediction for each valid row, in the same order."""
        return self.target.predictions(self.output(rows)) if rows else []


class OnnxModel:
    """An ONNX model on the CPU; the names of its inputs are names of features."""

    def __init__(self, content: bytes) -> None:
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        # No file beside the model is read: weights outside of it would not be covered by its hash.
        options.add_session_config_entry(EXTERNAL_WEIGHTS, os.devnull)
        self.session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        self.inputs = [item.name for item in self.session.get_inputs()]
        self.output = self.session.get_outputs()[-1].name

    def run(self, features: dict[str, Array]) -> Array:
        """The last output of the model."""
        # ONNX Runtime refuses features that the model does not use.
        used = {name: features[name] for name in self.inputs}
        return np.asarray(self.session.run([self.output], used)[0])


class PyfuncModel:
    """The bundle as a model of MLflow, which passes a pandas.DataFrame."""

    def __init__(self, folder: Path) -> None:
        self.predictor = Predictor(folder)

    def get_raw_model(self) -> Predictor:
        """What MLflow returns as the model itself."""
        return self.predictor

    def predict(self, model_input: Any, params: Any = None) -> list[dict[str, Any]]:  # noqa: ARG002 - MLflow passes it
        """One prediction for each row of the table."""
        batch = Batch(table_rows(model_input), 0)
        return self.predictor.predict(batch.validate(Instance, "model input"))


def _load_pyfunc(path: str) -> PyfuncModel:
    """MLflow loads a registered model by calling this function."""
    return PyfuncModel(Path(path))
