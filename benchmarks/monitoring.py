"""`monitor` on a million rows, beside pandas, which only reads the same file.

    uv run python ../ml-portfolio-scaffold/benchmarks/monitoring.py --rows 1000000

In a generated project, after a `run`. The rows are those of the splits, repeated, with their
target, as CSV, as Parquet and as a log of requests with one instance each.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

PACKAGE = next(path.parent.name for path in Path("src").glob("*/features.py"))
COMMAND = PACKAGE.replace("_", "-")
FIELDS = list(import_module(f"{PACKAGE}.features").Instance.model_fields)
READ = "import pandas, sys; pandas.read_{}(sys.argv[1], **{})"
READERS = {
    "csv": READ.format("csv", {}),
    "parquet": READ.format("parquet", {}),
    "jsonl": READ.format("json", {"lines": True}),
}


def write_files(folder: Path, n_rows: int) -> dict[str, Path]:
    """The rows of the splits, repeated, in a file of each kind."""
    splits = [pd.read_parquet(path) for path in sorted(Path("data/splits").glob("*.parquet"))]
    table = pd.concat(splits * (1 + n_rows // sum(map(len, splits))), ignore_index=True)[:n_rows]
    files = {kind: folder / f"rows.{kind}" for kind in READERS}
    table.to_csv(files["csv"], index=False)
    table.to_parquet(files["parquet"])
    instances = table[FIELDS].to_json(orient="records", lines=True)
    with files["jsonl"].open("w", encoding="utf-8") as log:
        log.writelines(f'{{"instances": [{line}]}}\n' for line in instances.splitlines())
    return files


def measure(command: list[str]) -> tuple[float, float, float]:
    """Seconds, seconds of CPU time and peak megabytes of a process."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
    _, _, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Measure each kind of file and print a table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each file")
    options = parser.parse_args()
    print("| file | monitor s | CPU s | MB | pandas reads s | CPU s | ratio of CPU |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: a child's peak memory begins with that of its parent.
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            files = pool.submit(write_files, Path(folder), options.rows).result()
        for kind, path in files.items():
            monitor = str(Path(sys.executable).with_name(COMMAND))
            seconds, cpu, megabytes = measure([monitor, "monitor", "--current", str(path)])
            reading, reading_cpu, _ = measure([sys.executable, "-c", READERS[kind], str(path)])
            print(
                f"| {kind} | {seconds:.1f} | {cpu:.1f} | {megabytes:.0f} | "
                f"{reading:.1f} | {reading_cpu:.1f} | {cpu / reading_cpu:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
