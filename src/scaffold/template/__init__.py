"""The template: its questions, the combinations they allow, versions, and rendering."""
