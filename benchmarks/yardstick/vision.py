"""The plain reference for images: a support vector machine on the pixels."""

import base64
import io
import json
from importlib import import_module
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.svm import SVC

package = next(path.parent.name for path in Path("src").glob("*/model.py"))
load_part = import_module(f"{package}.dataset").load_part
predictor = import_module(f"{package}.bundle").Predictor(Path("artifacts/bundle"))


def pixels(part):
    files = [io.BytesIO(base64.b64decode(row["image"])) for row in part.instances]
    return np.stack([np.asarray(Image.open(file).convert("L")).ravel() for file in files]) / 255


train, test, task = load_part("train"), load_part("test"), predictor.task
reference = SVC(C=5, gamma="scale").fit(pixels(train), task.encode(train.target, train.inputs))
said = np.eye(len(task.classes))[reference.predict(pixels(test))]
target, everyone = task.encode(test.target, test.inputs), np.ones((1, len(test.table)))
result = {
    "variant": "vision",
    "reference": "SVC with an RBF kernel (C = 5) on the pixels",
    "metric": task.primary,
    "reference_value": float(task.scores(target, said, everyone)[task.primary][0]),
    "model_value": float(
        task.scores(target, predictor.output(test.instances), everyone)[task.primary][0]
    ),
}
print(json.dumps(result))
