"""The command `monitor`: drift, refused rows and quality of current data."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Template
from matplotlib.figure import Figure

from .. import data
from ..core.bootstrap import bootstrap_indices, interval, resample
from ..core.bundle import Predictor
from ..core.config import METRICS, ProjectConfig, UserError
from ..core.files import read_json, write_atomic, write_json
from ..core.metrics import HIGHER_IS_BETTER
from ..core.rows import Array, Rows, open_rows, validate
from ..features import MISSING_VALUES, Instance, build_features, monitored_columns
from .drift import CurrentData, Drift, find_drifted

DRIFT = Path("reports/drift")
TEMPLATE = Path(__file__).with_name("drift.md")
BLOCK_ROWS = 1000
MAX_REASONS = 5
# Quality is measured on the first rows with a target.
MAX_LABELLED = 10_000


@dataclass
class Current:
    """What is collected from the current rows.

    Attributes:
        refused: Why rows were refused, the first of them; n_refused counts all.
        labelled: Valid rows with a target, and `outputs` what the model returned for them.
    """

    columns: CurrentData
    n_rows: int = 0
    n_refused: int = 0
    refused: list[str] = field(default_factory=list)
    labelled: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[Array] = field(default_factory=list)


def monitor(config: ProjectConfig, source: Path, bundle: Path) -> None:
    """Write reports/drift.json, drift.md and figures.

    Raises:
        UserError: The file cannot be read; or, after the reports are written, names what is past
            a limit of [monitoring].
    """
    predictor = Predictor(bundle)
    current = collect(predictor, source)
    drifts = current.columns.compare() if current.n_rows > current.n_refused else []
    drifted = find_drifted(drifts, config.monitoring)
    quality = measure_quality(predictor, current, config)
    findings = describe_findings(current, drifted, quality, config)
    result = {
        "current": str(source),
        "findings": findings,
        "rows": current.n_rows,
        "refused": current.n_refused,
        "reasons": current.refused,
        "columns": [{**asdict(drift), "drifted": drift in drifted} for drift in drifts],
        "quality": quality,
    }
    write_json(DRIFT.with_suffix(".json"), result)
    template = Template(TEMPLATE.read_text(encoding="utf-8"), trim_blocks=True)
    write_atomic(DRIFT.with_suffix(".md"), template.render(result).encode())
    save_figures(drifts[:3])
    if findings:
        raise UserError(f"{source}: {'; '.join(findings)}. See {DRIFT}.md.")


def collect(predictor: Predictor, source: Path) -> Current:
    """Validate, predict and summarise the rows, block by block."""
    current = Current(CurrentData(predictor.info.reference))
    fields = Instance.model_fields
    for rows in read_blocks(source):
        known = [{name: row[name] for name in fields if name in row} for row in rows]
        checked = validate(known, Instance)
        for index, reason in checked.refused.items():
            if len(current.refused) < MAX_REASONS:
                current.refused.append(f"row {current.n_rows + index + 1}: {reason}")
        current.n_rows += len(rows)
        current.n_refused += len(checked.refused)
        if checked.rows:
            output = predictor.output(checked.rows)
            predicted = predictor.target.monitored_columns(output)
            current.columns.add({**monitored_columns(checked.rows), **predicted})
            accepted = [rows[index] for index in checked.indices]
            keep_labelled(current, accepted, checked.rows, output)
    if not current.n_rows:
        raise UserError(f"{source} has no rows.", 2)
    return current


def keep_labelled(current: Current, raw: Rows, rows: Rows, output: Array) -> None:
    """Keep the rows whose target is known by now."""
    for source_row, row, scores in zip(raw, rows, output, strict=True):
        label = source_row.get(data.TARGET)
        if label is not None and len(current.labelled) < MAX_LABELLED:
            current.labelled.append({**source_row, **row, data.TARGET: label})
            current.outputs.append(scores)


def read_blocks(source: Path) -> Iterator[list[dict[str, Any]]]:
    """The rows of a file, or the instances of a request log (.jsonl), in blocks."""
    if source.suffix == ".jsonl":
        yield from read_request_log(source)
        return
    file = open_rows(source, MISSING_VALUES)
    for batch in file.batches:
        for start in range(0, len(batch.rows), BLOCK_ROWS):
            yield batch.rows[start : start + BLOCK_ROWS]


def read_request_log(source: Path) -> Iterator[list[dict[str, Any]]]:
    """The instances of each logged request, of the older file too."""
    paths = [path for path in (Path(f"{source}.1"), source) if path.is_file()]
    if not paths:
        raise UserError(f"{source}: there is no such file.", 2)
    for path in paths:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield json.loads(line)["instances"]
                except (ValueError, LookupError, TypeError) as error:
                    message = f"{path}, line {number} is no request with instances."
                    raise UserError(message, 2) from error


def measure_quality(
    predictor: Predictor, current: Current, config: ProjectConfig
) -> dict[str, Any] | None:
    """The primary metric on labelled rows; None where they are too few or have one value."""
    rows = current.labelled
    if len(rows) < config.min_slice_size:
        return None
    target = predictor.target
    labels = np.array([row[data.TARGET] for row in rows])
    try:
        y_true = target.encode(labels, build_features(rows))
    except ValueError as error:
        raise UserError(f'Column "{data.TARGET}" of the current data: {error}.', 2) from error
    scorer = target.scorer(y_true, np.array(current.outputs))
    value = scorer(np.arange(len(rows)))
    if np.isnan(value):
        return None
    resamples = bootstrap_indices(group_numbers(rows), config.n_resamples, config.seed)
    bounds = interval(value, resample(scorer, resamples), config.confidence)
    quality = {"name": target.primary_metric, "rows": len(rows), **asdict(bounds)}
    test_value = value_on_test_set(predictor)
    if test_value is not None:
        best = bounds.ci_high if HIGHER_IS_BETTER else -bounds.ci_low
        expected = test_value if HIGHER_IS_BETTER else -test_value
        allowed = config.monitoring.max_quality_drop * abs(test_value)
        quality |= {"test": test_value, "worse": bool(expected - best > allowed)}
    return quality


def group_numbers(rows: Rows) -> Array:
    """A number for each row; rows of one data.GROUP have the same one."""
    if data.GROUP is None or any(data.GROUP not in row for row in rows):
        return np.arange(len(rows))
    groups = [str(row[data.GROUP]) for row in rows]
    return np.unique(groups, return_inverse=True)[1]


def value_on_test_set(predictor: Predictor) -> float | None:
    """The primary metric in metrics.json, if it is about this model."""
    if not METRICS.is_file():
        return None
    metrics = read_json(METRICS, "delete it")
    if metrics["run"]["mlflow_run_id"] != predictor.version:
        return None
    return float(metrics["primary"]["value"])


def describe_findings(
    current: Current, drifted: list[Drift], quality: dict[str, Any] | None, config: ProjectConfig
) -> list[str]:
    """What is past a limit, in words."""
    findings = []
    if current.n_refused > config.monitoring.max_refused * current.n_rows:
        findings.append(
            f"{current.n_refused} of {current.n_rows} rows are refused ({current.refused[0]})"
        )
    if drifted:
        findings.append(f"drifted: {', '.join(drift.name for drift in drifted)}")
    if quality and quality.get("worse"):
        name, value, test = quality["name"], quality["value"], quality["test"]
        findings.append(f"{name} is {value:.3g}, on the test set it was {test:.3g}")
    return findings


def save_figures(drifts: list[Drift]) -> None:
    """Bar charts of reference and current shares."""
    DRIFT.mkdir(parents=True, exist_ok=True)
    for number, drift in enumerate(drifts, 1):
        plot_shares(drift).savefig(DRIFT / f"{number}.png", dpi=120)


def plot_shares(drift: Drift) -> Figure:
    """The shares of one column's bins."""
    figure = Figure((8, 4), layout="constrained")
    ax = figure.subplots()
    position = np.arange(len(drift.bins))
    ax.bar(position - 0.2, drift.reference_shares, width=0.4, label="reference")
    ax.bar(position + 0.2, drift.current_shares, width=0.4, label="current")
    ax.set_xticks(position, drift.bins, rotation=45, ha="right")
    ax.set(title=drift.name, ylabel="share of rows")
    ax.legend()
    return figure
