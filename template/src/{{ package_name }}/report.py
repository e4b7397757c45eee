"""The stage `report`: the results in README.md and MODEL_CARD.md, from metrics.json alone."""

import json
from pathlib import Path
from typing import Any

from .files import read_json, write_whole
from .settings import COMMAND, FIGURES, METRICS, UserError

README, CARD = Path("README.md"), Path("MODEL_CARD.md")
TEMPLATE = Path(__file__).with_name("report.md")
MARKDOWN = ("<!-- results:start -->", "<!-- results:end -->")
YAML = ("# results:start", "# results:end")


def report(check: bool = False) -> None:
    """Write what is between the markers of both files; `check` raises UserError if it is stale."""
    index, text = "model-index: []", f"No results yet: `uv run {COMMAND} run` writes them here."
    if METRICS.is_file() or not check:
        metrics = read_json(METRICS, f"run `{COMMAND} evaluate` first")
        index, text = model_index(metrics), results(metrics).strip()
    files = {README: {MARKDOWN: text}, CARD: {YAML: index, MARKDOWN: text}}
    for path, blocks in files.items():
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


def headline(metrics: dict[str, Any]) -> str:
    """What the console shows after a run."""
    return results(metrics).partition("<!-- ")[0]


def results(metrics: dict[str, Any]) -> str:
    """The text of report.md, filled in; whoever wants another report edits that file."""
    data, name, gate = metrics["data"], words(metrics["primary"]["name"]), metrics["gate"]
    value, interval = cells(metrics["primary"])
    gain, gain_interval = cells(metrics["improvement"])
    rows = [(words(key), *cells(item)) for key, item in metrics["intervals"].items()]
    slices = [(item["name"], f"{item['n']:,}", *cells(item)) for item in metrics["slices"]]
    figures = [f"![{key}]({FIGURES.as_posix()}/{key}.png)" for key in metrics["figures"]]
    return TEMPLATE.read_text(encoding="utf-8").format(
        **{key: metrics[key] for key in ("data", "run", "export", "baseline")},
        primary=f"{name.capitalize()} {value}** ({interval})",
        improvement=f"**{gain}** ({gain_interval})",
        baselines=", ".join(f"{key} {rounded(v)}" for key, v in metrics["baselines"].items()),
        verdict="passed" if gate["passed"] else "refused",
        reasons=" ".join(gate["reasons"]),
        metrics_table=table(("metric", "value", "interval"), *rows),
        slices_table=table(("slice of test", "rows", name, "interval"), *slices),
        notes="\n".join(f"- {note}" for note in metrics["notes"]),
        pictures="\n".join(figures),
        warnings=" ".join(data["warnings"]),
    )


def table(head: tuple[str, ...], *rows: tuple[str, ...]) -> str:
    rule = ("---", *["---:"] * (len(head) - 1))
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def cells(item: dict[str, float]) -> tuple[str, str]:
    return rounded(item["value"]), f"{rounded(item['ci_low'])} to {rounded(item['ci_high'])}"


def rounded(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3f}"


def words(name: str) -> str:
    return name.replace("_", " ")


def model_index(metrics: dict[str, Any]) -> str:
    """Results as the Hugging Face hub reads them; JSON is YAML too."""
    result = {
        "task": {"type": metrics["variant"]},
        "dataset": {"name": metrics["data"]["source"], "type": "sample", "split": "test"},
        "metrics": [{"type": name, "value": value} for name, value in metrics["metrics"].items()],
    }
    return f"model-index: {json.dumps([{'name': COMMAND, 'results': [result]}])}"
