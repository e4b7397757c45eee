"""The API as platforms expect it: each folder here is one platform, files are what several share."""
