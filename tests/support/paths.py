"""Where this repository and the scripts that tests start are."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
# Started by their path, by the Python of this repository or of a generated project.
STANDINS = REPOSITORY / "tests/standins"
