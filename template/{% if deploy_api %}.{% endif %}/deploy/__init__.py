"""The API as platforms expect it: a folder for each platform, and files that several share."""
