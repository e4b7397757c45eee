"""The stage `evaluate`: measure the bundle on the test set."""

from io import BytesIO
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .. import data
from ..core.bootstrap import bootstrap
from ..core.bundle import BundleInfo, Predictor, code_key
from ..core.config import COMMAND, FIGURES, METRICS, ProjectConfig, UserError
from ..core.files import replace_folder, to_json, write_atomic
from ..core.metrics import HIGHER_IS_BETTER, Target
from ..core.results import Results
from ..core.rows import Array, IntArray, Scorer, table_rows
from ..core.splits import FIELDS, Split, load_manifest, load_split
from ..core.tracking import require_run
from .conditions import measure_conditions
from .gate import SIGN, mlflow_errors
from .plots import evaluation_plots


def evaluate(config: ProjectConfig) -> None:
    """Write reports/metrics.json and reports/figures, and log both to the run that trained.

    Raises:
        UserError: The bundle was trained on other splits or by other code, the tracking server
            lacks its run, or a metric is not defined on the test set.
    """
    predictor = Predictor()
    info, target = predictor.info, predictor.target
    require_current(info)
    require_run(info.run.mlflow_run_id)

    test = load_split("test")
    y_true = target.encode(test.target, test.features)
    output = predictor.output(test.rows)
    figures = evaluation_plots(target, y_true, output) | data.plots(target, test.table, output)
    content = {
        **info.model_dump(include={"variant", "framework", "data", "run", "export"}),
        **measure(target, test, y_true, output, config),
        "importance": measure_importance(predictor, test, y_true, config.seed),
        "notes": target.notes(),
        "figures": [*figures],
    }
    results = Results.parse(content, "Results on the test set").model_dump()

    # metrics.json comes last: where it is about this model, all the rest is complete.
    replace_folder(FIGURES, {f"{name}.png": to_png(figure) for name, figure in figures.items()})
    with mlflow_errors(), mlflow.start_run(run_id=info.run.mlflow_run_id):
        mlflow.log_metrics({f"test_{name}": value for name, value in results["metrics"].items()})
        mlflow.log_artifacts(str(FIGURES), "figures")
        mlflow.log_dict(results, METRICS.name)
    write_atomic(METRICS, to_json(results))


def require_current(info: BundleInfo) -> None:
    """Raises UserError if the bundle was trained on other splits, or by other code."""
    if info.data.sha256 != load_manifest().sha256:
        raise UserError(f"The bundle was trained on other splits; run `{COMMAND} train` again.")
    if info.code != code_key():
        raise UserError(f"data.py, features.py or model.py has changed; run `{COMMAND} train`.")


def measure(
    target: Target, test: Split, y_true: Array, output: Array, config: ProjectConfig
) -> dict[str, Any]:
    """The results of the model and of the baselines on the test set."""
    train = load_split("train")
    y_train = target.encode(train.target, train.features)
    baselines = target.baselines(y_train, test.features)
    shape = next(iter(baselines.values())).shape
    for name, baseline in data.heuristic_baselines(train.features, y_train, test.features).items():
        if baseline.shape != shape:
            raise UserError(f'data.py: the baseline "{name}" must have shape {shape}.')
        baselines[name] = baseline
    rows = np.arange(len(test))
    score = target.scorer(y_true, output)
    scorers = {name: target.scorer(y_true, baseline) for name, baseline in baselines.items()}
    values = {name: scorer(rows) for name, scorer in scorers.items()}
    strongest = max(values, key=lambda name: SIGN * values[name])

    def improvement(rows: IntArray) -> float:
        # Both on the same rows, so that their errors are compared in pairs.
        return SIGN * (score(rows) - scorers[strongest](rows))

    def lower_bound(scorer: Scorer) -> float:
        return bootstrap(scorer, rows, test.groups, config)["ci_low"]

    return {
        "primary": {
            "name": target.primary_metric,
            "higher_is_better": HIGHER_IS_BETTER,
            **bootstrap(score, rows, test.groups, config),
        },
        "baseline": {"name": strongest, "value": values[strongest]},
        "baselines": values,
        "improvement": bootstrap(improvement, rows, test.groups, config),
        "metrics": target.metrics(y_true, output),
        "conditions": measure_conditions(target, y_train, y_true, output, lower_bound, config),
        "slices": measure_slices(target, test, y_true, output, config),
    }


def measure_slices(
    target: Target, test: Split, y_true: Array, output: Array, config: ProjectConfig
) -> list[dict[str, Any]]:
    """All metrics on each slice that is large enough, and where the primary one is defined."""
    score = target.scorer(y_true, output)
    slices = []
    for name, mask in data.slices(test.table).items():
        inside = mask.fillna(value=False).to_numpy(dtype=bool)
        rows = np.flatnonzero(inside)
        if len(rows) < config.min_slice_size or not np.isfinite(score(rows)):
            continue
        metrics = target.metrics(y_true[rows], output[rows])
        compared = target.slice_differences(y_true, output, inside)
        measured = {
            "name": name,
            "n": len(rows),
            **bootstrap(score, rows, test.groups[rows], config),
            "metrics": {name: value for name, value in metrics.items() if np.isfinite(value)},
            "differences": {
                name: bootstrap(scorer, np.arange(len(test)), test.groups, config)
                for name, scorer in compared.items()
            },
        }
        slices.append(measured)
    return slices


def measure_importance(
    predictor: Predictor, test: Split, y_true: Array, seed: int
) -> dict[str, float]:
    """What the primary metric loses when a field is shuffled over the test rows, by field.

    Permutation importance: Breiman (2001), Random Forests. Empty where there is one field only.
    """
    if len(FIELDS) == 1:
        return {}
    rng = np.random.default_rng(seed)
    fields, rows = test.table[FIELDS], np.arange(len(test))

    def score(table: pd.DataFrame) -> float:
        output = predictor.output(table_rows(table))
        return SIGN * predictor.target.scorer(y_true, output)(rows)

    value = score(fields)
    losses = {}
    for name in FIELDS:
        shuffled = rng.permutation(fields[name].to_numpy())
        losses[name] = value - score(fields.assign(**{name: shuffled}))
    return losses


def to_png(figure: Figure) -> bytes:
    """The figure as an image file."""
    buffer = BytesIO()
    figure.savefig(buffer, dpi=120)
    return buffer.getvalue()
