"""The request formats of MLflow's model server, which Databricks has too, at POST /invocations.

https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/
"""

from typing import Any

from ..bundles import DOWNLOADS
from ..invocations import FORMS, router
from ..tables import rows_from_columns
from .registry import download

__all__ = ["router"]


def from_inputs(value: Any) -> Any:
    """The rows of `inputs`, which may hold a list for each field."""
    return rows_from_columns(value) if isinstance(value, dict) else value


def from_split(value: Any) -> list[dict[str, Any]]:
    """The rows of a pandas.DataFrame in the orientation "split"."""
    return [dict(zip(value["columns"], row, strict=True)) for row in value["data"]]


FORMS["inputs"] = from_inputs
FORMS["dataframe_records"] = lambda rows: rows
FORMS["dataframe_split"] = from_split
DOWNLOADS["models"] = download
