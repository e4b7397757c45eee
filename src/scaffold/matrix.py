"""Which projects can be made, read from the questionnaire itself, so that nothing is forgotten."""

from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import yaml

HERE = Path(__file__).resolve().parent
# In a checkout the template stands beside src/, in an installed wheel inside the package.
ROOT = HERE.parents[1] if (HERE.parents[1] / "copier.yml").is_file() else HERE / "_template"


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


def layer(name: str) -> str:
    """The folder of the template with what is rendered only where this is chosen."""
    return f"{{% if {name} %}}.{{% endif %}}"


@cache
def questionnaire() -> dict[str, Any]:
    """The content of copier.yml."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8"))
    return content


@cache
def combinations() -> tuple[Combination, ...]:
    """Every supported combination, in the order of the questionnaire."""
    return tuple(
        Combination(variant, framework)
        for variant in choices("variant")
        for framework in choices("framework", variant=variant)
    )


def choices(question: str, **earlier: str) -> list[str]:
    """The values that a question allows after earlier answers.

    A choice with a validator is allowed when that renders to nothing, which is Copier's own rule.
    """
    allowed = []
    for choice in questionnaire()[question]["choices"].values():
        value, validator = choice, ""
        if isinstance(choice, dict):
            value, validator = choice["value"], choice.get("validator", "")
        environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 - no HTML
        if not environment.from_string(validator).render(earlier).strip():
            allowed.append(str(value))
    return allowed
