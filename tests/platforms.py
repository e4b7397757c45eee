"""Play the part of each platform against the API of a project, as real processes.

Usage: platforms.py COMMAND INSTANCES ANSWERS, run in the project's folder and in a network of its
own. INSTANCES and ANSWERS are JSON: what is asked, and what the bundle says of it.
"""

import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ask import ask, wait_for

COMMAND = sys.argv[1]
INSTANCES, ANSWERS = json.loads(sys.argv[2]), json.loads(sys.argv[3])
BUNDLE = Path("artifacts/bundle").resolve()
FIELDS = list(json.loads((BUNDLE / "bundle.json").read_text())["signature"]["properties"])
MODEL = Path(COMMAND).name


@contextmanager
def api(status: int = 200, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """The API in an empty folder, where nothing is found by chance, once /ping has this status."""
    clean = {k: v for k, v in os.environ.items() if k not in ("PORT", "MODEL_DIR")}
    port = {} if "AIP_HTTP_PORT" in environment else {"PORT": "18080"}
    with tempfile.TemporaryDirectory() as folder:
        command, env = [COMMAND, "serve", "--host", "127.0.0.1"], {**clean, **port, **environment}
        with subprocess.Popen(command, cwd=folder, env=env) as process:  # noqa: S603 - ours
            try:
                wait_for("/ping", status)
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                assert process.wait(20) in (0, -signal.SIGTERM)


def close(given: Any, expected: Any) -> bool:
    """The same, but for the last digits of floats: rows are summed up in blocks of other sizes."""
    if isinstance(expected, float):
        return bool(abs(given - expected) <= 1e-5 * max(1, abs(expected)))
    if isinstance(expected, list):
        return len(given) == len(expected) and all(map(close, given, expected))
    if isinstance(expected, dict):
        return given.keys() == expected.keys() and all(close(given[k], expected[k]) for k in given)
    return bool(given == expected)


def same(answer: tuple[int, Any]) -> None:
    assert answer[0] == 200, answer
    assert close(answer[1]["predictions"], ANSWERS), answer[1]


def google() -> None:
    """Own routes and port, the model where AIP_STORAGE_URI says, bodies of 1.5 MB."""
    routes: dict[str, Any] = {"AIP_HEALTH_ROUTE": "/healthz", "AIP_PREDICT_ROUTE": "/score"}
    with api(AIP_HTTP_PORT="18080", AIP_STORAGE_URI=str(BUNDLE), **routes):
        assert ask("GET", "/healthz")[0] == 200
        same(ask("POST", "/score", {"instances": INSTANCES, "parameters": {"a": 1}}))
        size = len(json.dumps(INSTANCES))
        many = INSTANCES * (1_450_000 // size)
        status, answer = ask("POST", "/score", {"instances": many})
        assert status == 200, answer
        assert len(answer["predictions"]) == len(many)


def amazon() -> None:
    """GET and POST /ping within two seconds, JSON and CSV with and without a header."""
    with api(MODEL_DIR=str(BUNDLE)):
        for method in ("GET", "POST"):
            started = time.monotonic()
            assert ask(method, "/ping")[0] == 200
            assert time.monotonic() - started < 2
        same(ask("POST", "/invocations", {"instances": INSTANCES}))
        rows = [[cell(instance[name]) for name in FIELDS] for instance in INSTANCES]
        for head in ([], [FIELDS]):
            text = "\n".join(",".join(map(quoted, row)) for row in [*head, *rows])
            same(ask("POST", "/invocations", text.encode(), **{"Content-Type": "text/csv"}))


def cell(value: Any) -> str:
    if isinstance(value, list):
        return json.dumps(value)
    return "" if value is None else str(value)


def quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def azure() -> None:
    """The model in the folder of its version, in a mount."""
    with tempfile.TemporaryDirectory() as mount:
        version = Path(mount) / MODEL / "3"
        shutil.copytree(BUNDLE, version / "bundle")
        with api(AZUREML_MODEL_DIR=str(version)):
            assert ask("GET", "/v2/health/live") == (200, {"live": True})
            assert ask("GET", "/health")[0] == 200
            same(ask("POST", "/invocations", {"instances": INSTANCES}))


def mlflow_and_v2() -> None:
    """All forms of MLflow, and the Open Inference Protocol; both keys at once are refused."""
    columns = {name: [instance[name] for instance in INSTANCES] for name in FIELDS}
    table = [[instance[name] for name in FIELDS] for instance in INSTANCES]
    log = Path(tempfile.mkdtemp()) / "requests.jsonl"
    with api(MODEL_DIR=str(BUNDLE), REQUEST_LOG=str(log), REQUEST_LOG_BYTES="200000") as process:
        for body in (
            {"instances": INSTANCES},
            {"inputs": INSTANCES},
            {"inputs": columns},
            {"dataframe_records": INSTANCES},
            {"dataframe_split": {"columns": FIELDS, "data": table, "index": [0]}},
        ):
            same(ask("POST", "/invocations", body))
        kept = [json.loads(line) for line in log.read_text().splitlines()]
        assert all(close(line["predictions"], ANSWERS) for line in kept), kept
        version = ask("GET", "/health")[1]["run_id"]
        infer(columns, version)
        refuse()
        drain(process)
        files = [*log.parent.iterdir()]
        assert sum(path.stat().st_size for path in files) < 300_000 or len(files) <= 2


def infer(columns: dict[str, list[Any]], version: str) -> None:
    path = f"/v2/models/{MODEL}"
    described = ask("GET", f"{path}/versions/{version}")[1]
    assert [item["name"] for item in described["inputs"]] == FIELDS
    kinds = {item["name"]: item["datatype"] for item in described["inputs"]}
    tensors = []
    for name, column in columns.items():
        data = column
        if len({len(cell) for cell in column if isinstance(cell, list)}) > 1:
            data = [json.dumps(cell) for cell in column]
        about = {"name": name, "datatype": kinds[name], "shape": shape_of(data)}
        tensors.append({**about, "data": data})
    for place in (path, f"{path}/versions/{version}"):
        status, answer = ask("POST", f"{place}/infer", {"id": "7", "inputs": tensors})
        assert status == 200, answer
        assert (answer["id"], answer["model_version"]) == ("7", version)
        for tensor in answer["outputs"]:
            expected = [row[tensor["name"]] for row in ANSWERS]
            if tensor["shape"] != [len(ANSWERS)]:
                expected = [item for row in expected for item in row]
            elif isinstance(expected[0], list):
                expected = [json.dumps(row) for row in expected]
            assert close(tensor["data"], expected), tensor
    assert ask("GET", "/v2/models/other")[0] == 404
    assert ask("POST", f"{path}/versions/0/infer", {"inputs": tensors})[0] == 404
    assert ask("GET", f"{path}/ready")[0] == 200
    assert ask("GET", "/v2/health/ready")[0] == 200


def shape_of(column: list[Any]) -> list[int]:
    nested = isinstance(column[0], list)
    return [len(column), len(column[0])] if nested else [len(column)]


def refuse() -> None:
    """Each with its status, and after all of them the API still answers."""
    good = {"instances": INSTANCES}
    deep = b'{"instances": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    packed = gzip.compress(b"0" * 100_000_000)
    path = "/invocations"
    for status, body, headers in (
        (422, {**good, "inputs": INSTANCES}, {}),
        (422, {}, {}),
        (422, deep, {}),
        (422, b"\xff\xfe", {}),
        (422, {"inputs": {FIELDS[0]: [1, 2], "x": [1]}}, {}),
        (422, {"dataframe_split": {"columns": FIELDS, "data": [[1, 2]] * 2}}, {}),
        (422, b"a,b\n1,2,3", {"Content-Type": "text/csv"}),
        (413, b" " * 6_000_001, {}),
        (415, packed, {"Content-Encoding": "gzip"}),
        (415, {}, {"Content-Type": "application/x-www-form-urlencoded"}),
        (422, b'{"instances": [' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"]}", {}),
    ):
        found, answer = ask("POST", path, body, **headers)
        assert found == status, (status, found, answer, str(body)[:80])
        # A body that is too large is refused before it is read, in plain words.
        assert answer["detail"] if isinstance(answer, dict) else answer
    same(ask("POST", path, good))


def drain(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM while a large request is answered: it still is, and then nobody listens any more."""
    many = INSTANCES * max(1, 2_000_000 // len(json.dumps(INSTANCES)))
    body = json.dumps({"instances": many}).encode()
    said: list[Any] = []
    asking = threading.Thread(target=lambda: said.append(ask("POST", "/invocations", body)))
    asking.start()
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    asking.join(30)
    assert said[0][0] == 200, said
    assert len(said[0][1]["predictions"]) == len(many)
    process.wait(20)
    with socket.socket() as other:
        assert other.connect_ex(("127.0.0.1", 18080)) != 0


def damage() -> None:
    """A model that cannot be verified is never served, and /ping says why."""
    meta = json.loads((BUNDLE / "bundle.json").read_text())
    for words, changed in (
        ("missing", None),
        ("newer", {**meta, "format": 99}),
        ("changed", {**meta, "model_sha256": "0" * 64}),
        ("damaged", {}),
    ):
        with tempfile.TemporaryDirectory() as folder:
            if changed is not None:
                shutil.copytree(BUNDLE, folder, dirs_exist_ok=True)
                (Path(folder) / "bundle.json").write_text(json.dumps(changed))
            with api(status=503, MODEL_DIR=folder):
                assert words in ask("GET", "/ping")[1]["detail"]
                assert ask("POST", "/invocations", {"instances": INSTANCES})[0] == 503
                assert ask("GET", "/v2/health/live")[0] == 200


if __name__ == "__main__":
    for part in (google, amazon, azure, mlflow_and_v2, damage):
        part()
        print(part.__name__, "ok")  # noqa: T201 - the result
