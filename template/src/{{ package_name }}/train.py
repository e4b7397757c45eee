"""The stage `train`: fit on train, choose on valid, export, and track it all."""

import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.data.pandas_dataset import from_pandas
from mlflow.models import infer_signature

from . import data
from .dataset import FEATURES, NAMES, Parts, load_manifest, load_part, plain_columns
from .export import SERVING, export
from .metrics import Decision, Task, learn_task
from .model import Params, fit, predict
from .settings import BUNDLE, PACKAGE, PARAMS, Settings
from .tracking import connect, git_commit


def train(settings: Settings) -> None:
    params = Params.check(settings.model, f"{PARAMS}, [model]")
    parts = {name: load_part(name) for name in NAMES}
    connect()
    started = time.perf_counter()
    with mlflow.start_run() as run:
        model, task, scores = learn(settings, params, parts)
        origin = {"mlflow_run_id": run.info.run_id, "git_commit": git_commit()}
        origin |= {"seed": settings.seed, "seconds": round(time.perf_counter() - started, 2)}
        origin |= {"python": platform.python_version(), "hardware": platform.platform()}
        answers = export(model, task, parts, settings, {"data": load_manifest(), "run": origin})
        mlflow.log_params({"seed": settings.seed, **params.model_dump()})
        mlflow.log_metrics({f"valid_{name}": value for name, value in scores.items()})
        mlflow.set_tags({name: str(value) for name, value in origin.items()})
        mlflow.log_artifact(str(PARAMS))
        log_model(parts, answers)


def learn(settings: Settings, params: Params, parts: Parts) -> tuple[Any, Task, dict[str, float]]:
    """The fitted model, the task with what is chosen on valid, and the scores there."""
    train, valid = parts["train"], parts["valid"]
    decision = Decision.check(settings.decision, f"{PARAMS}, [decision]")
    task = learn_task(train.target, train.inputs, decision)
    model = fit(params, train.inputs, task.encode(train.target, train.inputs), settings.seed)
    target, output = task.encode(valid.target, valid.inputs), predict(model, valid.inputs)
    task = task.calibrate(target, output)
    scores = task.scores(target, output, np.ones((1, len(target))))
    return model, task, {name: float(values[0]) for name, values in scores.items()}


def log_model(parts: Parts, answers: list[dict[str, Any]]) -> None:
    # Of a list MLflow would look at each item: such columns are left out, or a few rows must do.
    plain, train = plain_columns(parts["train"].table), parts["train"].table[FEATURES]
    example = train if set(FEATURES) <= set(plain) else train.head(100)
    target = data.TARGET if data.TARGET in plain else None
    for name, part in parts.items():
        dataset = from_pandas(part.table[plain], targets=target, name=name)
        mlflow.log_input(dataset, context=name)
    mlflow.pyfunc.log_model(
        name="model",
        loader_module=f"{PACKAGE}.bundle",
        data_path=str(BUNDLE),
        code_paths=[str(Path(__file__).parent)],
        signature=infer_signature(example, pd.DataFrame(answers)),
        # Named here, because to guess them MLflow would load the model in a new process.
        pip_requirements=[f"{name}=={version(name)}" for name in (*SERVING, "pandas")],
    )
