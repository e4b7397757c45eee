"""Predictions from a bundle, over HTTP and for files."""
