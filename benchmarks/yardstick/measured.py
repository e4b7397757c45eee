"""What the yardsticks share: the project that they are run in, and how a reference is scored."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np

package = next(path.parent.name for path in Path("src").glob("*/model.py"))
load_split = import_module(f"{package}.core.splits").load_split
predictor = import_module(f"{package}.core.bundle").Predictor()
train, test, target = load_split("train"), load_split("test"), predictor.target


def score(split, output):
    """The primary metric of an output on the rows of a split."""
    y_true = target.encode(split.target, split.features)
    return target.scorer(y_true, output)(np.arange(len(split)))


def show(reference, output, **more):
    """Print one line of JSON: the reference, by its name and its output, beside the model."""
    result = {
        "variant": predictor.info.variant,
        "framework": predictor.info.framework,
        "reference": reference,
        "metric": target.primary_metric,
        "reference_value": score(test, output),
        "model_value": score(test, predictor.output(test.rows)),
    }
    print(json.dumps(result | more))
