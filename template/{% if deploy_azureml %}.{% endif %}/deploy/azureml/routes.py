"""The liveness route of a managed online endpoint, and where Azure ML mounts the model.

https://learn.microsoft.com/azure/machine-learning/how-to-deploy-custom-container
"""

import os

from fastapi import APIRouter

from ..bundles import DOWNLOADS
from ..storage import download

DOWNLOADS["az"] = download

router = APIRouter()


def environment() -> dict[str, str]:
    """Where the bundle is."""
    folder = os.environ.get("AZUREML_MODEL_DIR")
    return {"MODEL_DIR": folder} if folder else {}


@router.get("/live")
async def live() -> dict[str, bool]:
    """Whether the server runs; GET /health is about the model."""
    return {"live": True}
