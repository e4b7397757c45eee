"""The stage `promote`: the gate that a model must pass to become the champion."""

from typing import Any

import mlflow
import numpy as np
from mlflow.exceptions import MlflowException

from ..core.bootstrap import interval
from ..core.bundle import BundleInfo, load_info
from ..core.config import COMMAND, METRICS, ProjectConfig, UserError
from ..core.files import read_json, write_json
from ..core.metrics import HIGHER_IS_BETTER
from ..core.rows import Array
from ..core.tracking import require_run

SIGN = 1 if HIGHER_IS_BETTER else -1
TEST_SCORES = "test_scores.json"
NO_SUCH_ALIAS = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


def promote(config: ProjectConfig) -> dict[str, Any]:
    """Register the model as champion if it passes, else as challenger.

    Returns:
        The content of metrics.json, with the gate's result and its reasons.

    Raises:
        UserError: metrics.json is missing or about another model.
    """
    metrics = read_json(METRICS, f"run `{COMMAND} evaluate` first")
    info = load_info()
    if metrics.get("run") != info.run.model_dump():
        raise UserError(f"{METRICS} is about another model; run `{COMMAND} evaluate` again.")
    require_run(info.run.mlflow_run_id)
    checks = [
        exceeds_baseline(metrics, config.margin),
        matches_champion(info.run.mlflow_run_id, config),
    ]
    passed = all(ok for ok, _ in checks)
    register(info.run.mlflow_run_id, "champion" if passed else "challenger")
    metrics["gate"] = {"passed": passed, "reasons": [reason for _, reason in checks]}
    write_json(METRICS, metrics)
    return metrics


def exceeds_baseline(metrics: dict[str, Any], margin: float) -> tuple[bool, str]:
    """Whether the lower bound of the improvement exceeds the margin, and the reason."""
    low = metrics["improvement"]["ci_low"]
    primary, baseline = metrics["primary"]["name"], metrics["baseline"]["name"]
    relation = "above" if low > margin else "not above"
    reason = (
        f"The improvement of {primary} over the baseline {baseline} has a lower bound of "
        f"{low:.4g}, {relation} the margin of {margin:g}."
    )
    return low > margin, reason


def matches_champion(run_id: str, config: ProjectConfig) -> tuple[bool, str]:
    """Whether the model is not worse than the champion on the same resamples, and the reason."""
    champion = champion_run()
    if champion is None:
        return True, "There is no champion yet."
    ours, theirs = load_test_scores(run_id), load_test_scores(champion)
    if ours["key"] != theirs["key"]:
        return True, "The champion was tested on other rows, so they are not compared."
    differences = SIGN * np.subtract(ours["values"], theirs["values"])
    value = SIGN * (ours["value"] - theirs["value"])
    bounds = interval(value, differences, config.confidence)
    ok = value >= -config.champion_tolerance - 1e-9
    relation = "not worse" if ok else "worse"
    reason = (
        f"On the same test rows it is {relation} than the champion: {bounds.value:+.4g} "
        f"({bounds.ci_low:+.4g} to {bounds.ci_high:+.4g})."
    )
    return ok, reason


def champion_run() -> str | None:
    """The run of the registered champion, None where there is none."""
    client = mlflow.MlflowClient()
    try:
        return client.get_model_version_by_alias(COMMAND, "champion").run_id
    except MlflowException as error:
        if error.error_code in NO_SUCH_ALIAS:
            return None
        raise UserError(f"The registry of {COMMAND} cannot be read: {error.message}") from error


def log_test_scores(info: BundleInfo, config: ProjectConfig, value: float, scores: Array) -> None:
    """Store the primary metric of each resample in the active run, for later comparisons.

    Two models are compared only if they have the same key: rows, metric, classes and resamples.
    """
    key = {
        "data": info.data["sha256"],
        "metric": info.target.primary_metric,
        "classes": info.target.model_dump().get("classes"),
        "seed": config.seed,
        "n_resamples": config.n_resamples,
    }
    mlflow.log_dict({"key": key, "value": value, "values": scores.tolist()}, TEST_SCORES)


def load_test_scores(run_id: str | None) -> dict[str, Any]:
    """What log_test_scores() stored.

    Raises:
        UserError: The artifact cannot be read.
    """
    try:
        return dict(mlflow.artifacts.load_dict(f"runs:/{run_id}/{TEST_SCORES}"))
    except (MlflowException, OSError) as error:
        raise UserError(
            f"The test scores of MLflow run {run_id} cannot be read, so the model is not promoted; "
            f"restore them, or delete the alias `champion` of {COMMAND} in MLflow."
        ) from error


def register(run_id: str, alias: str) -> None:
    """Register the run's model once, and give it the alias."""
    client = mlflow.MlflowClient()
    versions = client.search_model_versions(f"run_id = '{run_id}'")
    version = versions[0] if versions else mlflow.register_model(f"runs:/{run_id}/model", COMMAND)
    client.set_registered_model_alias(COMMAND, alias, version.version)
