"""Configuration from params.toml, the paths of the project, and the error for its user."""

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

PACKAGE = str(__package__).partition(".")[0]
COMMAND = PACKAGE.replace("_", "-")

PARAMS = Path("params.toml")
SPLITS = Path("data/splits")
TRIALS = Path("data/trials.db")
BUNDLE = Path("artifacts/bundle")
METRICS = Path("reports/metrics.json")
FIGURES = Path("reports/figures")
# Names of environment variables that hold secrets; PWD alone is the working directory.
SECRET = re.compile("TOKEN|PASS|_PWD|SECRET|KEY|CREDENTIAL|CONNECTION", re.IGNORECASE)
# A shorter value may stand in a message for another reason.
MIN_SECRET_LENGTH = 6


class UserError(Exception):
    """A mistake that the user can correct; the command prints it as one sentence.

    Attributes:
        exit_status: 1 for a failed check, 2 for wrong use.
    """

    def __init__(self, message: str, exit_status: int = 1) -> None:
        super().__init__(hide_credentials(message))
        self.exit_status = exit_status


def hide_credentials(text: str) -> str:
    """Replace what may be a password or token, of addresses and of the environment, by ***."""
    text = re.sub(r"//\S*@", "//***@", text)
    text = re.sub(r"(://[^\s?#]*[?#])[^\s'\"]+", r"\1***", text)
    secrets = [value.strip() for name, value in os.environ.items() if SECRET.search(name)]
    # The longest first, because one may begin with another.
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= MIN_SECRET_LENGTH:
            text = text.replace(secret, "***")
    return text


class Config(BaseModel):
    """Base of the sections of params.toml; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def parse(cls, content: Any, source: str) -> Self:
        """Validate what was read from `source`.

        Raises:
            UserError: Names each key that is wrong.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            # All of them, because a misspelt key is also a missing one.
            problems = "; ".join(map(describe, error.errors()))
            raise UserError(f"{source}: {problems}.", 2) from error


def describe(problem: Any) -> str:
    """One error of pydantic as `field: message`."""
    field = ".".join(map(str, problem["loc"])) or "content"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "unknown key; check the spelling"
    return f"{field}: {message}"


Reason = Annotated[str, Field(min_length=1)]


class MonitoringConfig(Config):
    """[monitoring] in params.toml: the limits of `monitor`."""

    psi: float = Field(gt=0)
    mean_shift: float = Field(gt=0)
    alpha: float = Field(gt=0, lt=1)
    max_refused: float = Field(ge=0, lt=1)
    max_quality_drop: float = Field(ge=0)
    ignored: list[str]


class ProjectConfig(Config):
    """params.toml; data.py, model.py and core/metrics.py check their own sections."""

    seed: int = Field(ge=0, lt=2**32)
    n_trials: int = Field(ge=1)
    n_resamples: int = Field(ge=100)
    confidence: float = Field(gt=0.5, lt=1)
    min_slice_size: int = Field(ge=2)
    margin: float = Field(ge=0)
    champion_tolerance: float = Field(ge=0)
    export_tolerance: float = Field(gt=0)
    split: dict[str, Any]
    model: dict[str, Any]
    decision: dict[str, Any]
    monitoring: MonitoringConfig
    accepted_warnings: dict[str, Reason] = {}


def load_config() -> ProjectConfig:
    """Read params.toml from the working directory.

    Raises:
        UserError: The file is missing, is not TOML, or a key is wrong.
    """
    try:
        content = tomllib.loads(PARAMS.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        message = f"{Path.cwd()} has no {PARAMS}; change to the folder of the project."
        raise UserError(message, 2) from error
    except ValueError as error:
        raise UserError(f"{PARAMS} is not valid TOML: {error}.", 2) from error
    return ProjectConfig.parse(content, str(PARAMS))
