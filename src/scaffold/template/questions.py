"""The questionnaire of the template: its questions, what each allows, and answers to it."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import yaml

from scaffold.errors import ScaffoldError, sentence

PACKAGE = Path(__file__).resolve().parents[1]
# In a clone the template stands beside src/, in an installed wheel inside the package.
CLONE = PACKAGE.parents[1]
ROOT = CLONE if (CLONE / "copier.yml").is_file() else PACKAGE / "_template"


def regex_search(value: str, pattern: str) -> str | None:
    """Copier's filter of this name."""
    found = re.search(pattern, value)
    return found and found.group()


# What renders texts of the questionnaire, with the filter that its validators use.
JINJA = jinja2.Environment(
    loader=jinja2.FileSystemLoader(ROOT),
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # noqa: S701 - no HTML
)
JINJA.filters["regex_search"] = regex_search


@cache
def questionnaire() -> dict[str, Any]:
    """The content of copier.yml."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8"))
    return content


def questions() -> list[str]:
    """The questions that may be answered, in order; hidden ones are derived from them."""
    return [
        name
        for name, details in questionnaire().items()
        if not name.startswith("_") and details.get("when", True) is not False
    ]


def choices(question: str, **earlier: str) -> list[str]:
    """The values that a question allows after earlier answers.

    A choice with a validator is allowed when that renders to nothing, which is Copier's own rule.
    """
    allowed = []
    for choice in questionnaire()[question]["choices"].values():
        value, validator = choice, ""
        if isinstance(choice, dict):
            value, validator = choice["value"], choice.get("validator", "")
        if not JINJA.from_string(validator).render(earlier).strip():
            allowed.append(str(value))
    return allowed


def checked(answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers as Copier takes them; raises ScaffoldError for what would end in a traceback."""
    data = dict(answers)
    for name, given in answers.items():
        if name not in questions():
            known = ", ".join(questions())
            raise ScaffoldError(
                sentence(f'There is no question "{name}"; the questions are {known}')
            )
        data[name] = value = as_asked(name, given)
        if questionnaire()[name].get("multiselect"):
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise ScaffoldError(f"The answer to {name} is no list of texts.")
        elif not isinstance(value, str):
            raise ScaffoldError(f"The answer to {name} is no text.")
    return data


def refusal(name: str, value: str) -> str:
    """Why a question does not take a value, in the words of its validator; empty if it does.

    Only for validators that look at nothing but the value.
    """
    validator = JINJA.from_string(questionnaire()[name]["validator"])
    return validator.render({name: value}).strip()


def as_asked(name: str, value: Any) -> Any:
    """Of several choices a list: -d deploy=vertex,sagemaker; brackets and quotes do no harm."""
    several = questionnaire().get(name, {}).get("multiselect")
    return re.findall(r"[^\s,\[\]\"']+", value) if several and isinstance(value, str) else value


def layer(name: str) -> str:
    """The folder of the template with what is rendered only where this is chosen."""
    return f"{{% if {name} %}}.{{% endif %}}"
