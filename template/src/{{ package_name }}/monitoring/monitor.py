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
from ..core.bootstrap import Bootstrap
from ..core.bundle import Predictor
from ..core.config import METRICS, ProjectConfig, UserError
from ..core.files import read_json, write_atomic, write_json
from ..core.metrics import HIGHER_IS_BETTER
from ..core.rows import Array, IntArray, Rows, open_rows, validate
from ..features import MISSING_VALUES, Instance, build_features, monitored_columns
from .drift import Drift, measure_drift

DRIFT = Path("reports/drift")
TEMPLATE = Path(__file__).with_name("drift.md")
MAX_REASONS = 5
# Quality is measured on the first rows with a target.
MAX_LABELLED = 10_000


@dataclass
class CurrentData:
    """What is known of the current rows.

    Attributes:
        counts: The number of rows in each bin, by column of the reference data.
        reasons: Why the first of the refused rows were refused.
        labelled: Rows with a target, and `outputs` what the model returned for them.
    """

    counts: dict[str, IntArray] = field(default_factory=dict)
    n_rows: int = 0
    n_refused: int = 0
    reasons: list[str] = field(default_factory=list)
    labelled: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[Array] = field(default_factory=list)

    def add(self, rows: Rows, predictor: Predictor) -> None:
        """Validate, predict and count some rows."""
        fields = Instance.model_fields
        known = [{name: row[name] for name in fields if name in row} for row in rows]
        checked = validate(known, Instance)
        for index, reason in checked.refused.items():
            self.reasons.append(f"row {self.n_rows + index + 1}: {reason}")
        self.n_rows += len(rows)
        self.n_refused += len(checked.refused)
        if not checked.rows:
            return
        output = predictor.output(checked.rows)
        predicted = predictor.target.monitored_columns(output)
        columns = {**monitored_columns(checked.rows), **predicted}
        for name, column in predictor.info.reference.items():
            self.counts[name] = self.counts.get(name, 0) + column.count(columns[name])
        for index, row, scores in zip(checked.indices, checked.rows, output, strict=True):
            if rows[index].get(data.TARGET) is not None and len(self.labelled) < MAX_LABELLED:
                self.labelled.append({**rows[index], **row})
                self.outputs.append(scores)


def monitor(config: ProjectConfig, source: Path, bundle: Path) -> None:
    """Write reports/drift.json, drift.md and figures.

    Raises:
        UserError: The file cannot be read; or, after the reports are written, a limit of
            [monitoring] is passed.
    """
    predictor = Predictor(bundle)
    current = CurrentData()
    for rows in read_blocks(source):
        current.add(rows, predictor)
    if not current.n_rows:
        raise UserError(f"{source} has no rows.", 2)
    drifts = []
    if current.counts:
        drifts = measure_drift(predictor.info.reference, current.counts, config.monitoring)
    quality = measure_quality(predictor, current, config)
    findings = find_problems(current, drifts, quality, config)
    result = {
        "current": str(source),
        "findings": findings,
        "rows": current.n_rows,
        "refused": current.n_refused,
        "reasons": current.reasons[:MAX_REASONS],
        "columns": [asdict(drift) for drift in drifts],
        "quality": quality,
    }
    write_json(DRIFT.with_suffix(".json"), result)
    template = Template(TEMPLATE.read_text(encoding="utf-8"), trim_blocks=True)
    write_atomic(DRIFT.with_suffix(".md"), template.render(result).encode())
    DRIFT.mkdir(exist_ok=True)
    for number, drift in enumerate(drifts[:3], 1):
        plot_shares(drift).savefig(DRIFT / f"{number}.png", dpi=120)
    if findings:
        raise UserError(f"{source}: {'; '.join(findings)}. See {DRIFT}.md.")


def read_blocks(source: Path) -> Iterator[list[dict[str, Any]]]:
    """The rows of a file, or the instances of a request log (.jsonl) and of its older file."""
    if source.suffix != ".jsonl":
        yield from (batch.rows for batch in open_rows(source, MISSING_VALUES).batches)
        return
    paths = [path for path in (Path(f"{source}.1"), source) if path.is_file()]
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                yield json.loads(line)["instances"]
            except (ValueError, LookupError, TypeError) as error:
                raise UserError(f"{path}, line {number} holds no instances.", 2) from error


def measure_quality(
    predictor: Predictor, current: CurrentData, config: ProjectConfig
) -> dict[str, Any] | None:
    """The primary metric on labelled rows; None where they are too few or have one class."""
    rows, target = current.labelled, predictor.target
    if len(rows) < config.min_slice_size:
        return None
    labels = np.array([row[data.TARGET] for row in rows])
    try:
        y_true = target.encode(labels, build_features(rows))
    except ValueError as error:
        raise UserError(f'Column "{data.TARGET}" of the current data: {error}.', 2) from error
    scorer = target.scorer(y_true, np.array(current.outputs))
    found = Bootstrap(group_numbers(rows), config).measure(scorer)
    if np.isnan(found.value):
        return None
    quality = {"name": target.primary_metric, "rows": len(rows), **asdict(found)}
    metrics = read_json(METRICS, "delete it") if METRICS.is_file() else {}
    if metrics.get("run") == predictor.info.run.model_dump():
        test_value = metrics["primary"]["value"]
        lost = test_value - found.ci_high if HIGHER_IS_BETTER else found.ci_low - test_value
        worse = lost > config.monitoring.max_quality_drop * abs(test_value)
        quality |= {"test": test_value, "worse": worse}
    return quality


def group_numbers(rows: Rows) -> IntArray:
    """A number from 0 for each row; rows of one data.GROUP have the same number."""
    groups = [str(row.get(str(data.GROUP), index)) for index, row in enumerate(rows)]
    return np.unique(groups, return_inverse=True)[1]


def find_problems(
    current: CurrentData,
    drifts: list[Drift],
    quality: dict[str, Any] | None,
    config: ProjectConfig,
) -> list[str]:
    """What is past a limit, in words."""
    problems = []
    if current.n_refused > config.monitoring.max_refused * current.n_rows:
        reason = current.reasons[0]
        problems.append(f"{current.n_refused} of {current.n_rows} rows are refused ({reason})")
    drifted = [drift.name for drift in drifts if drift.drifted]
    if drifted:
        problems.append(f"drifted: {', '.join(drifted)}")
    if quality and quality.get("worse"):
        problems.append("{name} is {value:.3g}, on the test set {test:.3g}".format(**quality))
    return problems


def plot_shares(drift: Drift) -> Figure:
    """The shares of one column's bins in reference and current data."""
    figure = Figure((8, 4), layout="constrained")
    ax = figure.subplots()
    position = np.arange(len(drift.bins))
    ax.bar(position - 0.2, drift.reference, width=0.4, label="reference")
    ax.bar(position + 0.2, drift.current, width=0.4, label="current")
    ax.set_xticks(position, drift.bins, rotation=45, ha="right")
    ax.set(title=drift.name, ylabel="share of rows")
    ax.legend()
    return figure
