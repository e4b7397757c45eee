"""Send the requests of each platform to the API of a project, which runs as a process.

Usage: platforms.py COMMAND INSTANCES PREDICTIONS [PLATFORM ...], with the Python of the project, in
its folder and in a network namespace of its own. INSTANCES and PREDICTIONS are JSON: rows, and what
the bundle predicts for them. Without a platform the command itself serves, and only what every
project must do is tested.
"""

import gzip
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from client import send, wait_for

COMMAND = Path(sys.argv[1]).absolute()
INSTANCES, PREDICTIONS = json.loads(sys.argv[2]), json.loads(sys.argv[3])
CHOSEN = sys.argv[4:]
PROJECT = Path.cwd()
BUNDLE = PROJECT / "artifacts/bundle"
FIELDS = list(json.loads((BUNDLE / "bundle.json").read_text())["signature"]["properties"])
MODEL = COMMAND.name
PYTHON = str(COMMAND.with_name("python"))
START = [PYTHON, "-m", "deploy.serve"] if CHOSEN else [str(COMMAND), "serve"]
FORM = "application/x-www-form-urlencoded"


@contextmanager
def api(
    status: int = 200, stderr: IO[bytes] | None = None, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the API in an empty folder, once /health has this status."""
    clean = {k: v for k, v in os.environ.items() if k not in ("PORT", "MODEL_DIR")}
    port = {} if "AIP_HTTP_PORT" in environment else {"PORT": "18080"}
    env = {**clean, **port, "PYTHONPATH": str(PROJECT), **environment}
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(START, cwd=folder, env=env, stderr=stderr) as process,  # noqa: S603 - the API
    ):
        try:
            wait_for("/health", status)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) in (0, -signal.SIGTERM)


def close(given: Any, expected: Any) -> bool:
    """Whether both are equal but for last digits of floats, which depend on the size of blocks."""
    if isinstance(expected, float):
        return bool(abs(given - expected) <= 1e-5 * max(1, abs(expected)))
    if isinstance(expected, list):
        return len(given) == len(expected) and all(map(close, given, expected))
    if isinstance(expected, dict):
        return given.keys() == expected.keys() and all(close(given[k], expected[k]) for k in given)
    return bool(given == expected)


def check_predictions(response: tuple[int, Any]) -> None:
    """Check that the response holds the predictions of the bundle."""
    assert response[0] == 200, response
    assert close(response[1]["predictions"], PREDICTIONS), response[1]


def repeat_instances(size: int) -> list[Any]:
    """Instances of about this many bytes together, at most as many as a request may have."""
    copies = max(1, size // len(json.dumps(INSTANCES)))
    return list(INSTANCES * copies)[:10_000]


def core() -> None:
    """Check predictions, refusals, the request log, and that SIGTERM does not cut off a request."""
    log = Path(tempfile.mkdtemp()) / "requests.jsonl"
    with api(MODEL_DIR=str(BUNDLE), REQUEST_LOG=str(log), REQUEST_LOG_BYTES="200000") as process:
        check_predictions(send("POST", "/predict", {"instances": INSTANCES}))
        assert "predict_seconds" in send("GET", "/metrics")[1]
        logged = [json.loads(line) for line in log.read_text().splitlines()]
        assert all(close(line["predictions"], PREDICTIONS) for line in logged), logged
        check_refusals("/predict", 422)
        drain(process)
        files = [*log.parent.iterdir()]
        assert sum(path.stat().st_size for path in files) < 300_000 or len(files) <= 2
    if not CHOSEN:
        # A project without a platform knows neither its routes nor its variables.
        with api(MODEL_DIR=str(BUNDLE), AIP_HTTP_PORT="18081", PORT="18080"):
            for path in ("/ping", "/invocations", "/v2", "/live"):
                assert send("POST", path, {"instances": INSTANCES})[0] == 404, path


def check_refusals(path: str, other_type: int) -> None:
    """Check the status for each invalid body, and that the API still predicts after them."""
    good = {"instances": INSTANCES}
    deep = b'{"instances": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    nested = b'{"instances": [' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"]}"
    packed = gzip.compress(b"0" * 100_000_000)
    for statuses, body, headers in (
        ((422,), {}, {}),
        ((400, 422), deep, {}),
        ((400, 422), nested, {}),
        ((400, 422), b"\xff\xfe", {}),
        ((413,), b" " * 6_000_001, {}),
        ((400, other_type), packed, {"Content-Encoding": "gzip"}),
        ((other_type,), {}, {"Content-Type": FORM}),
    ):
        status, content = send("POST", path, body, **headers)
        assert status in statuses, (statuses, status, content, str(body)[:80])
        # A body that is too large is refused before it is read, in plain words.
        assert content["detail"] if isinstance(content, dict) else content
    check_predictions(send("POST", path, good))


def drain(process: subprocess.Popen[bytes]) -> None:
    """Check that SIGTERM during a large request lets it finish, and closes the port after it."""
    instances = repeat_instances(2_000_000)
    body = json.dumps({"instances": instances}).encode()
    responses: list[Any] = []
    thread = threading.Thread(target=lambda: responses.append(send("POST", "/predict", body)))
    thread.start()
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    thread.join(30)
    assert responses[0][0] == 200, responses
    assert len(responses[0][1]["predictions"]) == len(instances)
    process.wait(20)
    with socket.socket() as other:
        assert other.connect_ex(("127.0.0.1", 18080)) != 0


def damage() -> None:
    """Check that a bundle that cannot be verified is not served; the log has the reason."""
    info = json.loads((BUNDLE / "bundle.json").read_text())
    for words, changed in (
        ("No such file", None),
        ("format", {**info, "format": 99}),
        ("changed", {**info, "files": {"model.onnx": "0" * 64}}),
        ("damaged", {"format": info["format"]}),
    ):
        with tempfile.TemporaryDirectory() as folder:
            if changed is not None:
                shutil.copytree(BUNDLE, folder, dirs_exist_ok=True)
                (Path(folder) / "bundle.json").write_text(json.dumps(changed))
            log = Path(folder) / "stderr"
            with log.open("wb") as stderr, api(status=503, stderr=stderr, MODEL_DIR=folder):
                wait_for("/health", 503)
                detail = send("GET", "/health")[1]["detail"]
                while "loaded" in detail:
                    detail = send("GET", "/health")[1]["detail"]
                failure = detail.split("line ")[1].split()[0]
                (line,) = [line for line in log.read_text().splitlines() if failure in line]
                assert words in line, line
                assert words not in detail, detail
                assert send("POST", "/predict", {"instances": INSTANCES})[0] == 503
                if "open-inference" in CHOSEN:
                    assert send("GET", "/v2/health/live")[0] == 200
                    assert send("GET", "/v2/health/ready")[0] == 503


def vertex() -> None:
    """Routes and port from variables, the bundle from AIP_STORAGE_URI, bodies of 1.5 MB."""
    routes: dict[str, Any] = {"AIP_HEALTH_ROUTE": "/healthz", "AIP_PREDICT_ROUTE": "/score"}
    with api(AIP_HTTP_PORT="18080", AIP_STORAGE_URI=str(BUNDLE), **routes):
        assert send("GET", "/healthz")[0] == 200
        check_predictions(send("POST", "/score", {"instances": INSTANCES, "parameters": {"a": 1}}))
        instances = repeat_instances(1_450_000)
        status, content = send("POST", "/score", {"instances": instances})
        assert status == 200, content
        assert len(content["predictions"]) == len(instances)


def sagemaker() -> None:
    """GET /ping within two seconds; JSON, and CSV with and without a header."""
    with api(MODEL_DIR=str(BUNDLE)):
        started = time.monotonic()
        assert send("GET", "/ping")[0] == 200
        assert time.monotonic() - started < 2
        check_predictions(send("POST", "/invocations", {"instances": INSTANCES}))
        csv = {"Content-Type": "text/csv"}
        rows = [[cell(instance[name]) for name in FIELDS] for instance in INSTANCES]
        for head in ([], [FIELDS]):
            text = "\n".join(",".join(map(quoted, row)) for row in [*head, *rows])
            check_predictions(send("POST", "/invocations", text.encode(), **csv))
            # As Excel writes it, and with an empty line at the end.
            excel = f"\ufeff{text}\r\n\r\n"
            check_predictions(send("POST", "/invocations", excel.encode(), **csv))
        check_refusals("/invocations", 415)
        field = FIELDS[0]
        for text in ("a,b\n1,2,3", f"{field},{field}\n1,1", "1\n" * 20_000):
            assert send("POST", "/invocations", text.encode(), **csv)[0] == 422, text[:80]
        # Where the only field is a text, any text is one.
        statuses = (200, 422) if len(FIELDS) == 1 else (422,)
        for text in ("a", '"', "x" * 2_000_000, "\0"):
            assert send("POST", "/invocations", text.encode(), **csv)[0] in statuses, text[:80]
        # Empty lines at the end are no rows.
        assert send("POST", "/invocations", b"\r\n\r", **csv) == (200, {"predictions": []})


def cell(value: Any) -> str:
    """A value as a CSV holds it."""
    if isinstance(value, list):
        return json.dumps(value)
    return "" if value is None else str(value)


def quoted(text: str) -> str:
    """A cell in quotes."""
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def azureml() -> None:
    """The bundle in the folder of its version in a mount; the routes of deployment.yml."""
    deployment = (PROJECT / "deploy/azureml/deployment.yml").read_text()
    live, ready, score = re.findall(r"path: (/\S+)", deployment)
    with tempfile.TemporaryDirectory() as mount:
        version = Path(mount) / MODEL / "3"
        shutil.copytree(BUNDLE, version / "bundle")
        with api(AZUREML_MODEL_DIR=str(version)):
            assert send("GET", live)[0] == 200
            assert send("GET", ready)[0] == 200
            check_predictions(send("POST", score, {"instances": INSTANCES}))


def mlflow() -> None:
    """All request formats of MLflow; two of its keys at once are refused."""
    columns = {name: [instance[name] for instance in INSTANCES] for name in FIELDS}
    table = [[instance[name] for name in FIELDS] for instance in INSTANCES]
    with api(MODEL_DIR=str(BUNDLE)):
        for body in (
            {"instances": INSTANCES},
            {"inputs": INSTANCES},
            {"inputs": columns},
            {"dataframe_records": INSTANCES},
            {"dataframe_split": {"columns": FIELDS, "data": table, "index": [0]}},
        ):
            check_predictions(send("POST", "/invocations", body))
        for body in (
            {"instances": INSTANCES, "inputs": INSTANCES},
            {"inputs": {FIELDS[0]: [1, 2], "x": [1]}},
            {"dataframe_split": {"columns": FIELDS, "data": [[1, 2]] * 2}},
            {"dataframe_split": {"columns": 1}},
            {"dataframe_split": {"columns": [FIELDS[0]] * 2, "data": []}},
            {"dataframe_split": {"columns": FIELDS}},
            {"inputs": {FIELDS[0]: 1}},
            {"inputs": {FIELDS[0]: "text"}},
            {"inputs": [{}] * 20_000},
        ):
            assert send("POST", "/invocations", body)[0] == 422, str(body)[:80]
        check_refusals("/invocations", 415)


def open_inference() -> None:
    """Metadata, health and tensors, with and without a version."""
    columns = {name: [instance[name] for instance in INSTANCES] for name in FIELDS}
    with api(MODEL_DIR=str(BUNDLE)):
        infer(columns, send("GET", "/health")[1]["run_id"])


def infer(columns: dict[str, list[Any]], version: str) -> None:
    """Send the columns as tensors and compare the tensors that come back."""
    path = f"/v2/models/{MODEL}"
    described = send("GET", f"{path}/versions/{version}")[1]
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
        status, content = send("POST", f"{place}/infer", {"id": "7", "inputs": tensors})
        assert status == 200, content
        assert (content["id"], content["model_version"]) == ("7", version)
        for tensor in content["outputs"]:
            expected = [row[tensor["name"]] for row in PREDICTIONS]
            if tensor["shape"] != [len(PREDICTIONS)]:
                expected = [item for row in expected for item in row]
            elif isinstance(expected[0], list):
                expected = [json.dumps(row) for row in expected]
            assert close(tensor["data"], expected), tensor
        for shape in ([len(INSTANCES) + 1], [-1], [10**30], [False]):
            ragged = {**tensors[0], "shape": shape}
            assert send("POST", f"{place}/infer", {"inputs": [ragged]})[0] == 422
        for inputs in ([*tensors, tensors[0]], [{**tensors[0], "data": [], "shape": [10**12, 0]}]):
            assert send("POST", f"{place}/infer", {"inputs": inputs})[0] == 422
    assert send("GET", "/v2/models/other")[0] == 404
    assert send("POST", f"{path}/versions/0/infer", {"inputs": tensors})[0] == 404
    assert send("GET", f"{path}/ready")[0] == 200
    assert send("GET", "/v2")[0] == 200
    assert send("GET", "/v2/health/ready")[0] == 200
    assert send("GET", "/v2/health/live") == (200, {"live": True})


def shape_of(column: list[Any]) -> list[int]:
    """The shape of a tensor with these values."""
    nested = isinstance(column[0], list)
    return [len(column), len(column[0])] if nested else [len(column)]


if __name__ == "__main__":
    checks = {
        "vertex": vertex,
        "sagemaker": sagemaker,
        "azureml": azureml,
        "mlflow": mlflow,
        "open-inference": open_inference,
    }
    for part in [core, damage, *(checks[name] for name in CHOSEN)]:
        part()
        print(part.__name__, "ok")  # noqa: T201 - the result
