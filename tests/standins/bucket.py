"""Train on rows from S3, store the bundle there and serve it from there; moto stands in for S3.

Usage: bucket.py FOLDER ROWS, with the Python of this repository, in a network namespace of its own.
ROWS is a Parquet file of raw rows for the project in FOLDER, which has the platforms vertex and
sagemaker.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3  # type: ignore[import-untyped]
from moto.server import ThreadedMotoServer

from client import send, wait_for

FOLDER, ROWS = Path(sys.argv[1]), Path(sys.argv[2])
PYTHON = str(FOLDER / ".venv/bin/python")
ENDPOINT = "http://127.0.0.1:5111"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": ENDPOINT,
    "AWS_ALLOW_HTTP": "true",
}


def train(status: int = 0, **environment: str) -> str:
    """Run the training job for Vertex AI, which reads any kind of bucket; its messages."""
    result = subprocess.run(  # noqa: S603 - the project
        [PYTHON, "-m", "deploy.vertex.train"],
        cwd=FOLDER,
        env={**os.environ, **CREDENTIALS, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == status, result.stdout + result.stderr
    return result.stderr


def health(uri: str, status: int, folder: str) -> str:
    """Content of /health of an API with this bundle, once loading it has ended, and its log."""
    env = {"MODEL_DIR": uri, "PORT": "18080", "TMPDIR": folder, "PYTHONPATH": str(FOLDER)}
    log = Path(folder, "stderr")
    with (
        log.open("wb") as stderr,
        subprocess.Popen(  # noqa: S603 - the API
            [PYTHON, "-m", "deploy.serve"],
            cwd=folder,
            env={**os.environ, **CREDENTIALS, **env},
            stderr=stderr,
        ) as process,
    ):
        try:
            wait_for("/metrics")
            while "being loaded" in str(send("GET", "/health")):
                pass
            content = json.dumps(wait_for("/health", status))
        finally:
            process.terminate()
    assert status == 200 or uri not in content, content
    return content + log.read_text("utf-8")


server = ThreadedMotoServer("127.0.0.1", 5111, verbose=False)
server.start()
os.environ.update(CREDENTIALS)
s3 = boto3.client("s3")
s3.create_bucket(Bucket="bucket")
s3.upload_file(str(ROWS), "bucket", "rows/rows.parquet")

train(DATA="s3://bucket/rows", AIP_MODEL_DIR="s3://bucket/model")
stored = {item["Key"] for item in s3.list_objects_v2(Bucket="bucket")["Contents"]}
assert {"model/bundle.json", "model/model.onnx"} <= stored, stored
info = json.loads(s3.get_object(Bucket="bucket", Key="model/bundle.json")["Body"].read())
assert 1900 < info["data"]["rows"] <= 2000, info["data"]  # clean() leaves some out

with tempfile.TemporaryDirectory() as empty:
    assert info["run"]["mlflow_run_id"] in health("s3://bucket/model", 200, empty)
    for place in ("s3://bucket/nothing", "s3://other/model", "ftp://bucket/model"):
        assert place in health(place, 503, empty), place
    # What was downloaded is in memory, and not left behind on the disk.
    assert not [*Path(empty).glob("bundle-*")]
for variables in (
    {"DATA": "s3://other/rows", "AIP_MODEL_DIR": "s3://bucket/model"},
    {"AIP_MODEL_DIR": "s3://other/model"},
):
    message = train(status=1, **variables)
    assert "error: s3://other/" in message, message
    assert message.count("\n") <= 2, message
assert "AIP_MODEL_DIR" in train(status=2)
server.stop()
print("bucket ok")  # noqa: T201 - the result
