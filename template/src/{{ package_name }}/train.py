"""The stages `train` and `tune`: fit on train, choose on valid, export, and track it all."""

import platform
import time
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import optuna
import pandas as pd
import tomlkit
from mlflow.models import infer_signature
from rich.progress import track

from .bundle import FIELDS
from .dataset import NAMES, Parts, drawn, load_manifest, load_part, plain_columns
from .export import export, serving_versions
from .files import hash_of, write_whole
from .locate import publish
from .metrics import HIGHER_IS_BETTER, Decision, Task, learn_task
from .model import Params, fit, predict, search_space
from .settings import BUNDLE, COMMAND, PACKAGE, PARAMS, TRIALS, Settings, UserError
from .tracking import connect, git_commit


def train(settings: Settings) -> None:
    params = Params.check(settings.model, f"{PARAMS}, [model]")
    parts = {name: load_part(name) for name in NAMES}
    if (manifest := load_manifest())["drawn"] != drawn(settings):
        raise UserError(f"{PARAMS}: seed or [split] has changed; run `{COMMAND} data` again.")
    connect()
    started = time.perf_counter()
    with mlflow.start_run() as run:
        model, task, scores = learn(settings, params, parts)
        origin = {"mlflow_run_id": run.info.run_id, "git_commit": git_commit()}
        origin |= {"seed": settings.seed, "seconds": round(time.perf_counter() - started, 2)}
        origin |= {"python": platform.python_version(), "hardware": platform.platform()}
        answers = export(model, task, parts, settings, {"data": manifest, "run": origin})
        about = {"data": manifest["sha256"][:12], "seed": settings.seed}
        mlflow.log_params(about | params.model_dump())
        mlflow.log_metrics({f"valid_{name}": value for name, value in scores.items()})
        mlflow.set_tags({name: str(value) for name, value in origin.items()})
        mlflow.log_artifact(str(PARAMS))
        log_model(parts, answers)
    publish(BUNDLE)


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
    # Of a list MLflow would look at each item; then a few rows must do.
    train = parts["train"].table[FIELDS]
    example = train if plain_columns(train) == FIELDS else train.head(100)
    mlflow.pyfunc.log_model(
        name="model",
        loader_module=f"{PACKAGE}.bundle",
        data_path=str(BUNDLE),
        code_paths=[str(Path(__file__).parent)],
        signature=infer_signature(example, pd.DataFrame(answers)),
        # Named here, because to guess them MLflow would load the model in a new process.
        pip_requirements=[f"{name}=={version}" for name, version in serving_versions().items()],
    )


def tune(settings: Settings) -> None:
    """Run the trials that are missing, each kept when it ends; write the best to params.toml."""
    start = Params.check(settings.model, f"{PARAMS}, [model]").model_dump()
    parts = {name: load_part(name) for name in ("train", "valid")}
    connect()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # Another model, data set or seed is another search.
    code = Path(__file__).with_name("model.py").read_text(encoding="utf-8")
    study = optuna.create_study(
        study_name=hash_of(f"{load_manifest()['sha256']}{settings.seed}{code}".encode()),
        storage=f"sqlite:///{TRIALS}",
        direction="maximize" if HIGHER_IS_BETTER else "minimize",
        load_if_exists=True,
    )
    done = sum(trial.value is not None for trial in study.trials)
    # A resumed search must not draw again what it drew before.
    study.sampler = optuna.samplers.TPESampler(seed=settings.seed + done)
    if not done:
        # The present parameters come first, so that the best is never worse than they are.
        study.enqueue_trial(start)
    with mlflow.start_run(run_name="tune"):
        for _ in track(range(done, settings.trials), description=f"tune, {done} trials kept"):
            study.optimize(lambda trial: try_out(trial, settings, parts), n_trials=1)
            write_best(study)
        write_best(study)


def try_out(trial: optuna.Trial, settings: Settings, parts: Parts) -> float:
    chosen = search_space(trial)
    params = Params.check({**settings.model, **chosen}, "model.py, search_space()")
    with mlflow.start_run(run_name=f"trial {trial.number}", nested=True):
        _, task, scores = learn(settings, params, parts)
        mlflow.log_params(chosen)
        mlflow.log_metrics(scores)
    return scores[task.primary]


def write_best(study: optuna.Study) -> None:
    document = tomlkit.parse(PARAMS.read_text(encoding="utf-8"))
    for name, value in study.best_params.items():
        document["model"][name] = float(f"{value:.6g}") if isinstance(value, float) else value
    write_whole(PARAMS, tomlkit.dumps(document).encode())
