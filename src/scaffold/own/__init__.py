"""The owner's rows: looking at a file, and writing a project about its columns."""
