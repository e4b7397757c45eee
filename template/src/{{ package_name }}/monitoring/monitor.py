"""The command `monitor`: drift, refused rows and quality of current data."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from jinja2 import Template
from matplotlib.figure import Figure

from .. import data
from ..core.bootstrap import Bootstrap
from ..core.bundle import Predictor
from ..core.config import METRICS, ProjectConfig, UserError
from ..core.files import read_json, to_json, write_atomic
from ..core.metrics import HIGHER_IS_BETTER
from ..core.rows import Array, Batch, IntArray, Rows, open_rows
from ..features import MISSING_VALUES, Instance, build_features, monitored_columns
from .drift import Drift, measure_drift

REPORT = Path("reports/drift.md")
FIGURE = Path("reports/drift.png")
TEMPLATE = Path(__file__).with_name("drift.md")
# Quality is measured on the first rows with a target.
MAX_LABELLED = 10_000


class CurrentData:
    """What is collected from current rows, block by block.

    Attributes:
        counts: The number of rows in each bin, by column of the reference data.
        refused: Why rows were refused.
        labelled: Rows with a target; `outputs` are the model's for them.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.n_rows = 0
        self.refused: list[str] = []
        self.counts: dict[str, IntArray] = {}
        self.labelled: list[dict[str, Any]] = []
        self.outputs: list[Array] = []

    def add(self, batch: Batch) -> None:
        """Validate, predict and count the rows."""
        valid, refused = batch.check(Instance)
        for index, reason in refused.items():
            self.refused.append(f"{batch.label(index)}: {reason}")
        self.n_rows += len(batch.rows)
        if valid:
            output = self.predictor.output(valid)
            self.count(valid, output)
            accepted = [row for index, row in enumerate(batch.rows) if index not in refused]
            self.collect_labelled(accepted, valid, output)

    def count(self, rows: Rows, output: Array) -> None:
        """Count the rows in each bin of the reference data."""
        columns = monitored_columns(rows) | self.predictor.target.monitored_columns(output)
        for name, column in self.predictor.info.reference.items():
            self.counts[name] = column.count(columns[name]) + self.counts.get(name, 0)

    def collect_labelled(self, source_rows: Rows, rows: Rows, output: Array) -> None:
        """Collect the rows whose target is known by now."""
        for source_row, row, row_output in zip(source_rows, rows, output, strict=True):
            is_labelled = source_row.get(data.TARGET) is not None
            if is_labelled and len(self.labelled) < MAX_LABELLED:
                self.labelled.append({**source_row, **row})
                self.outputs.append(row_output)


def monitor(config: ProjectConfig, source: Path, bundle: Path) -> None:
    """Write reports/drift.md, .json and .png.

    Raises:
        UserError: The file cannot be read; or, after the report is written, a limit of
            [monitoring] is exceeded.
    """
    current = CurrentData(Predictor(bundle))
    for batch in read_batches(source):
        current.add(batch)
    if not current.n_rows:
        raise UserError(f"{source} has no rows.", 2)
    drifts = measure_drift(current.predictor.info.reference, current.counts, config.monitoring)
    quality = measure_quality(current, config)
    problems = find_problems(current, drifts, quality, config)
    result = {
        "current": str(source),
        "problems": problems,
        "rows": current.n_rows,
        "refused": len(current.refused),
        "reasons": current.refused[:5],
        "columns": [asdict(drift) for drift in drifts],
        "quality": quality,
    }
    write_atomic(REPORT.with_suffix(".json"), to_json(result))
    template = Template(TEMPLATE.read_text(encoding="utf-8"), trim_blocks=True)
    write_atomic(REPORT, template.render(result).encode())
    plot_drift(drifts[:3]).savefig(FIGURE, dpi=120)
    if problems:
        raise UserError(f"{source}: {'; '.join(problems)}. See {REPORT}.")


def read_batches(source: Path) -> Iterator[Batch]:
    """The rows of a file, or the instances of a request log (.jsonl) and of its older file."""
    if source.suffix != ".jsonl":
        yield from open_rows(source, MISSING_VALUES)
        return
    for path in (Path(f"{source}.1"), source):
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
                yield from read_request_log(file)


def read_request_log(file: TextIO) -> Iterator[Batch]:
    """The instances of each line; a line that is torn, as by a crash, counts as a refused row."""
    for number, line in enumerate(file, 1):
        label = f"line {number}"
        try:
            instances = [dict(instance) for instance in json.loads(line)["instances"]]
        except (ValueError, LookupError, TypeError):
            instances, label = [{}], f"line {number} holds no instances"
        yield Batch(instances, number, [label] * len(instances))


def measure_quality(current: CurrentData, config: ProjectConfig) -> dict[str, Any] | None:
    """The primary metric on labelled rows; None where they are too few or have one class."""
    rows, predictor = current.labelled, current.predictor
    if len(rows) < config.min_slice_size:
        return None
    try:
        labels = np.fromiter((row[data.TARGET] for row in rows), dtype=object)
        y_true = predictor.target.encode(labels, build_features(rows))
    except ValueError as error:
        raise UserError(f'Column "{data.TARGET}" of the current data: {error}.', 2) from error
    scorer = predictor.target.scorer(y_true, np.array(current.outputs))
    if np.isnan(scorer(np.arange(len(rows)))):
        return None
    found = Bootstrap(group_numbers(rows), config).measure(scorer)
    quality = {"name": predictor.target.primary_metric, "rows": len(rows), **asdict(found)}
    metrics = read_json(METRICS, "delete it") if METRICS.is_file() else {}
    if metrics.get("run") == predictor.info.run.model_dump():
        test_value = metrics["primary"]["value"]
        loss = test_value - found.ci_high if HIGHER_IS_BETTER else found.ci_low - test_value
        is_worse = loss > config.monitoring.max_quality_drop * abs(test_value)
        quality |= {"test": test_value, "worse": is_worse}
    return quality


def group_numbers(rows: Rows) -> IntArray:
    """A number from 0 for each row; rows of one data.GROUP have the same number."""
    if data.GROUP is None:
        return np.arange(len(rows))
    groups = [str(row.get(data.GROUP, index)) for index, row in enumerate(rows)]
    return np.unique(groups, return_inverse=True)[1]


def find_problems(
    current: CurrentData, drifts: list[Drift], quality: Any, config: ProjectConfig
) -> list[str]:
    """Which limits are exceeded, in words."""
    problems = []
    n_refused, n_rows = len(current.refused), current.n_rows
    if n_refused > config.monitoring.max_refused * n_rows:
        problems.append(f"{n_refused} of {n_rows} rows are refused ({current.refused[0]})")
    drifted = [drift.name for drift in drifts if drift.drifted]
    if drifted:
        problems.append(f"drifted: {', '.join(drifted)}")
    if quality and quality.get("worse"):
        problems.append("{name} is {value:.3g}, on the test set {test:.3g}".format(**quality))
    return problems


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
