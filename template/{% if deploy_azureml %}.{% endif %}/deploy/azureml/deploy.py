# /// script
# requires-python = ">=3.11"
# dependencies = ["azure-ai-ml>=1.30", "azure-identity>=1.19"]
# ///
"""Serve the image on an Azure ML managed online endpoint, as deploy/azureml/*.yml describe it.

uv run deploy/azureml.py --subscription S --group G --workspace W --image REGISTRY/IMAGE:TAG
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from azure.ai.ml import MLClient, load_online_deployment, load_online_endpoint
from azure.identity import DefaultAzureCredential

FOLDER = Path(__file__).with_name("azureml")


def definitions(options: argparse.Namespace) -> tuple[Any, Any]:
    """The endpoint and the deployment, checked by Azure's own loaders."""
    deployment = load_online_deployment(FOLDER / "deployment.yml")
    deployment.environment.image = options.image
    return load_online_endpoint(FOLDER / "endpoint.yml"), deployment


def create(endpoint: Any, deployment: Any, options: argparse.Namespace) -> str:
    """Create both and send all traffic there; returns the address. Takes minutes."""
    place = (options.subscription, options.group, options.workspace)
    client = MLClient(DefaultAzureCredential(), *place)
    client.online_endpoints.begin_create_or_update(endpoint).result()
    client.online_deployments.begin_create_or_update(deployment).result()
    endpoint.traffic = {deployment.name: 100}
    return str(client.online_endpoints.begin_create_or_update(endpoint).result().scoring_uri)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscription", required=True)
    parser.add_argument("--group", required=True, help="the resource group")
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--image", required=True, help="in a registry, with its tag")
    parser.add_argument("--dry-run", action="store_true", help="print what would be created")
    options = parser.parse_args()
    endpoint, deployment = definitions(options)
    if options.dry_run:
        sys.stdout.write(f"{json.dumps(endpoint.dump(), indent=2, default=str)}\n---\n")
        deployment.dump(sys.stdout)
    else:
        sys.stdout.write(f"{create(endpoint, deployment, options)}\n")


if __name__ == "__main__":
    main()
