# /// script
# requires-python = ">=3.11"
# dependencies = ["azure-ai-ml>=1.30", "azure-identity>=1.19"]
# ///
"""Deploy the image to a managed online endpoint of Azure ML, with the settings of the .yml files.

uv run deploy/azureml/deploy.py --subscription S --group G --workspace W --image REGISTRY/IMAGE:TAG
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from azure.ai.ml import MLClient, load_online_deployment, load_online_endpoint
from azure.identity import DefaultAzureCredential

FOLDER = Path(__file__).parent


def deploy(endpoint: Any, deployment: Any, workspace: tuple[str, str, str]) -> str:
    """Create or update both, and send all traffic there; returns the address. Takes minutes.

    Args:
        endpoint: What load_online_endpoint() returns.
        deployment: What load_online_deployment() returns.
        workspace: Subscription, resource group and name.
    """
    client = MLClient(DefaultAzureCredential(), *workspace)
    client.online_endpoints.begin_create_or_update(endpoint).result()
    client.online_deployments.begin_create_or_update(deployment).result()
    endpoint.traffic = {deployment.name: 100}
    return str(client.online_endpoints.begin_create_or_update(endpoint).result().scoring_uri)


def main() -> None:
    """Read the options, then deploy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscription", required=True)
    parser.add_argument("--group", required=True, help="the resource group")
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--image", required=True, help="in a registry, with its tag")
    parser.add_argument("--dry-run", action="store_true", help="print the definitions only")
    options = parser.parse_args()
    endpoint = load_online_endpoint(FOLDER / "endpoint.yml")
    deployment = load_online_deployment(FOLDER / "deployment.yml")
    deployment.environment.image = options.image
    if options.dry_run:
        sys.stdout.write(f"{json.dumps(endpoint.dump(), indent=2, default=str)}\n---\n")
        deployment.dump(sys.stdout)
    else:
        workspace = (options.subscription, options.group, options.workspace)
        sys.stdout.write(f"{deploy(endpoint, deployment, workspace)}\n")


if __name__ == "__main__":
    main()
