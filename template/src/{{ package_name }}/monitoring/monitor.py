"""The command `monitor`: drift, refused rows and quality of current data."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain, compress, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Template
from matplotlib.figure import Figure
from pydantic import BaseModel
from scipy.stats import norm

from .. import data
from ..core.bootstrap import bootstrap
from ..core.bundle import Predictor
from ..core.config import METRICS, MonitoringConfig, ProjectConfig, UserError
from ..core.files import to_json, write_atomic
from ..core.metrics import Target
from ..core.results import load_results
from ..core.rows import Array, Batch, IntArray, Rows, open_rows
from ..core.splits import Split
from ..features import MISSING_VALUES, Instance, monitored_columns
from .drift import Drift, measure_drift

REPORT = Path("reports/drift.md")
FIGURE = Path("reports/drift.png")
TEMPLATE = Path(__file__).with_name("drift.md")
# Quality is measured on the first rows with a target.
MAX_LABELLED = 10_000
# Instances of a request log that are in memory at once; one may be an image.
LOG_ROWS = 1000


class LoggedRequest(BaseModel):
    """What monitoring needs of a line of a request log."""

    instances: list[dict[str, Any]]


class CurrentData:
    """What is collected from current rows, batch by batch.

    Attributes:
        counts: The number of rows in each bin, by column of the reference data.
        sums: Number, sum and sum of squares of the standardised values, by column of numbers.
        refused: Why rows were refused.
        labelled: The first rows with a target.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.n_rows = 0
        self.counts: dict[str, IntArray] = {}
        self.sums: dict[str, Array] = {}
        self.refused: list[str] = []
        self.labelled: list[dict[str, Any]] = []

    def add(self, batch: Batch) -> None:
        """Validate, predict and count the rows; one without a finite prediction is refused."""
        valid, refused = batch.check(Instance)
        if valid:
            output, is_finite = self.predictor.raw_output(list(valid.values()))
            not_finite = compress(valid, ~is_finite)
            refused |= dict.fromkeys(not_finite, "the model returns no finite number")
            valid = dict(compress(valid.items(), is_finite))
        if valid:
            self.count(list(valid.values()), output[is_finite])
        self.n_rows += len(batch.rows)
        self.refused += [f"{batch.label(index)}: {reason}" for index, reason in refused.items()]
        labelled = (
            {**batch.rows[index], **row}
            for index, row in valid.items()
            if batch.rows[index].get(data.TARGET) is not None
        )
        self.labelled += islice(labelled, MAX_LABELLED - len(self.labelled))

    def count(self, rows: Rows, output: Array) -> None:
        """Count the rows in each bin of the reference data."""
        columns = monitored_columns(rows) | self.predictor.target.monitored_columns(output)
        for name, column in self.predictor.info.reference.items():
            self.counts[name] = column.count(columns[name]) + self.counts.get(name, 0)
            # The values of a constant column have no scale.
            if column.std:
                values = column.standardise(columns[name])
                sums = np.array([len(values), values.sum(), values @ values])
                self.sums[name] = sums + self.sums.get(name, 0)


def monitor(config: ProjectConfig, source: Path, bundle: Path) -> None:
    """Write reports/drift.md, drift.json and drift.png.

    Raises:
        UserError: The file cannot be read; or, after the report is written, a limit of
            [monitoring] is exceeded.
    """
    current = CurrentData(Predictor(bundle))
    for batch in read_batches(source):
        current.add(batch)
    if not current.n_rows:
        raise UserError(f"{source} has no rows.", 2)
    predictor = current.predictor
    drifts = measure_drift(
        predictor.info.reference, current.counts, current.sums, config.monitoring
    )
    labelled = Split(pd.DataFrame(current.labelled))
    quality = []
    if len(labelled) >= config.min_slice_size:
        y_true = encode_target(predictor.target, labelled)
        output = predictor.output(labelled.rows)
        quality = measure_quality(predictor, y_true, output, labelled.groups, config)
    report: dict[str, Any] = {
        "current": str(source),
        "rows": current.n_rows,
        "refused": len(current.refused),
        "reasons": current.refused[:5],
        "columns": [asdict(drift) for drift in drifts],
        "class_balance": predictor.target.class_balance(
            {drift.name: drift for drift in drifts}, config.monitoring
        ),
        "quality": quality,
    }
    report["problems"] = find_problems(report, config.monitoring)
    write_atomic(REPORT.with_suffix(".json"), to_json(report))
    template = Template(TEMPLATE.read_text(encoding="utf-8"), trim_blocks=True)
    write_atomic(REPORT, template.render(report, to_text=to_text).encode())
    plot_drift(drifts[:3]).savefig(FIGURE, dpi=120)
    if report["problems"]:
        raise UserError(f"{source}: {'; '.join(report['problems'])}. See {REPORT}.")


def read_batches(source: Path) -> Iterator[Batch]:
    """The rows of a file, or the instances of a request log (.jsonl)."""
    if source.suffix != ".jsonl":
        yield from open_rows(source, MISSING_VALUES)
        return
    logs = (Path(f"{source}.1"), source)
    instances = chain.from_iterable(read_request_log(log) for log in logs if log.is_file())
    while block := list(islice(instances, LOG_ROWS)):
        labels, rows = zip(*block, strict=True)
        yield Batch(list(rows), 0, list(labels))


def read_request_log(log: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each instance with a name for its line; a line that is torn, as by a crash, is empty."""
    with log.open("rb") as file:
        for number, line in enumerate(file, 1):
            label = f"line {number}"
            try:
                instances = LoggedRequest.model_validate_json(line).instances
            except ValueError:
                instances, label = [{}], f"line {number} holds no instances"
            for instance in instances:
                yield label, instance


def encode_target(target: Target, labelled: Split) -> Array:
    """The target as the metrics take it; raises UserError for a value that training did not see."""
    try:
        return target.encode(labelled.target, labelled.features)
    except ValueError as error:
        raise UserError(f'Column "{data.TARGET}" of the current data: {error}.', 2) from error


def measure_quality(
    predictor: Predictor, y_true: Array, output: Array, groups: IntArray, config: ProjectConfig
) -> list[dict[str, Any]]:
    """The monitored metrics of labelled rows, where they are defined, beside the test set's."""
    metrics = predictor.target.monitored_metrics(y_true, output)
    results = load_results() if METRICS.is_file() else None
    test_values = results.metrics if results and results.run == predictor.info.run else {}
    # Bonferroni over the metrics; one-sided, because a better one is no problem.
    quantile = norm.isf(config.monitoring.alpha / len(metrics))
    # In half widths of the interval. The test value has an error, too: that of as many rows.
    critical = quantile / norm.isf((1 - config.confidence) / 2)
    critical *= np.sqrt(1 + len(y_true) / predictor.info.data.test)
    rows = np.arange(len(y_true))
    quality = []
    for name, (higher_is_better, scorer) in metrics.items():
        if np.isnan(scorer(rows)):
            continue
        found = bootstrap(scorer, rows, groups, config)
        metric = {"name": name, "rows": len(rows), **found, "test": None, "worse": False}
        if name in test_values:
            sign = 1 if higher_is_better else -1
            loss = sign * (test_values[name] - found["value"])
            bound = found["ci_high"] if higher_is_better else found["ci_low"]
            limit = config.monitoring.max_quality_drop * abs(test_values[name])
            is_worse = loss > max(limit, critical * abs(bound - found["value"]))
            metric |= {"test": test_values[name], "worse": bool(is_worse)}
        quality.append(metric)
    return quality


def find_problems(report: dict[str, Any], limits: MonitoringConfig) -> list[str]:
    """Which limits are exceeded, in words."""
    problems = []
    if report["refused"] > limits.max_refused * report["rows"]:
        problems.append("{refused} of {rows} rows are refused ({reasons[0]})".format(**report))
    drifted = [column["name"] for column in report["columns"] if column["drifted"]]
    if drifted:
        problems.append(f"drifted: {', '.join(drifted)}")
    balance = report["class_balance"]
    if balance and balance["changed"]:
        problem = (
            'the share of "{label}" is {share:.0%}, in the test set {test:.0%}, as estimated '
            "from the predictions, if only the class balance has changed"
        )
        problems.append(problem.format(**balance))
    for metric in report["quality"]:
        if metric["worse"]:
            value, test_value = to_text(metric["value"]), to_text(metric["test"])
            problems.append(f"{metric['name']} is {value}, on the test set {test_value}")
    return problems


def to_text(value: float) -> str:
    """A metric with three digits, or an amount as a whole number."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def plot_drift(drifts: list[Drift]) -> Figure:
    """The shares of the bins in reference and current data, one panel for each column."""
    figure = Figure((8, 9), layout="constrained")
    for number, drift in enumerate(drifts, 1):
        ax = figure.add_subplot(len(drifts), 1, number)
        ax.plot(drift.bins, drift.reference, "o-", label="reference")
        ax.plot(drift.bins, drift.current, "o-", label="current")
        ax.set(title=drift.name, ylabel="share of rows")
        ax.legend()
    return figure
