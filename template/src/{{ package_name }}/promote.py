"""The stage `promote`: the gate, and the alias that the registered model gets."""

from contextlib import suppress
from typing import Any

import mlflow
import numpy as np
from mlflow.exceptions import MlflowException

from .evaluate import Bootstrap, asked, load_judged
from .files import read_json, write_json
from .inputs import Array
from .settings import COMMAND, METRICS, Settings, UserError
from .tracking import connect


def promote(settings: Settings) -> dict[str, Any]:
    metrics = read_json(METRICS, f"run `{COMMAND} evaluate` first", "run", "improvement")
    predictor, test = load_judged()
    if metrics["run"] != predictor.meta["run"]:
        raise UserError(f"{METRICS} is about another model; run `{COMMAND} evaluate` again.")
    run_id = metrics["run"]["mlflow_run_id"]
    connect(run_id)
    verdicts = [beats_baseline(metrics, settings.margin)]
    champion = champion_output(predictor.meta)
    if champion is None:
        verdicts.append((True, "There is no champion that was tested on the same rows."))
    else:
        bootstrap = Bootstrap(predictor.task, test, settings)
        scores = bootstrap.scores(predictor.output(test.instances))
        gain = bootstrap.gain(scores, bootstrap.scores(champion))
        verdicts.append(beats_champion(gain, settings.champion_tolerance))
    passed = all(good for good, _ in verdicts)
    register(run_id, "champion" if passed else "challenger")
    metrics["gate"] = {"passed": passed, "reasons": [reason for _, reason in verdicts]}
    write_json(METRICS, metrics)
    return metrics


def beats_baseline(metrics: dict[str, Any], margin: float) -> tuple[bool, str]:
    low = metrics["improvement"]["ci_low"]
    verb = "clears" if low > margin else "does not clear"
    return low > margin, (
        f"The improvement of {metrics['primary']['name']} over the {metrics['baseline']['name']} "
        f"baseline is at least {low:.4g}, which {verb} the margin of {margin:g}."
    )


def beats_champion(gain: dict[str, float], tolerance: float) -> tuple[bool, str]:
    good = gain["value"] > -tolerance - 1e-9
    return good, (
        f"It is {'not worse' if good else 'worse'} than the champion on the same test rows: "
        f"{gain['value']:+.4g} ({gain['ci_low']:+.4g} to {gain['ci_high']:+.4g})."
    )


def champion_output(ours: dict[str, Any]) -> Array | None:
    """What the champion said of these very test rows; on others it may have been trained."""
    with suppress(MlflowException, OSError):
        champion = mlflow.MlflowClient().get_model_version_by_alias(COMMAND, "champion")
        judged = mlflow.artifacts.load_dict(f"runs:/{champion.run_id}/judged.json")
        if judged["asked"] == asked(ours):
            return np.asarray(judged["output"])
    return None


def register(run_id: str, alias: str) -> None:
    client = mlflow.MlflowClient()
    known = client.search_model_versions(f"run_id = '{run_id}'")
    version = known[0] if known else mlflow.register_model(f"runs:/{run_id}/model", COMMAND)
    client.set_registered_model_alias(COMMAND, alias, version.version)
