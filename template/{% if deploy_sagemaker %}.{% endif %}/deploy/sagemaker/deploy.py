# /// script
# requires-python = ">=3.11"
# dependencies = ["boto3>=1.40"]
# ///
"""Deploy the image of deploy/sagemaker/Dockerfile, pushed to ECR, to a SageMaker endpoint.

uv run deploy/sagemaker/deploy.py --image ACCOUNT.dkr.ecr.REGION.amazonaws.com/IMAGE:TAG --role ARN
"""

import argparse
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

PROJECT = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
NAME: str = PROJECT["name"]


def build_requests(options: argparse.Namespace) -> dict[str, Any]:
    """The content of the requests, in the terms of Amazon's API."""
    # A model and a configuration cannot be changed, so each tag has its own.
    tag = options.image.rpartition(":")[2]
    version = re.sub("[._]", "-", f"{NAME}-{tag}"[:63])
    container = {"Image": options.image}
    # Without a bundle in a bucket, the API serves the one in the image.
    if options.bundle:
        container["ModelDataUrl"] = options.bundle
    variant = {
        "VariantName": "all",
        "ModelName": version,
        "InstanceType": options.machine,
        "InitialInstanceCount": options.instances,
    }
    return {
        "create_model": {
            "ModelName": version,
            "PrimaryContainer": container,
            "ExecutionRoleArn": options.role,
        },
        "create_endpoint_config": {
            "EndpointConfigName": version,
            "ProductionVariants": [variant],
        },
        "create_endpoint": {"EndpointName": NAME, "EndpointConfigName": version},
    }


def deploy(requests: dict[str, Any]) -> str:
    """Create the endpoint or update it; returns its name. Takes minutes."""
    client = boto3.client("sagemaker")
    client.create_model(**requests["create_model"])
    client.create_endpoint_config(**requests["create_endpoint_config"])
    try:
        client.describe_endpoint(EndpointName=NAME)
    except ClientError:
        client.create_endpoint(**requests["create_endpoint"])
    else:
        client.update_endpoint(**requests["create_endpoint"])
    return NAME


def main() -> None:
    """Read the options, then deploy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", required=True, help="in ECR, with its tag")
    parser.add_argument("--role", required=True, help="ARN of the role that SageMaker assumes")
    parser.add_argument("--machine", default="ml.t2.medium")
    parser.add_argument("--instances", type=int, default=1)
    parser.add_argument("--bundle", help="s3:// model.tar.gz of another bundle than the image's")
    parser.add_argument("--dry-run", action="store_true", help="print the requests only")
    options = parser.parse_args()
    requests = build_requests(options)
    dry_run = json.dumps(requests, indent=2)
    sys.stdout.write(f"{dry_run if options.dry_run else deploy(requests)}\n")


if __name__ == "__main__":
    main()
