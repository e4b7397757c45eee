"""Which combinations a run takes through all that takes minutes, and which it leaves to later ones.

Nothing here is left to chance: the same combinations and the same number give the same choice.
"""

import math
import os
import subprocess
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scaffold import Combination

# The number of the rotation, in place of the number of commits.
VARIABLE = "SCAFFOLD_ROTATION"


def select(combinations: Sequence[Combination], rotation: int) -> list[str]:
    """The ids of one combination of every variant, and of more until every framework is there.

    Each variant takes its frameworks in turn. So every combination comes once in as many
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
    """After how many rotations every combination has had its turn."""
    return max(len(names) for names in frameworks(combinations).values())


def first_turns(offered: dict[str, list[str]]) -> dict[str, int]:
    """Variant -> with which of its frameworks it begins, so that rotations are much alike.

    Variant after variant begins where the most rotations get a framework that they had not; where
    several are level in that, it takes the one whose frameworks they had the least.
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


def number(repository: Path) -> int:
    """The number of this rotation: that of the environment, or of the commits on HEAD.

    Of a merge only the first parent counts, so that main goes on by one with each.

    Raises:
        ValueError: there is no such number, or it would always be the same.
    """
    if given := os.environ.get(VARIABLE):
        return int(given)
    if git(repository, "rev-parse", "--is-shallow-repository") != "false":
        raise ValueError(f"Without git's whole history {VARIABLE} must be set.")
    return int(git(repository, "rev-list", "--count", "--first-parent", "HEAD"))


def git(repository: Path, *arguments: str) -> str:
    """What git prints, or nothing where it fails."""
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
    """What `--combinations` asks for.

    Attributes:
        ids: The combinations whose slow tests run, in the order of the questionnaire.
        rest: Whether all else runs: fast tests, and tests that belong to no combination.
        rotation: The number of the rotation, if that decides.
    """

    ids: tuple[str, ...]
    rest: bool
    rotation: int | None = None

    def runs(self, combination: str, marks: Collection[str]) -> bool:
        """Whether a test runs that belongs to this combination, or to none, and has these marks.

        In a rotation, a test that is `once` or for `every_combination` always runs.
        """
        if not combination or "slow" not in marks:
            return self.rest
        if self.rotation is not None and {"once", "every_combination"} & set(marks):
            return True
        return combination in self.ids


def choose(text: str, combinations: Sequence[Combination], repository: Path) -> Choice:
    """What is asked for by `all`, `rotate`, or a list of ids and `rest`, with commas between them.

    Raises:
        ValueError: something else is asked for.
    """
    known = [combination.id for combination in combinations]
    if text == "all":
        return Choice(tuple(known), rest=True)
    if text == "rotate":
        rotation = number(repository)
        return Choice(tuple(select(combinations, rotation)), rest=True, rotation=rotation)
    asked = text.split(",")
    if unknown := [name for name in asked if name not in (*known, "rest")]:
        raise ValueError(
            f'There is no combination "{unknown[0]}"; there are all, rotate, rest, '
            f"{', '.join(known)}."
        )
    return Choice(tuple(name for name in known if name in asked), rest="rest" in asked)


def named(nodeid: str, ids: Iterable[str]) -> str:
    """The combination among the parameters of a test's id, or nothing."""
    parameters = nodeid.partition("[")[2].removesuffix("]")
    found = [name for name in ids if f"-{name}-" in f"-{parameters}-"]
    return max(found, default="", key=len)
