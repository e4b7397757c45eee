"""From raw rows to an exported bundle: the stages `data`, `train` and `tune`."""
