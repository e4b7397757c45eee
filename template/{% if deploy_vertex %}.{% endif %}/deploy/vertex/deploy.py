# /// script
# requires-python = ">=3.11"
# dependencies = ["google-cloud-aiplatform>=2"]
# ///
"""Serve the image on Google's Vertex AI (Gemini Enterprise Agent Platform).

uv run deploy/vertex.py --project P --image REGION-docker.pkg.dev/P/REPOSITORY/IMAGE:TAG
"""

import argparse
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from google.cloud import aiplatform_v1 as vertex

NAME = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]["name"]


def definitions(options: argparse.Namespace) -> dict[str, Any]:
    """The requests in the words of Google's API, from top to bottom."""
    container = {
        "image_uri": options.image,
        "predict_route": "/invocations",
        "health_route": "/ping",
        "ports": [{"container_port": 8080}],
    }
    machine = {"machine_spec": {"machine_type": options.machine}}
    replicas = {"min_replica_count": 1, "max_replica_count": options.replicas}
    return {
        "parent": f"projects/{options.project}/locations/{options.region}",
        # Without a folder in a bucket the model is the one in the image.
        "model": {
            "display_name": NAME,
            "container_spec": container,
            **({"artifact_uri": options.bundle} if options.bundle else {}),
        },
        "endpoint": {"display_name": NAME},
        "deployed_model": {"display_name": NAME, "dedicated_resources": machine | replicas},
        "traffic_split": {"0": 100},
    }


def create(made: dict[str, Any], region: str) -> str:
    """Upload the model, make an endpoint and deploy; returns the endpoint's name. Takes minutes."""
    where = {"api_endpoint": f"{region}-aiplatform.googleapis.com"}
    models = vertex.ModelServiceClient(client_options=where)
    endpoints = vertex.EndpointServiceClient(client_options=where)
    model = models.upload_model(parent=made["parent"], model=made["model"]).result().model
    endpoint = endpoints.create_endpoint(parent=made["parent"], endpoint=made["endpoint"]).result()
    deployed = made["deployed_model"] | {"model": model}
    split = made["traffic_split"]
    endpoints.deploy_model(
        endpoint=endpoint.name, deployed_model=deployed, traffic_split=split
    ).result()
    return str(endpoint.name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", required=True, help="the Google Cloud project")
    parser.add_argument("--image", required=True, help="in Artifact Registry, with its tag")
    parser.add_argument("--region", default="europe-west1")
    parser.add_argument("--machine", default="n1-standard-2")
    parser.add_argument("--replicas", type=int, default=1, help="at the most")
    parser.add_argument("--bundle", help="gs:// folder of another bundle than the image's")
    parser.add_argument("--dry-run", action="store_true", help="print what would be created")
    options = parser.parse_args()
    made = definitions(options)
    said = json.dumps(made, indent=2) if options.dry_run else create(made, options.region)
    sys.stdout.write(f"{said}\n")


if __name__ == "__main__":
    main()
