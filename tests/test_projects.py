"""Every combination, installed from its own pyproject.toml alone and used without a network."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import environments
import images
import pytest
from conftest import COMBINATIONS

from scaffold import Combination

pytestmark = pytest.mark.slow
OFFLINE = [
    "unshare",
    "--net",
    "--map-root-user",
    sys.executable,
    str(Path(__file__).parent / "offline.py"),
]
# As a user's machine is: nothing of this test's environment, one thread, compiled Python kept.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("VIRTUAL_ENV", "PYTHON", "MLFLOW", "PYTEST", "UV_PROJECT"))
} | {"OMP_NUM_THREADS": "1", "UV_NO_SYNC": "1"}


class Project:
    """A rendered project with its environment."""

    def __init__(self, folder: Path, combination: Combination) -> None:
        self.folder, self.combination = folder, combination

    def online(self, *command: str) -> None:
        subprocess.run(command, cwd=self.folder, env=ENVIRONMENT, check=True)  # noqa: S603 - ours

    def offline(self, *command: str, status: int = 0) -> str:
        result = subprocess.run(  # noqa: S603 - ours
            [*OFFLINE, f".venv/bin/{command[0]}", *command[1:]],
            cwd=self.folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        output = result.stdout + result.stderr
        assert result.returncode == status, output
        return output

    def json(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text("utf-8"))


FIRST = next(iter(COMBINATIONS))
IMAGE = f"localhost/scaffold-{os.environ.get('PYTEST_XDIST_WORKER', 'test')}"


def only(*ids: str) -> pytest.MarkDecorator:
    """With these combinations in place of all."""
    chosen = [COMBINATIONS[name] for name in ids]
    return pytest.mark.parametrize("project", chosen, ids=ids, indirect=True)


@pytest.fixture(scope="module", params=list(COMBINATIONS.values()), ids=list(COMBINATIONS))
def project(request: pytest.FixtureRequest, template: Path, workshop: Path) -> Iterator[Project]:
    """Installed, committed and run once."""
    combination: Combination = request.param
    with environments.made(combination, template, workshop) as folder:
        project = Project(folder, combination)
        project.online("git", "init", "--quiet")
        environments.sync(folder, folder / ".venv", ENVIRONMENT)
        project.online("git", "add", "--all")
        identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        project.online("git", *identity, "commit", "--quiet", "--message", "Generate")
        project.offline("churn-radar", "run")
        yield project


def test_there_is_no_network(project: Project) -> None:
    """The negative control: what must not be reached cannot be."""
    code = "import socket; socket.create_connection(('pypi.org', 443), 3)"
    project.offline("python", "-c", code, status=1)


def test_its_own_tests_pass(project: Project) -> None:
    assert "passed" in project.offline("pytest")


def test_the_model_is_measured(project: Project) -> None:
    metrics = project.json("reports/metrics.json")
    assert set(metrics) >= {
        *("variant", "framework", "primary", "baseline", "improvement", "metrics", "slices"),
        *("data", "run", "export", "gate"),
    }
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
    assert "The gate passed" in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []
    readme.write_text(text.replace("The gate passed", "The gate flew"), "utf-8")
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
from churn_radar.dataset import load_part

rows = load_part("test").instances[:5]
cells = [{k: json.dumps(v) if isinstance(v, list) else v for k, v in r.items()} for r in rows]
pd.DataFrame(cells).to_csv("rows.csv", index=False)
pd.DataFrame(rows).to_parquet("rows.parquet", index=False)
print(json.dumps(rows))
"""


def test_batch_and_api_agree(project: Project) -> None:
    instances = json.loads(project.offline("python", "-c", WRITE_ROWS).splitlines()[-1])
    for suffix in ("csv", "parquet"):
        files = ["--input", f"rows.{suffix}", "--output", f"answers.{suffix}"]
        project.offline("churn-radar", "predict", *files)
    with (project.folder / "answers.csv").open(newline="") as file:
        batch = list(csv.DictReader(file))
    answered = ask(project, Path(".venv/bin"), instances)
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
    ask(
        project,
        lean / "bin",
        json.loads(text.partition("-d '")[2].partition("'\n")[0])["instances"],
    )


# The API with an endpoint that fails.
BROKEN = """#!{python}
import uvicorn
from churn_radar.serve import Api

app = Api()
app.get("/broken")(lambda: 1 / 0)
uvicorn.run(app, host="127.0.0.1", port=18080, log_level="critical")
"""


def test_no_request_brings_the_api_down(project: Project) -> None:
    script = [*OFFLINE, sys.executable, str(Path(__file__).parent / "fuzz.py")]
    broken = project.folder / ".broken/churn-radar"
    broken.parent.mkdir(exist_ok=True)
    broken.write_text(BROKEN.format(python=project.folder / ".venv/bin/python"), "utf-8")
    broken.chmod(0o755)
    for command, status in ((project.folder / ".venv/bin/churn-radar", 0), (broken, 1)):
        result = subprocess.run(  # noqa: S603 - ours
            [*script, str(command)],
            cwd=project.folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == status, result.stdout


# Rows as raw instances, and what the bundle says of them.
ANSWER_ROWS = """
import json
from churn_radar.bundle import Predictor
from churn_radar.dataset import load_part
from churn_radar.settings import BUNDLE

rows, predictor = load_part("test").instances[:5], Predictor(BUNDLE)
print(json.dumps([rows, predictor.task.answers(predictor.output(rows))]))
"""


def test_it_keeps_the_contracts_of_the_platforms(project: Project) -> None:
    """Google, Amazon, Azure, MLflow and v2, each played by platforms.py; and damaged bundles."""
    answered = project.offline("python", "-c", ANSWER_ROWS).splitlines()[-1]
    rows, answers = (json.dumps(part) for part in json.loads(answered))
    script = str(Path(__file__).parent / "platforms.py")
    command = str(project.folder / ".venv/bin/churn-radar")
    assert project.offline("python", script, command, rows, answers).count(" ok\n") == 5
    # The negative control: with other answers expected, the first platform is not content.
    project.offline("python", script, command, rows, json.dumps(["other"]), status=1)


def needs_engine() -> None:
    if not shutil.which(images.ENGINE[0]):
        pytest.skip("There is neither podman nor docker; .ci/run installs podman.")


def serving(folder: Path) -> tuple[list[str], str]:
    """What decides on an image, beside a project's own modules and model."""
    declared = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    return declared["project"]["dependencies"], (folder / "Dockerfile").read_text("utf-8")


@pytest.fixture
def own_image(project: Project, serving_images: list[str], made: Callable[[str], Path]) -> None:
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
def test_its_image_serves_as_anybody_and_stops_when_told(project: Project) -> None:
    config = images.build(project.folder, IMAGE)
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["churn-radar"]
    assert config["Cmd"] == ["serve"]
    assert "/ping" in str(config["Healthcheck"])
    answered = project.offline("python", "-c", ANSWER_ROWS).splitlines()[-1]
    rows, answers = json.loads(answered)
    for user in ("10001:10001", "23456:0"):
        with images.running(IMAGE, "--user", user) as container:
            said = images.answer("/invocations", {"instances": rows})["predictions"]
            assert [row.keys() for row in said] == [row.keys() for row in answers]
            images.engine("stop", "--time", "20", container)
            state = json.loads(images.engine("inspect", container))[0]["State"]
            assert state["ExitCode"] in (0, 128 + signal.SIGTERM)
    lean = ["run", "--rm", *images.LIMITS, IMAGE, "train"]
    assert "uv sync" in images.engine(*lean, status=2)


# Its Dockerfile adds nothing to the image before but the user.
@pytest.mark.once
@only(FIRST)
def test_its_image_for_amazon_serves_the_model_that_is_mounted(project: Project) -> None:
    needs_engine()
    config = images.build(project.folder, f"{IMAGE}-amazon", "--target", "sagemaker")
    assert config["User"] == "0:0"
    meta = project.json("artifacts/bundle/bundle.json")
    with tempfile.TemporaryDirectory() as mounted:
        shutil.copytree(project.folder / "artifacts/bundle", mounted, dirs_exist_ok=True)
        meta["run"]["mlflow_run_id"] = "mounted"
        (Path(mounted) / "bundle.json").write_text(json.dumps(meta), "utf-8")
        with images.running(f"{IMAGE}-amazon", "--volume", f"{mounted}:/opt/ml/model:ro"):
            assert images.answer("/ping")["run_id"] == "mounted"


# The stack of training is a gigabyte.
@pytest.mark.once
@only(FIRST)
def test_an_image_that_can_train_does_so_as_amazon_asks(project: Project) -> None:
    """Hyperparameters and rows are mounted, and the bundle is found where Amazon takes it."""
    needs_engine()
    stack = ["--target", "sagemaker", "--build-arg", "SYNC=--group train --group data"]
    images.build(project.folder, f"{IMAGE}-train", *stack)
    write = "from churn_radar import data; data.load().head(2000).to_parquet('rows.parquet')"
    project.offline("python", "-c", write)
    with tempfile.TemporaryDirectory() as mounted:
        for folder in ("input/config", "input/data/training", "model"):
            (Path(mounted) / folder).mkdir(parents=True)
        rows = project.folder / "rows.parquet"
        shutil.move(rows, Path(mounted) / "input/data/training")
        given = Path(mounted) / "input/config/hyperparameters.json"
        given.write_text(json.dumps({"C": "0.5"}), "utf-8")
        mount = ["--network", "none", "--volume", f"{mounted}:/opt/ml", *images.LIMITS]
        images.engine("run", "--rm", *mount, f"{IMAGE}-train", "train")
        meta = json.loads((Path(mounted) / "model/bundle.json").read_text("utf-8"))
        assert 1900 < meta["data"]["rows"] <= 2000  # clean() leaves some out
        assert (Path(mounted) / "model/model.onnx").is_file()
        given.write_text(json.dumps({"surprise": "0.5"}), "utf-8")
        refusal = ["run", "--rm", *mount, f"{IMAGE}-train", "train"]
        assert "surprise" in images.engine(*refusal, status=2)
    images.engine("rmi", "--force", f"{IMAGE}-train")


@pytest.mark.once
@only(FIRST)
def test_the_api_serves_the_champion_of_a_tracking_server(project: Project) -> None:
    """As in compose.yaml, with its commands, as processes: a server, the pipeline, then the API."""
    script = str(Path(__file__).parent / "compose.py")
    assert "champion ok" in project.offline("python", script, str(project.folder))


@pytest.mark.once
@only(FIRST)
def test_rows_come_from_a_bucket_and_the_bundle_goes_there(project: Project) -> None:
    write = "from churn_radar import data; data.load().head(2000).to_parquet('raw.parquet')"
    project.offline("python", "-c", write)
    project.offline("python", "-c", WRITE_ROWS)
    script = [str(Path(__file__).parent / "bucket.py"), str(project.folder), "raw.parquet"]
    command = [*OFFLINE, sys.executable, *script]
    subprocess.run(command, cwd=project.folder, env=ENVIRONMENT, check=True)  # noqa: S603 - ours


MANY_ROWS = """
import pandas as pd
from churn_radar.dataset import load_part

rows = pd.DataFrame(load_part("train").instances)
pd.concat([rows] * 100, ignore_index=True).to_csv("many.csv", index=False)
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
        while len(kept := [*project.folder.glob(".resumed.csv-*/0*.parquet")]) < 3:
            time.sleep(0.01)
        process.kill()
    assert not (project.folder / "resumed.csv").exists()
    # A block that is kept is not answered again, which a changed one would show.
    first = min(kept)
    first.write_bytes(sorted(kept)[1].read_bytes())
    # Nor is what it may have left of the whole taken for a block.
    (first.parent / "joined").write_bytes(b"half of it")
    project.offline(*command, "resumed.csv")
    whole, resumed = (project.folder / name for name in ("whole.csv", "resumed.csv"))
    lines = [path.read_text("utf-8").splitlines() for path in (whole, resumed)]
    assert lines[0][-1000:] == lines[1][-1000:]
    assert lines[0][:1000] != lines[1][:1000]
    assert not [*project.folder.glob(".resumed.csv-*")]


def ask(project: Project, binaries: Path, instances: list[Any]) -> list[dict[str, Any]]:
    """What the API answers to these instances."""
    script = str(Path(__file__).parent / "ask.py")
    command = str(binaries / "churn-radar")
    output = project.offline("python", script, command, json.dumps(instances))
    answered: dict[str, Any] = json.loads(output.splitlines()[-1])
    assert len(answered["predictions"]) == len(instances)
    assert answered["stopped"] in (0, -signal.SIGTERM)
    return list(answered["predictions"])
