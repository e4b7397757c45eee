"""The stage `promote`: the gate, and the alias that the registered model gets."""

import os
import subprocess
import sys
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException

from .dataset import FEATURES
from .evaluate import Bootstrap, load_judged
from .files import read_json, write_json
from .inputs import Array
from .settings import COMMAND, METRICS, PACKAGE, Settings
from .tracking import connect

Verdict = tuple[bool, str]


def promote(settings: Settings) -> dict[str, Any]:
    metrics = read_json(METRICS, f"run `{COMMAND} evaluate` first")
    connect()
    verdicts = [beats_baseline(metrics, settings.margin), *beats_champion(settings)]
    passed = all(good for good, _ in verdicts)
    register(metrics["run"]["mlflow_run_id"], "champion" if passed else "challenger")
    metrics["gate"] = {"passed": passed, "reasons": [reason for _, reason in verdicts]}
    write_json(METRICS, metrics)
    return metrics


def beats_baseline(metrics: dict[str, Any], margin: float) -> Verdict:
    low = metrics["improvement"]["ci_low"]
    verb = "clears" if low > margin else "does not clear"
    return low > margin, (
        f"The improvement of {metrics['primary']['name']} over the {metrics['baseline']['name']} "
        f"baseline is at least {low:.4g}, which {verb} the margin of {margin:g}."
    )


def beats_champion(settings: Settings) -> list[Verdict]:
    """On the same test rows; empty where there is no champion yet."""
    predictor, test = load_judged()
    other, output = champion_output(test.table[FEATURES]), predictor.output(test.instances)
    if other is None:
        return []
    if other.shape != output.shape:
        return [(True, "The champion answers another question, so the two were not compared.")]
    gain = Bootstrap(predictor.task, test, settings).gain(output, other)
    good = gain["value"] > -settings.champion_tolerance - 1e-9
    reason = (
        f"Against the champion, {predictor.task.primary} is {'not worse' if good else 'worse'}: "
        f"{gain['value']:+.4g} ({gain['ci_low']:+.4g} to {gain['ci_high']:+.4g}) in its favour."
    )
    return [(good, reason)]


def champion_output(rows: pd.DataFrame) -> Array | None:
    """What the champion says, by the code it came with; None where there is no champion yet."""
    try:
        champion = mlflow.MlflowClient().get_model_version_by_alias(COMMAND, "champion")
    except MlflowException:
        return None
    with TemporaryDirectory() as folder:
        uri = f"models:/{COMMAND}/{champion.version}"
        model = Path(mlflow.artifacts.download_artifacts(uri, dst_path=folder))
        rows.to_parquet(model / "rows.parquet", index=False)
        options = ["--raw", "--bundle=data/bundle", "--input=rows.parquet", "--output=raw.parquet"]
        command = [sys.executable, "-m", f"{PACKAGE}.cli", "predict", *options]
        code = {**os.environ, "PYTHONPATH": str(model / "code")}
        subprocess.run(command, cwd=model, env=code, check=True, capture_output=True)  # noqa: S603 - our own program
        return np.asarray(pd.read_parquet(model / "raw.parquet")["output"].tolist())


def register(run_id: str, alias: str) -> None:
    """Give the alias to this run's version in the registry, made where it is not there yet."""
    client = mlflow.MlflowClient()
    known = client.search_model_versions(f"run_id = '{run_id}'")
    # MLflow reports what it registers on stderr, in the middle of our own output.
    with redirect_stderr(StringIO()):
        version = known[0] if known else mlflow.register_model(f"runs:/{run_id}/model", COMMAND)
    client.set_registered_model_alias(COMMAND, alias, version.version)
