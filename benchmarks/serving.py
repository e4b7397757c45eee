"""The API beside `mlflow models serve`, BentoML and its own empty endpoints, in one run.

In a generated project after a `run`: the same model, the same body of one row, the same load.

    uv run python ../ml-portfolio-scaffold/benchmarks/serving.py --seconds 10
    uv run --with bentoml python ../ml-portfolio-scaffold/benchmarks/serving.py --bentoml
    uv run python ../ml-portfolio-scaffold/benchmarks/serving.py --soak 10

wrk is a package of Debian, Ubuntu and Homebrew.
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

PORT, WRK = 18100, shutil.which("wrk") or ""
ADDRESS = f"http://127.0.0.1:{PORT}"
COMMAND = tomllib.loads(Path("pyproject.toml").read_text())["project"]["name"]
PACKAGE = COMMAND.replace("-", "_")
SERVE = [COMMAND, "serve", "--host", "127.0.0.1", "--port", str(PORT)]
# The API with two endpoints that do nothing; the second reads the body.
EMPTY = f"""
from fastapi import Request
from {PACKAGE}.serving.api import create_app, run_app

app = create_app()

@app.get("/empty")
async def empty() -> dict[str, str]:
    return {{}}

@app.post("/empty")
async def read(request: Request) -> dict[str, str]:
    await request.body()
    return {{}}

run_app(app, "127.0.0.1", {PORT})
"""
# Without a thread for each request, as our own API.
BENTO = f'''
import bentoml
from pathlib import Path
from {PACKAGE}.core.bundle import Predictor
from {PACKAGE}.core.rows import Batch
from {PACKAGE}.features import Instance


@bentoml.service(traffic={{"timeout": 60}})
class Service:
    def __init__(self) -> None:
        self.predictor = Predictor(Path("{Path("artifacts/bundle").resolve()}"))

    @bentoml.api
    async def predict(self, instances: list[dict]) -> list[dict]:
        return self.predictor.predict(Batch(instances, 0).validate(Instance, "body"))
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
    parser.add_argument(
        "--soak", type=int, metavar="MINUTES", help="only the API, with bad requests"
    )
    options = parser.parse_args()
    if not WRK:
        sys.exit("wrk is missing: apt-get install wrk.")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        code = f"from {PACKAGE}.core.splits import load_split; import json; "
        code += "print(json.dumps(load_split('test').rows[:1]))"
        rows = json.loads(subprocess.check_output([sys.executable, "-c", code], text=True))  # noqa: S603 - ours
        post = write_script(folder, "instances", rows)
        if options.soak:
            soak(options, post)
        else:
            compare(options, post, write_script(folder, "dataframe_records", rows), folder)


def write_script(folder: Path, key: str, rows: list[Any]) -> Path:
    """A script of wrk that posts the rows under this key."""
    body, script = folder / f"{key}.json", folder / f"{key}.lua"
    body.write_text(json.dumps({key: rows}))
    script.write_text(SCRIPT.format(body=body))
    return script


def compare(options: argparse.Namespace, post: Path, frame: Path, folder: Path) -> None:
    rows = []
    with server(SERVE, "/health") as (process, ready):
        got = load("/predict", post, options)
        ours = (f"{COMMAND} serve", *got, memory(process), ready)
    with server([sys.executable, "-c", EMPTY], "/health") as (process, ready):
        got = load("/empty", None, options)
        rows.append(("empty endpoint", *got, memory(process), ready))
        got = load("/empty", post, options)
        rows.append(("empty endpoint, same body", *got, memory(process), ready))
    mlflow = ["mlflow", "models", "serve", "--env-manager", "local", "--port", str(PORT)]
    mlflow += ["--model-uri", f"models:/{COMMAND}@champion"]
    uri = f"sqlite:///{Path.cwd() / 'mlflow.db'}"
    with server(mlflow, "/ping", MLFLOW_TRACKING_URI=uri) as (process, ready):
        got = load("/invocations", frame, options)
        rows.append(("mlflow models serve", *got, memory(process), ready))
    if options.bentoml:
        (folder / "service.py").write_text(BENTO)
        bento = ["bentoml", "serve", "service:Service", "--port", str(PORT)]
        with server(bento, "/readyz", folder, BENTOML_DO_NOT_TRACK="true") as (process, ready):
            got = load("/predict", post, options)
            rows.append(("bentoml serve", *got, memory(process), ready))
    report(ours, rows)


Row = tuple[str, float, float, float, int, float, float]


def report(ours: Row, others: list[Row]) -> None:
    """One table: what was measured, and our figure as a share of each."""
    names = ("requests/s", "p50 ms", "p99 ms", "failed", "MB", "ready s")
    print(f"| server | {' | '.join(names)} | throughput | p99 | memory | ready |")
    print(f"| --- |{' ---: |' * 10}")
    for row in (ours, *others):
        name, rate, middle, high, failed, size, ready = row
        cells = f"{rate:,.0f} | {middle:.2f} | {high:.2f} | {failed} | {size:.0f} | {ready:.2f}"
        shares = " | ".join(f"{ours[place] / row[place]:.2f}" for place in (1, 3, 5, 6))
        print(f"| {name} | {cells} | {shares} |")


def soak(options: argparse.Namespace, post: Path) -> None:
    """Load without a pause, bad requests between; a line each 30 s, of which the first warms up."""
    said, stop = Counter[str](), threading.Event()
    with server(SERVE, "/health") as (process, _):
        bad = threading.Thread(target=disturb, args=(said, stop))
        bad.start()
        print("| minute | requests/s | p99 ms | failed | RSS MB |")
        print("| ---: | ---: | ---: | ---: | ---: |")
        for half in range(1, 2 * options.soak + 1):
            rate, _, high, failed = measure("/predict", post, options.connections, 30)
            size = memory(process, "rss")
            print(f"| {half / 2} | {rate:,.0f} | {high:.2f} | {failed} | {size:.1f} |", flush=True)
        stop.set()
        bad.join()
    print(dict(said))


def disturb(said: Counter[str], stop: threading.Event) -> None:
    """What clients get wrong, in turn; counts what is answered to each."""
    wrong: dict[str, Callable[[], object]] = {
        "malformed": lambda: ask("/predict", b'{"instances": [{'),
        "wrong fields": lambda: ask("/predict", b'{"instances": [{"surprise": 1}]}'),
        "too large": lambda: ask("/predict", b" " * 7_000_000),
        "no such route": lambda: ask("/nowhere", b"{}"),
        "half sent": half_sent,
    }
    while not stop.is_set():
        for name, send in wrong.items():
            said[f"{name}: {send()}"] += 1
            time.sleep(0.02)


def ask(path: str, body: bytes) -> object:
    """The status; without one, which error it is."""
    headers = {"Content-Type": "application/json"}
    try:
        request = urllib.request.Request(ADDRESS + path, body, headers)  # noqa: S310 - http, as above
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - the same
            return response.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError as error:
        return error


def half_sent() -> object:
    """Half of a request, and then the client is gone."""
    with socket.create_connection(("127.0.0.1", PORT), timeout=30) as connection:
        head = f"POST /predict HTTP/1.1\r\nHost: {PORT}\r\nContent-Length: 1000\r\n\r\n"
        connection.sendall(head.encode() + b'{"instances": [')
        time.sleep(0.1)
    return "closed"


@contextmanager
def server(
    command: list[str], path: str, folder: Path | None = None, **environment: str
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """The process, and the seconds from its start to the first answer of `path`."""
    env = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", **environment}
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
            urllib.request.urlopen(ADDRESS + path, timeout=5).close()  # noqa: S310 - the same
        except OSError:
            time.sleep(0.02)
        else:
            return time.perf_counter() - started
    raise TimeoutError(path)


Measured = tuple[float, float, float, int]


def load(path: str, script: Path | None, options: argparse.Namespace) -> Measured:
    """After two seconds of warming up."""
    measure(path, script, options.connections, 2)
    return measure(path, script, options.connections, options.seconds)


def measure(path: str, script: Path | None, connections: int, seconds: int) -> Measured:
    """Requests a second, p50 and p99 in ms, and how many got no good answer."""
    how = ["-t1", f"-c{connections}", f"-d{seconds}", "--latency"]
    how += ["-s", str(script)] if script else []
    said = subprocess.check_output([WRK, *how, ADDRESS + path], text=True)  # noqa: S603 - ours
    failed = re.findall(r"Non-2xx or 3xx responses: (\d+)", said)
    failed += re.findall(r"(?:connect|read|write|timeout) (\d+)", said)
    rate = float(re.findall(r"Requests/sec: +([\d.]+)", said)[0])
    return rate, milliseconds(said, "50%"), milliseconds(said, "99%"), sum(map(int, failed))


def milliseconds(said: str, quantile: str) -> float:
    value, unit = re.findall(rf"{quantile} +([\d.]+)(us|ms|s)", said)[0]
    return float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def memory(process: subprocess.Popen[bytes], kind: str = "pss") -> float:
    """MB in the process and all that it started; as PSS, shared pages are counted once."""
    first, total = psutil.Process(process.pid), 0
    # Not by session: a worker may have one of its own, as BentoML's has.
    for each in (first, *first.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total += getattr(each.memory_full_info(), kind)
    return total / 2**20


if __name__ == "__main__":
    main()
