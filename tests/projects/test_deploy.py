"""Deployment as code: only what was chosen, and each platform's own SDK accepts it."""

import json
import os
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from scaffold.template.questions import choices
from support.rendering import Render

PLATFORMS = choices("deploy")
# What several platforms share, by its name in deploy/, and the platforms that need it.
SHARED = {
    "serve": set(PLATFORMS) - {"huggingface"},
    "storage": {"vertex", "sagemaker", "azureml"},
    "training": {"vertex", "sagemaker"},
    "tables": {"sagemaker", "open-inference", "mlflow"},
    "invocations": {"sagemaker", "mlflow"},
}
SECRETS = {
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_DEFAULT_REGION": "us-east-1",
}
IMAGE = "registry.example.org/churn_radar:v1.2.3"
ROLE = "arn:aws:iam::123456789012:role/sagemaker"
ARGUMENTS = {
    "vertex": ["--project", "p", "--image", IMAGE],
    "sagemaker": ["--image", IMAGE, "--role", ROLE],
    "azureml": ["--subscription", "s", "--group", "g", "--workspace", "w", "--image", IMAGE],
    "huggingface": ["--space", "ada/churn-radar"],
}


SOME = [*([name] for name in PLATFORMS), ["vertex", "azureml"]]
# The fast tests are about none and all.
CHOICES = [[], PLATFORMS, *(pytest.param(chosen, marks=pytest.mark.slow) for chosen in SOME)]


@pytest.mark.parametrize("chosen", CHOICES, ids="-".join)
def test_only_the_chosen_platforms_are_in_the_project(rendered: Render, chosen: list[str]) -> None:
    project = rendered(deploy=chosen)
    folders = {path.parent.name for path in project.glob("deploy/*/__init__.py")}
    assert folders == {name.replace("-", "_") for name in chosen}
    needed = {name for name, platforms in SHARED.items() if platforms & {*chosen}}
    assert {name for name in SHARED if (project / f"deploy/{name}.py").exists()} == needed
    group = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    packages = {re.split("[^a-z0-9]", line)[0] for line in group.get("deploy", [])}
    assert ("obstore" in packages) == ("storage" in needed)
    assert ("httpx2" in packages) == ("mlflow" in chosen)


@pytest.mark.parametrize("chosen", CHOICES, ids="-".join)
def test_the_files_of_each_choice_are_clean(rendered: Render, chosen: list[str]) -> None:
    project = rendered(deploy=chosen)
    own = Path(sys.executable).parent
    images = [str(path) for path in project.rglob("Dockerfile")]
    schema = [f"{own}/check-jsonschema", "--builtin-schema", "vendor.compose-spec"]
    for command in (
        [f"{own}/ruff", "check", "--no-cache"],
        [f"{own}/ruff", "format", "--check", "--no-cache"],
        [f"{own}/hadolint", *images],
        [f"{own}/yamllint", "--strict", "."],
        [*schema, *(str(path) for path in project.rglob("compose.yaml"))],
    ):
        result = subprocess.run(  # noqa: S603 - linters
            command, cwd=project, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr


def dry_run(project: Path, platform: str, *more: str) -> str:
    command = [
        sys.executable,
        f"deploy/{platform}/deploy.py",
        *ARGUMENTS[platform],
        "--dry-run",
        *more,
    ]
    env = {**os.environ, **SECRETS}
    result = subprocess.run(  # noqa: S603 - ours
        command, cwd=project, env=env, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def project(rendered: Render, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = rendered(package_name="churn_radar", deploy=PLATFORMS, github_user="Ada")
    bundle = folder / "artifacts/bundle"
    bundle.mkdir(parents=True)
    (bundle / "bundle.json").write_text("{}")
    monkeypatch.chdir(folder)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    return folder


def call(platform: str, function: str, *arguments: Any, **replaced: Any) -> Any:
    """A function of the script, some of its names replaced: no test has an account."""
    loaded = runpy.run_path(f"deploy/{platform}/deploy.py")[function]
    loaded.__globals__.update(replaced)
    return loaded(*arguments)


@pytest.mark.slow
def test_google_takes_what_is_printed(project: Path) -> None:
    vertex = pytest.importorskip("google.cloud.aiplatform_v1")
    made = json.loads(dry_run(project, "vertex", "--bundle", "gs://b/model"))
    container = vertex.ModelContainerSpec(made["model"]["container_spec"])
    assert container.predict_route == "/predict"
    assert vertex.Model(made["model"]).artifact_uri == "gs://b/model"
    assert vertex.DeployedModel(made["deployed_model"]).dedicated_resources.max_replica_count == 1
    with pytest.raises(ValueError, match="healthroute"):  # the negative control
        vertex.ModelContainerSpec(made["model"]["container_spec"] | {"healthroute": "/"})
    asked: list[Any] = []

    class Service:
        """Takes each request apart as the real client does, and answers at once."""

        def __init__(self, client_options: dict[str, str]) -> None:
            assert client_options["api_endpoint"].startswith("europe-west1-")

        def upload_model(self, **request: Any) -> Any:
            asked.append(vertex.UploadModelRequest(**request))
            return SimpleNamespace(result=lambda: SimpleNamespace(model="m"))

        def create_endpoint(self, **request: Any) -> Any:
            asked.append(vertex.CreateEndpointRequest(**request))
            return SimpleNamespace(result=lambda: SimpleNamespace(name="e"))

        def deploy_model(self, **request: Any) -> Any:
            asked.append(vertex.DeployModelRequest(**request))
            return SimpleNamespace(result=lambda: None)

    fake = SimpleNamespace(ModelServiceClient=Service, EndpointServiceClient=Service)
    assert call("vertex", "deploy", made, "europe-west1", vertex=fake) == "e"
    assert asked[2].deployed_model.model == "m"


@pytest.mark.slow
def test_amazon_makes_what_is_printed(project: Path) -> None:
    import boto3  # type: ignore[import-untyped]  # noqa: PLC0415 - slow to import
    from moto import mock_aws  # noqa: PLC0415 - the same

    made = json.loads(dry_run(project, "sagemaker"))
    with mock_aws():
        assert call("sagemaker", "deploy", made) == "churn-radar"
        client = boto3.client("sagemaker")
        found = client.describe_endpoint(EndpointName="churn-radar")
        assert found["EndpointConfigName"] == "churn-radar-v1-2-3"
        model = client.describe_model(ModelName="churn-radar-v1-2-3")
        assert model["PrimaryContainer"]["Image"] == IMAGE
        # An endpoint that is there is changed; moto does not know how, botocore checks the request.
        later = json.loads(json.dumps(made).replace("v1-2-3", "v2"))
        with pytest.raises(NotImplementedError, match="update_endpoint"):
            call("sagemaker", "deploy", later)
        assert client.describe_model(ModelName="churn-radar-v2")


@pytest.mark.slow
def test_azure_takes_what_is_written(project: Path) -> None:
    azure = pytest.importorskip("azure.ai.ml")
    endpoint, deployment = yaml.safe_load_all(dry_run(project, "azureml"))
    assert endpoint["name"] == deployment["endpoint_name"] == "churn-radar"
    assert deployment["environment"]["image"] == IMAGE
    routes = deployment["environment"]["inference_config"]
    assert routes["scoring_route"] == {"path": "/predict", "port": 8080}
    done: list[Any] = []

    def begin(made: Any) -> Any:
        done.append(made)
        return SimpleNamespace(result=lambda: SimpleNamespace(scoring_uri="https://there"))

    operations = SimpleNamespace(begin_create_or_update=begin)
    client = SimpleNamespace(online_endpoints=operations, online_deployments=operations)
    loaded = (
        azure.load_online_endpoint("deploy/azureml/endpoint.yml"),
        azure.load_online_deployment("deploy/azureml/deployment.yml"),
    )
    fakes = {"MLClient": lambda *_: client, "DefaultAzureCredential": object}
    assert call("azureml", "deploy", *loaded, ("s", "g", "w"), **fakes) == "https://there"
    assert done[-1].traffic == {"blue": 100}
    text = (project / "deploy/azureml/deployment.yml").read_text("utf-8")
    (project / "deploy/azureml/deployment.yml").write_text(text.replace("instance_type", "kind"))
    with pytest.raises(Exception, match="kind"):  # the negative control
        azure.load_online_deployment("deploy/azureml/deployment.yml")


@pytest.mark.slow
def test_a_space_is_what_is_printed(project: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    made = json.loads(dry_run(project, "huggingface"))
    card = hub.SpaceCard(made["README.md"])
    assert (card.data.sdk, card.data.app_port) == ("docker", 8080)
    last = made["Dockerfile"].splitlines()[-1]
    assert last == "FROM ghcr.io/ada/churn-radar:main"
    done: list[Any] = []

    class Hub:
        def create_repo(self, *_: str, **options: Any) -> str:
            done.append(options)
            return "https://there"

        def upload_folder(self, **options: Any) -> None:
            done.append(options)

    assert call("huggingface", "deploy", "ada/x", HfApi=Hub) == "https://there"
    assert done[1]["repo_type"] == "space"
    assert done[1]["folder_path"].resolve() == project / "deploy/huggingface"
    assert done[1]["allow_patterns"] == [*made]
