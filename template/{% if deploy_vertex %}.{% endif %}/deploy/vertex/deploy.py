# /// script
# requires-python = ">=3.11"
# dependencies = ["google-cloud-aiplatform>=2"]
# ///
"""Deploy the image to an endpoint of Google's Vertex AI.

uv run deploy/vertex/deploy.py --project P --image REGION-docker.pkg.dev/P/REPOSITORY/IMAGE:TAG
"""

import argparse
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from google.cloud import aiplatform_v1 as vertex

PROJECT = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
NAME: str = PROJECT["name"]


def build_requests(options: argparse.Namespace) -> dict[str, Any]:
    """The content of the requests, in the terms of Google's API."""
    container = {
        "image_uri": options.image,
        "predict_route": "/predict",
        "health_route": "/health",
        "ports": [{"container_port": 8080}],
    }
    model = {"display_name": NAME, "container_spec": container}
    # Without a bundle in a bucket, the API serves the one in the image.
    if options.bundle:
        model["artifact_uri"] = options.bundle
    resources = {
        "machine_spec": {"machine_type": options.machine},
        "min_replica_count": 1,
        "max_replica_count": options.replicas,
    }
    return {
        "parent": f"projects/{options.project}/locations/{options.region}",
        "model": model,
        "endpoint": {"display_name": NAME},
        "deployed_model": {"display_name": NAME, "dedicated_resources": resources},
        "traffic_split": {"0": 100},
    }


def deploy(requests: dict[str, Any], region: str) -> str:
    """Upload the model and deploy it to a new endpoint, whose name is returned. Takes minutes."""
    options = {"api_endpoint": f"{region}-aiplatform.googleapis.com"}
    models = vertex.ModelServiceClient(client_options=options)
    endpoints = vertex.EndpointServiceClient(client_options=options)
    parent = requests["parent"]
    model = models.upload_model(parent=parent, model=requests["model"]).result()
    endpoint = endpoints.create_endpoint(parent=parent, endpoint=requests["endpoint"]).result()
    deployment = endpoints.deploy_model(
        endpoint=endpoint.name,
        deployed_model={**requests["deployed_model"], "model": model.model},
        traffic_split=requests["traffic_split"],
    )
    deployment.result()
    return str(endpoint.name)


def main() -> None:
    """Read the options, then deploy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", required=True, help="the Google Cloud project")
    parser.add_argument("--image", required=True, help="in Artifact Registry, with its tag")
    parser.add_argument("--region", default="europe-west1")
    parser.add_argument("--machine", default="n1-standard-2")
    parser.add_argument("--replicas", type=int, default=1, help="the maximum")
    parser.add_argument("--bundle", help="gs:// folder of another bundle than the image's")
    parser.add_argument("--dry-run", action="store_true", help="print the requests only")
    options = parser.parse_args()
    requests = build_requests(options)
    dry_run = json.dumps(requests, indent=2)
    sys.stdout.write(f"{dry_run if options.dry_run else deploy(requests, options.region)}\n")


if __name__ == "__main__":
    main()
