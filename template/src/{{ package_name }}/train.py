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
from .dataset import FEATURES, NAMES, Parts, load_manifest, load_part
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
        origin = {
            "mlflow_run_id": run.info.run_id,
            "git_commit": git_commit(),
            "seed": settings.seed,
            "seconds": round(time.perf_counter() - started, 2),
        }
        origin |= {"python": platform.python_version(), "hardware": platform.platform()}
        export(model, task, parts, settings, {"data": load_manifest(), "run": origin})
        mlflow.log_params({"seed": settings.seed, **params.model_dump()})
        mlflow.log_metrics({f"valid_{name}": value for name, value in scores.items()})
        mlflow.set_tags({name: str(value) for name, value in origin.items()})
        mlflow.log_artifact(str(PARAMS))
        log_model(parts, task)


def learn(settings: Settings, params: Params, parts: Parts) -> tuple[Any, Task, dict[str, float]]:
    """The fitted model, the task with what is chosen on valid, and the scores there."""
    train, valid = parts["train"], parts["valid"]
    task = learn_task(train.target, Decision.check(settings.decision, f"{PARAMS}, [decision]"))
    model = fit(params, train.inputs, task.encode(train.target), settings.seed)
    target, output = task.encode(valid.target), predict(model, valid.inputs)
    task = task.calibrate(target, output)
    scores = task.scores(target, output, np.ones((1, len(target))))
    return model, task, {name: float(values[0]) for name, values in scores.items()}


def log_model(parts: Parts, task: Task) -> None:
    for name, part in parts.items():
        mlflow.log_input(from_pandas(part.table, targets=data.TARGET, name=name), context=name)
    answers = pd.DataFrame(task.answers(task.baseline(1)))
    mlflow.pyfunc.log_model(
        name="model",
        loader_module=f"{PACKAGE}.bundle",
        data_path=str(BUNDLE),
        code_paths=[str(Path(__file__).parent)],
        signature=infer_signature(parts["train"].table[FEATURES], answers),
        # Named here, because to guess them MLflow would load the model in a new process.
        pip_requirements=[f"{name}=={version(name)}" for name in (*SERVING, "pandas")],
    )
