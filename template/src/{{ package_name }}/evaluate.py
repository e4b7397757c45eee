"""The stage `evaluate`: the bundle on the test rows, against the baseline, with intervals."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import sklearn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.inspection import permutation_importance

from . import data
from .bundle import Predictor
from .dataset import FEATURES, Part, load_manifest, load_part
from .errors import UserError
from .files import write_json
from .inputs import Array
from .metrics import BASELINE, HIGHER_IS_BETTER, Task
from .settings import BUNDLE, COMMAND, FIGURES, METRICS, Settings
from .tracking import connect

# How many bootstrap weights are held at once (32 MB): more rows mean fewer resamples a block.
BLOCK = 4_000_000
SIGN = 1 if HIGHER_IS_BETTER else -1


@dataclass(frozen=True)
class Bootstrap:
    """Scores of several outputs on the same resamples of rows, so that differences are paired.

    Rows of one group are drawn together (cluster bootstrap; Davison and Hinkley, 1997, 3.8).
    """

    task: Task
    target: Array
    blocks: list[Array]
    confidence: float

    @classmethod
    def draw(cls, task: Task, test: Part, settings: Settings) -> "Bootstrap":
        """Weights of shape (some, rows) a block: how often each row counts; the first are ones."""
        rng, groups = np.random.default_rng(settings.seed), test.groups
        count, size = int(groups.max()) + 1, max(1, BLOCK // len(groups))
        blocks = [np.ones((1, len(groups)))]
        for start in range(0, settings.resamples, size):
            resamples = min(size, settings.resamples - start)
            draws = rng.multinomial(count, np.full(count, 1 / count), size=resamples)
            blocks.append(draws[:, groups].astype(float))
        return cls(task, task.encode(test.target), blocks, settings.confidence)

    def scores(self, output: Array, rows: Array | slice = slice(None)) -> dict[str, Array]:
        """Each metric on these rows: the plain value, then one value a resample."""
        target, output = self.target[rows], output[rows]
        scores = [self.task.scores(target, output, block[:, rows]) for block in self.blocks]
        return {name: np.concatenate([score[name] for score in scores]) for name in scores[0]}

    def gain(self, output: Array, other: Array) -> dict[str, float]:
        """How much better the primary metric of `output` is; positive is better, always."""
        primary = self.task.primary
        return self.interval(SIGN * (self.scores(output)[primary] - self.scores(other)[primary]))

    def interval(self, values: Array) -> dict[str, float]:
        tail = (1 - self.confidence) / 2
        low, high = np.quantile(values[1:], [tail, 1 - tail])
        return {"value": float(values[0]), "ci_low": float(low), "ci_high": float(high)}


def evaluate(settings: Settings) -> None:
    predictor, test = load_judged()
    task, output = predictor.task, predictor.output(test.instances)
    bootstrap = Bootstrap.draw(task, test, settings)
    drops = importance(predictor, test, bootstrap.target, settings.seed)
    plots = task.plots(bootstrap.target, output)
    plots["importance"] = partial(draw_importance, drops)
    metrics = {
        "variant": settings.variant,
        "framework": settings.framework,
        **against_baseline(bootstrap, output),
        "slices": slice_scores(bootstrap, test, output, settings.smallest_slice),
        "importance": drops,
        "figures": list(plots),
        **{key: predictor.meta[key] for key in ("data", "run", "export")},
        "gate": {"passed": False, "reasons": [f"`{COMMAND} promote` has not been run."]},
    }
    write_json(METRICS, metrics)
    draw_all(plots)
    connect()
    with mlflow.start_run(run_id=metrics["run"]["mlflow_run_id"]):
        mlflow.log_metrics({f"test_{name}": value for name, value in metrics["metrics"].items()})
        mlflow.log_metric("improvement_ci_low", metrics["improvement"]["ci_low"])
        mlflow.log_artifacts(str(FIGURES), "figures")


def load_judged() -> tuple[Predictor, Part]:
    predictor = Predictor(BUNDLE)
    if predictor.meta["data"]["sha256"] != load_manifest()["sha256"]:
        raise UserError(f"The bundle was trained on other data; run `{COMMAND} train` again.")
    return predictor, load_part("test")


def against_baseline(bootstrap: Bootstrap, output: Array) -> dict[str, Any]:
    primary, baseline = bootstrap.task.primary, bootstrap.task.baseline(len(output))
    scores, value = bootstrap.scores(output), bootstrap.scores(baseline)[primary][0]
    intervals = {name: bootstrap.interval(values) for name, values in scores.items()}
    return {
        "primary": {"name": primary, **intervals[primary], "higher_is_better": HIGHER_IS_BETTER},
        "baseline": {"name": BASELINE, "value": float(value)},
        "improvement": bootstrap.gain(output, baseline),
        "metrics": {name: interval["value"] for name, interval in intervals.items()},
        "intervals": intervals,
    }


def slice_scores(bootstrap: Bootstrap, test: Part, output: Array, smallest: int) -> list[Any]:
    """The primary metric on each slice that is large enough to say something."""
    scores = []
    for name, rows in data.slices(test.table).items():
        if rows.sum() >= smallest and len(np.unique(bootstrap.target[rows])) > 1:
            values = bootstrap.scores(output, rows.to_numpy())[bootstrap.task.primary]
            scores.append({"name": name, "n": int(rows.sum()), **bootstrap.interval(values)})
    return scores


def importance(predictor: Predictor, test: Part, target: Array, seed: int) -> list[dict[str, Any]]:
    """How much worse the primary metric gets when one field is shuffled over the test rows."""
    task, once = predictor.task, np.ones((1, len(target)))

    def score(_: Any, rows: pd.DataFrame, truth: Array) -> float:
        scores = task.scores(truth, predictor.output(Part(rows).instances), once)
        return SIGN * float(scores[task.primary][0])

    with sklearn.config_context(skip_parameter_validation=True):
        features = test.table[FEATURES]
        shuffled = permutation_importance(
            predictor, features, target, scoring=score, n_repeats=3, random_state=seed
        )
    drops = zip(FEATURES, shuffled.importances_mean.tolist(), strict=True)
    return [{"name": name, "drop": drop} for name, drop in sorted(drops, key=lambda x: -x[1])]


def draw_importance(drops: list[dict[str, Any]], ax: Axes) -> None:
    names, values = zip(*[item.values() for item in drops[14::-1]], strict=True)
    ax.barh(names, values)
    ax.set(xlabel="how much worse the primary metric gets, shuffled")


def draw_all(plots: dict[str, Callable[..., Any]]) -> None:
    FIGURES.mkdir(parents=True, exist_ok=True)
    for name, draw in plots.items():
        # A Figure of its own, not pyplot, needs no window and leaves no state.
        figure = Figure(figsize=(6, 4), layout="constrained")
        draw(ax=figure.subplots())
        figure.savefig(FIGURES / f"{name}.png", dpi=120)
