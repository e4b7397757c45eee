"""Which projects can be made, read from the questionnaire itself, so that nothing is forgotten."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from scaffold.errors import ScaffoldError
from scaffold.template.questions import choices


@dataclass(frozen=True)
class Combination:
    """A supported choice of variant and framework."""

    variant: str
    framework: str

    @property
    def id(self) -> str:
        """The name that `scaffold check` takes, such as nlp-pytorch."""
        return f"{self.variant}-{self.framework}"

    @property
    def answers(self) -> dict[str, str]:
        """What to answer in the questionnaire."""
        return asdict(self)

    def as_json(self) -> dict[str, Any]:
        """The form of `scaffold variants --json`."""
        return {"id": self.id, **self.answers, "answers": self.answers}


@cache
def combinations() -> tuple[Combination, ...]:
    """Every supported combination, in the order of the questionnaire."""
    return tuple(
        Combination(variant, framework)
        for variant in choices("variant")
        for framework in choices("framework", variant=variant)
    )


def select(chosen: Iterable[str]) -> list[Combination]:
    """The combinations with these ids; raises ScaffoldError for one that does not exist."""
    known = {combination.id: combination for combination in combinations()}
    wanted = list(chosen) or list(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ScaffoldError(f'There is no "{unknown[0]}"; there are {", ".join(known)}.')
    return [known[name] for name in wanted]
