"""The stage `promote`: the gate that a model must pass to become the champion."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import starmap
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import mlflow
import numpy as np
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from ..core.bootstrap import bootstrap
from ..core.bundle import Predictor, load_info
from ..core.config import BUNDLE, COMMAND, METRICS, PARAMS, ProjectConfig, UserError
from ..core.files import to_json, write_atomic
from ..core.metrics import HIGHER_IS_BETTER
from ..core.results import Condition, GateResult, Results, load_results
from ..core.rows import IntArray, Scorer, first_line
from ..core.splits import Split, load_split
from ..core.tracking import KNOWN_ROWS, require_run

# In a process of its own, because the champion brings its code in a package of this one's name.
PREDICT = """
import json, sys
import mlflow, numpy
with open(sys.argv[2], encoding="utf-8") as file:
    rows = json.load(file)
numpy.save(sys.argv[3], mlflow.pyfunc.load_model(sys.argv[1]).get_raw_model().output(rows))
"""
SIGN = 1 if HIGHER_IS_BETTER else -1
# The same model trained twice may differ by this much.
ROUNDING_ERROR = 1e-9


class Check(NamedTuple):
    """One condition of the gate."""

    passed: bool
    reason: str


def promote(config: ProjectConfig, replace_champion: str | None = None) -> GateResult:
    """Register the model as champion if it passes all checks, else as challenger.

    The result of the gate is written to metrics.json, too.

    Args:
        config: The limits.
        replace_champion: Why the champion is replaced without a comparison.

    Raises:
        UserError: metrics.json is not what `evaluate` found for this model, or MLflow lacks what
            it must hold.
    """
    results = load_results()
    run_id = load_info().run.mlflow_run_id
    require_run(run_id)
    recorded = load_recorded(run_id)
    if results.model_copy(update={"gate": recorded.gate}) != recorded:
        raise UserError(f"{METRICS} is about another model or changed; run `{COMMAND} evaluate`.")
    with mlflow_errors():
        checks = [
            check_baseline(results, config),
            *starmap(check_condition, results.conditions.items()),
            *check_warnings(results, config),
            check_champion(run_id, config, replace_champion),
        ]
        passed = all(check.passed for check in checks)
        register(run_id, "champion" if passed else "challenger")
    results.gate = GateResult(passed=passed, reasons=[check.reason for check in checks])
    write_atomic(METRICS, to_json(results.model_dump()))
    return results.gate


@contextmanager
def mlflow_errors() -> Iterator[None]:
    """Turn what MLflow raises into an error for the user."""
    try:
        yield
    except (OSError, MlflowException) as error:
        raise UserError(f"MLflow fails: {first_line(error).rstrip('.')}.", 2) from error


def check_baseline(results: Results, config: ProjectConfig) -> Check:
    """Whether the lower bound of the improvement is above the margin."""
    name = f"improvement of {results.primary.name} over the baseline {results.baseline.name}"
    condition = Condition(value=results.improvement.ci_low, limit=config.margin)
    return check_condition(f"lower bound of the {name}", condition)


def check_condition(name: str, condition: Condition) -> Check:
    """Whether the value is above its limit."""
    passed = condition.value > condition.limit
    reason = (
        f"The {name} is {condition.value:.5g}, {'above' if passed else 'not above'} its "
        f"limit of {condition.limit:.4g}."
    )
    return Check(passed, reason)


def check_warnings(results: Results, config: ProjectConfig) -> list[Check]:
    """Whether each warning is accepted in params.toml, with a reason."""
    checks = []
    for name, warning in results.data.warnings.items():
        reason = config.accepted_warnings.get(name)
        advice = f"If that is right, say why in [accepted_warnings] of {PARAMS}: {name} = ..."
        checks.append(Check(reason is not None, f"{warning} {reason or advice}"))
    return checks


def check_champion(run_id: str, config: ProjectConfig, replace_champion: str | None) -> Check:
    """Whether the model is not worse than the champion on test rows that are new to both."""
    champion = find_champion()
    if champion is None:
        return Check(True, "There was no champion to compare with.")
    if champion.run_id == run_id:
        return Check(True, "It is the champion already.")
    if replace_champion:
        return Check(True, f"The champion is replaced without a comparison: {replace_champion}")
    try:
        return compare_with_champion(champion, config)
    except Exception as error:  # noqa: BLE001 - the champion's code may fail in any way
        return Check(
            False,
            f"The champion cannot be compared: {first_line(error).rstrip('.')}. To replace it "
            "without a comparison, run `promote --replace-champion REASON`.",
        )


def find_champion() -> ModelVersion | None:
    """The registered champion; None where there is no model or no such alias."""
    client = mlflow.MlflowClient()
    for model in client.search_registered_models(f"name = '{COMMAND}'"):
        if version := model.aliases.get("champion"):
            return client.get_model_version(COMMAND, version)
    return None


def compare_with_champion(champion: ModelVersion, config: ProjectConfig) -> Check:
    """Score both models on the same rows of the present test set.

    Raises:
        UserError: There are too few rows that the champion has not learned from, or it cannot
            predict them.
    """
    known = mlflow.artifacts.load_text(f"runs:/{champion.run_id}/{KNOWN_ROWS}").split()
    test = load_split("test")
    new = Split(test.table[~np.isin(test.keys, known)].reset_index(drop=True))
    if len(new) < config.min_slice_size:
        raise UserError(f"it has learned from all test rows but {len(new)}")
    predictor = Predictor()
    score = predictor.target.scorer(
        predictor.target.encode(new.target, new.features), predictor.output(new.rows)
    )
    champion_score = score_champion(champion, new)

    def gain(rows: IntArray) -> float:
        return SIGN * (score(rows) - champion_score(rows))

    found = bootstrap(gain, np.arange(len(new)), new.groups, config)
    passed = found["value"] >= -config.champion_tolerance - ROUNDING_ERROR
    return Check(
        passed,
        f"On {len(new)} test rows that are new to both it is {'not worse' if passed else 'worse'} "
        "than the champion: {value:+.4g} ({ci_low:.4g} to {ci_high:.4g}).".format(**found),
    )


def score_champion(champion: ModelVersion, split: Split) -> Scorer:
    """The primary metric of the champion on these rows.

    Raises:
        UserError: Its code fails; with the last line of its error.
    """
    with TemporaryDirectory() as folder:
        rows, output = Path(folder) / "rows.json", Path(folder) / "output.npy"
        rows.write_bytes(to_json(split.rows))
        model = mlflow.artifacts.download_artifacts(champion.source, dst_path=folder)
        command = [sys.executable, "-P", "-c", PREDICT, model, str(rows), str(output)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed
        if result.returncode:
            raise UserError(result.stderr.strip().rpartition("\n")[2])
        target = load_info(Path(model) / "data" / BUNDLE.name).target
        y_true = target.encode(split.target, split.features)
        return target.scorer(y_true, np.load(output))


def load_recorded(run_id: str) -> Results:
    """The results that `evaluate` logged to a run; raises UserError if they cannot be read."""
    try:
        content = mlflow.artifacts.load_dict(f"runs:/{run_id}/{METRICS.name}")
        return Results.model_validate(content)
    except (MlflowException, OSError, ValueError) as error:
        message = (
            f"The results of the MLflow run {run_id} cannot be read; run `{COMMAND} evaluate`."
        )
        raise UserError(message) from error


def register(run_id: str, alias: str) -> None:
    """Register the model of the run, once, and give it the alias."""
    client = mlflow.MlflowClient()
    versions = client.search_model_versions(f"run_id = '{run_id}'")
    version = versions[0] if versions else mlflow.register_model(f"runs:/{run_id}/model", COMMAND)
    client.set_registered_model_alias(COMMAND, alias, version.version)
