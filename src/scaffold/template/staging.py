"""Rendering in two steps: Copier does what a combination decides, cookiecutter does the rest.

A tag that asks for another answer is translated and left where it stands, its braces marked; all
else is text when Copier is done. So conditions reach cookiecutter as they were written, and nothing
is maintained twice.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from pathlib import Path

import jinja2

from scaffold.errors import ScaffoldError
from scaffold.template.matrix import Combination
from scaffold.template.questions import choices, questionnaire, questions
from scaffold.template.rendering import plain_template

Tag = list[tuple[str, str]]

LEXER = jinja2.Environment(keep_trailing_newline=True, autoescape=False)  # noqa: S701 - no HTML
# Letters that no text has stand for the outer braces of a tag that is left.
OPEN, CLOSE = "\ue000", "\ue001"
LAYER = re.compile(f"{OPEN}% if (.*) %{CLOSE}\\.{OPEN}% endif %{CLOSE}")
TO_JSON = re.compile(r"(.*\S)\s*\|\s*to_json(\(ensure_ascii=False\))?", re.DOTALL)
# cookiecutter's own filter escapes every letter outside ASCII, and an emoji so that TOML refuses
# it. Control characters are refused before a file is made.
ESCAPES = [(r"\\", r"\\\\"), ('"', r"\\" + '"')]
ESCAPE = " | ".join(f"replace('{character}', '{escape}')" for character, escape in ESCAPES)


def questions_left() -> list[str]:
    """The questions that a combination does not answer."""
    answered = {field.name for field in fields(Combination)}
    return [name for name in questions() if name not in answered]


def flag(name: str, value: str) -> str:
    """The boolean that stands for one choice of many."""
    return f"{name}_{value}".replace("-", "_")


@cache
def expressions() -> dict[str, str]:
    """The names that only cookiecutter knows -> what they are there."""
    known = {name: f"cookiecutter.{name}" for name in questions_left()}
    for name in questions_left():
        if questionnaire()[name].get("multiselect"):
            each = {value: f"cookiecutter.{flag(name, value)}" for value in choices(name)}
            known |= {flag(name, value): translated for value, translated in each.items()}
            chosen = ", ".join(f'{translated} and "{value}"' for value, translated in each.items())
            known[name] = f"([{chosen}] | select | list)"
    for name, details in questionnaire().items():
        hidden = isinstance(details, dict) and details.get("when") is False
        derived = details["default"].strip("{} ") if hidden else ""
        if known.keys() & set(re.findall(r"\w+", derived)):
            translated = re.sub(r"\w+", lambda word: known.get(word[0], word[0]), derived)
            known.setdefault(name, f"({translated})")
    return known


@contextmanager
def staged_template() -> Iterator[Path]:
    """A copy of the template for Copier, in which what it cannot know yet is left."""
    with plain_template() as template:
        for path in sorted((template / "template").rglob("*"), reverse=True):
            if path.suffix == ".jinja":
                path.write_text(staged(path.read_text("utf-8")), "utf-8")
            path.rename(path.with_name(staged(path.name)))
        for path in (template / "includes").rglob("*"):
            # The checks of answers, which end so, put nothing into a file.
            if path.is_file() and path.suffix != ".jinja":
                path.write_text(staged(path.read_text("utf-8")), "utf-8")
        yield template


def staged(source: str) -> str:
    """The source for Copier; `finished` makes a template for cookiecutter of what it renders.

    Raises ScaffoldError for a tag that asks for such an answer and is neither printed, a condition
    nor an include, or that asks for what the combination decides besides.
    """
    made, left = "", []
    for tag in tags(source):
        text = "".join(value for _, value in tag)
        words = [value for kind, value in tag if kind == "name"]
        asked = [word for word in words if word in expressions()]
        decided = [word for word in words if word in questionnaire() and word not in asked]
        kind = tag[0][0].removesuffix("_begin")
        keyword = words[0] if kind == "block" else ""
        if keyword in ("if", "for"):
            left.append(keyword == "if" and bool(asked))
        # What is imported writes the answers, and goes along.
        waits = keyword == "import" or (keyword in ("if", "elif", "else", "endif") and left[-1])
        known = waits or keyword == "include" or not keyword
        if (asked and not known) or (decided and (asked or waits)):
            raise ScaffoldError(f"This tag cannot be exported: {text.strip()}")
        if kind == "variable" and asked:
            made += printed(tag)
        elif waits:
            made += f"{OPEN}% {inside(tag)} %{CLOSE}"
        elif keyword == "include" and asked:
            made += included(text, asked[0])
        else:
            made += text
        if keyword in ("endif", "endfor"):
            left.pop()
    return made


def tags(source: str) -> Iterator[Tag]:
    """Whole tags and the text between, read by Jinja: blanks are gone where a hyphen eats them."""
    tag: Tag = []
    for _, kind, value in LEXER.lex(source):
        tag.append((kind, value))
        if kind.endswith("_end") or (kind == "data" and len(tag) == 1):
            yield tag
            tag = []


def inside(tag: Tag) -> str:
    """The content of a tag, in the names of cookiecutter."""
    words = [expressions().get(value, value) if kind == "name" else value for kind, value in tag]
    return "".join(words[1:-1]).strip()


def printed(tag: Tag) -> str:
    """A tag that prints; for JSON, the quotes stand around it."""
    encoded = TO_JSON.fullmatch(inside(tag))
    if encoded:
        return f'"{OPEN}{{ {encoded[1]} | {ESCAPE} }}{CLOSE}"'
    return f"{OPEN}{{ {inside(tag)} }}{CLOSE}"


def included(text: str, name: str) -> str:
    """Whatever may be included, each on its condition: Copier goes through the choices."""
    condition = f'{OPEN}% if cookiecutter.{name} == "{{{{ {name} }}}}" %{CLOSE}'
    loop = f"{{% for {name} in {choices(name)} %}}"
    return f"{loop}{condition}{text}{OPEN}% endif %{CLOSE}{{% endfor %}}"


def finished(text: str) -> str:
    """For cookiecutter, what Copier rendered: what was left is tags now, all the rest is text."""
    escape = rf"\{{([{{%#]|(?={OPEN}))"
    text = re.sub(escape, lambda found: f"{OPEN}{{ '{found[0]}' }}{CLOSE}", text)
    return text.replace(OPEN, "{").replace(CLOSE, "}")
