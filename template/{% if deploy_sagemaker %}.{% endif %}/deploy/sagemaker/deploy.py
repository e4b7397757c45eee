# /// script
# requires-python = ">=3.11"
# dependencies = ["boto3>=1.40"]
# ///
"""Serve the image on Amazon SageMaker: build it with --target sagemaker and push it to ECR.

uv run deploy/sagemaker.py --image ACCOUNT.dkr.ecr.REGION.amazonaws.com/IMAGE:TAG --role ARN
"""

import argparse
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

NAME = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]["name"]


def definitions(options: argparse.Namespace) -> dict[str, Any]:
    """The requests in the words of Amazon's API, from top to bottom."""
    # A model and a configuration cannot be changed: each tag gets its own.
    version = f"{NAME}-{options.image.rpartition(':')[2]}"[:63].replace(".", "-").replace("_", "-")
    bundle = {"ModelDataUrl": options.bundle} if options.bundle else {}
    variant = {
        "VariantName": "all",
        "ModelName": version,
        "InstanceType": options.machine,
        "InitialInstanceCount": options.instances,
    }
    return {
        "create_model": {
            "ModelName": version,
            # Without a model.tar.gz in a bucket the model is the one in the image.
            "PrimaryContainer": {"Image": options.image, **bundle},
            "ExecutionRoleArn": options.role,
        },
        "create_endpoint_config": {
            "EndpointConfigName": version,
            "ProductionVariants": [variant],
        },
        "create_endpoint": {"EndpointName": NAME, "EndpointConfigName": version},
    }


def create(made: dict[str, Any]) -> str:
    """Make all of it, or give an endpoint that is there the new model. Takes minutes."""
    client = boto3.client("sagemaker")
    client.create_model(**made["create_model"])
    client.create_endpoint_config(**made["create_endpoint_config"])
    try:
        client.describe_endpoint(EndpointName=NAME)
    except ClientError:
        client.create_endpoint(**made["create_endpoint"])
    else:
        client.update_endpoint(**made["create_endpoint"])
    return NAME


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", required=True, help="in ECR, with its tag")
    parser.add_argument("--role", required=True, help="ARN of the role that SageMaker takes on")
    parser.add_argument("--machine", default="ml.t2.medium")
    parser.add_argument("--instances", type=int, default=1)
    parser.add_argument("--bundle", help="s3:// model.tar.gz of another bundle than the image's")
    parser.add_argument("--dry-run", action="store_true", help="print what would be created")
    options = parser.parse_args()
    made = definitions(options)
    sys.stdout.write(f"{json.dumps(made, indent=2) if options.dry_run else create(made)}\n")


if __name__ == "__main__":
    main()
