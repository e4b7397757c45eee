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
from .dataset import FEATURES, NAMES, Part, load_manifest, load_part
from .errors import check
from .export import SERVING, export
from .inputs import Array
from .metrics import Decision, Task, learn_task
from .model import Params, fit, predict
from .settings import BUNDLE, PACKAGE, PARAMS, Settings
from .tracking import connect, git_commit


def train(settings: Settings) -> None:
    params = check(Params, settings.model, f"{PARAMS}, [model]")
    parts = {name: load_part(name) for name in NAMES}
    connect()
    started = time.perf_counter()
    with mlflow.start_run() as run:
        model, task, output = learn(settings, params, parts["train"], parts["valid"])
        origin = {
            "mlflow_run_id": run.info.run_id,
            "git_commit": git_commit(),
            "seed": settings.seed,
            "seconds": round(time.perf_counter() - started, 2),
            "python": platform.python_version(),
            "hardware": f"{platform.system()} {platform.machine()}",
        }
        about = {"data": load_manifest(), "run": origin}
        export(model, task, parts["train"], parts["test"], settings, about)
        valid = score(task, parts["valid"], output)
        mlflow.log_params({"seed": settings.seed, **params.model_dump()})
        mlflow.log_metrics({f"valid_{name}": value for name, value in valid.items()})
        mlflow.set_tags({name: str(value) for name, value in origin.items()})
        mlflow.log_artifact(str(PARAMS))
        log_model(parts, task)


def learn(settings: Settings, params: Params, train: Part, valid: Part) -> tuple[Any, Task, Array]:
    """The fitted model, the task with what is chosen on valid, and the model's output there."""
    task = learn_task(train.target, check(Decision, settings.decision, f"{PARAMS}, [decision]"))
    model = fit(params, train.inputs, task.encode(train.target), settings.seed)
    output = predict(model, valid.inputs)
    return model, task.calibrate(task.encode(valid.target), output), output


def score(task: Task, part: Part, output: Array) -> dict[str, float]:
    scores = task.scores(task.encode(part.target), output, np.ones((1, len(part.table))))
    return {name: float(values[0]) for name, values in scores.items()}


def log_model(parts: dict[str, Part], task: Task) -> None:
    for name, part in parts.items():
        table = from_pandas(part.table, targets=data.TARGET, name=name)
        mlflow.log_input(table, context=name)
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
