"""The command `tune`: search parameters on the validation set."""

from typing import Any

import mlflow
import optuna
import tomlkit
from optuna.trial import TrialState

from .. import model
from ..core.bundle import code_key
from ..core.config import COMMAND, PARAMS, TRIALS, ProjectConfig
from ..core.files import sha256, write_atomic
from ..core.metrics import HIGHER_IS_BETTER
from ..core.splits import load_manifest, load_split
from ..core.tracking import connect
from .train import fit_model


def tune(config: ProjectConfig) -> str:
    """Complete the search up to n_trials, and write the best parameters to params.toml.

    Finished trials are stored in data/trials.db, so that an interrupted search is resumed.

    Returns:
        What was found, and what to do next.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    connect()
    study = load_study(config)
    train, valid = load_split("train"), load_split("valid")

    def objective(trial: optuna.Trial) -> float:
        suggested = model.search_space(trial)
        parameters = {**config.model, **suggested}
        model_config = model.ModelConfig.parse(parameters, "model.py, search_space()")
        with mlflow.start_run(run_name=f"trial {trial.number}", nested=True):
            _, target, scores = fit_model(config, model_config, train, valid)
            mlflow.log_params(suggested)
            mlflow.log_metrics(scores)
        return scores[target.primary_metric]

    missing = config.n_trials - len(study.get_trials(states=(TrialState.COMPLETE,)))
    try:
        with mlflow.start_run(run_name="tune"):
            study.optimize(objective, max(0, missing), show_progress_bar=True)
    finally:
        if study.best_trials:
            save_best_params(study.best_params)
    changes = [
        f"{name} {config.model[name]} -> {rounded(value)}"
        for name, value in study.best_params.items()
    ]
    return (
        f"The best validation score of {len(study.trials)} trials is {study.best_value:.4g}. "
        f"{PARAMS} has its parameters ({', '.join(changes)}); `{COMMAND} run` trains with them."
    )


def rounded(value: Any) -> Any:
    """A float as params.toml shows it."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def load_study(config: ProjectConfig) -> optuna.Study:
    """The search for these rows, this code and this seed; a new one starts from params.toml."""
    key = f"{load_manifest().sha256} {config.seed} {code_key()}"
    TRIALS.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name=sha256(key.encode()),
        storage=f"sqlite:///{TRIALS}",
        direction="maximize" if HIGHER_IS_BETTER else "minimize",
        load_if_exists=True,
    )
    # With another seed after each trial, a resumed search does not repeat its suggestions.
    study.sampler = optuna.samplers.TPESampler(seed=config.seed + len(study.trials))
    if not study.trials:
        study.enqueue_trial(config.model)
    return study


def save_best_params(best: dict[str, Any]) -> None:
    """Write parameters into [model] of params.toml; comments and other keys stay."""
    document = tomlkit.parse(PARAMS.read_text(encoding="utf-8"))
    section: Any = document["model"]
    for name, value in best.items():
        section[name] = rounded(value)
    write_atomic(PARAMS, tomlkit.dumps(document).encode())
