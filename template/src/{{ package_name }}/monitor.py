"""The stage `monitor`: rows of now beside the test rows, by what the bundle keeps of them."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Template
from matplotlib.figure import Figure

from . import data, drift, evaluate, files, locate, predict, prepare, report
from .bundle import FIELDS, Predictor, instance_of
from .dataset import Part
from .inputs import Array, Instances, records
from .settings import METRICS, Settings, UserError

DRIFT = Path("reports/drift")
READERS: Any = {".parquet": pd.read_parquet, ".jsonl": partial(pd.read_json, lines=True)}
READERS[".csv"] = partial(pd.read_csv, dtype=str, keep_default_na=False)


def monitor(settings: Settings, current: Path, bundle: str = "") -> None:
    """Write reports/drift.*; raises UserError that names what is past a threshold."""
    predictor = locate.load_predictor(bundle)
    found = {"current": str(current), **examine(predictor, read(current), settings)}
    files.write_json(DRIFT.with_suffix(".json"), found)
    form = Template(Path(__file__).with_name("monitor.md").read_text("utf-8"), trim_blocks=True)
    files.write_whole(DRIFT.with_suffix(".md"), form.render(found, number=report.number).encode())
    DRIFT.mkdir(exist_ok=True)
    for place, column in enumerate(found["columns"][:3], 1):
        axes: Any = Figure((8, 4), layout="constrained").subplots()
        shares = pd.DataFrame(column["shares"], ["test", "now"], column["bins"]).T
        shares.plot.bar(ax=axes, title=column["name"], ylabel="share of the rows")
        axes.figure.savefig(DRIFT / f"{place}.png", dpi=120)
    if found["findings"]:
        raise UserError(f"{current}: {'; '.join(found['findings'])}. See {DRIFT}.md.")


def read(source: Path) -> list[dict[str, Any]]:
    """The rows as they are; of a log of requests with its older half."""
    try:
        halves = [half for half in (Path(f"{source}.1"), source) if half.is_file()]
        table = pd.concat(READERS[source.suffix](half) for half in halves or [source])
        cells = table["instances"].explode() if "instances" in table else records(table)
        rows = [row for row in cells if isinstance(row, dict)]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(f"{source} is no .csv, .parquet or .jsonl of rows: {error}.", 2) from error
    if not any(name in row for row in rows for name in FIELDS):
        raise UserError(f"{source} has no row with a field of the model: {', '.join(FIELDS)}.", 2)
    return rows


def examine(predictor: Predictor, rows: Instances, settings: Settings) -> dict[str, Any]:
    """What is past the thresholds, in words, and the numbers; what the API refuses is left out."""
    good, refused, findings = list[dict[str, Any]](), list[str](), list[str]()
    for place, row in enumerate(rows, 1):
        try:
            with predict.said_of(f"row {place}"):
                asked = instance_of({name: row[name] for name in FIELDS if name in row})
                prepare.prepare([asked.model_dump()])
            good.append({**row, **asked.model_dump()})
        except UserError as error:
            refused.append(str(error))
    if len(refused) > settings.monitor.refused * len(rows):
        findings.append(f"{len(refused)} of {len(rows)} rows are refused ({refused[0]})")
    found: dict[str, Any] = {"rows": len(rows), "columns": [], "quality": {}}
    if good:
        output = predictor.output(good)
        found["columns"] = drift.drift(predictor, good, output, settings.monitor)
        found["quality"] = judge(predictor, good, output, settings)
    if drifted := ", ".join(item["name"] for item in found["columns"] if item["drifted"]):
        findings.append(f"drifted: {drifted}")
    if found["quality"].get("worse"):
        findings.append("{name} is {value:.3g}, on test {test:.3g}".format(**found["quality"]))
    return {"findings": findings, "refused": len(refused), "reasons": refused[:5], **found}


def judge(predictor: Predictor, rows: Any, output: Array, settings: Settings) -> dict[str, Any]:
    """The primary metric where the target is known by now, and its value on the test rows."""
    target, task, sign = str(data.TARGET), predictor.task, evaluate.SIGN
    told = [place for place, row in enumerate(rows) if row.get(target) not in (None, "")]
    table = pd.DataFrame([{str(data.GROUP): place, **rows[place]} for place in told])
    if len(told) < settings.smallest_slice or table[target].astype(str).nunique() < 2:
        return {}
    try:  # a cell of a CSV can hold a list as JSON
        table[target] = [json.loads(str(c)) if str(c)[0] == "[" else c for c in table[target]]
        scores = evaluate.Bootstrap(task, Part(table), settings).scores(output[told])
    except (ValueError, UserError) as error:
        raise UserError(f'Column "{target}" of what is compared: {error}', 2) from error
    found: dict[str, Any] = evaluate.interval(scores[task.primary], settings)
    metrics = files.read_json(METRICS, "delete it") if METRICS.is_file() else {}
    if metrics.get("run") == predictor.meta["run"]:
        best = max(sign * found["ci_low"], sign * found["ci_high"])
        test = found["test"] = metrics["primary"]["value"]
        found["worse"] = sign * test - best > settings.monitor.quality_drop * abs(test)
    return {"name": task.primary, "rows": len(told), **found}
