"""How often `monitor` is wrong: alarms without a shift, and silence at a known one."""

import json
from pathlib import Path

import environments
import pytest
from conftest import COMBINATIONS
from test_projects import ENVIRONMENT, Project

pytestmark = pytest.mark.slow
# A small sample hides more than it invents: at most 5 % of alarms may be false, 10 % missed.
TIMES, ROWS, FALSE, MISSED = 200, 300, 10, 20
# Which test rows become three times as likely: a shift that somebody would want to hear of.
SHIFTS = {
    "tabular-classification-sklearn": "table['job'] != 'fixed'",
    "nlp-sklearn": "table['text'].str.len() > table['text'].str.len().median()",
}
# Alarms among resamplings of the test rows, of other rows of the same source, and of the shift.
COUNT = """
import json, sys
import numpy as np
from churn_radar import monitor
from churn_radar.bundle import Predictor
from churn_radar.dataset import load_part
from churn_radar.inputs import records
from churn_radar.settings import BUNDLE, load_settings

times, size, shift = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
settings, predictor, rng = load_settings(), Predictor(BUNDLE), np.random.default_rng(0)
counts = {}
for name, part in {"test": "test", "valid": "valid", "shifted": "test"}.items():
    table = load_part(part).table
    weights = 1 + 2.0 * (eval(shift) if name == "shifted" else np.zeros(len(table)))
    draws = [rng.choice(len(table), size, p=weights / weights.sum()) for _ in range(times)]
    found = [monitor.examine(predictor, records(table.iloc[rows]), settings) for rows in draws]
    counts[name] = sum(bool(item["findings"]) for item in found)
print(json.dumps(counts))
"""


@pytest.mark.parametrize("combination", SHIFTS)
def test_false_alarms_and_misses_are_rare(
    combination: str,
    template: Path,
    workshop: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chosen = COMBINATIONS[combination]
    with environments.made(chosen, template, workshop) as folder:
        project = Project(folder, chosen)
        project.online("git", "init", "--quiet")
        environments.sync(folder, folder / ".venv", ENVIRONMENT)
        project.offline("churn-radar", "run")
        arguments = [str(TIMES), str(ROWS), SHIFTS[combination]]
        counts = json.loads(project.offline("python", "-c", COUNT, *arguments).splitlines()[-1])
    missed = TIMES - counts["shifted"]
    with capsys.disabled():
        print(  # noqa: T201 - the counts are the point
            f"\n{combination}: of {TIMES}, {counts['test']} false alarms on test rows, "
            f"{counts['valid']} on valid rows, {missed} missed"
        )
    assert counts["test"] <= FALSE
    assert counts["valid"] <= FALSE
    assert missed <= MISSED
