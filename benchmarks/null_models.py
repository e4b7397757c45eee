"""How often the gate promotes a model that has learned nothing.

    uv run python ../ml-portfolio-scaffold/benchmarks/null_models.py . --models 1000

In the environment of a generated project, after a `run`. The null models are

- noise: random probabilities for a classifier, which no heuristic baseline competes with; for other
  kinds of task the strongest baseline with a random error of at most a tenth of its spread;
- shuffled: what the model predicts for other rows of the same set;
- constant: the same scores for all rows (one model).

Each chooses its threshold or intervals on validation rows as a model does. At 97.5 % confidence 25
of 1,000 are expected where the null model is as good as the strongest baseline, fewer where it is
worse; more than 37 contradict that at 99 %. Clustering has no such models: its conditions are
permutation tests themselves, with refits on data without clusters.
"""

import argparse
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

# The score of an item that the history of a row holds, in a ranking.
MASKED = -1e9
Array = np.ndarray[Any, np.dtype[Any]]


def import_project(folder: Path) -> Callable[[str], ModuleType]:
    """A function that imports a module of the project, whose folder becomes the current one."""
    os.chdir(folder)
    package = next(path.parent.name for path in Path("src").glob("*/features.py"))
    return lambda name: import_module(f"{package}.{name}")


def noise_like(output: Array, baseline: Array, kind: str, rng: Any) -> Array:
    """The output of a model that has learned nothing of the target, for each row."""
    n_rows = len(output)
    if kind == "shuffled":
        return output[rng.permutation(n_rows)]
    if kind == "constant":
        return np.repeat(output[:1], n_rows, axis=0)
    if is_probability(output):
        scores = rng.random(output.shape)
        return scores / scores.sum(axis=1, keepdims=True)
    is_masked = output <= MASKED
    spread = baseline[~is_masked].std() or 1.0
    noisy = baseline + rng.uniform(-0.1, 0.1, size=output.shape) * spread
    if not is_masked.any() and output.shape[1] > 1:  # the scale of a series, which is no forecast
        noisy[:, -1] = output[:, -1]
    return np.where(is_masked, MASKED, noisy)


def is_probability(output: Array) -> bool:
    """Whether the output is that of a classifier."""
    return output.shape[1] > 1 and np.allclose(output.sum(axis=1), 1, atol=1e-4)


def main() -> None:
    """Count the null models of each kind that pass, and print a table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("project", type=Path, help="folder of a generated project")
    parser.add_argument("--models", type=int, default=1000, help="null models of each kind")
    parser.add_argument("--resamples", type=int, default=1000, help="resamples of an interval")
    parser.add_argument("--only", default="", help="noise, shuffled or constant")
    options = parser.parse_args()
    project = import_project(options.project)
    config = project("core.config").load_config()
    config.n_resamples = options.resamples
    evaluate, gate, data = (
        project("evaluation.evaluate"),
        project("evaluation.gate"),
        project("data"),
    )
    data.slices = lambda _: {}
    measure_conditions = evaluate.measure_conditions
    predictor = project("core.bundle").Predictor()
    load_split = project("core.splits").load_split
    train, valid, test = (load_split(name) for name in ("train", "valid", "test"))
    encode = predictor.target.encode
    y_train, y_valid, y_true = (encode(s.target, s.features) for s in (train, valid, test))
    outputs = [predictor.output(split.rows) for split in (valid, test)]

    if is_probability(outputs[0]):
        data.heuristic_baselines = lambda *_: {}

    def strongest(split: Any, y: Array) -> Array:
        baselines = {
            **predictor.target.baselines(y_train, split.features),
            **data.heuristic_baselines(train.features, y_train, split.features),
        }
        rows = np.arange(len(split))
        values = {
            name: evaluate.SIGN * predictor.target.scorer(y, baseline)(rows)
            for name, baseline in baselines.items()
        }
        return baselines[max(values, key=lambda name: values[name])]

    bases = [strongest(valid, y_valid), strongest(test, y_true)]
    print("| null model | passed | of |\n| --- | ---: | ---: |")
    for kind in ("noise", "shuffled", "constant"):
        if options.only not in kind:
            continue
        n_models = 1 if kind == "constant" else options.models
        passed = 0
        for number in range(n_models):
            rng = np.random.default_rng(number)
            config.seed = number
            null_valid, null_test = (
                noise_like(output, base, kind, rng)
                for output, base in zip(outputs, bases, strict=True)
            )
            target = predictor.target.fit_decision(y_valid, null_valid)
            evaluate.measure_conditions = lambda *_: {}
            found = evaluate.measure(target, test, y_true, null_test, config)
            if found["improvement"]["ci_low"] <= config.margin:
                continue
            # They take longer, and few models get so far.
            evaluate.measure_conditions = measure_conditions
            found = evaluate.measure(target, test, y_true, null_test, config)
            passed += all(
                gate.check_condition(name, condition).passed
                for name, condition in found["conditions"].items()
            )
        print(f"| {kind} | {passed} | {n_models:,} |", flush=True)


if __name__ == "__main__":
    main()
