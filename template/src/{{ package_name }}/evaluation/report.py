"""The stage `report`: the results in README.md and MODEL_CARD.md, from metrics.json alone."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from ..core.bundle import load_info
from ..core.config import BUNDLE, COMMAND, METRICS, UserError
from ..core.files import read_json, write_atomic
from ..core.results import Results, load_results

DOCUMENTS = (Path("README.md"), Path("MODEL_CARD.md"))
START, END = "<!-- results:start -->\n", "<!-- results:end -->\n"
TEMPLATES = Environment(  # noqa: S701 - Markdown, not HTML
    loader=FileSystemLoader(Path(__file__).parent), trim_blocks=True
)


def report(*, check: bool = False) -> None:
    """Write the results between the markers of both files.

    Args:
        check: Write nothing, and raise UserError if a file is not up to date.
    """
    text = f"No results yet: `uv run {COMMAND} run` writes them here."
    if METRICS.is_file() or not check:
        results = load_results()
        text = render("report.md", results)
        # A check is for committed results, which the bundle of this folder may not have.
        if BUNDLE.is_dir() and not check:
            results.require_model(load_info())
    for path in DOCUMENTS:
        before = path.read_text(encoding="utf-8") if path.is_file() else ""
        after = insert_results(before, text, path)
        if not check:
            write_atomic(path, after.encode())
        elif before != after:
            raise UserError(f"The results in {path} are not up to date; run `{COMMAND} report`.")


def insert_results(document: str, text: str, path: Path) -> str:
    """Put the text between the markers; raises UserError where one is missing."""
    before, found_start, rest = document.partition(START)
    _, found_end, after = rest.partition(END)
    if not (found_start and found_end):
        raise UserError(f"{path} needs a line {START.strip()} and after it a line {END.strip()}.")
    return f"{before}{START}{text}\n{END}{after}"


def render(template: str, results: Results, **variables: Any) -> str:
    """Fill in a template beside this file."""
    content = TEMPLATES.get_template(template).render(dict(results), **variables)
    return content.strip()


def headline(results: Results) -> str:
    """The part of the results that a run prints."""
    return render("report.md", results).partition("<!-- ")[0]


def compare_results(earlier: Path) -> str:
    """The change since an earlier metrics.json, which may hold an empty object, in Markdown."""
    before = read_json(earlier, "give a metrics.json of an earlier run")
    return render("comparison.md", load_results(), before=before)
