"""The model registry of MLflow, and the request formats of its model server and of Databricks."""
