"""The request formats of MLflow's model server, which Databricks has too, at POST /invocations.

https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/
"""

from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter

from ..bundles import DOWNLOADS
from ..invocations import add_form, router
from ..tables import MAX_COLUMNS, MAX_ROWS, rows_from_columns, rows_from_table
from .registry import download

__all__ = ["router"]

few_columns = Field(max_length=MAX_COLUMNS)
columns_adapter = TypeAdapter(Annotated[dict[str, list[Any]], few_columns])


class Split(BaseModel):
    """A pandas.DataFrame in the orientation "split"."""

    columns: Annotated[list[str], few_columns]
    data: list[list[Any]] = Field(max_length=MAX_ROWS)


def from_inputs(value: Any) -> Any:
    """The rows of `inputs`, which may hold a list for each field."""
    if not isinstance(value, dict):
        return value
    columns = columns_adapter.validate_python(value)
    return rows_from_columns(list(columns), list(columns.values()))


def from_split(value: Any) -> list[dict[str, Any]]:
    """The rows of `dataframe_split`."""
    split = Split.model_validate(value)
    return rows_from_table(split.columns, split.data)


add_form("inputs", from_inputs)
add_form("dataframe_records")
add_form("dataframe_split", from_split)
DOWNLOADS["models"] = download
