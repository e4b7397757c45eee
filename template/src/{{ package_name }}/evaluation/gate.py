"""The stage `promote`: the gate that a model must pass to become the champion."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import starmap
from typing import NamedTuple

import mlflow
from mlflow.exceptions import MlflowException

from ..core.bundle import load_info
from ..core.config import COMMAND, METRICS, PARAMS, ProjectConfig, UserError
from ..core.files import Model, to_json, write_atomic
from ..core.results import Comparable, Condition, GateResult, Results, load_results
from ..core.rows import first_line
from ..core.tracking import require_run

# The same model trained twice may differ by this much.
ROUNDING_ERROR = 1e-9


class Check(NamedTuple):
    """One condition of the gate."""

    passed: bool
    reason: str


def promote(config: ProjectConfig) -> GateResult:
    """Register the model as champion if it passes all checks, else as challenger.

    The result of the gate is written to metrics.json, too.

    Raises:
        UserError: metrics.json is not what `evaluate` found for this model, or MLflow lacks what
            it must hold.
    """
    results = load_results()
    run_id = load_info().run.mlflow_run_id
    require_run(run_id)
    recorded = load_recorded(run_id, Results, f"run `{COMMAND} evaluate`")
    if results.model_copy(update={"gate": recorded.gate}) != recorded:
        raise UserError(f"{METRICS} is about another model or changed; run `{COMMAND} evaluate`.")
    with mlflow_errors():
        checks = [
            check_baseline(results, config),
            *starmap(check_condition, results.conditions.items()),
            *check_warnings(results, config),
            check_champion(results, config),
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
    low = results.improvement.ci_low
    passed = low > config.margin
    reason = (
        f"The improvement of {results.primary.name} over the baseline {results.baseline.name} has "
        f"a lower bound of {low:.4g}, {'above' if passed else 'not above'} the margin of "
        f"{config.margin:g}."
    )
    return Check(passed, reason)


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


def check_champion(results: Results, config: ProjectConfig) -> Check:
    """Whether the model is not worse than the champion on the same test rows."""
    run_id = find_champion()
    if run_id is None:
        return Check(True, "There was no champion to compare with.")
    advice = f"no model is promoted; restore them, or delete the alias champion of {COMMAND}"
    champion = load_recorded(run_id, Comparable, advice)
    if results.comparable_with != champion.comparable_with:
        return Check(True, "There is no champion that was tested on the same rows.")
    gain = results.primary.value - champion.primary.value
    if not results.primary.higher_is_better:
        gain = -gain
    passed = gain >= -config.champion_tolerance - ROUNDING_ERROR
    relation = "not worse" if passed else "worse"
    return Check(passed, f"On the same test rows it is {relation} than the champion: {gain:+.4g}.")


def find_champion() -> str | None:
    """The MLflow run of the registered champion; None where there is no model or no such alias."""
    client = mlflow.MlflowClient()
    for model in client.search_registered_models(f"name = '{COMMAND}'"):
        if version := model.aliases.get("champion"):
            return str(client.get_model_version(COMMAND, version).run_id)
    return None


def load_recorded(run_id: str, schema: type[Model], advice: str) -> Model:
    """The results that `evaluate` logged to a run, or the part of them that `schema` has.

    Raises:
        UserError: They cannot be read; ends with `advice`.
    """
    try:
        content = mlflow.artifacts.load_dict(f"runs:/{run_id}/{METRICS.name}")
        return schema.model_validate(content)
    except (MlflowException, OSError, ValueError) as error:
        message = f"The results of the MLflow run {run_id} cannot be read; {advice}."
        raise UserError(message) from error


def register(run_id: str, alias: str) -> None:
    """Register the model of the run, once, and give it the alias."""
    client = mlflow.MlflowClient()
    versions = client.search_model_versions(f"run_id = '{run_id}'")
    version = versions[0] if versions else mlflow.register_model(f"runs:/{run_id}/model", COMMAND)
    client.set_registered_model_alias(COMMAND, alias, version.version)
