"""Yours: a raw instance, and how it becomes what the model takes.

Training, batch and API all pass here. What is learned from data belongs in model.py.
"""

from itertools import zip_longest
from typing import Annotated

import numpy as np
from pydantic import Field

from .inputs import Inputs, Instances, Raw

Item = Annotated[str, Field(min_length=1, max_length=300)]


class Instance(Raw):
    """What one person has liked. To find films like one film, send that one."""

    history: list[Item] = Field(
        max_length=10_000,
        description="Films liked so far, the latest last; what the catalogue lacks is passed over.",
    )


def prepare(instances: Instances) -> Inputs:
    """Texts of shape (n, longest): each item once, the latest first, then "" to the end."""
    rows = [list(dict.fromkeys(reversed(row["history"]))) or [""] for row in instances]
    # As objects: an array of numpy's own strings makes every cell as wide as the longest title.
    table = np.array(list(zip_longest(*rows, fillvalue="")), dtype=object)
    return {"history": table.T}
