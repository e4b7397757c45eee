"""What the yardsticks share: the project that they are run in, and how a reference is scored."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np

package = next(path.parent.name for path in Path("src").glob("*/model.py"))
load_part = import_module(f"{package}.dataset").load_part
predictor = import_module(f"{package}.bundle").Predictor(Path("artifacts/bundle"))
train, test, task = load_part("train"), load_part("test"), predictor.task
settings = import_module(f"{package}.settings").load_settings()


def primary(part, output):
    """The primary metric of an output on the rows of a part."""
    target = task.encode(part.target, part.inputs)
    return float(task.scores(target, output, np.ones((1, len(output))))[task.primary][0])


def show(reference, said, **more):
    """Print one line of JSON: the reference, by its name and its output, beside the model."""
    result = {"variant": settings.variant, "reference": reference, "metric": task.primary}
    result["reference_value"] = primary(test, said)
    result["model_value"] = primary(test, predictor.output(test.instances))
    print(json.dumps(result | more))
