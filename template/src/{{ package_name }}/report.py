"""The stage `report`: the results in README.md and MODEL_CARD.md, from metrics.json alone."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Template

from .files import read_json, write_whole
from .settings import COMMAND, METRICS, UserError

README, CARD = Path("README.md"), Path("MODEL_CARD.md")
MARKDOWN = ("<!-- results:start -->", "<!-- results:end -->")
YAML = ("# results:start", "# results:end")


def report(check: bool = False) -> None:
    """Write what is between the markers of both files; `check` raises UserError if it is stale."""
    index, text = "model-index: []", f"No results yet: `uv run {COMMAND} run` writes them here."
    if METRICS.is_file() or not check:
        metrics = read_json(METRICS, f"run `{COMMAND} evaluate` first")
        index, text = model_index(metrics), results(metrics)
    for path, blocks in {README: {MARKDOWN: text}, CARD: {YAML: index, MARKDOWN: text}}.items():
        content = put_between(path, blocks)
        if not check:
            write_whole(path, content.encode())
        elif path.read_text(encoding="utf-8") != content:
            raise UserError(f"The results in {path} are stale or edited; run `{COMMAND} report`.")


def put_between(path: Path, blocks: dict[tuple[str, str], str]) -> str:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    for (start, end), content in blocks.items():
        before, found, rest = text.partition(f"{start}\n")
        _, found_end, after = rest.partition(f"{end}\n")
        if not (found and found_end):
            raise UserError(f'{path} needs a line "{start}" and after it a line "{end}".')
        text = f"{before}{start}\n{content}\n{end}\n{after}"
    return text


def results(metrics: dict[str, Any]) -> str:
    """The text of report.md, filled in; whoever wants another report edits that file."""
    template = Path(__file__).with_name("report.md").read_text(encoding="utf-8")
    filled = Template(template, trim_blocks=True).render(metrics, number=number, interval=interval)
    return str(filled).strip()


def headline(metrics: dict[str, Any]) -> str:
    """What the console shows after a run."""
    return results(metrics).partition("<!-- ")[0]


def interval(item: dict[str, float]) -> str:
    return f"{number(item['ci_low'])} to {number(item['ci_high'])}"


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3f}"


def model_index(metrics: dict[str, Any]) -> str:
    """Results as the Hugging Face hub reads them; JSON is YAML too."""
    result = {
        "task": {"type": metrics["variant"]},
        "dataset": {"name": metrics["data"]["source"], "type": "sample", "split": "test"},
        "metrics": [{"type": name, "value": value} for name, value in metrics["metrics"].items()],
    }
    return f"model-index: {json.dumps([{'name': COMMAND, 'results': [result]}])}"
