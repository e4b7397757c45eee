"""The results of the stage `evaluate`: the content of reports/metrics.json."""

from math import isclose
from typing import Self

from pydantic import BaseModel, FiniteFloat, model_validator

from .bundle import DataInfo, ExportInfo, RunInfo
from .config import COMMAND, METRICS, Config
from .files import read_model


class Interval(BaseModel):
    """A value with the bounds of its confidence interval."""

    value: FiniteFloat
    ci_low: FiniteFloat
    ci_high: FiniteFloat


class Primary(Interval):
    """The primary metric on the test set."""

    name: str
    higher_is_better: bool


class Baseline(BaseModel):
    """The primary metric of the strongest baseline."""

    name: str
    value: FiniteFloat


class SliceResult(Interval):
    """The primary metric on `n` rows of the test set.

    Attributes:
        metrics: All metrics on these rows.
        differences: In the rates of errors, from those of all other test rows.
    """

    name: str
    n: int
    metrics: dict[str, FiniteFloat]
    differences: dict[str, Interval]


class Condition(BaseModel):
    """What the gate requires beside the improvement: a value above a limit."""

    value: FiniteFloat
    limit: FiniteFloat


class GateResult(BaseModel):
    """Whether the model became the champion, and why."""

    passed: bool = False
    reasons: list[str] = ["`promote` has not been run."]


class Results(Config):
    """The content of metrics.json.

    Attributes:
        baselines: The primary metric of each baseline.
        improvement: Over the strongest baseline; positive when the model is better.
        importance: The loss of the primary metric when a field is shuffled, by field.
        figures: Names of the files in reports/figures.
    """

    variant: str
    framework: str
    primary: Primary
    baseline: Baseline
    baselines: dict[str, FiniteFloat]
    improvement: Interval
    metrics: dict[str, FiniteFloat]
    conditions: dict[str, Condition]
    slices: list[SliceResult]
    importance: dict[str, FiniteFloat]
    notes: list[str]
    figures: list[str]
    data: DataInfo
    run: RunInfo
    export: ExportInfo
    gate: GateResult = GateResult()

    @model_validator(mode="after")
    def check_primary(self) -> Self:
        """Refuse a file whose primary metric was edited."""
        if not isclose(self.metrics.get(self.primary.name, 0), self.primary.value, abs_tol=1e-9):
            raise ValueError("the primary metric differs from its value in `metrics`")
        return self


def load_results() -> Results:
    """Read metrics.json; raises UserError when it is missing or damaged."""
    return read_model(METRICS, Results, f"run `{COMMAND} evaluate`")
