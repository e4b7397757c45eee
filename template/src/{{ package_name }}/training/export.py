"""Export the trained model as a bundle, after comparing it with the trained one."""

import re
from importlib.metadata import requires, version
from textwrap import shorten
from typing import Any

import numpy as np

from .. import data
from ..core.bundle import (
    FORMAT,
    INFO_FILE,
    MODEL_FILE,
    BundleInfo,
    DataInfo,
    ExportInfo,
    OnnxModel,
    RunInfo,
    code_key,
    features_key,
)
from ..core.config import BUNDLE, COMMAND, UserError
from ..core.files import replace_folder, sha256, to_json
from ..core.metrics import Target
from ..core.reference import reference_column
from ..core.rows import Array, Features, first_line
from ..core.splits import Splits, load_manifest
from ..features import Instance, build_features, monitored_columns
from ..model import FRAMEWORK, predict, to_onnx


def export_bundle(
    model: Any, target: Target, splits: Splits, tolerance: float, run: RunInfo
) -> BundleInfo:
    """Write artifacts/bundle.

    Args:
        model: What model.fit() returned.
        target: The fitted target, with its decision.
        splits: Both models are compared on the test set.
        tolerance: The largest difference allowed, relative for outputs above 1.
        run: The run that trained the model.

    Raises:
        UserError: The model does not convert, or the exported one differs from it.
    """
    test = splits.test
    features = build_features([*test.rows, *data.EDGE_CASES])
    content, exported = convert(model, splits.train.features, features)
    expected = predict(model, features)
    scale = np.maximum(1, np.abs(expected))
    difference = float(np.max(np.abs(expected - exported) / scale))
    if difference > tolerance:
        raise UserError(
            f"The exported model differs from the trained one by {difference:.2g}, more than "
            f"export_tolerance = {tolerance:g}. Move the step that differs to features.py."
        )
    output = exported[: len(test)]
    target = target.fit_reference(target.encode(test.target, test.features), output)
    columns = {**monitored_columns(test.rows), **target.monitored_columns(output)}
    reference = {name: reference_column(values) for name, values in columns.items()}
    info = BundleInfo(
        format=FORMAT,
        variant=data.VARIANT,
        framework=FRAMEWORK,
        files={MODEL_FILE: sha256(content)},
        code=code_key(),
        features=features_key(),
        target=target,
        signature=Instance.model_json_schema(),
        example_prediction=target.predictions(output[:1])[0],
        # A column of names or texts has one bin, of which no drift can be seen.
        reference={name: column for name, column in reference.items() if len(column.bins) > 1},
        versions=serving_versions(),
        data=DataInfo(**load_manifest().model_dump()),
        run=run,
        export=ExportInfo(format="onnx", max_abs_diff=difference, size_bytes=len(content)),
    )
    replace_folder(BUNDLE, {MODEL_FILE: content, INFO_FILE: to_json(info.model_dump())})
    return info


def convert(model: Any, train: Features, features: Features) -> tuple[bytes, Array]:
    """The model in ONNX, and its output for the features.

    Raises:
        UserError: With the converter's reason.
    """
    try:
        content = to_onnx(model, train)
        return content, OnnxModel(content).run(features)
    except Exception as error:  # converters raise errors of many kinds
        reason = first_line(error).rstrip(".")
        if error.__cause__:
            reason = f"{shorten(reason, 80)}: {error.__cause__}".rstrip(".")
        raise UserError(
            f"model.py does not convert to ONNX: {reason}. Not every estimator converts: "
            "HistGradientBoosting does not, GradientBoosting does; what a step before it does can "
            "be done in features.py."
        ) from error


def serving_versions() -> dict[str, str]:
    """Versions of what pyproject.toml lists under dependencies, which is what serving needs."""
    declared = requires(COMMAND) or []
    # A line with a marker is an extra, or not needed on every platform.
    names = [re.split(r"[^\w.-]", line)[0] for line in declared if ";" not in line]
    return {name: version(name) for name in names}
