"""The stage `report`: the results in README.md and MODEL_CARD.md, from metrics.json alone."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Template

from ..core.config import COMMAND, METRICS, UserError
from ..core.files import read_json, write_atomic

README = Path("README.md")
CARD = Path("MODEL_CARD.md")
TEMPLATE = Path(__file__).with_name("report.md")
MARKDOWN_MARKERS = ("<!-- results:start -->", "<!-- results:end -->")
YAML_MARKERS = ("# results:start", "# results:end")


def report(*, check: bool = False) -> None:
    """Write the text between the markers of both files.

    Args:
        check: Write nothing.

    Raises:
        UserError: A marker is missing, or with `check` a file is not up to date.
    """
    results, index = f"No results yet: `uv run {COMMAND} run` writes them here.", "model-index: []"
    if METRICS.is_file() or not check:
        metrics = read_json(METRICS, f"run `{COMMAND} evaluate` first")
        results, index = render_results(metrics), model_index(metrics)
    readme = replace_between(read_text(README), MARKDOWN_MARKERS, results, README)
    card = replace_between(read_text(CARD), YAML_MARKERS, index, CARD)
    card = replace_between(card, MARKDOWN_MARKERS, results, CARD)
    for path, content in ((README, readme), (CARD, card)):
        if not check:
            write_atomic(path, content.encode())
        elif read_text(path) != content:
            raise UserError(f"The results in {path} are not up to date; run `{COMMAND} report`.")


def read_text(path: Path) -> str:
    """The file's text, empty where there is no file."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def replace_between(text: str, markers: tuple[str, str], content: str, path: Path) -> str:
    """Put the content between the lines of two markers.

    Raises:
        UserError: A marker is missing in the file.
    """
    start, end = markers
    before, found_start, rest = text.partition(f"{start}\n")
    _, found_end, after = rest.partition(f"{end}\n")
    if not (found_start and found_end):
        raise UserError(f'{path} needs a line "{start}" and after it a line "{end}".')
    return f"{before}{start}\n{content}\n{end}\n{after}"


def render_results(metrics: dict[str, Any]) -> str:
    """The text of report.md, filled in."""
    template = Template(TEMPLATE.read_text(encoding="utf-8"), trim_blocks=True)
    text: str = template.render(metrics, number=format_number, interval=format_interval)
    return text.strip()


def headline(metrics: dict[str, Any]) -> str:
    """The part of the results that a run prints."""
    return render_results(metrics).partition("<!-- ")[0]


def format_interval(item: dict[str, float]) -> str:
    """Both bounds in words."""
    return f"{format_number(item['ci_low'])} to {format_number(item['ci_high'])}"


def format_number(value: float) -> str:
    """Three decimals, or none from 1,000 on."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3f}"


def model_index(metrics: dict[str, Any]) -> str:
    """The results as model hubs read them from a model card; JSON is valid YAML."""
    result = {
        "task": {"type": metrics["variant"]},
        "dataset": {"name": metrics["data"]["source"], "type": "sample", "split": "test"},
        "metrics": [{"type": name, "value": value} for name, value in metrics["metrics"].items()],
    }
    return f"model-index: {json.dumps([{'name': COMMAND, 'results': [result]}])}"
