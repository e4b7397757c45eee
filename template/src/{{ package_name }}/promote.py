"""The stage `promote`: the gate, and the alias that the registered model gets."""

from contextlib import suppress
from typing import Any

import mlflow
import numpy as np
from mlflow.exceptions import MlflowException

from .bundle import Predictor
from .dataset import Part
from .evaluate import Bootstrap, asked, load_judged
from .files import read_json, write_json
from .inputs import Array
from .metrics import Task
from .settings import COMMAND, JUDGED, METRICS, Settings, UserError
from .tracking import connect


def promote(settings: Settings) -> dict[str, Any]:
    metrics = read_json(METRICS, f"run `{COMMAND} evaluate` first", "run", "improvement")
    predictor, test = load_judged()
    if metrics["run"] != predictor.meta["run"]:
        raise UserError(f"{METRICS} is about another model; run `{COMMAND} evaluate` again.")
    run_id = metrics["run"]["mlflow_run_id"]
    connect(run_id)
    verdicts = [beats_baseline(metrics, settings.margin), beats_champion(predictor, test, settings)]
    passed = all(good for good, _ in verdicts)
    register(run_id, "champion" if passed else "challenger")
    metrics["gate"] = {"passed": passed, "reasons": [reason for _, reason in verdicts]}
    write_json(METRICS, metrics)
    return metrics


def beats_baseline(metrics: dict[str, Any], margin: float) -> tuple[bool, str]:
    low, rival = metrics["improvement"]["ci_low"], f"the {metrics['baseline']['name']} baseline"
    verdict = f"{'clears' if low > margin else 'does not clear'} the margin of {margin:g}"
    gain = f"The improvement of {metrics['primary']['name']} over {rival} is at least {low:.4g}"
    return low > margin, f"{gain}, which {verdict}."


def beats_champion(predictor: Predictor, test: Part, settings: Settings) -> tuple[bool, str]:
    champion = champion_output(asked(predictor.meta))
    if champion is None:
        return True, "There is no champion that was tested on the same rows."
    ours = Bootstrap(predictor.task, test, settings)
    theirs = Bootstrap(champion[0], test, settings).scores(champion[1])
    gain = ours.gain(ours.scores(predictor.output(test.instances)), theirs)
    good = gain["value"] > -settings.champion_tolerance - 1e-9
    said = f"It is {'not worse' if good else 'worse'} than the champion on the same test rows"
    numbers = f"{gain['value']:+.4g} ({gain['ci_low']:+.4g} to {gain['ci_high']:+.4g})"
    return good, f"{said}: {numbers}."


def champion_output(asked: str) -> tuple[Task, Array] | None:
    """What the champion said of these very test rows; on others it may have been trained."""
    with suppress(MlflowException, OSError, ValueError, KeyError):
        champion = mlflow.MlflowClient().get_model_version_by_alias(COMMAND, "champion")
        path = mlflow.artifacts.download_artifacts(f"runs:/{champion.run_id}/{JUDGED.name}")
        judged = np.load(path)
        if str(judged["asked"]) == asked:
            return Task.model_validate_json(str(judged["task"])), judged["output"]
    return None


def register(run_id: str, alias: str) -> None:
    client = mlflow.MlflowClient()
    known = client.search_model_versions(f"run_id = '{run_id}'")
    version = known[0] if known else mlflow.register_model(f"runs:/{run_id}/model", COMMAND)
    client.set_registered_model_alias(COMMAND, alias, version.version)
