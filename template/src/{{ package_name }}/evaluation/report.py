"""The stage `report`: the results in README.md and MODEL_CARD.md, from metrics.json alone."""

from pathlib import Path
from typing import Any

from jinja2 import Template

from ..core.config import COMMAND, METRICS, UserError
from ..core.files import read_json, write_atomic

DOCUMENTS = (Path("README.md"), Path("MODEL_CARD.md"))
TEMPLATE = Path(__file__).with_name("report.md")
START, END = "<!-- results:start -->\n", "<!-- results:end -->\n"


def report(*, check: bool = False) -> None:
    """Write the results between the markers of both files.

    Args:
        check: Write nothing, and raise UserError if a file is not up to date.
    """
    results = f"No results yet: `uv run {COMMAND} run` writes them here."
    if METRICS.is_file() or not check:
        results = render_results(read_json(METRICS, f"run `{COMMAND} evaluate` first"))
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        updated = insert_results(text, results, path)
        if not check:
            write_atomic(path, updated.encode())
        elif text != updated:
            raise UserError(f"The results in {path} are not up to date; run `{COMMAND} report`.")


def insert_results(text: str, results: str, path: Path) -> str:
    """Put the results between the markers; raises UserError where one is missing."""
    before, found_start, rest = text.partition(START)
    _, found_end, after = rest.partition(END)
    if not (found_start and found_end):
        raise UserError(f"{path} needs a line {START.strip()} and after it a line {END.strip()}.")
    return f"{before}{START}{results}\n{END}{after}"


def render_results(metrics: dict[str, Any]) -> str:
    """The text of report.md, filled in."""
    template = Template(TEMPLATE.read_text(encoding="utf-8"), trim_blocks=True)
    text: str = template.render(metrics, number=format_number, interval=format_interval)
    return text.strip()


def headline(metrics: dict[str, Any]) -> str:
    """The part of the results that a run prints."""
    return render_results(metrics).partition("<!-- ")[0]


def format_interval(item: dict[str, float]) -> str:
    """Both bounds of an interval."""
    return f"{format_number(item['ci_low'])} to {format_number(item['ci_high'])}"


def format_number(value: float) -> str:
    """Three decimals, or none from 1,000 on."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3f}"
