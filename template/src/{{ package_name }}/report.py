"""The stage `report`: the results in README.md and MODEL_CARD.md, from metrics.json alone."""

import json
from pathlib import Path
from typing import Any

from .files import read_json, write_whole
from .settings import COMMAND, FIGURES, METRICS, UserError

README, CARD = Path("README.md"), Path("MODEL_CARD.md")
MARKDOWN = ("<!-- results:start -->", "<!-- results:end -->")
YAML = ("# results:start", "# results:end")


def report(check: bool = False) -> None:
    """Write what is between the markers of both files; `check` raises UserError if it is stale."""
    index, results = "model-index: []", f"No results yet: `uv run {COMMAND} run` writes them here."
    if METRICS.is_file() or not check:
        metrics = read_json(METRICS, f"run `{COMMAND} evaluate` first")
        index, results = model_index(metrics), f"{headline(metrics)}\n\n{details(metrics)}"
    files = {README: {MARKDOWN: results}, CARD: {YAML: index, MARKDOWN: results}}
    for path, blocks in files.items():
        text = put_between(path, blocks)
        if not check:
            write_whole(path, text.encode())
        elif path.read_text(encoding="utf-8") != text:
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
    primary, gain, gate = metrics["primary"], metrics["improvement"], metrics["gate"]
    rows = [(words(name), *cells(item)) for name, item in metrics["intervals"].items()]
    return (
        f"**{words(primary['name']).capitalize()} {cells(primary)[0]}** ({cells(primary)[1]}) on "
        f"{metrics['data']['test']:,} test rows. The {metrics['baseline']['name']} baseline has "
        f"{metrics['baseline']['value']:,.3f}: the model is better by **{cells(gain)[0]}** "
        f"({cells(gain)[1]}).\n\n"
        f"The gate {'passed' if gate['passed'] else 'refused'}. {' '.join(gate['reasons'])}\n\n"
    ) + table(("metric", "value", "interval"), *rows)


def details(metrics: dict[str, Any]) -> str:
    data, run = metrics["data"], metrics["run"]
    slices = [(item["name"], f"{item['n']:,}", *cells(item)) for item in metrics["slices"]]
    figures = [f"![{name}]({FIGURES.as_posix()}/{name}.png)" for name in metrics["figures"]]
    head = ("slice of test", "rows", words(metrics["primary"]["name"]), "interval")
    return (
        f"{table(head, *slices)}\n\n" + "\n".join(figures) + "\n\n"
        f"Data: {data['source']}; licence: {data['licence']}. {data['train']:,} rows to train, "
        f"{data['valid']:,} to choose, {data['test']:,} to test. {' '.join(data['warnings'])}\n\n"
        f"MLflow run {run['mlflow_run_id']}, seed {run['seed']}, commit {run['git_commit']}. The "
        f"exported model differs from the trained one by {metrics['export']['max_abs_diff']:.1e}."
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
