"""Faults that a project must survive: crashes, races, full disks, damaged files, secrets.

These tests run inside a generated project, beside its own and with its fixtures: test_projects.py
copies them there. The project's package is churn_radar.
"""

import asyncio
import contextlib
import errno
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Literal
from unittest.mock import Mock

import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from churn_radar import cli, data
from churn_radar.core import bundle
from churn_radar.core.bundle import OnnxModel, Predictor
from churn_radar.core.config import BUNDLE, COMMAND, METRICS, ProjectConfig, UserError
from churn_radar.core.files import replace_folder, sha256
from churn_radar.core.metrics import DecisionConfig, Target
from churn_radar.core.reference import reference_column
from churn_radar.core.results import Condition, load_results
from churn_radar.core.rows import WRITERS, Batch, Row, Rows, open_rows, table_rows
from churn_radar.core.splits import FIELDS, Splits, row_key
from churn_radar.core.tracking import connect, require_run
from churn_radar.evaluation import evaluate, gate
from churn_radar.evaluation.conditions import measure_conditions
from churn_radar.evaluation.gate import check_condition, check_warnings, promote
from churn_radar.evaluation.report import compare_results, report
from churn_radar.features import Instance
from churn_radar.monitoring.monitor import monitor, read_batches
from churn_radar.serving import api, batch, middleware, request_log
from churn_radar.serving.api import create_app
from churn_radar.training import export
from churn_radar.training.dataset import build_dataset, load_rows, make_splits
from churn_radar.training.train import train
from fastapi.testclient import TestClient
from mlflow.tracking import fluent
from mlflow.tracking._tracking_service.client import TrackingServiceClient
from pydantic import Field

# Tests of text that all projects have, and that depends on nothing which differs between them.
COMMON = pytest.mark.skipif(
    data.VARIANT != "tabular-classification", reason="is tested in one variant"
)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("http://me:a/b@c@host/path fails", "http://***@host/path fails"),
        ("http://me:it's@host fails", "http://***@host fails"),
        ("s3://KEY:SECRET@bucket", "s3://***@bucket"),
        ("s3://bucket?token=abc&size=1", "s3://bucket?***"),
        ("'http://host/a#token=abc' fails", "'http://host/a#***' fails"),
        ("/projects/of-mine has no params.toml", "/projects/of-mine has no params.toml"),
        (
            "the header 'Bearer from-the-environment' is invalid",
            "the header 'Bearer ***' is invalid",
        ),
        ("a model at models:/churn@champion", "a model at models:/churn@champion"),
        ('class "R&D=high" is unknown?', 'class "R&D=high" is unknown?'),
        ("the key from-the-environment-2", "the key ***"),
    ],
)
@COMMON
def test_error_hides_credentials(monkeypatch: pytest.MonkeyPatch, message: str, shown: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "from-the-environment\n")
    monkeypatch.setenv("db_pass", "from-the-environment-2")
    monkeypatch.setenv("PWD", "/projects/of-mine")
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


@COMMON
def test_request_log_is_opened_again_after_it_was_moved(log: Path, rows: Rows) -> None:
    request_log.log_request("a", rows, [])
    log.rename("moved.jsonl")
    request_log.log_request("b", rows, [])
    assert json.loads(log.read_text("utf-8"))["run_id"] == "b"


@COMMON
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


@COMMON
def test_torn_line_of_the_request_log_is_one_refused_row(rows: Rows) -> None:
    lines = [json.dumps({"instances": [row]}, ensure_ascii=False) for row in rows[:40]]
    # A line separator that only Python takes for the end of a line.
    lines[0] = lines[0].replace('{"instances"', '{"note": "\u2028", "instances"')
    log = Path("requests.jsonl")
    # Torn within a letter of two bytes.
    log.write_bytes("\n".join(lines).encode() + '\n{"instances": [{"\u00e9'.encode()[:-1])
    (current,) = read_batches(log)
    assert current.rows == [*rows[:40], {}]
    assert current.label(40) == "line 41 holds no instances"


README = Path(__file__).parents[1] / "README.md"
# A line of its table of columns: cells, and a field of Instance.
COLUMN_LINE = re.compile(r"\| [^|]+ \| (`.+) \| `(\w+): (.+)` \|")


@COMMON
def test_each_line_of_the_readme_takes_its_column() -> None:
    readme = README.read_text("utf-8").replace("\\|", "¦")
    lines = COLUMN_LINE.findall(readme)
    assert len(lines) == 6
    for cells, name, line in lines:
        body = f"class Line(Row):\n    {name}: {line}".replace("¦", "|")
        names: dict[str, Any] = {"Row": Row, "Field": Field, "Literal": Literal}
        exec(body, names)  # noqa: S102 - of our own README
        given = [cell.strip("`") for cell in cells.split(" or ")]
        rows = [{name: None if cell == "nothing" else cell} for cell in given]
        valid, refused = Batch(rows, 2).check(names["Line"])
        assert not refused, line
        assert len(valid) == len(given)
        # It can fail: no column takes every cell.
        assert Batch([{name: "¤" * 101}], 2).check(names["Line"])[1]


@COMMON
def test_equal_numbers_have_no_deviation() -> None:
    # No binary fraction: numpy's deviation of them is about 2e-16.
    assert reference_column([1.2] * 1000).std == 0


@COMMON
def test_predict_refuses_blocks_that_another_call_removed(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, source = pa.Table.from_pylist(rows), Path("rows.parquet")
    with WRITERS[".parquet"](source, table.schema) as writer:
        writer.write_table(table)
    monkeypatch.setattr(batch, "predict_blocks", lambda *_: (len(rows), []))
    with pytest.raises(UserError, match="Another predict"):
        batch.predict_file(source, Path("predictions.csv"), BUNDLE, 0)


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_columns_of_one_name_are_refused_with_the_name(name: str) -> None:
    table, path = pa.table([["a"], ["b"]], ["time", "time"]), Path(name)
    with WRITERS[path.suffix](path, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(UserError, match=r"columns.* named .?time"):
        list(open_rows(path, ()))


@pytest.mark.usefixtures("config")
def test_blocks_of_a_folder_depend_on_the_files_in_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    before = batch.block_folder(Predictor(), tmp_path, Path("out.csv"))
    (tmp_path / "a" / "b.txt").touch()
    assert batch.block_folder(Predictor(), tmp_path, Path("out.csv")) != before


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize("step", range(14))
@COMMON
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
@COMMON
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
@COMMON
def test_folder_takes_nothing_from_a_crash_of_the_same_process_id() -> None:
    files = {path.name: path.read_bytes() for path in BUNDLE.iterdir()}
    left = BUNDLE.with_name(f".{BUNDLE.name}.{os.getpid()}")
    left.mkdir()
    (left / "of a crash").touch()
    replace_folder(BUNDLE, files)
    assert {path.name: path.read_bytes() for path in BUNDLE.iterdir()} == files


@pytest.mark.usefixtures("config")
@COMMON
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


def champion() -> str:
    """The MLflow run of the champion."""
    version = mlflow.MlflowClient().get_model_version_by_alias(COMMAND, "champion")
    return str(version.run_id)


def kill_at(step: int, patch: pytest.MonkeyPatch) -> list[str]:
    """End the process before the given call that writes something; the calls that were made."""
    calls: list[str] = []

    def killable(name: str, function: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            if len(calls) >= step:
                raise SystemExit
            calls.append(name)
            return function(*arguments, **options)

        return call

    for owner, name in (
        (Path, "replace"),
        (Path, "rename"),
        (mlflow, "log_metrics"),
        (mlflow, "log_artifacts"),
        (mlflow, "log_dict"),
        (mlflow, "register_model"),
        (mlflow.MlflowClient, "set_registered_model_alias"),
    ):
        patch.setattr(owner, name, killable(name, getattr(owner, name)))
    return calls


@pytest.mark.parametrize("stage", ["evaluate", "promote", "report"])
@COMMON
def test_killed_stage_leaves_the_last_good_state_and_heals(
    stage: str, config: ProjectConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before each call that writes, one after the other."""
    config.champion_tolerance, config.n_resamples = 1, 100
    connect()
    before = champion()
    train(config)
    trained = Predictor().version
    stages: dict[str, Callable[[], Any]] = {
        "evaluate": lambda: evaluate.evaluate(config),
        "promote": lambda: promote(config),
        "report": report,
    }
    for name in list(stages)[: list(stages).index(stage)]:
        stages[name]()
    step, finished = 0, False
    while not finished:
        with monkeypatch.context() as patch, contextlib.suppress(SystemExit):
            kill_at(step, patch)
            stages[stage]()
            finished = True
        step += 1
        # What serves is whole, and the files are of one run each.
        assert Predictor().version == trained
        assert champion() in {before, trained}
        results = load_results()
        assert results.run.mlflow_run_id in {before, trained}
        if results.gate.passed:
            assert champion() == results.run.mlflow_run_id
        for path in (Path("README.md"), Path("MODEL_CARD.md")):
            text = path.read_text("utf-8")
            assert (before in text) != (trained in text)
        if mlflow.active_run():
            mlflow.end_run()
    assert step > 2
    for run_again in stages.values():
        run_again()
    assert champion() == trained
    assert load_results().gate.passed
    report(check=True)


@pytest.mark.usefixtures("config")
@COMMON
def test_evaluation_killed_before_its_last_write_is_not_promoted(
    config: ProjectConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(config)
    with monkeypatch.context() as patch:
        patch.setattr(evaluate, "write_atomic", Mock(side_effect=SystemExit))
        with pytest.raises(SystemExit):
            evaluate.evaluate(config)
    with pytest.raises(UserError, match=r"metrics\.json is about another model"):
        promote(config)
    with pytest.raises(UserError, match=r"metrics\.json is about another model"):
        report()


def change(path: str, value: Any) -> None:
    """Change a value in metrics.json by hand."""
    content = json.loads(METRICS.read_text("utf-8"))
    *parents, last = path.split("/")
    parent = content
    for name in parents:
        parent = parent[name]
    if value is None:
        del parent[last]
    else:
        parent[last] = value
    METRICS.write_text(json.dumps(content), "utf-8")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("primary/value", 0.999),
        ("primary/value", float("nan")),
        ("primary/value", "much"),
        ("primary", None),
        ("improvement", []),
        ("improvement/ci_low", float("inf")),
        ("metrics", {}),
        ("slices", [{"name": "x", "n": 40}]),
        ("data/test", None),
        ("data/warnings", None),
        ("export/max_abs_diff", float("nan")),
        ("run", {}),
        ("run/mlflow_run_id", "another"),
        ("gate", {"passed": "perhaps"}),
        ("notes", 5),
    ],
)
@COMMON
def test_changed_metrics_are_refused_by_report_and_promote(
    config: ProjectConfig, path: str, value: Any
) -> None:
    change(path, value)
    documents = Path("README.md").read_bytes()
    for stage in (report, lambda: promote(config)):
        with pytest.raises(UserError, match=r"metrics\.json .*run `churn-radar evaluate`"):
            stage()
    assert Path("README.md").read_bytes() == documents


@pytest.mark.parametrize("path", ["variant", "framework", "improvement/ci_low", "slices"])
@COMMON
def test_promote_refuses_results_that_evaluate_did_not_record(
    config: ProjectConfig, path: str
) -> None:
    change(path, {"improvement/ci_low": 10.0, "slices": []}.get(path, "other"))
    with pytest.raises(UserError, match="about another model or changed"):
        promote(config)


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", "{", '{"primary": NaN}'])
@COMMON
def test_metrics_of_another_shape_are_one_sentence(config: ProjectConfig, content: str) -> None:
    METRICS.write_text(content, "utf-8")
    for stage in (report, lambda: report(check=True), lambda: promote(config)):
        with pytest.raises(UserError, match=r"metrics\.json .*run `churn-radar evaluate`"):
            stage()


@pytest.mark.usefixtures("config")
def test_change_since_earlier_results_is_printed() -> None:
    earlier, results = Path("earlier.json"), load_results()
    name, value = next(iter(results.metrics.items()))
    content = json.loads(METRICS.read_text("utf-8"))
    content["metrics"] = {name: value + 1e-9, "dropped": 1}
    content["data"]["sha256"] = "other"
    earlier.write_text(json.dumps(content), "utf-8")
    lines = compare_results(earlier).splitlines()
    assert lines[:2] == ["| metric | before | after | change |", "| --- | ---: | ---: | ---: |"]
    assert lines[2] == f"| {name} | {value:,.4f} | {value:,.4f} | +0.0000 |"
    assert lines[3].endswith("| new |")
    assert lines[-2] == "The two runs used different data."
    assert lines[-1].startswith("The model passes the gate. The lower bound")
    earlier.write_text("{}", "utf-8")
    assert "different data" not in compare_results(earlier)


@COMMON
def test_only_a_missing_alias_means_that_there_is_no_champion(
    config: ProjectConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect()
    client, run_id = mlflow.MlflowClient(), champion()
    train(config)
    evaluate.evaluate(config)
    folder = Path(client.get_run(run_id).info.artifact_uri.removeprefix("file://"))
    hidden = folder.with_name("hidden")
    folder.rename(hidden)
    reason = promote(config).reasons[-1]
    assert reason.startswith("The champion cannot be compared: ")
    assert champion() == run_id
    hidden.rename(folder)
    for error in (mlflow.MlflowException("down"), OSError("reset")):
        with monkeypatch.context() as patch:
            patch.setattr(mlflow.MlflowClient, "search_registered_models", Mock(side_effect=error))
            with pytest.raises(UserError, match=r"down|reset"):
                promote(config)
    assert "replaced without a comparison: too old" in promote(config, "too old").reasons[-1]
    assert champion() != run_id
    client.delete_registered_model_alias(COMMAND, "champion")
    assert "There was no champion" in promote(config).reasons[-1]
    client.delete_registered_model(COMMAND)
    assert "There was no champion" in promote(config).reasons[-1]


def test_champion_is_compared_on_rows_that_are_new_to_it(config: ProjectConfig) -> None:
    """After another seed the test set has rows that the champion was trained on."""
    run_id = champion()
    config.seed += 1
    build_dataset(config)
    train(config)
    evaluate.evaluate(config)
    reason = promote(config).reasons[-1]
    words = reason.split()
    if words[0] == "On":
        assert 0 < int(words[1]) <= load_results().data.test
    else:
        # Where the split does not depend on the seed, as in time, nothing differs.
        assert "learned from all test rows" in reason
        assert champion() == run_id


@COMMON
def test_code_of_a_champion_that_fails_closes_the_gate(
    config: ProjectConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(config)
    evaluate.evaluate(config)
    monkeypatch.setattr(gate, "PREDICT", "raise ValueError('no field age')")
    results = promote(config)
    assert not results.passed
    assert "cannot be compared: ValueError: no field age" in results.reasons[-1]


@COMMON
def test_run_that_was_deleted_is_one_sentence(config: ProjectConfig) -> None:
    connect()
    mlflow.MlflowClient().delete_run(Predictor().version)
    with pytest.raises(UserError, match="deleted"):
        evaluate.evaluate(config)


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x09"])
@COMMON
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
# As on a disk that is full: writing fails in the middle of creating the tables.
FULL_DISK = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
"""
# As in a container that runs with any user id.
NO_HOME = """
import os, pwd, sys
def refuse(*_): raise KeyError("uid not found")
pwd.getpwuid = refuse
del os.environ["HOME"]
from churn_radar.cli import main
sys.argv = ["churn-radar", "train", "--help"]
main(lambda: __import__("mlflow"))
"""


def run_python(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, which tracks in this folder."""
    environment = {name: v for name, v in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    return subprocess.run(  # noqa: S603 - Python
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def track(folder: Path) -> str:
    """Track a run from this folder; what is written to stderr."""
    result = run_python(folder, TRACK)
    assert result.returncode == 0, result.stderr
    return result.stderr


@COMMON
def test_full_disk_leaves_no_half_of_a_database(tmp_path: Path) -> None:
    result = run_python(tmp_path, FULL_DISK + TRACK)
    assert "UserError: The tracking server sqlite:///mlflow.db fails" in result.stderr
    track(tmp_path)


@COMMON
def test_two_processes_create_one_database(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        assert len([*pool.map(track, [tmp_path] * 2)]) == 2
    assert len([*tmp_path.glob("mlruns/*/artifacts/file.json")]) == 2
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        assert database.execute("SELECT DISTINCT experiment_id FROM runs").fetchall() == [(1,)]


@pytest.mark.parametrize("statement", ["", "UPDATE alembic_version SET version_num = 'newer'"])
@COMMON
def test_database_that_cannot_be_read_is_one_sentence(tmp_path: Path, statement: str) -> None:
    track(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.execute(statement)
        database.commit()
    if not statement:
        (tmp_path / "mlflow.db").write_bytes(b"damaged" * 1000)
    error = run_python(tmp_path, TRACK).stderr.splitlines()[-1]
    assert "UserError: The tracking server sqlite:///mlflow.db fails" in error
    assert "install the MLflow that wrote it" in error
    assert "unset" not in error


@COMMON
def test_connect_survives_another_process_that_creates_the_experiment(
    config: ProjectConfig,  # noqa: ARG001 - in its folder
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find: Any = TrackingServiceClient.get_experiment_by_name
    calls = 0

    def find_late(self: TrackingServiceClient, name: str) -> Any:
        nonlocal calls
        calls += 1
        return find(self, name) if calls > 1 else None

    monkeypatch.setattr(fluent, "_active_experiment_id", None)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID", raising=False)
    monkeypatch.setattr(TrackingServiceClient, "get_experiment_by_name", find_late)
    connect()
    with mlflow.start_run() as run:
        assert mlflow.get_experiment(run.info.experiment_id).name == "churn-radar"


@pytest.mark.usefixtures("config")
@COMMON
def test_what_was_deleted_in_mlflow_is_one_sentence() -> None:
    connect()
    client, run_id = mlflow.MlflowClient(), Predictor().version
    client.delete_run(run_id)
    with pytest.raises(UserError, match=r"deleted; restore it by"):
        require_run(run_id)
    client.delete_experiment(mlflow.set_experiment("churn-radar").experiment_id)
    with pytest.raises(UserError, match=r"deleted experiment.*restore it by"):
        require_run(run_id)


@pytest.mark.usefixtures("config")
@COMMON
def test_token_from_a_file_may_end_in_a_newline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret\n")
    connect()
    assert os.environ["MLFLOW_TRACKING_TOKEN"] == "secret"  # noqa: S105 - no password


@pytest.mark.usefixtures("config")
@COMMON
def test_second_command_in_a_project_says_that_another_runs() -> None:
    cli.lock_project.cache_clear()
    with contextlib.closing(sqlite3.connect(".lock.db")) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UserError, match="Another command is running"):
            cli.train()
    # The lock of a process that was killed is none.
    cli.lock_project()
    cli.lock_project.cache_clear()


@COMMON
def test_folder_that_cannot_be_written_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(Mock(side_effect=PermissionError(errno.EACCES, "Permission denied", "data")))
    assert exit_.value.code == 2
    assert capsys.readouterr().err == "error: [Errno 13] Permission denied: 'data'\n"


@COMMON
def test_home_may_be_missing(tmp_path: Path) -> None:
    result = run_python(tmp_path, NO_HOME)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", ["churn%20radar", "100% done", "a?b#c"])
@COMMON
def test_any_folder_can_be_tracked(tmp_path: Path, name: str) -> None:
    project = tmp_path / name
    project.mkdir()
    track(project)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len([*project.glob("mlruns/*/artifacts/file.json")]) == 1


@COMMON
def test_copied_project_says_where_its_runs_go(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    assert "copied" not in track(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert f"{tmp_path}/one/mlruns, because the project was copied" in track(tmp_path / "two")


@pytest.fixture
def client(rows: Rows) -> Iterator[TestClient]:  # noqa: ARG001 - in the folder of the run
    """A client of the API, whose model is loaded."""
    with TestClient(create_app(), raise_server_exceptions=False) as client:
        while client.get("/health").status_code != 200:
            pass
        yield client


def test_health_check_is_answered_while_instances_are_validated(
    client: TestClient, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = threading.Event()

    def validate(_: Any) -> list[Any]:
        started.set()
        time.sleep(2)
        return []

    monkeypatch.setattr(api, "validate_instances", validate)
    body = {"instances": rows[:2]}
    with ThreadPoolExecutor() as pool:
        predicted = pool.submit(client.post, "/predict", json=body)
        started.wait(10)
        assert client.get("/health").status_code == 200
        assert not predicted.done()
    assert predicted.result().json() == {"predictions": []}


@pytest.mark.parametrize(
    "instances",
    [
        [{}] * 10_000,
        [{}] * 1_000_000,
        [dict.fromkeys(map(str, range(200_000)), 0)],
        [dict.fromkeys(Instance.model_fields, [0] * 100_000)],
    ],
    ids=["empty", "more empty", "fields", "lists"],
)
def test_refusal_is_short_and_soon(client: TestClient, instances: list[Any]) -> None:
    body = json.dumps({"instances": instances}).encode()
    started = time.monotonic()
    response = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422
    assert len(response.content) < 5000
    assert time.monotonic() - started < 2


def test_instances_that_are_too_much_work_are_refused(
    client: TestClient, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "MAX_SECONDS", -1)
    response = client.post("/predict", json={"instances": rows[:2]})
    assert response.status_code == 413
    assert response.json()["detail"].endswith("send fewer in a request.")


@COMMON
def test_body_that_comes_slowly_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "MAX_BODY_SECONDS", 0.1)
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(60)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    asyncio.run(create_app()(scope, receive, send))
    assert sent[0]["status"] == 408


def test_metrics_and_methods_are_as_documented(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    response = client.get("/metrics")
    documented = paths["/metrics"]["get"]["responses"]["200"]["content"]
    assert response.headers["content-type"].partition(";")[0] in documented
    for path, methods in paths.items():
        response = client.options(path)
        assert response.status_code == 405
        assert response.headers["allow"].lower().split(", ") == list(methods)


@pytest.mark.parametrize(
    "value", [1e39, "x" * 250_000, ["x"] * 20_000], ids=["1e39", "long", "many"]
)
def test_value_without_bounds_is_refused_with_its_row(
    client: TestClient, rows: Rows, value: Any
) -> None:
    for name in Instance.model_fields:
        bad = [dict(row) for row in rows[:60]]
        bad[50][name] = value
        _, refused = Batch(bad, 1).check(Instance)
        assert list(refused) == [50]
        response = client.post("/predict", json={"instances": bad})
        assert response.status_code == 422
        assert response.json()["detail"][0]["loc"][:4] == ["body", "instances", 50, name]


@pytest.fixture
def model_without_third_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exported model returns NaN for the third row."""
    run = OnnxModel.run

    def spoil(self: OnnxModel, features: Any) -> Any:
        output = run(self, features).astype(float)
        output[2] = np.nan
        return output

    monkeypatch.setattr(OnnxModel, "run", spoil)


@pytest.mark.usefixtures("model_without_third_number")
def test_output_that_is_not_finite_is_refused_with_its_instance(
    client: TestClient, rows: Rows
) -> None:
    response = client.post("/predict", json={"instances": rows[:5]})
    assert response.status_code == 422
    assert response.json()["detail"] == "The model returns no finite number for instance 2."


@pytest.mark.usefixtures("model_without_third_number")
def test_monitor_refuses_rows_without_finite_prediction(
    config: ProjectConfig, splits: Splits
) -> None:
    source = Path("current.parquet")
    splits.test.table.iloc[:20].drop(columns=data.TARGET).to_parquet(source)
    with pytest.raises(UserError, match=r"rows are refused \(row 3: the model returns no finite"):
        monitor(config, source, BUNDLE)


@pytest.mark.parametrize("rows", [[], data.load().head(0)], ids=["list", "table"])
def test_source_without_rows_is_refused(monkeypatch: pytest.MonkeyPatch, rows: Any) -> None:
    monkeypatch.setattr(data, "load", lambda: pd.DataFrame(rows))
    with pytest.raises(UserError, match="there are no rows"):
        load_rows()


def test_bundle_of_other_features_is_refused(
    config: ProjectConfig,  # noqa: ARG001 - in the folder of the run
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bundle, "features_key", lambda: "0" * 64)
    with pytest.raises(UserError, match=r"features\.py has changed since artifacts/bundle was"):
        Predictor()


def test_column_of_names_is_not_monitored(
    config: ProjectConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        export, "monitored_columns", lambda rows: {"name": list(map(str, range(len(rows))))}
    )
    train(config)
    assert "name" not in Predictor().info.reference


@COMMON
def test_lock_that_fails_is_no_other_command(
    config: ProjectConfig,  # noqa: ARG001 - in the folder of the run
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".lock.db").write_bytes(b"no database" * 500)
    monkeypatch.setattr(cli, "lock_project", cli.lock_project.__wrapped__)
    with pytest.raises(UserError, match="cannot be locked: file is not a database"):
        cli.lock_project()


def test_validation_rows_after_test_rows_are_refused(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "GROUP", None)
    monkeypatch.setattr(data, "TIME", "day")
    table = splits.train.table.head(30).assign(day=range(30))
    with pytest.raises(UserError, match="validation rows after test rows"):
        make_splits(table, np.repeat(["train", "test", "valid"], 10))


@COMMON
@pytest.mark.parametrize("constant", ["TARGET", "GROUP", "TIME"])
def test_column_that_clean_does_not_return_is_named(
    config: ProjectConfig, monkeypatch: pytest.MonkeyPatch, constant: str
) -> None:
    monkeypatch.setattr(data, constant, "nope")
    with pytest.raises(UserError, match='clean\\(\\) returns no column "nope"'):
        build_dataset(config)


@COMMON
def test_heuristic_baseline_of_another_shape_is_refused(
    config: ProjectConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline = {"rule": np.zeros(3)}
    monkeypatch.setattr(data, "heuristic_baselines", lambda *_: baseline)
    monkeypatch.setattr(evaluate, "require_current", lambda _: None)
    with pytest.raises(UserError, match=r'baseline "rule" must have shape \(\d+, 2\)'):
        evaluate.evaluate(config)


@COMMON
def test_near_duplicates_are_found() -> None:
    row = {"price": 1234.5, "text": "As good as new", "n": 3}
    assert row_key(row) == row_key({**row, "price": 1234.9})
    assert row_key(row) == row_key({**row, "text": "AS  good as new"})
    assert row_key(row) != row_key({**row, "price": 1254.5})
    assert row_key(row) != row_key({**row, "n": 4})


@pytest.mark.parametrize(("value", "passed"), [(0.1, True), (0, False), (-1, False)])
@COMMON
def test_check_condition_needs_value_above_limit(value: float, passed: bool) -> None:
    check = check_condition("savings", Condition(value=value, limit=0))
    assert check.passed == passed


@COMMON
def test_warning_closes_gate_until_it_is_accepted(config: ProjectConfig) -> None:
    results = load_results()
    results.data.warnings = {"leakage_price": "Possible target leakage."}
    (check,) = check_warnings(results, config)
    assert not check.passed
    config.accepted_warnings["leakage_price"] = "It is known before."
    (check,) = check_warnings(results, config)
    assert check == (True, "Possible target leakage. It is known before.")


CLASSIFICATION = pytest.mark.skipif(
    not hasattr(Target, "is_binary"), reason="this is for classification"
)


@CLASSIFICATION
def test_error_rates_are_those_of_each_class() -> None:
    target = Target(classes=["no", "yes"], decision=DecisionConfig(), threshold=0.5)
    y_true = np.array([0, 0, 0, 0, 1, 1])
    output = np.column_stack([np.zeros(6), [0, 0, 0, 1, 0, 1]])
    rates = target.error_rates(y_true, output)
    found = [rate(np.arange(6)) for rate in rates.values()]
    assert found == [0.25, 0.5]
    assert np.isnan(rates["false_negative_rate"](np.arange(4)))


@CLASSIFICATION
def test_gate_of_a_classifier_is_closed_for_chance_and_for_losses(config: ProjectConfig) -> None:
    """Random scores may pass one of 40 tests at the nominal level, and a constant none."""
    rng = np.random.default_rng(0)
    rows = np.arange(300)
    y_true = rng.integers(0, 2, 300)
    score = rng.uniform(0, 0.6, 300) + 0.4 * y_true
    output = np.column_stack([1 - score, score])
    decision = DecisionConfig(cost_false_negative=5)
    target = Target.fit(y_true, {}, decision).fit_decision(y_true, output)

    def passed(output: Any) -> list[bool]:
        conditions = measure_conditions(
            target, y_true, y_true, output, lambda scorer: scorer(rows), config
        )
        return [condition.value > condition.limit for condition in conditions.values()]

    assert passed(output) == [True, True]
    assert passed(np.full_like(output, 0.5)) == [False, False]
    # The ranking is the same, and the threshold is not.
    assert passed(output**8) == [True, False]
    assert sum(passed(rng.permutation(output))[0] for _ in range(40)) <= 4


LOANS = pytest.mark.skipif(
    data.VARIANT != "tabular-classification", reason="this is about the loans"
)


def resample(table: pd.DataFrame, share: float) -> pd.DataFrame:
    """1,000 rows, of which this share is bad."""
    is_bad = table[data.TARGET] == "bad"
    weights = np.where(is_bad, share / is_bad.mean(), (1 - share) / (1 - is_bad.mean()))
    return table.sample(1000, replace=True, weights=weights, random_state=0)


def monitor_table(config: ProjectConfig, table: pd.DataFrame) -> None:
    """Run `monitor` with the table as current data."""
    source = Path("current.parquet")
    table.to_parquet(source)
    monitor(config, source, BUNDLE)


@LOANS
def test_half_a_standard_deviation_is_drift(config: ProjectConfig, splits: Splits) -> None:
    table = splits.test.table
    moved = table.assign(time=table["time"] + round(table["time"].std() / 2))
    with pytest.raises(UserError, match="drifted: time"):
        monitor_table(config, moved)


@LOANS
def test_class_balance_is_estimated_without_labels(
    config: ProjectConfig,
    splits: Splits,
) -> None:
    table = resample(splits.test.table, 0.5)
    with pytest.raises(UserError, match=r'share of "bad" is .* as estimated'):
        monitor_table(config, table[FIELDS])


@LOANS
def test_flipped_labels_lower_the_quality(config: ProjectConfig, splits: Splits) -> None:
    table = splits.test.table.copy()
    flipped = table[data.TARGET].sample(frac=0.15, random_state=0)
    table[data.TARGET] = table[data.TARGET].where(
        ~table.index.isin(flipped.index), table[data.TARGET].map({"bad": "good", "good": "bad"})
    )
    with pytest.raises(UserError, match="roc_auc is"):
        monitor_table(config, table)


@LOANS
@pytest.mark.usefixtures("config")
def test_class_balance_alone_does_not_change_the_ranking(splits: Splits) -> None:
    predictor = Predictor()
    values = []
    for table in (splits.test.table, resample(splits.test.table, 0.5)):
        y_true = predictor.target.encode(table[data.TARGET].to_numpy(), {})
        output = predictor.output(table_rows(table[FIELDS]))
        metrics = predictor.target.monitored_metrics(y_true, output)
        names = ("average_precision", "roc_auc")
        values.append([metrics[name][1](np.arange(len(table))) for name in names])
    assert values[0] == pytest.approx(values[1], abs=0.03)
