"""Git as scaffold calls it: with the user's settings, in the project's own repository."""
