"""The stages `evaluate` and `promote`: the bundle on the test rows, and the gate."""

from collections import defaultdict
from contextlib import suppress
from shutil import rmtree
from typing import Any

import mlflow
import numpy as np
from matplotlib.figure import Figure
from mlflow.exceptions import MlflowException

from . import data
from .bundle import FIELDS, RETRAIN, Predictor
from .dataset import Part, load_manifest, load_part
from .files import read_json, write_json
from .inputs import Array, Predict
from .metrics import HIGHER_IS_BETTER, Task
from .settings import BUNDLE, COMMAND, FIGURES, METRICS, Settings, UserError
from .tracking import connect

JUDGED = "judged.json"  # an artifact of a run in MLflow
BLOCK = 4_000_000  # bootstrap weights that are scored at once (32 MB)
SIGN = 1 if HIGHER_IS_BETTER else -1


class Bootstrap:
    """Scores of several outputs on the same resamples of rows, so that differences are paired."""

    def __init__(self, task: Task, test: Part, settings: Settings) -> None:
        self.task, self.test = task, test
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


def interval(values: Array, settings: Settings) -> dict[str, float]:
    """The first value, and the bounds between which that share of the others lies."""
    tail = (1 - settings.confidence) / 2
    low, high = np.nanquantile(values[1:], [tail, 1 - tail])
    return {"value": float(values[0]), "ci_low": float(low), "ci_high": float(high)}


def evaluate(settings: Settings) -> None:
    predictor, test = load_judged()
    output, bootstrap = predictor.output(test.instances), Bootstrap(predictor.task, test, settings)
    scores, drops = bootstrap.scores(output), importance(bootstrap, predictor.output, output)
    metrics = {
        **settings.model_dump(include={"variant", "framework"}),
        **against_baseline(bootstrap, scores, settings),
        "slices": slice_scores(bootstrap, output, settings),
        "importance": drops,
        "notes": predictor.task.notes(),
        "figures": draw(bootstrap, predictor.output, output, drops),
        **{key: predictor.meta[key] for key in ("data", "run", "export")},
        "gate": {"passed": False, "reasons": [f"`{COMMAND} promote` has not been run."]},
    }
    run_id, primary = metrics["run"]["mlflow_run_id"], predictor.task.primary
    connect(run_id)
    # Models can be compared that were asked the same rows and classes in the same resamples.
    asked = [metrics["data"]["sha256"], primary, settings.seed, settings.resamples]
    asked.append(predictor.meta["task"].get("classes"))
    with mlflow.start_run(run_id=run_id):
        mlflow.log_metrics({f"test_{name}": value for name, value in metrics["metrics"].items()})
        mlflow.log_artifacts(str(FIGURES), "figures")
        mlflow.log_dict({"asked": asked, "values": scores[primary].tolist()}, JUDGED)
    write_json(METRICS, metrics)


def load_judged() -> tuple[Predictor, Part]:
    predictor = Predictor(BUNDLE)
    if predictor.meta["data"]["sha256"] != load_manifest()["sha256"]:
        raise UserError(f"The bundle was trained on other data; run `{COMMAND} train` again.")
    return predictor, load_part("test")


def against_baseline(
    bootstrap: Bootstrap, scores: dict[str, Array], settings: Settings
) -> dict[str, Any]:
    """The model's scores, and its improvement over the strongest of the baselines."""
    task, train, asked = bootstrap.task, load_part("train"), bootstrap.test.inputs
    target, primary = task.encode(train.target, train.inputs), task.primary
    outputs = task.baselines(asked) | data.rules(train.inputs, target, asked)
    baselines = {name: bootstrap.plain(outputs[name]) for name in outputs}
    strongest = max(baselines, key=lambda name: SIGN * baselines[name])
    gain = SIGN * (scores[primary] - bootstrap.scores(outputs[strongest])[primary])
    intervals = {name: interval(values, settings) for name, values in scores.items()}
    return {
        "primary": {"name": primary, **intervals[primary], "higher_is_better": HIGHER_IS_BETTER},
        "baseline": {"name": strongest, "value": baselines[strongest]},
        "baselines": baselines,
        "improvement": interval(gain, settings),
        "metrics": {name: item["value"] for name, item in intervals.items()},
        "intervals": intervals,
    }


def slice_scores(bootstrap: Bootstrap, output: Array, settings: Settings) -> list[Any]:
    """The primary metric on each slice that is large enough to say something."""
    scores: list[Any] = []
    for name, mask in data.slices(bootstrap.test.table).items():
        rows = mask.fillna(False).to_numpy(bool)
        if rows.sum() >= settings.smallest_slice and len(np.unique(bootstrap.target[rows])) > 1:
            values = bootstrap.scores(output, rows)[bootstrap.task.primary]
            scores.append({"name": name, "n": int(rows.sum()), **interval(values, settings)})
    return scores


def importance(bootstrap: Bootstrap, predict: Predict, output: Array) -> list[Any]:
    """How much worse the primary metric gets when one field is shuffled over the test rows."""
    rng, drops = np.random.default_rng(0), []
    rows, whole = bootstrap.test.instances, bootstrap.plain(output)
    for name in FIELDS if len(FIELDS) > 1 else []:
        scores = []
        for _ in range(3):
            pairs = zip(rows, rng.permutation(len(rows)), strict=True)
            shuffled = [{**row, name: rows[other][name]} for row, other in pairs]
            scores.append(bootstrap.plain(predict(shuffled)))
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


def promote(settings: Settings) -> dict[str, Any]:
    metrics = read_json(METRICS, f"run `{COMMAND} evaluate` first", "run", "improvement")
    if metrics["run"] != read_json(BUNDLE / "bundle.json", RETRAIN, "run")["run"]:
        raise UserError(f"{METRICS} is about another model; run `{COMMAND} evaluate` again.")
    run_id = metrics["run"]["mlflow_run_id"]
    connect(run_id)
    verdicts = [beats_baseline(metrics, settings), beats_champion(run_id, settings)]
    passed = all(good for good, _ in verdicts)
    register(run_id, "champion" if passed else "challenger")
    metrics["gate"] = {"passed": passed, "reasons": [reason for _, reason in verdicts]}
    write_json(METRICS, metrics)
    return metrics


def beats_baseline(metrics: dict[str, Any], settings: Settings) -> tuple[bool, str]:
    low, rival = metrics["improvement"]["ci_low"], f"the {metrics['baseline']['name']} baseline"
    margin = settings.margin
    verdict = f"{'clears' if low > margin else 'does not clear'} the margin of {margin:g}"
    gain = f"The improvement of {metrics['primary']['name']} over {rival} is at least {low:.4g}"
    return low > margin, f"{gain}, which {verdict}."


def beats_champion(run_id: str, settings: Settings) -> tuple[bool, str]:
    """Compared on the same resamples of the same test rows, or not at all."""
    ours, theirs = judged(run_id), dict[str, Any]()
    with suppress(MlflowException, OSError):
        champion = mlflow.MlflowClient().get_model_version_by_alias(COMMAND, "champion")
        theirs = judged(champion.run_id)
    if ours["asked"] != theirs.get("asked"):
        return True, "There is no champion that was tested on the same rows."
    difference = SIGN * np.subtract(ours["values"], theirs["values"])
    gain = interval(difference, settings)
    good = gain["value"] > -settings.champion_tolerance - 1e-9
    said = f"It is {'not worse' if good else 'worse'} than the champion on the same test rows"
    numbers = f"{gain['value']:+.4g} ({gain['ci_low']:+.4g} to {gain['ci_high']:+.4g})"
    return good, f"{said}: {numbers}."


def judged(run_id: str | None) -> dict[str, Any]:
    """What `evaluate` kept of a run: what was asked, and the primary metric in each resample."""
    return dict(mlflow.artifacts.load_dict(f"runs:/{run_id}/{JUDGED}"))


def register(run_id: str, alias: str) -> None:
    client = mlflow.MlflowClient()
    known = client.search_model_versions(f"run_id = '{run_id}'")
    version = known[0] if known else mlflow.register_model(f"runs:/{run_id}/model", COMMAND)
    client.set_registered_model_alias(COMMAND, alias, version.version)
