"""The stage `evaluate`: measure the bundle on the test set."""

from dataclasses import asdict, dataclass
from shutil import rmtree
from typing import Any

import mlflow
import numpy as np
from matplotlib.figure import Figure

from .. import data
from ..core.bootstrap import Interval, bootstrap_indices, interval, resample
from ..core.bundle import Predictor
from ..core.config import COMMAND, FIGURES, METRICS, ProjectConfig, UserError
from ..core.files import write_json
from ..core.metrics import HIGHER_IS_BETTER
from ..core.rows import Array, IntArray
from ..core.splits import FIELDS, Split, load_manifest, load_split
from ..core.tracking import require_run
from .gate import log_test_scores
from .plots import evaluation_plots

SIGN = 1 if HIGHER_IS_BETTER else -1
N_SHUFFLES = 3


@dataclass(frozen=True)
class Evaluation:
    """What the measurements share.

    Attributes:
        y_true: The encoded target of the test set.
        output: What the bundle returns for the test set.
        resamples: Row indices, the same for every metric.
    """

    config: ProjectConfig
    predictor: Predictor
    test: Split
    y_true: Array
    output: Array
    resamples: list[IntArray]

    def score(self, output: Array) -> float:
        """The primary metric on all test rows."""
        return self.predictor.target.scorer(self.y_true, output)(np.arange(len(self.test)))

    def resampled(self, output: Array) -> Array:
        """The primary metric on each resample."""
        scorer = self.predictor.target.scorer(self.y_true, output)
        return resample(scorer, self.resamples)


def evaluate(config: ProjectConfig) -> None:
    """Write reports/metrics.json and reports/figures, and log both to the run that trained.

    Raises:
        UserError: The bundle was trained on other splits, or the tracking server lacks its run.
    """
    evaluation = prepare(config)
    info = evaluation.predictor.info
    target = evaluation.predictor.target
    scores = evaluation.resampled(evaluation.output)
    primary = interval(evaluation.score(evaluation.output), scores, config.confidence)
    importance = permutation_importance(evaluation)
    figures = draw(evaluation, importance)
    metrics = {
        "variant": config.variant,
        "framework": config.framework,
        "primary": {
            "name": target.primary_metric,
            **asdict(primary),
            "higher_is_better": HIGHER_IS_BETTER,
        },
        **compare_with_baselines(evaluation, primary, scores),
        "metrics": target.metrics(evaluation.y_true, evaluation.output),
        "slices": measure_slices(evaluation),
        "importance": importance,
        "notes": target.notes(),
        "figures": list(figures),
        "data": info.data,
        "run": info.run.model_dump(),
        "export": info.export.model_dump(),
        "gate": {"passed": False, "reasons": [f"`{COMMAND} promote` has not been run."]},
    }
    save_figures(figures)
    require_run(info.run.mlflow_run_id)
    with mlflow.start_run(run_id=info.run.mlflow_run_id):
        mlflow.log_metrics({f"test_{name}": value for name, value in metrics["metrics"].items()})
        mlflow.log_artifacts(str(FIGURES), "figures")
        log_test_scores(info, config, primary.value, scores)
    write_json(METRICS, metrics)


def prepare(config: ProjectConfig) -> Evaluation:
    """Load the bundle and the test set, and predict.

    Raises:
        UserError: The bundle was trained on other splits.
    """
    predictor = Predictor()
    if predictor.info.data["sha256"] != load_manifest().sha256:
        raise UserError(f"The bundle was trained on other splits; run `{COMMAND} train` again.")
    test = load_split("test")
    return Evaluation(
        config=config,
        predictor=predictor,
        test=test,
        y_true=predictor.target.encode(test.target, test.features),
        output=predictor.output(test.rows),
        resamples=list(bootstrap_indices(test.groups, config.n_resamples, config.seed)),
    )


def compare_with_baselines(
    evaluation: Evaluation, primary: Interval, scores: Array
) -> dict[str, Any]:
    """The baselines' values, and the paired improvement over the strongest of them."""
    target, test = evaluation.predictor.target, evaluation.test
    train = load_split("train")
    y_train = target.encode(train.target, train.features)
    outputs = {
        **target.baselines(test.features),
        **data.heuristic_baselines(train.features, y_train, test.features),
    }
    values = {name: evaluation.score(output) for name, output in outputs.items()}
    strongest = max(values, key=lambda name: SIGN * values[name])
    differences = SIGN * (scores - evaluation.resampled(outputs[strongest]))
    gain = SIGN * (primary.value - values[strongest])
    return {
        "baseline": {"name": strongest, "value": values[strongest]},
        "baselines": values,
        "improvement": asdict(interval(gain, differences, evaluation.config.confidence)),
    }


def measure_slices(evaluation: Evaluation) -> list[dict[str, Any]]:
    """The primary metric on each slice that is large enough."""
    scorer = evaluation.predictor.target.scorer(evaluation.y_true, evaluation.output)
    measured = []
    for name, mask in data.slices(evaluation.test.table).items():
        in_slice = mask.fillna(value=False).to_numpy(bool)
        if in_slice.sum() < evaluation.config.min_slice_size:
            continue
        value = scorer(np.flatnonzero(in_slice))
        if np.isnan(value):
            continue
        resamples = [rows[in_slice[rows]] for rows in evaluation.resamples]
        scores = resample(scorer, [rows for rows in resamples if len(rows)])
        bounds = interval(value, scores, evaluation.config.confidence)
        measured.append({"name": name, "n": int(in_slice.sum()), **asdict(bounds)})
    return measured


def permutation_importance(evaluation: Evaluation) -> list[dict[str, Any]]:
    """How much the primary metric loses when one field is shuffled between the test rows."""
    if len(FIELDS) == 1:
        return []
    rows = evaluation.test.rows
    value = evaluation.score(evaluation.output)
    rng = np.random.default_rng(evaluation.config.seed)
    losses = []
    for name in FIELDS:
        shuffled_scores = []
        for _ in range(N_SHUFFLES):
            order = rng.permutation(len(rows))
            shuffled = [
                {**row, name: rows[other][name]} for row, other in zip(rows, order, strict=True)
            ]
            shuffled_scores.append(evaluation.score(evaluation.predictor.output(shuffled)))
        loss = SIGN * (value - float(np.mean(shuffled_scores)))
        losses.append({"name": name, "loss": loss})
    return sorted(losses, key=lambda item: -item["loss"])


def draw(evaluation: Evaluation, importance: list[dict[str, Any]]) -> dict[str, Figure]:
    """All figures, by file name."""
    target, output = evaluation.predictor.target, evaluation.output
    figures = evaluation_plots(target, evaluation.y_true, output)
    figures |= data.plots(target, evaluation.test.table, output)
    if importance:
        figures["importance"] = plot_importance(importance[:15])
    return figures


def plot_importance(importance: list[dict[str, Any]]) -> Figure:
    """Fields by how much the model needs them."""
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    ax.barh([item["name"] for item in importance], [item["loss"] for item in importance])
    ax.invert_yaxis()
    ax.set(xlabel="loss of the primary metric when the field is shuffled")
    return figure


def save_figures(figures: dict[str, Figure]) -> None:
    """Write each figure as PNG; figures of an earlier run are removed."""
    rmtree(FIGURES, ignore_errors=True)
    FIGURES.mkdir(parents=True)
    for name, figure in figures.items():
        figure.savefig(FIGURES / f"{name}.png", dpi=120)
