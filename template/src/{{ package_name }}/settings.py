"""params.toml, typed, where files are, and the error that says what is wrong with them."""

import json
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

PACKAGE = str(__package__)
COMMAND = PACKAGE.replace("_", "-")
PARAMS = Path("params.toml")
PARTS = Path("data/parts")
BUNDLE = Path("artifacts/bundle")
TRIALS = Path("data/trials.db")
METRICS = Path("reports/metrics.json")
FIGURES = Path("reports/figures")
# What Amazon mounts; training, it puts there what it was given, each of them as text.
AMAZON = Path("/opt/ml")
HYPERPARAMETERS = AMAZON / "input/config/hyperparameters.json"
# What pydantic puts before the message of a validator of ours.
PREFIX = "Value error, "


class UserError(Exception):
    """What the user can mend; the command ends with 1 for a failed check, 2 for wrong use."""

    def __init__(self, message: str, exit_status: int = 1) -> None:
        super().__init__(message)
        self.exit_status = exit_status


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @classmethod
    def check(cls, content: Any, where: str) -> Self:
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise UserError(f"{where}: {explain(error)}", 2) from error


def explain(error: ValidationError) -> str:
    # A misspelt key is also a missing one; the spelling is what helps.
    first = min(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    place = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].removeprefix(PREFIX)
    reason = reason.replace("Extra inputs are not permitted", "no such key; is it misspelt?")
    return f"{place or 'the whole'}: {reason}"


class Monitor(Section):
    """[monitor] in params.toml: from where on `monitor` speaks of a change."""

    psi: float = Field(gt=0)
    alpha: float = Field(gt=0, lt=1)
    refused: float = Field(ge=0, lt=1)
    quality_drop: float = Field(ge=0)
    ignored: list[str]


class Settings(Section):
    """All of params.toml; its tables are checked by data.py, model.py and metrics.py."""

    variant: str
    framework: str
    seed: int = Field(ge=0)
    trials: int = Field(ge=1)
    resamples: int = Field(ge=100)
    confidence: float = Field(gt=0.5, lt=1)
    smallest_slice: int = Field(ge=2)
    margin: float = Field(ge=0)
    champion_tolerance: float = Field(ge=0)
    export_format: Literal["onnx", "skops"]
    export_tolerance: float = Field(gt=0)
    split: dict[str, Any]
    model: dict[str, Any]
    decision: dict[str, Any]
    monitor: Monitor


def load_settings() -> Settings:
    """Read params.toml in the current folder; raises UserError naming the key that is wrong."""
    try:
        content = tomllib.loads(PARAMS.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"There is no {PARAMS} in {Path.cwd()}; change folder.", 2) from error
    except ValueError as error:
        raise UserError(f"{PARAMS} is not valid TOML: {error}.", 2) from error
    if HYPERPARAMETERS.is_file():
        given = json.loads(HYPERPARAMETERS.read_text(encoding="utf-8"))
        content["model"] |= {name: json.loads(text) for name, text in given.items()}
    return Settings.check(content, str(PARAMS))
