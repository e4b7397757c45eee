"""How often `monitor` alarms: without a shift, and with shifts of a known size.

    uv run python ../ml-portfolio-scaffold/benchmarks/monitoring_power.py . --resamples 500

In the environment of a generated project, after a `run`; of two classes, with labels and without.
Rows are drawn with replacement in memory, and nothing is written. A row of the table is a scenario,
a column the share of draws in which a check alarms; "any" is what the exit status says.
"""

import argparse
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

CHECKS = ("columns", "balance", "any", "quality", "any with labels")


class Source:
    """Rows of which each draw is a sample.

    Attributes:
        counts: For each column, 1 in the bin of each row; of shape (rows, bins).
        values: For each column of numbers, its standardised values; NaN where one is missing.
    """

    def __init__(self, project: Any, table: pd.DataFrame) -> None:
        rows = project.core.rows.table_rows(table[project.fields])
        target, reference = project.predictor.target, project.predictor.info.reference
        split = project.core.splits.Split(table)
        self.y_true = target.encode(split.target, split.features)
        self.output = project.predictor.output(rows)
        columns = {**project.monitored_columns(rows), **target.monitored_columns(self.output)}
        self.counts = {
            name: np.array([column.count([value]) for value in columns[name]])
            for name, column in reference.items()
        }
        self.values = {
            name: (np.array(columns[name], dtype=float) - column.mean) / column.std
            for name, column in reference.items()
            if column.std
        }


def find_alarms(project: Any, source: Source, chosen: Any, with_labels: bool) -> dict[str, bool]:
    """Which checks alarm on these rows."""
    monitor, predictor, config = project.monitoring.monitor, project.predictor, project.config
    current = monitor.CurrentData(predictor)
    current.n_rows = len(chosen)
    current.counts = {name: bins[chosen].sum(axis=0) for name, bins in source.counts.items()}
    for name, values in source.values.items():
        present = values[chosen][~np.isnan(values[chosen])]
        current.sums[name] = np.array([len(present), present.sum(), present @ present])
    limits = config.monitoring
    drifts = project.monitoring.drift.measure_drift(
        predictor.info.reference, current.counts, current.sums, limits
    )
    by_name = {drift.name: drift for drift in drifts}
    balance = predictor.target.class_balance(by_name, limits)
    alarms = {
        "columns": any(drift.drifted for drift in drifts),
        "balance": bool(balance and balance["changed"]),
    }
    alarms["any"] = any(alarms.values())
    if with_labels:
        y_true = source.y_true[chosen]
        quality = monitor.measure_quality(
            predictor, y_true, source.output[chosen], np.arange(len(chosen)), config
        )
        alarms["quality"] = any(metric["worse"] for metric in quality)
        found = ("columns", "balance", "quality")
        alarms["any with labels"] = any(alarms[name] for name in found)
    return alarms


def load_project(folder: Path, bootstrap_resamples: int) -> Any:
    """The modules of the project in the folder, which becomes the working directory."""
    os.chdir(folder)
    package = next(path.parent.name for path in Path("src").glob("*/features.py"))
    names = ("core.bundle", "core.config", "core.rows", "core.splits", "features")
    names += ("monitoring.drift", "monitoring.monitor", "data")
    project = SimpleNamespace(core=SimpleNamespace(), monitoring=SimpleNamespace())
    for name in names:
        module = import_module(f"{package}.{name}")
        *parents, last = name.split(".")
        setattr(getattr(project, parents[0]) if parents else project, last, module)
    project.predictor = project.core.bundle.Predictor()
    project.config = project.core.config.load_config()
    project.config.n_resamples = bootstrap_resamples
    project.fields = project.core.splits.FIELDS
    project.monitored_columns = project.features.monitored_columns
    return project


def drawers(y_true: Any, share: float) -> Callable[[Any, int], Any]:
    """A function that draws rows of which this share is expected to be positive."""
    weights = np.where(y_true == 1, share / (y_true == 1).sum(), (1 - share) / (y_true == 0).sum())
    return lambda rng, size: rng.choice(len(y_true), size, p=weights)


def scenarios(project: Any, column: str | None) -> dict[str, tuple[Source, Callable[..., Any]]]:
    """By name: the rows, and how indices of them are drawn."""
    splits = {
        name: project.core.splits.load_split(name).table for name in ("test", "valid", "train")
    }
    sources = {name: Source(project, table) for name, table in splits.items()}
    found: dict[str, tuple[Source, Callable[..., Any]]] = {}

    def plain(source: Source) -> Callable[..., Any]:
        return lambda rng, size: rng.integers(len(source.y_true), size=size)

    for name, source in sources.items():
        found[f"no shift, {name} rows"] = source, plain(source)
    for name in ("test", "train"):
        for share in (0.15, 0.5):
            source = sources[name]
            found[f"{share:.0%} positive, {name} rows"] = source, drawers(source.y_true, share)
    flipped = Source(project, splits["test"])
    original = flipped.y_true
    found["15% of labels flipped"] = flipped, plain(flipped)
    flip = np.random.default_rng(1).random(len(original)) < 0.15
    flipped.y_true = np.where(flip, 1 - original, original)
    test = splits["test"]
    numeric = [n for n in project.fields if pd.api.types.is_numeric_dtype(test[n])]
    for name in [column] if column else numeric:
        for label, moved in {
            "+ std/2": test[name] + test[name].std() / 2,
            "+ 20%": test[name] * 1.2,
        }.items():
            values = (
                moved.round().astype(test[name].dtype) if test[name].dtype.kind == "i" else moved
            )
            source = Source(project, test.assign(**{name: values}))
            found[f"{name} {label}"] = source, plain(source)
    return found


def main() -> None:
    """Draw rows of each scenario and print a table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("project", type=Path, help="folder of a generated project")
    parser.add_argument("--resamples", type=int, default=500, help="draws of each scenario")
    parser.add_argument("--rows", type=int, nargs="+", default=[200, 1000], help="rows of a draw")
    parser.add_argument("--bootstrap", type=int, default=200, help="resamples of an interval")
    parser.add_argument("--column", help="the one column to move (default: each numeric one)")
    parser.add_argument("--no-labels", action="store_true", help="leave the quality out: faster")
    parser.add_argument("--only", default="", help="scenarios whose name holds this text")
    options = parser.parse_args()
    project = load_project(options.project, options.bootstrap)
    checks = CHECKS[:3] if options.no_labels else CHECKS
    print(f"| scenario | rows | {' | '.join(checks)} |")
    print(f"| --- | ---: |{' ---: |' * len(checks)}")
    for name, (source, draw) in scenarios(project, options.column).items():
        if options.only not in name:
            continue
        for size in options.rows:
            rng = np.random.default_rng(0)
            counts = dict.fromkeys(checks, 0)
            for _ in range(options.resamples):
                alarms = find_alarms(project, source, draw(rng, size), not options.no_labels)
                for check in checks:
                    counts[check] += alarms[check]
            shares = [f"{counts[check] / options.resamples:.1%}" for check in checks]
            print(f"| {name} | {size:,} | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    main()
