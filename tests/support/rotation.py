"""Which combinations have their slow tests run, and which are left to later runs.

Nothing is random: the same combinations and the same number give the same choice.
"""

import math
import os
import subprocess
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scaffold import Combination

# The environment variable with the number of the rotation, in place of the number of commits.
VARIABLE = "SCAFFOLD_ROTATION"


def select(combinations: Sequence[Combination], rotation: int) -> list[str]:
    """The ids of one combination of every variant, and of more until every framework is included.

    Each variant takes its frameworks in turn. So every combination is selected once in as many
    consecutive rotations as the variant with the most frameworks has.
    """
    offered = frameworks(combinations)
    starts = first_turns(offered)
    picked = {
        (variant, names[(rotation + starts[variant]) % len(names)])
        for variant, names in offered.items()
    }
    for framework in {combination.framework: None for combination in combinations}:
        if framework not in {name for _, name in picked}:
            having = [variant for variant, names in offered.items() if framework in names]
            picked.add((having[rotation % len(having)], framework))
    return [c.id for c in combinations if (c.variant, c.framework) in picked]


def frameworks(combinations: Iterable[Combination]) -> dict[str, list[str]]:
    """Variant -> its frameworks, in the order of the combinations."""
    offered: dict[str, list[str]] = {}
    for combination in combinations:
        offered.setdefault(combination.variant, []).append(combination.framework)
    return offered


def turns(combinations: Iterable[Combination]) -> int:
    """The number of rotations after which every combination has been selected."""
    return max(len(names) for names in frameworks(combinations).values())


def first_turns(offered: dict[str, list[str]]) -> dict[str, int]:
    """Variant -> index of the framework it begins with, so that rotations are of similar size.

    Variant after variant begins where the most rotations get a framework that they do not have yet;
    among equals, where rotations have its frameworks the least often.
    """
    period = math.lcm(*(len(names) for names in offered.values()))
    had: list[Counter[str]] = [Counter() for _ in range(period)]
    starts = {}
    for variant, names in offered.items():

        def worth(start: int, names: list[str] = names) -> tuple[int, int]:
            counts = [had[turn][names[(turn + start) % len(names)]] for turn in range(period)]
            return counts.count(0), -sum(counts)

        starts[variant] = start = max(range(len(names)), key=worth)
        for turn in range(period):
            had[turn][names[(turn + start) % len(names)]] += 1
    return starts


def rotation_number(repository: Path) -> int:
    """The number of this rotation: from the environment, or the number of commits on HEAD.

    Of a merge only the first parent counts, so that each merge into main adds one.

    Raises:
        ValueError: There is no such number, or it would always be the same.
    """
    if given := os.environ.get(VARIABLE):
        return int(given)
    if git_output(repository, "rev-parse", "--is-shallow-repository") != "false":
        raise ValueError(f"Without git's whole history {VARIABLE} must be set.")
    return int(git_output(repository, "rev-list", "--count", "--first-parent", "HEAD"))


def git_output(repository: Path, *arguments: str) -> str:
    """What git prints, or nothing if it fails."""
    result = subprocess.run(  # noqa: S603 - git
        ["git", *arguments],  # noqa: S607 - the one on the PATH
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout.strip()


@dataclass(frozen=True)
class Choice:
    """What `--combinations` selects.

    Attributes:
        ids: The combinations whose slow tests run, in the order of the questionnaire.
        rest: Whether all other tests run: fast ones, and those that belong to no combination.
        rotation: The number of the rotation, if it decides.
    """

    ids: tuple[str, ...]
    rest: bool
    rotation: int | None = None

    def runs(self, combination: str, marks: Collection[str]) -> bool:
        """Whether a test of this combination ("" for none) with these marks runs.

        In a rotation, a test that is `once` or for `every_combination` always runs.
        """
        if not combination or "slow" not in marks:
            return self.rest
        if self.rotation is not None and {"once", "every_combination"} & set(marks):
            return True
        return combination in self.ids


def choose(text: str, combinations: Sequence[Combination], repository: Path) -> Choice:
    """Parse `all`, `rotate`, or a list of ids and `rest`, with commas between them.

    Raises:
        ValueError: The text is none of these.
    """
    known = [combination.id for combination in combinations]
    if text == "all":
        return Choice(tuple(known), rest=True)
    if text == "rotate":
        rotation = rotation_number(repository)
        return Choice(tuple(select(combinations, rotation)), rest=True, rotation=rotation)
    names = text.split(",")
    if unknown := [name for name in names if name not in (*known, "rest")]:
        raise ValueError(
            f'There is no combination "{unknown[0]}"; there are all, rotate, rest, '
            f"{', '.join(known)}."
        )
    return Choice(tuple(name for name in known if name in names), rest="rest" in names)


def combination_of(nodeid: str, ids: Iterable[str]) -> str:
    """The combination among the parameters of a test's id, or the empty string."""
    parameters = nodeid.partition("[")[2].removesuffix("]")
    found = [name for name in ids if f"-{name}-" in f"-{parameters}-"]
    return max(found, default="", key=len)
