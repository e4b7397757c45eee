"""The stage `evaluate`: the bundle on the test rows, against the baseline, with intervals."""

from collections import defaultdict
from shutil import rmtree
from typing import Any

import mlflow
import numpy as np
from matplotlib.figure import Figure

from . import data
from .bundle import Predictor
from .dataset import FEATURES, Part, load_manifest, load_part
from .files import write_json
from .inputs import Array, Predict
from .metrics import HIGHER_IS_BETTER, Task
from .settings import BUNDLE, COMMAND, FIGURES, JUDGED, METRICS, Settings, UserError
from .tracking import connect

BLOCK = 4_000_000  # bootstrap weights that are scored at once (32 MB)
SIGN = 1 if HIGHER_IS_BETTER else -1


class Bootstrap:
    """Scores of several outputs on the same resamples of rows, so that differences are paired."""

    def __init__(self, task: Task, test: Part, settings: Settings) -> None:
        self.task, self.test, self.settings = task, test, settings
        self.target = task.encode(test.target, test.inputs)
        rng, groups = np.random.default_rng(settings.seed), test.groups
        shares = np.full(groups.max() + 1, 1 / (groups.max() + 1))
        # Rows of one group are drawn together (cluster bootstrap; Davison and Hinkley, 1997, 3.8).
        # In each resample, how often each row counts; before these, one in which all do once.
        self.weights = np.ones((1 + settings.resamples, len(groups)), dtype=np.uint16)
        for weights in self.weights[1:]:
            weights[:] = rng.multinomial(len(shares), shares)[groups]

    def scores(self, output: Array, rows: Array | slice = slice(None)) -> dict[str, Array]:
        """Each metric on these rows: the plain value, then one value a resample."""
        target, output, weights = self.target[rows], output[rows], self.weights[:, rows]
        blocks = np.array_split(weights, weights.size // BLOCK + 1)
        with np.errstate(invalid="ignore"):
            scores = [self.task.scores(target, output, 1.0 * block) for block in blocks]
        return {name: np.concatenate([score[name] for score in scores]) for name in scores[0]}

    def plain(self, output: Array) -> float:
        """The primary metric on all rows, without resamples."""
        scores = self.task.scores(self.target, output, np.ones((1, len(output))))
        return float(scores[self.task.primary][0])

    def gain(self, scores: dict[str, Array], other: dict[str, Array]) -> dict[str, float]:
        """How much better the primary metric of `scores` is; positive is better, always."""
        primary = self.task.primary
        return self.interval(SIGN * (scores[primary] - other[primary]))

    def interval(self, values: Array) -> dict[str, float]:
        tail = (1 - self.settings.confidence) / 2
        low, high = np.nanquantile(values[1:], [tail, 1 - tail])
        return {"value": float(values[0]), "ci_low": float(low), "ci_high": float(high)}


def evaluate(settings: Settings) -> None:
    predictor, test = load_judged()
    output, bootstrap = predictor.output(test.instances), Bootstrap(predictor.task, test, settings)
    drops = importance(bootstrap, predictor, output)
    metrics = {
        **settings.model_dump(include={"variant", "framework"}),
        **against_baseline(bootstrap, output),
        "slices": slice_scores(bootstrap, output),
        "importance": drops,
        "notes": predictor.task.notes(),
        "figures": draw(bootstrap, predictor.output, output, drops),
        **{key: predictor.meta[key] for key in ("data", "run", "export")},
        "gate": {"passed": False, "reasons": [f"`{COMMAND} promote` has not been run."]},
    }
    connect(metrics["run"]["mlflow_run_id"])
    write_json(METRICS, metrics)
    with mlflow.start_run(run_id=metrics["run"]["mlflow_run_id"]):
        mlflow.log_metrics({f"test_{name}": value for name, value in metrics["metrics"].items()})
        mlflow.log_artifacts(str(FIGURES), "figures")
        # By this a later model is compared with this one, whatever becomes of prepare.py.
        task = predictor.task.model_dump_json()
        np.savez_compressed(JUDGED, output=output, asked=asked(predictor.meta), task=task)
        mlflow.log_artifact(str(JUDGED))


def asked(meta: dict[str, Any]) -> str:
    """Which rows, and which classes, a model was tested on: only then can two be compared."""
    return f"{meta['data']['sha256']} {meta['task'].get('classes')}"


def load_judged() -> tuple[Predictor, Part]:
    predictor = Predictor(BUNDLE)
    if predictor.meta["data"]["sha256"] != load_manifest()["sha256"]:
        raise UserError(f"The bundle was trained on other data; run `{COMMAND} train` again.")
    return predictor, load_part("test")


def against_baseline(bootstrap: Bootstrap, output: Array) -> dict[str, Any]:
    """The model's scores, and its improvement over the strongest of the baselines."""
    task, train, asked = bootstrap.task, load_part("train"), bootstrap.test.inputs
    target, primary = task.encode(train.target, train.inputs), task.primary
    outputs = task.baselines(asked) | data.rules(train.inputs, target, asked)
    values = {name: bootstrap.plain(outputs[name]) for name in outputs}
    strongest = max(values, key=lambda name: SIGN * values[name])
    scores, other = bootstrap.scores(output), bootstrap.scores(outputs[strongest])
    intervals = {name: bootstrap.interval(values) for name, values in scores.items()}
    return {
        "primary": {"name": primary, **intervals[primary], "higher_is_better": HIGHER_IS_BETTER},
        "baseline": {"name": strongest, "value": values[strongest]},
        "baselines": values,
        "improvement": bootstrap.gain(scores, other),
        "metrics": {name: interval["value"] for name, interval in intervals.items()},
        "intervals": intervals,
    }


def slice_scores(bootstrap: Bootstrap, output: Array) -> list[Any]:
    """The primary metric on each slice that is large enough to say something."""
    scores, smallest = [], bootstrap.settings.smallest_slice
    for name, mask in data.slices(bootstrap.test.table).items():
        rows = mask.fillna(False).to_numpy(bool)
        if rows.sum() >= smallest and len(np.unique(bootstrap.target[rows])) > 1:
            values = bootstrap.scores(output, rows)[bootstrap.task.primary]
            scores.append({"name": name, "n": int(rows.sum()), **bootstrap.interval(values)})
    return scores


def importance(bootstrap: Bootstrap, predictor: Predictor, output: Array) -> list[Any]:
    """How much worse the primary metric gets when one field is shuffled over the test rows."""
    rng, drops = np.random.default_rng(bootstrap.settings.seed), []
    rows, whole = bootstrap.test.instances, bootstrap.plain(output)
    for name in FEATURES if len(FEATURES) > 1 else []:
        scores = []
        for _ in range(3):
            pairs = zip(rows, rng.permutation(len(rows)), strict=True)
            shuffled = [{**row, name: rows[other][name]} for row, other in pairs]
            scores.append(bootstrap.plain(predictor.output(shuffled)))
        drops.append({"name": name, "drop": SIGN * (whole - float(np.mean(scores)))})
    return sorted(drops, key=lambda item: -item["drop"])


def draw(bootstrap: Bootstrap, predict: Predict, output: Array, drops: list[Any]) -> list[str]:
    """Write the plots; returns their names."""
    # A Figure of its own, not pyplot, needs no window and leaves no state.
    axes = defaultdict[str, Any](lambda: Figure((6, 4), layout="constrained").subplots())
    bootstrap.task.draw(bootstrap.target, output, axes)
    data.draw(bootstrap.task, bootstrap.test.table, output, predict, axes)
    if drops:
        names, values = zip(*[item.values() for item in drops[14::-1]], strict=True)
        axes["importance"].barh(names, values)
        axes["importance"].set(xlabel="how much worse the primary metric gets, shuffled")
    rmtree(FIGURES, ignore_errors=True)
    FIGURES.mkdir(parents=True)
    for name, ax in axes.items():
        ax.figure.savefig(FIGURES / f"{name}.png", dpi=120)
    return list(axes)
