"""Train on rows from S3, put the bundle there and serve it from there, with moto as Amazon.

Usage: bucket.py FOLDER ROWS, with the Python of this repository, in a network of its own. ROWS is a
Parquet file of raw rows for the project in FOLDER.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3  # type: ignore[import-untyped]
from moto.server import ThreadedMotoServer

FOLDER, ROWS = Path(sys.argv[1]), Path(sys.argv[2])
ENDPOINT = "http://127.0.0.1:5111"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": ENDPOINT,
    "AWS_ALLOW_HTTP": "true",
}


def project(*arguments: str, status: int = 0, **environment: str) -> str:
    """What a command of the project says."""
    command = [str(FOLDER / ".venv/bin/churn-radar"), *arguments]
    env = {**os.environ, **CREDENTIALS, **environment}
    result = subprocess.run(  # noqa: S603 - ours
        command, cwd=FOLDER, env=env, capture_output=True, text=True, check=False
    )
    assert result.returncode == status, result.stdout + result.stderr
    return result.stderr


server = ThreadedMotoServer("127.0.0.1", 5111, verbose=False)
server.start()
os.environ.update(CREDENTIALS)
s3 = boto3.client("s3")
s3.create_bucket(Bucket="bucket")
s3.upload_file(str(ROWS), "bucket", "rows/rows.parquet")

project("data", DATA="s3://bucket/rows")
project("train", AIP_MODEL_DIR="s3://bucket/model")
stored = {item["Key"] for item in s3.list_objects_v2(Bucket="bucket")["Contents"]}
assert {"model/bundle.json", "model/model.onnx"} <= stored, stored
meta = json.loads((FOLDER / "artifacts/bundle/bundle.json").read_text())
assert 1900 < meta["data"]["rows"] <= 2000, meta["data"]  # clean() leaves some out

with tempfile.TemporaryDirectory() as folder:
    answers = str(Path(folder) / "answers.csv")
    asked = ["predict", "--input", "rows.csv", "--output", answers]
    project(*asked, MODEL_DIR="s3://bucket/model", TMPDIR=folder)
    assert len(Path(answers).read_text().splitlines()) == 6
    for place in ("s3://bucket/nothing", "s3://other/model"):
        said = project(*asked, MODEL_DIR=place, TMPDIR=folder, status=1)
        assert said.count("\n") <= 2, said
        assert said.startswith(f"error: {place} "), said
    # What was fetched is in memory, and not left behind on the disk.
    assert not [*Path(folder).glob("bundle-*")]
said = project("data", DATA="s3://other/rows", status=1)
assert "s3://other/rows" in said, said
server.stop()
print("bucket ok")  # noqa: T201 - the result
