"""The stage `report`: the results in README.md and MODEL_CARD.md, from metrics.json alone."""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from pydantic import BaseModel, FiniteFloat

from ..core.bundle import DataInfo, load_info
from ..core.config import BUNDLE, COMMAND, METRICS, UserError
from ..core.files import read_model, write_atomic
from ..core.results import load_results

DOCUMENTS = (Path("README.md"), Path("MODEL_CARD.md"))
START, END = "<!-- results:start -->", "<!-- results:end -->"
# What the other text of a document describes: SOURCE in data.py.
ABOUT = re.compile("<!-- about: (.*) -->")
BETWEEN_MARKERS = re.compile(f"(?<={START}\n).*?(?={END}\n)", re.DOTALL)
TEMPLATES = Environment(  # noqa: S701 - Markdown, not HTML
    loader=FileSystemLoader(Path(__file__).parent), trim_blocks=True
)


class Earlier(BaseModel):
    """What compare_results() needs of an earlier metrics.json; an empty object is enough."""

    metrics: dict[str, FiniteFloat] = {}
    data: DataInfo | None = None


def report(*, check: bool = False) -> None:
    """Write the results between the markers of both files.

    Args:
        check: Write nothing, and raise UserError if a file is not up to date, or about other data.
    """
    text = f"No results yet: `uv run {COMMAND} run` writes them here."
    source = None
    if METRICS.is_file() or not check:
        results = load_results()
        text = render_results(results.model_dump())
        source = results.data.source
        # A check is for committed results, which need not be of the bundle in this folder.
        if not check and BUNDLE.is_dir() and results.run != load_info().run:
            raise UserError(f"{METRICS} is about another model; run `{COMMAND} evaluate`.")
    for path in DOCUMENTS:
        document = path.read_text(encoding="utf-8")
        updated = insert_results(document, text, path)
        if not check:
            write_atomic(path, updated.encode())
        elif document != updated:
            raise UserError(f"The results in {path} are not up to date; run `{COMMAND} report`.")
        elif source:
            require_about(document, source, path)


def require_about(document: str, source: str, path: Path) -> None:
    """Raises UserError if a document describes other data than those of the results."""
    for described in ABOUT.findall(document):
        if described != source:
            raise UserError(
                f"{path} is about {described}, and the data are {source}: rewrite its text "
                "about the data, and its line <!-- about: ... -->."
            )


def insert_results(text: str, results: str, path: Path) -> str:
    """Put the results between the markers; raises UserError where one is missing."""
    updated, found = BETWEEN_MARKERS.subn(lambda _: f"{results}\n", text)
    if not found:
        raise UserError(f"{path} needs a line {START} and after it a line {END}.")
    return updated


def render_results(metrics: dict[str, Any], before: Earlier | None = None) -> str:
    """The text of report.md, filled in: the results, or their change since earlier ones."""
    return TEMPLATES.get_template("report.md").render(metrics, before=before).strip()


def headline() -> str:
    """The part of the results that a run prints."""
    return render_results(load_results().model_dump()).partition("<!-- ")[0]


def compare_results(earlier: Path) -> str:
    """The change since an earlier metrics.json, which may hold an empty object, in Markdown."""
    before = read_model(earlier, Earlier, "give a metrics.json of an earlier run")
    return render_results(load_results().model_dump(), before)
