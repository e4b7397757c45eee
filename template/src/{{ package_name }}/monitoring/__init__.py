"""Comparison of current data with the reference data of a bundle: the command `monitor`."""
