#!/usr/bin/env python3
"""Print in Markdown how a run changed the metrics, and what the gate said of it."""

import argparse
import json
from pathlib import Path
from typing import Any


def numbers(metrics: dict[str, Any]) -> dict[str, float]:
    """The primary metric, the improvement, then the others."""
    primary, others = metrics["primary"], metrics["metrics"]
    better = "higher" if primary["higher_is_better"] else "lower"
    first = {f"**{primary['name']}** ({better} is better)": primary["value"]}
    first["improvement over the baseline"] = metrics["improvement"]["value"]
    return first | {name: others[name] for name in others if name != primary["name"]}


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("before", type=Path, help="metrics.json to compare with; may be missing")
parser.add_argument("after", type=Path, help="metrics.json of the run")
parser.add_argument("--only-changes", action="store_true", help="print nothing if none changed")
asked = parser.parse_args()
after = json.loads(asked.after.read_text("utf-8"))
before = json.loads(asked.before.read_text("utf-8")) if asked.before.is_file() else None
old, new = numbers(before) if before else {}, numbers(after)
lines, changed = ["| metric | before | after | change |", "| --- | ---: | ---: | ---: |"], False
for name in old | new:
    cells = [f"{side[name]:,.4f}" if name in side else "" for side in (old, new)]
    gain = f"{new[name] - old[name]:+,.4f}" if name in old.keys() & new else ""
    lines.append(f"| {name.replace('_', ' ')} | {cells[0]} | {cells[1]} | {gain} |")
    changed |= cells[0] != cells[1]
verdict = "passed" if after["gate"]["passed"] else "refused"
lines += ["", f"The gate {verdict}. {' '.join(after['gate']['reasons'])}"]
if before and before["data"]["sha256"] != after["data"]["sha256"]:
    lines.append("Before and after were measured on different rows.")
if changed or not asked.only_changes:
    print("\n".join(lines))  # noqa: T201 - the result
