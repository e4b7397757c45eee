"""The stage `train`: fit the model, export the bundle, and track both in MLflow."""

import platform
import time
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import infer_signature

from ..core.bundle import BundleInfo, RunInfo
from ..core.config import BUNDLE, PACKAGE, PARAMS, ProjectConfig
from ..core.metrics import DecisionConfig, Target
from ..core.splits import FIELDS, Split, load_splits
from ..core.tracking import KNOWN_ROWS, connect, git_commit
from ..model import ModelConfig, fit, predict
from .export import export_bundle


def train(config: ProjectConfig) -> None:
    """Fit on the training set, choose the decision on the validation set, export and log.

    Writes artifacts/bundle and one MLflow run.

    Raises:
        UserError: The splits are missing or outdated, params.toml does not fit the model, or the
            model cannot be exported.
    """
    model_config = ModelConfig.parse(config.model, f"{PARAMS}, [model]")
    splits = load_splits(config)
    connect()
    started = time.perf_counter()
    with mlflow.start_run() as run:
        model, target, scores = fit_model(config, model_config, splits.train, splits.valid)
        run_info = RunInfo(
            mlflow_run_id=run.info.run_id,
            git_commit=git_commit(),
            seed=config.seed,
            seconds=round(time.perf_counter() - started, 2),
            python=platform.python_version(),
            hardware=platform.platform(),
        )
        bundle = export_bundle(model, target, splits, config.export_tolerance, run_info)
        parameters = {"seed": config.seed, "data": bundle.data.sha256[:12]}
        mlflow.log_params({**model_config.model_dump(), **parameters})
        mlflow.log_metrics({f"valid_{name}": value for name, value in scores.items()})
        mlflow.set_tags(run_info.model_dump())
        mlflow.log_artifact(str(PARAMS))
        mlflow.log_text("\n".join([*splits.train.keys, *splits.valid.keys]), KNOWN_ROWS)
        log_model(splits.train, bundle)


def fit_model(
    config: ProjectConfig, model_config: ModelConfig, train: Split, valid: Split
) -> tuple[Any, Target, dict[str, float]]:
    """Fit one model.

    Returns:
        The model, the target with the decision chosen on the validation set, and the metrics there.
    """
    decision = DecisionConfig.parse(config.decision, f"{PARAMS}, [decision]")
    target = Target.fit(train.target, train.features, decision)
    y_train = target.encode(train.target, train.features)
    model = fit(model_config, train.features, y_train, config.seed)

    y_valid = target.encode(valid.target, valid.features)
    output = predict(model, valid.features)
    target = target.fit_decision(y_valid, output)
    return model, target, target.metrics(y_valid, output)


def log_model(train: Split, bundle: BundleInfo) -> None:
    """Log the bundle as a pyfunc model, with the code that loads it and no pickle."""
    example = train.table[FIELDS].head(100)
    mlflow.pyfunc.log_model(
        name="model",
        loader_module=f"{PACKAGE}.core.bundle",
        data_path=str(BUNDLE),
        code_paths=[str(Path(__file__).parents[1])],
        signature=infer_signature(example, pd.DataFrame([bundle.example_prediction])),
        # Given, because MLflow would load the model in a new process to guess them.
        pip_requirements=[f"{name}=={version}" for name, version in bundle.versions.items()],
    )
