"""Tests of what Vertex AI expects."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from .routes import create_router, environment


def test_environment_translates_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIP_STORAGE_URI", "gs://bucket/model")
    monkeypatch.setenv("AIP_HTTP_PORT", "")
    assert environment() == {"MODEL_DIR": "gs://bucket/model"}


def test_create_router_uses_given_routes(client: TestClient, instances: list[Any]) -> None:
    app = client.app
    assert isinstance(app, FastAPI)
    app.include_router(create_router("/v1/model:predict", "/v1/model"))
    assert client.get("/v1/model").json()["status"] == "ok"
    body = {"instances": instances, "parameters": {"a": 1}}
    assert len(client.post("/v1/model:predict", json=body).json()["predictions"]) == 2
