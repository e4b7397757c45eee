"""The routes and the volume of a SageMaker endpoint: GET /ping, POST /invocations, /opt/ml/model.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from pathlib import Path

from ..bundles import DOWNLOADS
from ..invocations import router
from ..storage import download

__all__ = ["environment", "router"]

MODEL = Path("/opt/ml/model")
DOWNLOADS["s3"] = download


def environment(model: Path = MODEL) -> dict[str, str]:
    """Where the bundle is, if SageMaker has unpacked one."""
    return {"MODEL_DIR": str(model)} if any(model.rglob("bundle.json")) else {}
