"""Yours: a raw instance, and its position, from which follows who is alike.

Training, batch and API all pass here. The steps are stated, not learned: what a year of silence
weighs beside a doubled gift is a judgement, and the segments follow from it.
"""

from collections.abc import Iterable

import numpy as np
from pydantic import Field

from .inputs import Inputs, Instances, Raw, numbers


class Instance(Raw):
    """One donor, as the charity's records hold them before a mailing."""

    weeks_since_gift: float = Field(ge=0, le=5200, description="Weeks since the last gift.")
    response_rate: float = Field(ge=0, le=1, description="Share of the mailings answered so far.")
    average_gift: float = Field(ge=0.01, le=1e6, description="Mean of all gifts, in guilders.")


# Differences that count as equally far: a year, half of the mailings, and a gift twice as large.
STEPS = {"weeks_since_gift": 52, "response_rate": 0.5, "average_gift": 2}
# Here a step multiplies: from 5 to 10 guilders is as far as from 50 to 100.
RATIOS = {"average_gift"}


def prepare(instances: Instances) -> Inputs:
    """The position of each instance in steps, shape (n, fields)."""
    fields = numbers(instances, *STEPS)
    columns = [
        np.log(fields[name]) / np.log(step) if name in RATIOS else fields[name] / step
        for name, step in STEPS.items()
    ]
    return {"position": np.hstack(columns).astype(np.float32)}


def in_units(position: Iterable[float]) -> list[float]:
    """A position in the fields' own units, for people to read."""
    pairs = zip(STEPS.items(), position, strict=True)
    return [float(step**x if name in RATIOS else step * x) for (name, step), x in pairs]
