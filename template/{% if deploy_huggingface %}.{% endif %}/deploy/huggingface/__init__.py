"""Hugging Face Spaces."""
