"""params.toml, typed, and where files are."""

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .errors import UserError, check

PACKAGE = str(__package__)
COMMAND = PACKAGE.replace("_", "-")
PARAMS = Path("params.toml")
PARTS = Path("data/parts")
BUNDLE = Path("artifacts/bundle")
TRIALS = Path("artifacts/trials.log")
METRICS = Path("reports/metrics.json")
FIGURES = Path("reports/figures")


class Section(BaseModel):
    """A table of params.toml; a key it does not know is an error."""

    model_config = ConfigDict(extra="forbid")


class Settings(Section):
    """All of params.toml; `model` is checked by model.py and `decision` by metrics.py."""

    variant: str
    framework: str
    seed: int = Field(ge=0)
    valid_share: float = Field(gt=0, lt=0.5)
    test_share: float = Field(gt=0, lt=0.5)
    trials: int = Field(ge=1)
    resamples: int = Field(ge=100)
    confidence: float = Field(gt=0.5, lt=1)
    smallest_slice: int = Field(ge=2)
    margin: float = Field(ge=0)
    champion_tolerance: float = Field(ge=0)
    export_format: Literal["onnx", "skops"]
    export_tolerance: float = Field(gt=0)
    model: dict[str, Any]
    decision: dict[str, Any]


def load_settings() -> Settings:
    """Read params.toml in the current folder; raises UserError naming the key that is wrong."""
    try:
        content = tomllib.loads(PARAMS.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        message = f"There is no {PARAMS} in {Path.cwd()}; run this in the project's folder."
        raise UserError(message, 2) from error
    except ValueError as error:
        raise UserError(f"{PARAMS} is not valid TOML: {error}.", 2) from error
    return check(Settings, content, str(PARAMS))
