"""The stage `evaluate`: measure the bundle on the test set."""

from dataclasses import asdict
from functools import cached_property
from io import BytesIO
from typing import Any

import mlflow
import numpy as np
from matplotlib.figure import Figure

from .. import data
from ..core.bootstrap import Bootstrap, Scorer
from ..core.bundle import Predictor
from ..core.config import COMMAND, FIGURES, METRICS, ProjectConfig, UserError
from ..core.files import replace_folder, to_json, write_atomic
from ..core.metrics import HIGHER_IS_BETTER
from ..core.rows import Array, table_rows
from ..core.splits import FIELDS, code_key, load_manifest, load_split
from ..core.tracking import require_run
from .gate import log_test_scores
from .plots import evaluation_plots

SIGN = 1 if HIGHER_IS_BETTER else -1


def evaluate(config: ProjectConfig) -> None:
    """Write reports/metrics.json and reports/figures, and log both to the run that trained.

    Raises:
        UserError: The bundle was trained on other splits, or the tracking server lacks its run.
    """
    evaluation = Evaluation(config)
    info = evaluation.predictor.info
    require_run(info.run.mlflow_run_id)
    metrics = evaluation.measure()
    figures = evaluation.draw()
    metrics["figures"] = list(figures)
    save_figures(figures)
    with mlflow.start_run(run_id=info.run.mlflow_run_id):
        mlflow.log_metrics({f"test_{name}": value for name, value in metrics["metrics"].items()})
        mlflow.log_artifacts(str(FIGURES), "figures")
        log_test_scores(info, config, evaluation.scores)
    write_atomic(METRICS, to_json(metrics))


class Evaluation:
    """The test set, the bundle's output for it, and the resamples that all measurements share.

    Raises:
        UserError: The bundle was trained on other splits, or by other code.
    """

    def __init__(self, config: ProjectConfig) -> None:
        self.config = config
        self.predictor = Predictor()
        self.target = self.predictor.target
        if self.predictor.info.data["sha256"] != load_manifest().sha256:
            raise UserError(f"The bundle was trained on other splits; run `{COMMAND} train` again.")
        if self.predictor.info.code != code_key():
            raise UserError(f"data.py, features.py or model.py has changed; run `{COMMAND} train`.")
        self.test = load_split("test")
        self.y_true = self.target.encode(self.test.target, self.test.features)
        self.output = self.predictor.output(self.test.rows)
        self.bootstrap = Bootstrap(self.test.groups, config)
        self.scores = self.bootstrap.scores(self.scorer(self.output))

    def scorer(self, output: Array) -> Scorer:
        """The primary metric of an output, as a function of rows."""
        return self.target.scorer(self.y_true, output)

    def score(self, output: Array) -> float:
        """The primary metric of an output on all test rows."""
        return self.scorer(output)(np.arange(len(self.y_true)))

    def measure(self) -> dict[str, Any]:
        """The content of metrics.json, before the gate."""
        info = self.predictor.info
        primary = self.bootstrap.interval(self.score(self.output), self.scores)
        return {
            "variant": info.variant,
            "framework": info.framework,
            "primary": {
                "name": self.target.primary_metric,
                "higher_is_better": HIGHER_IS_BETTER,
                **asdict(primary),
            },
            **self.compare_with_baselines(),
            "metrics": self.target.metrics(self.y_true, self.output),
            "slices": self.measure_slices(),
            "importance": self.importance,
            "notes": self.target.notes(),
            "data": info.data,
            "run": info.run.model_dump(),
            "export": info.export.model_dump(),
            "gate": {"passed": False, "reasons": [f"`{COMMAND} promote` has not been run."]},
        }

    def compare_with_baselines(self) -> dict[str, Any]:
        """The baselines' values, and the paired improvement over the strongest of them."""
        train, features = load_split("train"), self.test.features
        y_train = self.target.encode(train.target, train.features)
        outputs = {
            **self.target.baselines(features),
            **data.heuristic_baselines(train.features, y_train, features),
        }
        values = {name: self.score(output) for name, output in outputs.items()}
        strongest = max(values, key=lambda name: SIGN * values[name])
        baseline_scores = self.bootstrap.scores(self.scorer(outputs[strongest]))
        gain = SIGN * (self.score(self.output) - values[strongest])
        improvement = self.bootstrap.interval(gain, SIGN * (self.scores - baseline_scores))
        return {
            "baseline": {"name": strongest, "value": values[strongest]},
            "baselines": values,
            "improvement": asdict(improvement),
        }

    def measure_slices(self) -> list[dict[str, Any]]:
        """The primary metric on each slice that is large enough, and where it is defined."""
        measured = []
        scorer = self.scorer(self.output)
        for name, mask in data.slices(self.test.table).items():
            in_slice = mask.fillna(value=False).to_numpy(bool)
            n_rows = int(in_slice.sum())
            if n_rows < self.config.min_slice_size or np.isnan(scorer(np.flatnonzero(in_slice))):
                continue
            interval = self.bootstrap.measure_slice(scorer, in_slice)
            measured.append({"name": name, "n": n_rows, **asdict(interval)})
        return measured

    @cached_property
    def importance(self) -> dict[str, float]:
        """What the primary metric loses when a field is shuffled over the test rows, by field.

        Permutation importance: Breiman (2001), Random Forests. Empty where there is one field only.
        """
        if len(FIELDS) == 1:
            return {}
        fields, value = self.test.table[FIELDS], self.score(self.output)
        rng = np.random.default_rng(self.config.seed)
        losses = {}
        for name in FIELDS:
            order = rng.permutation(len(fields))
            shuffled = fields.assign(**{name: fields[name].to_numpy()[order]})
            output = self.predictor.output(table_rows(shuffled))
            losses[name] = SIGN * (value - self.score(output))
        return dict(sorted(losses.items(), key=lambda item: -item[1]))

    def draw(self) -> dict[str, Figure]:
        """All figures, by file name."""
        figures = evaluation_plots(self.target, self.y_true, self.output)
        figures |= data.plots(self.target, self.test.table, self.output)
        if self.importance:
            figures["importance"] = plot_importance(self.importance)
        return figures


def plot_importance(importance: dict[str, float]) -> Figure:
    """The fields that the model needs most."""
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    # The first bar is the lowest.
    for name, loss in reversed([*importance.items()][:15]):
        ax.barh(name, loss, color="tab:blue")
    ax.set(xlabel="loss of the primary metric when the field is shuffled")
    return figure


def save_figures(figures: dict[str, Figure]) -> None:
    """Write each figure as PNG, in place of those of an earlier run."""
    contents = {}
    for name, figure in figures.items():
        buffer = BytesIO()
        figure.savefig(buffer, dpi=120)
        contents[f"{name}.png"] = buffer.getvalue()
    replace_folder(FIGURES, contents)
