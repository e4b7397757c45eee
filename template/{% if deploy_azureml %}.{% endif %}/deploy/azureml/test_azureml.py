"""Tests of what Azure ML expects."""

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from .routes import environment


def test_environment_finds_mounted_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZUREML_MODEL_DIR", "/var/azureml-app/model/1")
    assert environment() == {"MODEL_DIR": "/var/azureml-app/model/1"}


def test_deployment_names_existing_routes(client: TestClient, instances: list[Any]) -> None:
    deployment = Path(__file__).with_name("deployment.yml").read_text(encoding="utf-8")
    live, ready, score = re.findall(r"path: (/\S+)", deployment)
    assert client.get(live).status_code == 200
    assert client.get(ready).status_code == 200
    assert client.post(score, json={"instances": instances}).status_code == 200
