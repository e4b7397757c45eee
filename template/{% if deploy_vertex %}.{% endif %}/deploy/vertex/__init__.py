"""Google's Vertex AI."""
