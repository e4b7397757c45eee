"""How often `monitor` is wrong: false alarms without a shift, and known shifts that it misses."""

import json
from pathlib import Path

import pytest

from support import environments
from support.combinations import COMBINATIONS
from support.projects import ENVIRONMENT, Project

pytestmark = pytest.mark.slow
# A small sample hides more than it invents: at most 5 % may be false alarms, and 10 % missed.
RESAMPLES, ROWS, FALSE, MISSED = 200, 300, 10, 20
# Which test rows become three times as likely: a shift that an owner wants to hear of.
SHIFTS = {
    "tabular-classification-sklearn": "table['job'] != 'fixed'",
    "nlp-sklearn": "table['text'].str.len() > table['text'].str.len().median()",
}
# Alarms among resamples of the test set, of the validation set, and of the shifted test set.
COUNT = """
import json, sys
import numpy as np
from churn_radar.core.bundle import Predictor
from churn_radar.core.config import load_config
from churn_radar.core.rows import Batch
from churn_radar.core.splits import load_split
from churn_radar.monitoring.drift import measure_drift
from churn_radar.monitoring.monitor import CurrentData

resamples, size, shift = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
config, predictor, rng = load_config(), Predictor(), np.random.default_rng(0)

def is_alarm(rows):
    current = CurrentData(predictor)
    current.add(Batch(rows, 1))
    assert not current.refused
    drifts = measure_drift(
        predictor.info.reference, current.counts, current.sums, config.monitoring
    )
    return any(drift.drifted for drift in drifts)

counts = {}
for name, part in {"test": "test", "valid": "valid", "shifted": "test"}.items():
    split = load_split(part)
    table = split.table
    weights = 1 + 2.0 * (eval(shift) if name == "shifted" else np.zeros(len(table)))
    alarms = 0
    for _ in range(resamples):
        chosen = rng.choice(len(table), size, p=weights / weights.sum())
        alarms += is_alarm([split.rows[index] for index in chosen])
    counts[name] = alarms
print(json.dumps(counts))
"""


@pytest.mark.parametrize("combination", SHIFTS)
def test_monitor_has_few_false_alarms_and_sees_known_shifts(
    combination: str,
    template: Path,
    workshop: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chosen = COMBINATIONS[combination]
    with environments.rendered_project(chosen, template, workshop) as folder:
        project = Project(folder, chosen)
        project.online("git", "init", "--quiet")
        environments.sync(folder, folder / ".venv", ENVIRONMENT)
        project.offline("churn-radar", "run")
        arguments = [str(RESAMPLES), str(ROWS), SHIFTS[combination]]
        counts = json.loads(project.offline("python", "-c", COUNT, *arguments).splitlines()[-1])
    missed = RESAMPLES - counts["shifted"]
    with capsys.disabled():
        print(  # noqa: T201 - the counts are the point
            f"\n{combination}: of {RESAMPLES}, {counts['test']} false alarms on test rows, "
            f"{counts['valid']} on validation rows, {missed} missed"
        )
    assert counts["test"] <= FALSE
    assert counts["valid"] <= FALSE
    assert missed <= MISSED
