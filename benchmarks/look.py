"""How long `scaffold new --from` looks at a file of many rows, and how much memory that takes.

    uv run python benchmarks/look.py --rows 1000000

A CSV file of 20 columns is made: keys, numbers, categories, days, missing values and a target. The
look is everything that comes before the project is written. DuckDB's SUMMARIZE of the same file,
with the types that it finds itself, is the measure beside it. Each runs in a process of its own, in
turn; the table has the medians.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

COLUMNS = """
i AS order_id,
'C' || (hash(i) % 50000) AS customer,
hash(i * 3) % 1000 / 10.0 AS amount,
CASE WHEN hash(i * 5) % 20 > 0 THEN hash(i * 5) % 97 END AS age,
'r' || (hash(i * 7) % 4) AS region,
DATE '2015-01-01' + CAST(i % 3000 AS INT) AS day,
hash(i * 11) % 2 = 0 AS is_new,
hash(i * 13) % 100000 / 7.0 AS x1,
hash(i * 17) % 100000 / 7.0 AS x2,
hash(i * 19) % 100000 / 7.0 AS x3,
hash(i * 23) % 100000 / 7.0 AS x4,
hash(i * 29) % 1000 AS n1,
hash(i * 31) % 1000 AS n2,
hash(i * 37) % 10 AS n3,
'p' || (hash(i * 41) % 300) AS product,
'k' || (hash(i * 43) % 12) AS kind,
CASE WHEN hash(i * 47) % 9 > 0 THEN 'q' || (hash(i * 47) % 5) END AS channel,
hash(i * 53) % 100 / 100.0 AS rate,
'EUR' AS currency,
CASE WHEN hash(i * 3) % 1000 + hash(i * 59) % 600 > 900 THEN 'yes' ELSE 'no' END AS label
"""


def look(path: Path) -> None:
    """What `scaffold new --from` does before it writes."""
    # Here, because the import counts.
    from rich.console import Console  # noqa: PLC0415

    from scaffold.own.asking import Wanted, contents_from  # noqa: PLC0415

    contents_from(str(path), Wanted("label", defaults=True), Console(quiet=True))


def summarize(path: Path) -> None:
    """What DuckDB says about all columns."""
    duckdb.sql(f"SUMMARIZE FROM read_csv('{path}')").fetchall()


WAYS = {"look": look, "summarize": summarize}


def measure(name: str, path: Path) -> tuple[float, float]:
    """Seconds and megabytes of one of WAYS, in a process of its own."""
    command = [sys.executable, __file__, "--only", name, "--file", str(path)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
    seconds, megabytes = map(float, output.split())
    return seconds, megabytes


def main() -> None:
    """Make the file, measure in turn, and print a table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", choices=WAYS, help="measure this process")
    parser.add_argument("--file", type=Path, help="with --only")
    options = parser.parse_args()
    if options.only:
        begin = time.perf_counter()
        WAYS[options.only](options.file)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(time.perf_counter() - begin, peak)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        duckdb.sql(f"COPY (SELECT {COLUMNS} FROM range({options.rows}) AS r(i)) TO '{path}'")  # noqa: S608 - ours
        found = [{name: measure(name, path) for name in WAYS} for _ in range(options.runs)]
    medians = {
        name: [statistics.median(run[name][i] for run in found) for i in (0, 1)] for name in WAYS
    }
    print("| | seconds | MB | ratio of seconds |\n| --- | ---: | ---: | ---: |")
    for name, (seconds, megabytes) in medians.items():
        ratio = seconds / medians["summarize"][0]
        print(f"| {name} | {seconds:.1f} | {megabytes:.0f} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
