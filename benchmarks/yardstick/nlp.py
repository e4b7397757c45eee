"""The plain reference for texts: TF-IDF of words and pairs of words, and a logistic regression."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

package = next(path.parent.name for path in Path("src").glob("*/model.py"))
load_part = import_module(f"{package}.dataset").load_part
predictor = import_module(f"{package}.bundle").Predictor(Path("artifacts/bundle"))


def texts(part):
    return [row["text"] for row in part.instances]


train, test, task = load_part("train"), load_part("test"), predictor.task
vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
reference = make_pipeline(vectorizer, LogisticRegression(C=3, max_iter=1000))
reference.fit(texts(train), task.encode(train.target, train.inputs))
said = reference.predict_proba(texts(test))
target, everyone = task.encode(test.target, test.inputs), np.ones((1, len(test.table)))
result = {
    "variant": "nlp",
    "reference": "TF-IDF of words and pairs, logistic regression (C = 3)",
    "metric": task.primary,
    "reference_value": float(task.scores(target, said, everyone)[task.primary][0]),
    "model_value": float(
        task.scores(target, predictor.output(test.instances), everyone)[task.primary][0]
    ),
}
print(json.dumps(result))
