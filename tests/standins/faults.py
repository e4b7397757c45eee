"""Faults that a project must survive: crashes, races, full disks, damaged files, secrets.

These tests run inside a generated project, beside its own and with its fixtures: test_projects.py
copies them there. The project's package is churn_radar.
"""

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pyarrow as pa
import pytest
from churn_radar.core.bundle import OnnxModel, Predictor
from churn_radar.core.config import BUNDLE, METRICS, ProjectConfig, UserError
from churn_radar.core.files import replace_folder, sha256
from churn_radar.core.rows import WRITERS, Batch, Rows
from churn_radar.evaluation import evaluate
from churn_radar.features import Instance
from churn_radar.monitoring.monitor import read_batches
from churn_radar.serving import batch, request_log
from churn_radar.serving.api import create_app
from fastapi.testclient import TestClient


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("http://me:a/b@c@host/path fails", "http://***@host/path fails"),
        ("s3://bucket?token=abc&size=1", "s3://bucket?token=***&size=***"),
        (
            "the header 'Bearer from-the-environment' is invalid",
            "the header 'Bearer ***' is invalid",
        ),
        ("a model at models:/churn@champion", "a model at models:/churn@champion"),
        ('class "R&D=high" is unknown?', 'class "R&D=high" is unknown?'),
        ("the key from-the-environment-2", "the key ***"),
    ],
)
def test_error_hides_credentials(monkeypatch: pytest.MonkeyPatch, message: str, shown: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "from-the-environment\n")
    monkeypatch.setenv("db_pass", "from-the-environment-2")
    assert str(UserError(message)) == shown


@pytest.mark.parametrize("error", [UserError("at s3://b/place"), OSError("http://me:secret@host")])
def test_reason_is_in_the_log_and_not_in_the_response(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with TestClient(create_app(Mock(side_effect=error))) as client:
        while "loaded" in (detail := client.get("/health").json()["detail"]):
            pass
    assert str(error) not in detail
    failure = detail.split("line ")[1].split()[0]
    (logged,) = [text for text in caplog.messages if text.startswith(failure)]
    assert "secret" not in logged
    assert "host" in logged or "s3://b/place" in logged


@pytest.fixture
def log(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: ARG001 - in the folder of the run
    """The request log, which is open."""
    monkeypatch.setenv("REQUEST_LOG", "requests.jsonl")
    monkeypatch.setattr(request_log.log, "handlers", [])
    request_log.open_request_log()
    return Path("requests.jsonl")


def test_request_log_is_opened_again_after_it_was_moved(log: Path, rows: Rows) -> None:
    request_log.log_request("a", rows, [])
    log.rename("moved.jsonl")
    request_log.log_request("b", rows, [])
    assert json.loads(log.read_text("utf-8"))["run_id"] == "b"


def test_full_disk_is_reported_once_without_the_requests(
    log: Path,  # noqa: ARG001 - it is open
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(RotatingFileHandler, "shouldRollover", Mock(side_effect=OSError("disk")))
    for _ in range(2):
        request_log.log_request("a", rows, [])
    logged = [record.getMessage() for record in caplog.records if "Requests" in record.getMessage()]
    assert logged == ["Requests cannot be logged: disk"]
    assert "instances" not in capsys.readouterr().err


def test_torn_line_of_the_request_log_is_one_refused_row(rows: Rows) -> None:
    lines = [json.dumps({"instances": [row]}, ensure_ascii=False) for row in rows[:40]]
    # A line separator that only Python takes for the end of a line.
    lines[0] = lines[0].replace('{"instances"', '{"note": "\u2028", "instances"')
    log = Path("requests.jsonl")
    # Torn within a letter of two bytes.
    log.write_bytes("\n".join(lines).encode() + '\n{"instances": [{"\u00e9'.encode()[:-1])
    batches = list(read_batches(log))
    assert [batch.rows for batch in batches[:40]] == [[row] for row in rows[:40]]
    assert batches[40].label(0) == "line 41 holds no instances"


def test_predict_refuses_blocks_that_another_call_removed(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, source = pa.Table.from_pylist(rows), Path("rows.parquet")
    with WRITERS[".parquet"](source, table.schema) as writer:
        writer.write_table(table)
    monkeypatch.setattr(batch, "predict_blocks", lambda *_: len(rows))
    with pytest.raises(UserError, match="Another predict"):
        batch.predict_file(source, Path("predictions.csv"), BUNDLE)


@pytest.mark.usefixtures("config")
def test_blocks_of_a_folder_depend_on_the_files_in_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    before = batch.block_folder(Predictor(), tmp_path, Path("out.csv"))
    (tmp_path / "a" / "b.txt").touch()
    assert batch.block_folder(Predictor(), tmp_path, Path("out.csv")) != before


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize("step", range(14))
def test_folder_is_the_old_set_or_the_new_one_wherever_it_is_killed(
    step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before the given call that changes the disk."""
    info = json.loads((BUNDLE / "bundle.json").read_text("utf-8"))
    model = (BUNDLE / "model.onnx").read_bytes()
    version = Predictor().version
    info["run"]["mlflow_run_id"] = "new"
    calls = 0

    def killable(function: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > step:
                raise SystemExit
            return function(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for owner, name in ((Path, "rename"), (Path, "replace"), (os, "fsync"), (Path, "mkdir")):
            patch.setattr(owner, name, killable(getattr(owner, name)))
        contents = {"model.onnx": model, "bundle.json": json.dumps(info).encode()}
        with contextlib.suppress(SystemExit):
            replace_folder(BUNDLE, contents)
    # It is read, so that all hashes fit.
    assert Predictor().version in (version, "new")
    # And the next one is not in its way.
    replace_folder(BUNDLE, contents)
    assert Predictor().version == "new"
    assert {path.name for path in BUNDLE.iterdir()} == {"model.onnx", "bundle.json"}


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize("calls", [0, 1])
def test_folder_that_cannot_be_renamed_is_filled_in_its_place(
    calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a mount, or a folder in a layer of an image."""
    rename, done = Path.rename, 0

    def refuse(path: Path, target: Path) -> Path:
        nonlocal done
        done += 1
        if done > calls:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(path, target)

    files = {path.name: path.read_bytes() for path in BUNDLE.iterdir()}
    (BUNDLE / "of an earlier run").touch()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        replace_folder(BUNDLE, files)
    assert {path.name: path.read_bytes() for path in BUNDLE.iterdir()} == files
    assert [path.name for path in BUNDLE.parent.iterdir()] == [BUNDLE.name]


@pytest.mark.usefixtures("config")
def test_folder_takes_nothing_from_a_crash_of_the_same_process_id() -> None:
    files = {path.name: path.read_bytes() for path in BUNDLE.iterdir()}
    left = BUNDLE.with_name(f".{BUNDLE.name}.{os.getpid()}")
    left.mkdir()
    (left / "of a crash").touch()
    replace_folder(BUNDLE, files)
    assert {path.name: path.read_bytes() for path in BUNDLE.iterdir()} == files


@pytest.mark.usefixtures("config")
def test_folder_may_be_a_link_or_the_present_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "large disk"
    shutil.move(BUNDLE, elsewhere)
    BUNDLE.symlink_to(elsewhere)
    files = {path.name: path.read_bytes() for path in BUNDLE.iterdir()}
    replace_folder(BUNDLE, files)
    assert BUNDLE.is_symlink()
    assert Predictor().version
    monkeypatch.chdir(BUNDLE)
    assert Predictor(Path()).version


def test_evaluate_refuses_a_bundle_of_other_code(
    config: ProjectConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = METRICS.read_bytes()
    monkeypatch.setattr(evaluate, "code_key", lambda: "changed")
    with pytest.raises(UserError, match=r"features\.py or model\.py has changed"):
        evaluate.evaluate(config)
    assert METRICS.read_bytes() == before


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x09"])
def test_model_that_cannot_be_loaded_is_one_sentence(content: bytes) -> None:
    info = json.loads((BUNDLE / "bundle.json").read_text("utf-8"))
    info["files"] = {"model.onnx": sha256(content)}
    replace_folder(BUNDLE, {"model.onnx": content, "bundle.json": json.dumps(info).encode()})
    with pytest.raises(UserError, match=r"model\.onnx cannot be loaded"):
        Predictor()


TRACK = """
import mlflow
from churn_radar.core.tracking import connect
connect()
with mlflow.start_run():
    mlflow.log_dict({}, "file.json")
"""


def track(folder: Path, **environment: str) -> str:
    """Track a run from this folder in a process of its own; what it writes to stderr."""
    kept = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    result = subprocess.run(  # noqa: S603 - Python
        [sys.executable, "-c", TRACK],
        cwd=folder,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stderr


@pytest.mark.parametrize("name", ["churn%20radar", "100% done", "a?b#c"])
def test_any_folder_can_be_tracked(tmp_path: Path, name: str) -> None:
    project = tmp_path / name
    project.mkdir()
    track(project)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len([*project.glob("mlruns/*/artifacts/file.json")]) == 1


def test_copied_project_says_where_its_runs_go(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    assert "copied" not in track(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert f"{tmp_path}/one/mlruns, because the project was copied" in track(tmp_path / "two")


@pytest.mark.parametrize(
    "value", [1e39, "x" * 250_000, ["x"] * 20_000], ids=["1e39", "long", "many"]
)
def test_value_without_bounds_is_refused_with_its_row(rows: Rows, value: Any) -> None:
    with TestClient(create_app()) as client:
        while client.get("/health").status_code != 200:
            pass
        for name in Instance.model_fields:
            bad = [dict(row) for row in rows[:60]]
            bad[50][name] = value
            _, refused = Batch(bad, 1).check(Instance)
            assert list(refused) == [50]
            response = client.post("/predict", json={"instances": bad})
            assert response.status_code == 422
            assert response.json()["detail"][0]["loc"][:4] == ["body", "instances", 50, name]


def test_output_that_is_not_finite_is_refused_with_its_instance(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = OnnxModel.run

    def spoil(self: OnnxModel, features: Any) -> Any:
        output = run(self, features).astype(float)
        output[2] = np.nan
        return output

    monkeypatch.setattr(OnnxModel, "run", spoil)
    with TestClient(create_app()) as client:
        while client.get("/health").status_code != 200:
            pass
        response = client.post("/predict", json={"instances": rows[:5]})
    assert response.status_code == 422
    assert response.json()["detail"] == "The model returns no finite number for instance 2."
