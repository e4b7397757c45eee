"""The API beside `mlflow models serve`, BentoML and the same server's empty endpoint, in one run.

In a generated project after a `run`: the same model, the same body of one row, the same load.

    uv run python ../ml-portfolio-scaffold/benchmarks/serving.py --seconds 10
    uv run --with bentoml python ../ml-portfolio-scaffold/benchmarks/serving.py --bentoml

wrk is a package of Debian, Ubuntu and Homebrew.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BIN = Path(sys.executable).parent
PORT, WRK = 18100, shutil.which("wrk") or ""
COMMAND = tomllib.loads(Path("pyproject.toml").read_text())["project"]["name"]
PACKAGE = COMMAND.replace("-", "_")
BENTO = f'''
import bentoml
from pathlib import Path
from {PACKAGE}.bundle import INSTANCES, Predictor


@bentoml.service(traffic={{"timeout": 60}})
class Service:
    def __init__(self) -> None:
        self.predictor = Predictor(Path("{Path("artifacts/bundle").resolve()}"))

    @bentoml.api
    def invocations(self, dataframe_records: list[dict]) -> list[dict]:
        return self.predictor.answer(INSTANCES.validate_python(dataframe_records))
'''
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = io.open("{body}"):read("*a")
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=10, help="of load for each server")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--bentoml", action="store_true", help="measure BentoML too")
    options = parser.parse_args()
    if not WRK:
        sys.exit("wrk is missing: apt-get install wrk.")
    folder = Path(tempfile.mkdtemp())
    body, post = folder / "body.json", folder / "post.lua"
    code = f"from {PACKAGE}.dataset import load_part; rows = load_part('test').instances[:1]"
    code += "; import json; print(json.dumps({'dataframe_records': rows}))"
    body.write_text(subprocess.check_output([sys.executable, "-c", code], text=True).strip())  # noqa: S603 - ours
    post.write_text(SCRIPT.format(body=body))
    uri = f"sqlite:///{Path.cwd() / 'mlflow.db'}"
    ours = [str(BIN / COMMAND), "serve", "--host", "127.0.0.1", "--port", str(PORT)]
    theirs = [str(BIN / "mlflow"), "models", "serve", "--env-manager", "local", "--port", str(PORT)]
    theirs += ["--model-uri", f"models:/{COMMAND}@champion"]
    rows = []
    with server(ours, "/ping") as (process, ready):
        rows.append(
            ("empty endpoint", *load("/v2/health/live", None, options), memory(process), ready)
        )
        rows.append(
            (f"{COMMAND} serve", *load("/invocations", post, options), memory(process), ready)
        )
    with server(theirs, "/ping", MLFLOW_TRACKING_URI=uri) as (process, ready):
        rows.append(
            ("mlflow models serve", *load("/invocations", post, options), memory(process), ready)
        )
    if options.bentoml:
        (folder / "service.py").write_text(BENTO)
        bento = [str(BIN / "bentoml"), "serve", "service:Service", "--port", str(PORT)]
        with server(bento, "/readyz", folder, BENTOML_DO_NOT_TRACK="true") as (process, ready):
            rows.append(
                ("bentoml serve", *load("/invocations", post, options), memory(process), ready)
            )
    report(rows)


def report(rows: list[tuple[str, float, float, float, int, float, float]]) -> None:
    print("| server | requests/s | p50 ms | p99 ms | failed | MB | ready s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, rate, middle, high, failed, size, ready in rows:
        speed = f"{rate:,.0f} | {middle:.2f} | {high:.2f} | {failed}"
        print(f"| {name} | {speed} | {size:.0f} | {ready:.2f} |")
    ours = rows[1]
    for name, rate, _, high, _, size, _ in (rows[0], *rows[2:]):
        shares = f"p99 {ours[3] / high:.3f}, memory {ours[5] / size:.2f}"
        print(f"throughput {ours[1] / rate:.2f} of {name}, {shares}")


@contextmanager
def server(
    command: list[str], path: str, folder: Path | None = None, **environment: str
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """The process, and the seconds from its start to the first answer of `path`."""
    search = f"{BIN}{os.pathsep}{os.environ['PATH']}"  # mlflow calls uvicorn by its name
    env = {**os.environ, "PATH": search, "MLFLOW_DISABLE_TELEMETRY": "true", **environment}
    started = time.perf_counter()
    quiet = subprocess.DEVNULL
    with subprocess.Popen(  # noqa: S603 - ours
        command, cwd=folder, env=env, stdout=quiet, stderr=quiet, start_new_session=True
    ) as process:
        try:
            yield process, ready_after(path, started)
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def ready_after(path: str, started: float) -> float:
    while time.perf_counter() < started + 90:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=5).close()
        except OSError:
            time.sleep(0.02)
        else:
            return time.perf_counter() - started
    raise TimeoutError(path)


def load(
    path: str, script: Path | None, options: argparse.Namespace
) -> tuple[float, float, float, int]:
    """Requests a second, p50 and p99 in ms, and failures; after two seconds of warming up."""
    how = ["-t1", f"-c{options.connections}", "--latency", *(["-s", str(script)] if script else [])]
    url = f"http://127.0.0.1:{PORT}{path}"
    for seconds in (2, options.seconds):
        said = subprocess.check_output([WRK, *how, f"-d{seconds}", url], text=True)  # noqa: S603 - ours
    failed = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", said)))
    rate = float(re.findall(r"Requests/sec: +([\d.]+)", said)[0])
    return rate, milliseconds(said, "50%"), milliseconds(said, "99%"), failed


def milliseconds(said: str, quantile: str) -> float:
    value, unit = re.findall(rf"{quantile} +([\d.]+)(us|ms|s)", said)[0]
    return float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def memory(process: subprocess.Popen[bytes]) -> float:
    """MB in all processes of the session, shared pages counted once (PSS)."""
    total = 0
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(path.name)) == process.pid:
                text = (path / "smaps_rollup").read_text()
                total += int(re.findall(r"^Pss: +(\d+)", text, re.MULTILINE)[0])
        except (OSError, ProcessLookupError):
            continue
    return total / 1024


if __name__ == "__main__":
    main()
