"""What the errors of a project with two classes cost."""

import re
from dataclasses import dataclass

from scaffold.errors import ScaffoldError

# Two positive numbers, such as 5:1 or 0.5:2.
NUMBER = r"((?:0|[1-9]\d{0,8})(?:\.\d+)?)"
PATTERN = re.compile(f"{NUMBER}:{NUMBER}")


@dataclass(frozen=True)
class Costs:
    """What each kind of error costs.

    Attributes:
        false_negative: Of missing the positive class, as params.toml has it.
        false_positive: Of predicting it wrongly.
        assumed: Whether nobody has stated them.
    """

    false_negative: str
    false_positive: str
    assumed: bool = False

    def __str__(self) -> str:
        """As parse() takes it."""
        return f"{self.false_negative}:{self.false_positive}"

    @property
    def sentence(self) -> str:
        """What the owner sees of them."""
        source = "assumed" if self.assumed else "stated"
        return (
            f"{source} costs of {self.false_negative} for a false negative and "
            f"{self.false_positive} for a false positive"
        )


def balanced(n_negative: int, n_positive: int) -> Costs:
    """Costs by which predicting one class for all rows is as dear for either class."""
    ratio = n_negative / n_positive
    return Costs(str(max(1, round(ratio))), str(max(1, round(1 / ratio))), assumed=True)


def parse(text: str) -> Costs:
    """The costs in a text such as 5:1; raises ScaffoldError for another one."""
    found = PATTERN.fullmatch(text.strip())
    if not found or not all(map(float, found.groups())):
        raise ScaffoldError(
            f"--costs takes two positive numbers, such as 5:1 for a false negative that costs five "
            f'false positives, and not "{text}".'
        )
    return Costs(found[1], found[2])
