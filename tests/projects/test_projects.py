"""Every combination, installed from its own pyproject.toml alone and used without a network."""

import csv
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scaffold import Combination, render
from scaffold.project import sync_options
from scaffold.template.questions import choices
from support import environments, images
from support.combinations import COMBINATIONS
from support.paths import STANDINS
from support.projects import ENVIRONMENT, OFFLINE, Project
from support.rendering import Made

pytestmark = pytest.mark.slow
FIRST = next(iter(COMBINATIONS))
PROMOTED = "The model is promoted to champion"
# With a server of their own; that of Hugging Face is the image of every project.
SERVING = [name for name in choices("deploy") if name != "huggingface"]
FUZZED_ON_PLATFORMS = {"tabular-classification", "vision", "recommender"}
IMAGE = f"localhost/scaffold-{os.environ.get('PYTEST_XDIST_WORKER', 'test')}"


def only(*ids: str) -> pytest.MarkDecorator:
    """With these combinations in place of all."""
    chosen = [COMBINATIONS[name] for name in ids]
    return pytest.mark.parametrize("project", chosen, ids=ids, indirect=True)


@pytest.fixture(scope="module", params=list(COMBINATIONS.values()), ids=list(COMBINATIONS))
def project(request: pytest.FixtureRequest, template: Path, workshop: Path) -> Iterator[Project]:
    """Installed, committed and run once."""
    combination: Combination = request.param
    with environments.rendered_project(combination, template, workshop) as folder:
        project = Project(folder, combination)
        project.online("git", "init", "--quiet")
        environments.sync(folder, folder / ".venv", ENVIRONMENT)
        project.commit()
        project.offline("churn-radar", "run")
        yield project


def test_there_is_no_network(project: Project) -> None:
    """The negative control: what must not be reached cannot be."""
    code = "import socket; socket.create_connection(('pypi.org', 443), 3)"
    project.offline("python", "-c", code, status=1)


def test_its_own_tests_pass(project: Project) -> None:
    assert "passed" in project.offline("pytest")


def test_it_survives_faults(project: Project) -> None:
    """With the fixtures of its own tests."""
    copied = project.folder / "tests/test_faults.py"
    shutil.copy(STANDINS / "faults.py", copied)
    try:
        assert "passed" in project.offline("pytest", "tests/test_faults.py")
    finally:
        copied.unlink()


def test_the_model_is_measured(project: Project) -> None:
    metrics = project.json("reports/metrics.json")
    assert set(metrics) >= {
        *("variant", "framework"),
        *("primary", "baseline", "improvement", "metrics", "slices", "importance"),
        *("data", "run", "export", "gate"),
    }
    combination = project.combination
    assert (metrics["variant"], metrics["framework"]) == (
        combination.variant,
        combination.framework,
    )
    assert metrics["improvement"]["ci_low"] > 0
    assert metrics["export"]["max_abs_diff"] <= 1e-4
    assert metrics["gate"]["passed"]
    assert len(metrics["data"]["sha256"]) == 64
    assert len(metrics["run"]["git_commit"]) >= 40
    assert {"model.onnx", "bundle.json"} == {
        path.name for path in (project.folder / "artifacts/bundle").iterdir()
    }
    for name in metrics["figures"]:
        picture = (project.folder / f"reports/figures/{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG")


def test_the_report_is_written(project: Project) -> None:
    project.offline("churn-radar", "report", "--check")
    readme = project.folder / "README.md"
    text = readme.read_text("utf-8")
    assert PROMOTED in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []
    readme.write_text(text.replace(PROMOTED, "The model is excellent"), "utf-8")
    assert "README.md" in project.offline("churn-radar", "report", "--check", status=1)
    project.offline("churn-radar", "report")
    assert readme.read_text("utf-8") == text


def test_a_second_run_is_the_same_and_meets_the_champion(project: Project) -> None:
    first = project.json("reports/metrics.json")
    project.offline("churn-radar", "run")
    second = project.json("reports/metrics.json")
    assert first["metrics"] == second["metrics"]
    assert first["improvement"] == second["improvement"]
    assert "not worse than the champion" in second["gate"]["reasons"][-1]


def test_its_hooks_pass_on_a_fresh_commit(project: Project) -> None:
    project.offline("prek", "run", "--all-files")


# What survives a kill is written by the same code in every variant.
@only(*(name for name, c in COMBINATIONS.items() if c.variant == COMBINATIONS[FIRST].variant))
def test_a_run_works_after_one_was_killed(project: Project) -> None:
    """At the start, while rows are loaded, while the model is trained, while it is measured."""
    for seconds in (0.5, 1.5, 3, 4.5):
        with subprocess.Popen(  # noqa: S603 - ours
            [*OFFLINE, ".venv/bin/churn-radar", "run"],
            cwd=project.folder,
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            time.sleep(seconds)
            process.kill()
        project.offline("churn-radar", "run")


# The first test rows as files; a cell of a CSV holds a list as JSON.
WRITE_ROWS = """
import json
import pandas as pd
from churn_radar.core.splits import load_split

rows = load_split("test").rows[:5]
cells = [{k: json.dumps(v) if isinstance(v, list) else v for k, v in r.items()} for r in rows]
pd.DataFrame(cells).to_csv("rows.csv", index=False)
pd.DataFrame(rows).to_parquet("rows.parquet", index=False)
print(json.dumps(rows))
"""


def test_batch_and_api_agree(project: Project) -> None:
    instances = json.loads(project.offline("python", "-c", WRITE_ROWS).splitlines()[-1])
    for suffix in ("csv", "parquet"):
        files = ["--input", f"rows.{suffix}", "--output", f"predictions.{suffix}"]
        project.offline("churn-radar", "predict", *files)
    with (project.folder / "predictions.csv").open(newline="") as file:
        batch = list(csv.DictReader(file))
    answered = serve_and_predict(project, Path(".venv/bin"), instances)
    assert len(batch) == 5
    for row, prediction in zip(batch, answered, strict=True):
        for name, value in prediction.items():
            if isinstance(value, str):
                assert row[name] == value
            elif isinstance(value, list) and isinstance(value[0], str):
                assert json.loads(row[name]) == value
            else:
                assert json.loads(row[name]) == pytest.approx(value, rel=1e-5)


def test_serving_needs_no_training_library(project: Project) -> None:
    """As in the Dockerfile: without its groups the project is small, and the API still answers."""
    lean = project.folder / ".lean"
    environments.sync(project.folder, lean, ENVIRONMENT, "--no-default-groups", "--no-editable")
    installed = {path.name for path in next(lean.glob("lib/*/site-packages")).iterdir()}
    assert not {"pandas", "sklearn", "mlflow", "torch", "pyarrow"} & installed
    # The instance of the README's own example, so that it is tested too.
    text = (project.folder / "README.md").read_text("utf-8")
    serve_and_predict(
        project,
        lean / "bin",
        json.loads(text.partition("-d '")[2].partition("'\n")[0])["instances"],
    )


# The API with an endpoint that fails.
BROKEN = """#!{python}
import uvicorn
from churn_radar.serving.api import create_app

app = create_app()
app.get("/broken")(lambda: 1 / 0)
uvicorn.run(app, host="127.0.0.1", port=18080, log_level="critical")
"""


def fuzz(project: Project, *command: str | Path, status: int) -> None:
    """Fuzz the API that a command starts; the exit status tells whether it passed."""
    script = [*OFFLINE, sys.executable, str(STANDINS / "fuzz.py")]
    result = subprocess.run(  # noqa: S603 - ours
        [*script, *map(str, command)],
        cwd=project.folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == status, result.stdout


def test_no_request_brings_the_api_down(project: Project) -> None:
    broken = project.folder / ".broken/churn-radar"
    broken.parent.mkdir(exist_ok=True)
    broken.write_text(BROKEN.format(python=project.folder / ".venv/bin/python"), "utf-8")
    broken.chmod(0o755)
    fuzz(project, project.folder / ".venv/bin/churn-radar", "serve", status=0)
    # The negative control, for one combination of each rotation.
    if project.combination.variant == "tabular-classification":
        fuzz(project, broken, status=1)


# Instances, and what the bundle predicts for them.
PREDICT_ROWS = """
import json
from churn_radar.core.bundle import Predictor
from churn_radar.core.splits import load_split

rows = load_split("test").rows[:5]
print(json.dumps([rows, Predictor().predict(rows)]))
"""


def predicted(project: Project) -> tuple[list[Any], list[Any]]:
    """A few instances of the test set and their predictions."""
    rows, predictions = json.loads(project.offline("python", "-c", PREDICT_ROWS).splitlines()[-1])
    return rows, predictions


def play(project: Project, predictions: list[Any], *platforms: str, status: int = 0) -> str:
    """Let platforms.py send instances and expect these predictions."""
    script = str(STANDINS / "platforms.py")
    command = str(project.folder / ".venv/bin/churn-radar")
    data = [json.dumps(part) for part in (predicted(project)[0], predictions)]
    return project.offline("python", script, command, *data, *platforms, status=status)


def test_api_keeps_its_contract(project: Project) -> None:
    predictions = predicted(project)[1]
    assert play(project, predictions).count(" ok\n") == 2
    # The negative control.
    play(project, [{"other": 1}] * len(predictions), status=1)


def needs_engine() -> None:
    if not shutil.which(images.ENGINE[0]):
        pytest.skip("There is neither podman nor docker; .ci/run installs podman.")


def serving(folder: Path) -> tuple[list[str], str]:
    """What decides on an image, beside a project's own modules and model."""
    declared = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    return declared["project"]["dependencies"], (folder / "Dockerfile").read_text("utf-8")


@pytest.fixture
def own_image(project: Project, serving_images: list[str], made: Made) -> None:
    """Skip a project of whose framework and of whose serving dependencies others have an image."""
    needs_engine()
    earlier = list(serving_images)
    if (own := project.combination.id) in earlier:
        earlier = earlier[: earlier.index(own)]
    of_framework = [
        n for n in earlier if COMBINATIONS[n].framework == project.combination.framework
    ]
    alike = [n for n in earlier if of_framework and serving(made(n)) == serving(made(own))]
    if alike:
        pytest.skip(f"There are images of this framework and, by {alike[0]}, of these packages.")


@pytest.mark.usefixtures("own_image")
def test_its_image_serves_as_anybody_and_stops_on_sigterm(project: Project) -> None:
    # Where torch comes from a folder of wheels, the lock file holds only with the same options; the
    # last, -P, chose the version that is locked.
    options = sync_options()
    options = options[: options.index("-P")] if "-P" in options else options
    sync = ["--build-arg", f"SYNC={shlex.join(options)}"] if options else []
    config = images.build(project.folder, IMAGE, *sync)
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["churn-radar"]
    assert config["Cmd"] == ["serve"]
    assert "/health" in str(config["Healthcheck"])
    rows, predictions = predicted(project)
    for user in ("10001:10001", "23456:0"):
        with images.running(IMAGE, "--user", user) as container:
            response = images.call("/predict", {"instances": rows})["predictions"]
            assert [row.keys() for row in response] == [row.keys() for row in predictions]
            images.engine("stop", "--time", "20", container)
            state = json.loads(images.engine("inspect", container))[0]["State"]
            assert state["ExitCode"] in (0, 128 + signal.SIGTERM)
    lean = ["run", "--rm", *images.LIMITS, IMAGE, "train"]
    assert "uv sync" in images.engine(*lean, status=2)


LEAKING_FIELD = """
import numpy as np
import pandas as pd
from churn_radar import data
from churn_radar.core.splits import FIELDS, load_split

train = load_split("train").table
assert not data.check(train)
leaking = train.assign(**{FIELDS[0]: train[data.TARGET]})
assert list(data.check(leaking)) == [f"leakage_{FIELDS[0]}"]
assert not data.check(leaking.assign(**{data.TARGET: train[data.TARGET].iloc[0]}))

rng = np.random.default_rng(0)
target = train[data.TARGET]
is_number = target.nunique() > 20
codes = target if is_number else pd.Series(pd.factorize(target)[0])
noise = rng.normal(0, codes.std(), len(codes))
wrong = rng.random(len(codes)) < 0.03
leaks = [
    1.1 * codes + 0.1 * noise,  # in another currency
    codes * (1 + 0.03 * noise / codes.std()) if is_number else codes.where(~wrong, 1 - codes),
    codes + 0.3 * noise,  # known afterwards, and not exactly
]
for leak in leaks:
    assert list(data.check(train.assign(**{FIELDS[0]: leak}))) == [f"leakage_{FIELDS[0]}"]
# The control: as far off as its own spread.
assert not data.check(train.assign(**{FIELDS[0]: codes + 2 * noise}))
"""


@only(*(name for name in COMBINATIONS if name.startswith("tabular")))
def test_field_that_predicts_the_target_alone_is_named(project: Project) -> None:
    project.offline("python", "-c", LEAKING_FIELD)


MANY_ROWS = """
import pandas as pd
from churn_radar.core.splits import load_split

rows = pd.DataFrame(load_split("train").rows)
pd.concat([rows] * 100, ignore_index=True).to_csv("many.csv", index=False)
"""


REVERSE_ROWS = """
import sys
from pyarrow import parquet

table = parquet.read_table(sys.argv[1])
parquet.write_table(table.take(list(range(len(table)))[::-1]), sys.argv[1])
"""


@pytest.mark.once
@only(FIRST)
def test_batch_goes_on_after_it_was_killed(project: Project) -> None:
    project.offline("python", "-c", MANY_ROWS)
    command = ["churn-radar", "predict", "--input", "many.csv", "--output"]
    project.offline(*command, "whole.csv")
    with (
        subprocess.Popen(  # noqa: S603 - ours
            [f".venv/bin/{command[0]}", *command[1:], "resumed.csv"],
            cwd=project.folder,
            env=ENVIRONMENT,
            stderr=subprocess.DEVNULL,
        ) as process
    ):
        while len(blocks := [*project.folder.glob(".resumed.csv-*/0*.parquet")]) < 3:
            time.sleep(0.01)
        process.kill()
    assert not (project.folder / "resumed.csv").exists()
    # A finished block is not predicted again, which a changed one shows.
    first = min(blocks)
    project.offline("python", "-c", REVERSE_ROWS, str(first))
    # What may be left of the joined file is not taken for a block.
    (first.parent / "joined").write_bytes(b"half of it")
    project.offline(*command, "resumed.csv")
    whole, resumed = (project.folder / name for name in ("whole.csv", "resumed.csv"))
    lines = [path.read_text("utf-8").splitlines() for path in (whole, resumed)]
    assert lines[0][-1000:] == lines[1][-1000:]
    assert lines[0][:1000] != lines[1][:1000]
    assert not [*project.folder.glob(".resumed.csv-*")]


def serve_and_predict(
    project: Project, binaries: Path, instances: list[Any]
) -> list[dict[str, Any]]:
    """The API's predictions for these instances."""
    script = str(STANDINS / "client.py")
    command = str(binaries / "churn-radar")
    output = project.offline("python", script, command, json.dumps(instances))
    response: dict[str, Any] = json.loads(output.splitlines()[-1])
    assert len(response["predictions"]) == len(instances)
    assert response["stopped"] in (0, -signal.SIGTERM)
    return list(response["predictions"])


# With the platforms: what their choice adds to a project.


@pytest.fixture(scope="module")
def deployed(project: Project, template: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project with every platform; its package and its bundle stay as they are."""
    rendering = tmp_path_factory.mktemp("deployed") / "churn-radar"
    answers = {**project.combination.answers, "deploy": choices("deploy")}
    render(rendering, answers, template=template)
    for path in (rendering / "src").rglob("*.py"):
        before = project.folder / path.relative_to(rendering)
        assert before.read_bytes() == path.read_bytes(), path
    for name in ("pyproject.toml", "Dockerfile"):
        shutil.copy(rendering / name, project.folder)
    shutil.copytree(rendering / "deploy", project.folder / "deploy", dirs_exist_ok=True)
    shutil.rmtree(rendering)
    environments.sync(project.folder, project.folder / ".venv", ENVIRONMENT)
    return project


def test_tests_of_platforms_pass(deployed: Project) -> None:
    assert "passed" in deployed.offline("pytest", "deploy")


def test_api_keeps_the_contracts_of_platforms(deployed: Project) -> None:
    predictions = predicted(deployed)[1]
    assert play(deployed, predictions, *SERVING).count(" ok\n") == 2 + len(SERVING)


# The routes are the same text everywhere: rows of scalars, images and lists are enough.
@only(*(n for n, c in COMBINATIONS.items() if c.variant in FUZZED_ON_PLATFORMS))
def test_no_request_brings_the_routes_of_platforms_down(deployed: Project) -> None:
    fuzz(deployed, deployed.folder / ".venv/bin/python", "-m", "deploy.serve", status=0)


def build_for_sagemaker(project: Project, tag: str, *options: str) -> dict[str, Any]:
    """The configuration of the image of deploy/sagemaker, built on the two before it."""
    images.build(project.folder, f"{tag}-api", *options)
    layers = ["--build-arg", f"IMAGE={tag}-api"]
    images.build(project.folder / "deploy", f"{tag}-platforms", *layers)
    layers = ["--build-arg", f"IMAGE={tag}-platforms"]
    return images.build(project.folder / "deploy/sagemaker", tag, *layers)


@pytest.mark.once
@only(FIRST)
def test_image_for_sagemaker_serves_the_mounted_bundle(deployed: Project) -> None:
    needs_engine()
    config = build_for_sagemaker(deployed, f"{IMAGE}-sagemaker")
    assert config["User"] == "0:0"
    info = deployed.json("artifacts/bundle/bundle.json")
    with tempfile.TemporaryDirectory() as mounted:
        shutil.copytree(deployed.folder / "artifacts/bundle", mounted, dirs_exist_ok=True)
        info["run"]["mlflow_run_id"] = "mounted"
        (Path(mounted) / "bundle.json").write_text(json.dumps(info), "utf-8")
        with images.running(f"{IMAGE}-sagemaker", "--volume", f"{mounted}:/opt/ml/model:ro"):
            assert images.call("/ping")["run_id"] == "mounted"
    lean = ["run", "--rm", *images.LIMITS, f"{IMAGE}-sagemaker", "train"]
    assert "uv sync" in images.engine(*lean, status=2)


# The stack of training is a gigabyte.
@pytest.mark.once
@only(FIRST)
def test_image_for_sagemaker_trains_on_mounted_rows(deployed: Project) -> None:
    """Hyperparameters and rows are mounted, and the bundle is written where SageMaker takes it."""
    needs_engine()
    tag = f"{IMAGE}-train"
    groups = "--group deploy --group train --group data"
    build_for_sagemaker(deployed, tag, "--build-arg", f"SYNC={groups}")
    write = "from churn_radar import data; data.load().head(2000).to_parquet('rows.parquet')"
    deployed.offline("python", "-c", write)
    with tempfile.TemporaryDirectory() as mounted:
        for folder in ("input/config", "input/data/training", "model"):
            (Path(mounted) / folder).mkdir(parents=True)
        rows = deployed.folder / "rows.parquet"
        shutil.move(rows, Path(mounted) / "input/data/training")
        given = Path(mounted) / "input/config/hyperparameters.json"
        given.write_text(json.dumps({"C": "0.5"}), "utf-8")
        mount = ["--network", "none", "--volume", f"{mounted}:/opt/ml", *images.LIMITS]
        images.engine("run", "--rm", *mount, tag, "train")
        info = json.loads((Path(mounted) / "model/bundle.json").read_text("utf-8"))
        assert 1900 < info["data"]["rows"] <= 2000  # clean() leaves some out
        assert (Path(mounted) / "model/model.onnx").is_file()
        given.write_text(json.dumps({"surprise": "0.5"}), "utf-8")
        refusal = ["run", "--rm", *mount, tag, "train"]
        assert "surprise" in images.engine(*refusal, status=2)
    images.engine("rmi", "--force", tag, f"{tag}-platforms", f"{tag}-api")


@pytest.mark.once
@only(FIRST)
def test_api_serves_the_champion_of_a_tracking_server(deployed: Project) -> None:
    """As in deploy/mlflow/compose.yaml, as processes: a server, the pipeline, then the API."""
    script = str(STANDINS / "compose.py")
    assert "champion ok" in deployed.offline("python", script, str(deployed.folder))


@pytest.mark.once
@only(FIRST)
def test_rows_come_from_a_bucket_and_the_bundle_goes_there(deployed: Project) -> None:
    write = "from churn_radar import data; data.load().head(2000).to_parquet('raw.parquet')"
    deployed.offline("python", "-c", write)
    script = [str(STANDINS / "bucket.py"), str(deployed.folder), "raw.parquet"]
    command = [*OFFLINE, sys.executable, *script]
    subprocess.run(command, cwd=deployed.folder, env=ENVIRONMENT, check=True)  # noqa: S603 - ours
