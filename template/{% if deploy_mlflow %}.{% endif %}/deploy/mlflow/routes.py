"""The request formats of MLflow's model server, which Databricks has too, at POST /invocations.

https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/
"""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from ..bundles import DOWNLOADS
from ..invocations import add_form, router
from ..tables import MAX_COLUMNS, rows_from_columns, rows_from_split
from .registry import download

__all__ = ["router"]

columns_adapter = TypeAdapter(Annotated[dict[str, list[Any]], Field(max_length=MAX_COLUMNS)])


def from_inputs(value: Any) -> Any:
    """The rows of `inputs`, which may hold a list for each field."""
    if not isinstance(value, dict):
        return value
    columns = columns_adapter.validate_python(value)
    return rows_from_columns(list(columns), list(columns.values()))


add_form("inputs", from_inputs)
add_form("dataframe_records")
add_form("dataframe_split", rows_from_split)
DOWNLOADS["models"] = download
