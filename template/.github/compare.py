#!/usr/bin/env python3
"""Print the change of the metrics in Markdown: compare.py BEFORE.json AFTER.json.

Both are the metrics.json of a run; BEFORE may hold an empty object.
"""

# ruff: noqa: T201 - the output of this script

import json
import math
import sys
from pathlib import Path
from typing import Any


def read(path: str) -> Any:
    """The content of a JSON file."""
    return json.loads(Path(path).read_text("utf-8"))


before = read(sys.argv[1])
after = read(sys.argv[2])
earlier = before.get("metrics", {})

print("| metric | before | after | change |")
print("| --- | ---: | ---: | ---: |")
for name, value in after["metrics"].items():
    old = earlier.get(name, math.nan)
    # Adding zero turns -0.0 into 0.0.
    change = round(value - old, 4) + 0.0
    print(
        f"| {name} | {old:,.4f} |",
        f"{value:,.4f} | {change:+,.4f} |",
    )

primary = after["primary"]
direction = "higher" if primary["higher_is_better"] else "lower"
print(f"\nThe primary metric is {primary['name']}; {direction} is better.")
if before and before["data"] != after["data"]:
    print("The two runs used different data.")

gate = after["gate"]
result = "passes" if gate["passed"] else "does not pass"
print(f"The model {result} the gate.", *gate["reasons"])
