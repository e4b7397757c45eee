"""The stage `promote`: the gate that a model must pass to become the champion."""

from typing import Any

import mlflow
import numpy as np
from mlflow.exceptions import MlflowException

from ..core.bundle import BundleInfo, load_info
from ..core.config import COMMAND, METRICS, ProjectConfig, UserError
from ..core.files import read_json, to_json, write_atomic
from ..core.metrics import HIGHER_IS_BETTER
from ..core.rows import Array
from ..core.tracking import require_run

TEST_SCORES = "test_scores.json"
# The mean of equal scores may differ by this much.
ROUNDING_ERROR = 1e-9
NO_CHAMPION = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


def promote(config: ProjectConfig) -> dict[str, Any]:
    """Register the model as champion if it passes, else as challenger.

    Returns:
        The content of metrics.json, with the result of the gate and its reasons.

    Raises:
        UserError: metrics.json is missing or about another model.
    """
    metrics = read_json(METRICS, f"run `{COMMAND} evaluate` first")
    run = load_info().run
    if metrics.get("run") != run.model_dump():
        raise UserError(f"{METRICS} is about another model; run `{COMMAND} evaluate` again.")
    require_run(run.mlflow_run_id)
    beats_baseline, baseline_reason = check_baseline(metrics, config)
    matches_champion, champion_reason = check_champion(run.mlflow_run_id, config)
    passed = beats_baseline and matches_champion
    register(run.mlflow_run_id, "champion" if passed else "challenger")
    metrics["gate"] = {"passed": passed, "reasons": [baseline_reason, champion_reason]}
    write_atomic(METRICS, to_json(metrics))
    return metrics


def check_baseline(metrics: dict[str, Any], config: ProjectConfig) -> tuple[bool, str]:
    """Whether the lower bound of the improvement is above the margin, and the reason."""
    low, primary = metrics["improvement"]["ci_low"], metrics["primary"]["name"]
    passed = low > config.margin
    reason = (
        f"The improvement of {primary} over the baseline {metrics['baseline']['name']} has a lower "
        f"bound of {low:.4g}, {'above' if passed else 'not above'} the margin of {config.margin:g}."
    )
    return passed, reason


def check_champion(run_id: str, config: ProjectConfig) -> tuple[bool, str]:
    """Whether the model is not worse than the champion on the same test rows, and the reason."""
    champion = find_champion()
    if champion is None:
        return True, "There was no champion to compare with."
    ours, theirs = load_test_scores(run_id), load_test_scores(champion)
    if ours["key"] != theirs["key"]:
        return True, "There is no champion that was tested on the same rows."
    differences = np.subtract(ours["scores"], theirs["scores"])
    gain = float(differences.mean()) if HIGHER_IS_BETTER else -float(differences.mean())
    passed = gain >= -config.champion_tolerance - ROUNDING_ERROR
    relation = "not worse" if passed else "worse"
    return passed, f"On the same test rows it is {relation} than the champion: {gain:+.4g}."


def find_champion() -> str | None:
    """The MLflow run of the registered champion; None where there is none.

    Raises:
        UserError: The registry cannot be read.
    """
    try:
        return mlflow.MlflowClient().get_model_version_by_alias(COMMAND, "champion").run_id
    except MlflowException as error:
        if error.error_code in NO_CHAMPION:
            return None
        raise UserError(f"The registry of {COMMAND} cannot be read: {error.message}") from error


def log_test_scores(info: BundleInfo, config: ProjectConfig, scores: Array) -> None:
    """Store the primary metric of each resample in the active run, for later comparisons.

    Two models are compared only if they have the same key: rows, metric, classes and resamples.
    """
    classes = info.target.model_dump().get("classes")
    key = [info.data["sha256"], info.target.primary_metric, classes, config.seed, len(scores)]
    mlflow.log_dict({"key": key, "scores": scores.tolist()}, TEST_SCORES)


def load_test_scores(run_id: str) -> dict[str, Any]:
    """What log_test_scores() stored.

    Raises:
        UserError: It cannot be read.
    """
    try:
        return dict(mlflow.artifacts.load_dict(f"runs:/{run_id}/{TEST_SCORES}"))
    except (MlflowException, OSError) as error:
        raise UserError(
            f"The test scores of run {run_id} cannot be read, so no model is promoted; restore "
            f"them, or delete the alias `champion` of {COMMAND} in MLflow."
        ) from error


def register(run_id: str, alias: str) -> None:
    """Register the model of the run, once, and give it the alias."""
    client = mlflow.MlflowClient()
    versions = client.search_model_versions(f"run_id = '{run_id}'")
    version = versions[0] if versions else mlflow.register_model(f"runs:/{run_id}/model", COMMAND)
    client.set_registered_model_alias(COMMAND, alias, version.version)
