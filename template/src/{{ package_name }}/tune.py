"""The stage `tune`: search the space of model.py on train and valid; test is not looked at."""

from inspect import getsource

import mlflow
import optuna
import tomlkit
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import TrialState
from rich.progress import track

from . import model
from .dataset import Parts, load_manifest, load_part
from .files import hash_of, write_whole
from .metrics import HIGHER_IS_BETTER
from .model import Params, search_space
from .settings import PARAMS, TRIALS, Settings
from .tracking import connect
from .train import learn


def tune(settings: Settings) -> None:
    """Run the trials that are missing, each kept when it ends; write the best to params.toml."""
    start = Params.check(settings.model, f"{PARAMS}, [model]").model_dump()
    parts = {name: load_part(name) for name in ("train", "valid")}
    connect()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # Another model, data set or seed is another search.
    search = f"{load_manifest()['sha256']}{settings.seed}{getsource(model)}"
    study = optuna.create_study(
        study_name=hash_of(search.encode()),
        storage=JournalStorage(JournalFileBackend(str(TRIALS))),
        direction="maximize" if HIGHER_IS_BETTER else "minimize",
        load_if_exists=True,
    )
    done = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
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
