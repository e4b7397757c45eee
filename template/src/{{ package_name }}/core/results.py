"""The results of the stage `evaluate`: the content of reports/metrics.json."""

from math import isclose
from typing import Self

from pydantic import BaseModel, FiniteFloat, model_validator

from .bootstrap import Interval
from .bundle import BundleInfo, DataInfo, ExportInfo, RunInfo
from .config import COMMAND, METRICS, UserError
from .files import read_model


class Primary(Interval):
    """The primary metric on the test set."""

    name: str
    higher_is_better: bool


class Baseline(BaseModel):
    """The primary metric of the strongest baseline."""

    name: str
    value: FiniteFloat


class SliceResult(Interval):
    """The primary metric on `n` rows of the test set."""

    name: str
    n: int


class GateResult(BaseModel):
    """Whether the model became the champion, and why."""

    passed: bool
    reasons: list[str]


class Results(BaseModel):
    """The content of metrics.json.

    Attributes:
        baselines: The primary metric of each baseline.
        improvement: Over the strongest baseline; positive when the model is better.
        importance: The loss of the primary metric when a field is shuffled, by field.
        comparable_with: Only models with the same text here were measured alike.
        figures: Names of the files in reports/figures.
    """

    variant: str
    framework: str
    primary: Primary
    baseline: Baseline
    baselines: dict[str, FiniteFloat]
    improvement: Interval
    metrics: dict[str, FiniteFloat]
    slices: list[SliceResult]
    importance: dict[str, FiniteFloat] = {}
    notes: list[str]
    comparable_with: str
    figures: list[str] = []
    data: DataInfo
    run: RunInfo
    export: ExportInfo
    gate: GateResult = GateResult(passed=False, reasons=["`promote` has not been run."])

    @model_validator(mode="after")
    def check_primary(self) -> Self:
        """Refuse a file that was changed in one place only."""
        if not isclose(self.metrics.get(self.primary.name, 0), self.primary.value, abs_tol=1e-9):
            raise ValueError("the primary metric differs from its value in `metrics`")
        return self

    def require_model(self, info: BundleInfo) -> None:
        """Raises UserError if these are the results of another model than the bundle's."""
        measured = (self.variant, self.framework, self.run, self.data)
        if measured != (info.variant, info.framework, info.run, info.data):
            raise UserError(f"{METRICS} is about another model; run `{COMMAND} evaluate` again.")


def load_results() -> Results:
    """Read metrics.json; raises UserError when it is missing or damaged."""
    return read_model(METRICS, Results, f"run `{COMMAND} evaluate`")
