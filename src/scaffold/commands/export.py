"""The template for cookiecutter and cruft: a folder a combination, with its questions and hooks."""

import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scaffold.errors import ScaffoldError
from scaffold.project import ANSWERS
from scaffold.template.destination import beside
from scaffold.template.matrix import Combination, select
from scaffold.template.questions import JINJA, ROOT, questionnaire
from scaffold.template.rendering import render
from scaffold.template.staging import LAYER, OPEN, finished, flag, questions_left, staged_template

VALIDATE, UPDATE = "includes/validate.jinja", "includes/update.jinja"
MARKDOWN = "includes/markdown.jinja"
# The suggestion of copier.yml, without the filters that cookiecutter has not.
PACKAGE = """\
{%- set spaced = namespace(text="") -%}
{%- for letter in cookiecutter.project_name | lower -%}
{%- set kept = letter in "abcdefghijklmnopqrstuvwxyz0123456789" -%}
{%- set spaced.text = spaced.text ~ (letter if kept else " ") -%}
{%- endfor -%}
{%- set slug = (spaced.text.split() | join("_")).lstrip("0123456789_")[:40].rstrip("_") -%}
{{ slug ~ "_model" if slug in RESERVED else slug or "ml_project" }}"""
# cookiecutter makes the folder before it runs a hook: no answer may lead out of where it is asked.
FOLDER = "{{ (cookiecutter.package_name | slugify)[:40] or 'project' }}"

PRE_HOOK = """\
# Refuse an impossible answer, with the sentence that Copier would print.

import json
import re
import sys

from jinja2 import DictLoader, Environment, StrictUndefined

ANSWERS = json.loads({{ cookiecutter | tojson | tojson }})
{% raw -%}
VALIDATORS = VALIDATED
INCLUDES = {"includes/validate.jinja": r'''INCLUDED''', "includes/update.jinja": "UPDATES"}


def search(value, pattern):
    found = re.search(pattern, value)
    return found and found.group()


environment = Environment(loader=DictLoader(INCLUDES), undefined=StrictUndefined)
environment.filters["regex_search"] = search
for validator in VALIDATORS:
    refusal = environment.from_string(validator).render(ANSWERS).strip()
    if refusal:
        sys.exit(refusal)
{%- endraw %}
"""
POST_HOOK = '''\
"""Remove the files of what was not chosen, and folders that are empty then."""

from pathlib import Path

for name in [
UNWANTED]:
    path = Path(name)
    path.unlink(missing_ok=True)
    for folder in [*path.parents][:-1]:
        if not any(folder.iterdir()):
            folder.rmdir()
'''
README = """\
# Templates for cookiecutter

Made by `scaffold export` of ml-portfolio-scaffold: change them there, and export them again.

```
cookiecutter PATH_OR_URL
cookiecutter PATH_OR_URL --directory FIRST
cruft create URL --directory FIRST
```

What is typed at a prompt is taken as it is. A value from the command line, from your settings, or
in `cruft update` from the project is first rendered by cookiecutter as a template: write
`{{ '{' }}` for a `{` there.

Hooks check the answers and remove what was not chosen; with `--accept-hooks no` nothing does. The
README of a project names `copier update`; one that cruft made is updated by `cruft update`.
"""


def export(
    destination: Path, chosen: Iterable[str] = (), *, done: Callable[[str], None] | None = None
) -> None:
    """Write a folder of templates for cookiecutter, one a combination (all by default), or nothing.

    Raises ScaffoldError for a combination that does not exist, or a destination in use. `done` is
    called with the name of each combination as soon as it is written.
    """
    selected = list(dict.fromkeys(select(chosen)))
    try:
        with beside(destination) as made, staged_template() as template:
            for combination in selected:
                write_template(made / combination.id, combination, template)
                if done:
                    done(combination.id)
            write_json(made / "cookiecutter.json", {"templates": listing(selected)})
            (made / "README.md").write_text(README.replace("FIRST", selected[0].id), "utf-8")
    except OSError as error:
        raise ScaffoldError(f"{destination} cannot be written: {error}.") from error


def listing(selected: list[Combination]) -> dict[str, dict[str, str]]:
    """What cookiecutter lets one choose from first."""
    labels = {value: label for label, value in questionnaire()["variant"]["choices"].items()}
    return {
        item.id: {"path": item.id, "title": item.id, "description": labels[item.variant]}
        for item in selected
    }


def write_template(folder: Path, combination: Combination, template: Path) -> None:
    """What cookiecutter calls a template: files, what it asks, and hooks."""
    plain: list[str] = []
    optional: dict[str, list[str]] = {}
    project = folder / "{{ cookiecutter.__folder }}"
    with TemporaryDirectory() as rendered:
        # No tag that needs an answer is left for Copier: these are as good as any.
        render(Path(rendered), {"project_name": "x", **combination.answers}, template=template)
        for path in sorted(path for path in Path(rendered).rglob("*") if path.is_file()):
            name, condition = place(path.relative_to(rendered))
            if name == ANSWERS:
                continue
            if condition:
                optional.setdefault(condition, []).append(name)
            if OPEN.encode() in path.read_bytes():
                path.write_text(finished(path.read_text("utf-8")), "utf-8")
            else:
                plain.append(name)
            target = project / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target)
    # Where cookiecutter looks for what a file imports.
    (folder / "templates" / MARKDOWN).parent.mkdir(parents=True)
    shutil.copy(ROOT / MARKDOWN, folder / "templates" / MARKDOWN)
    write_json(folder / "cookiecutter.json", asked(combination, plain))
    write_hooks(folder / "hooks", optional)


def place(path: Path) -> tuple[str, str]:
    """Where a file lies once its layers are folded, and the condition of these."""
    layers = [LAYER.fullmatch(part) for part in path.parts]
    name = "/".join(part for part, layer in zip(path.parts, layers, strict=True) if not layer)
    return finished(name), " and ".join(layer[1] for layer in layers if layer)


def asked(combination: Combination, plain: list[str]) -> dict[str, Any]:
    """The cookiecutter.json of a template: the questionnaire, with a boolean a choice of many."""
    nobody = {"user_name": "", "user_email": "", "_copier_conf": {"dst_path": {"name": ""}}}
    known = {"project_name": "the project", "author_name": "the author", **nobody}
    known |= combination.answers
    answers: dict[str, Any] = {}
    prompts: dict[str, Any] = {}
    for name in questions_left():
        details = questionnaire()[name]
        help_line = JINJA.from_string(details["help"]).render(known)
        labels = {value: label for label, value in details.get("choices", {}).items()}
        if details.get("multiselect"):
            answers |= {flag(name, value): value in details["default"] for value in labels}
            prompts |= {flag(name, value): f"{help_line} {labels[value]}?" for value in labels}
        elif labels:
            answers[name] = sorted(labels, key=lambda value: value != details["default"])
            prompts[name] = {"__prompt__": help_line, **labels}
        else:
            answers[name] = suggestion(name, known)
            prompts[name] = help_line
    private = {"__folder": FOLDER, "_copy_without_render": plain, "__prompts__": prompts}
    return {**answers, **private}


def suggestion(name: str, known: Mapping[str, Any]) -> str:
    """The default of a question, as cookiecutter renders it."""
    if name != "package_name":
        return finished(JINJA.from_string(questionnaire()[name]["default"]).render(known))
    checks = JINJA.from_string((ROOT / VALIDATE).read_text("utf-8"))
    lists = [names for names in vars(checks.module).values() if isinstance(names, list)]
    return PACKAGE.replace("RESERVED", json.dumps(sorted({*itertools.chain(*lists)})))


def write_hooks(folder: Path, optional: Mapping[str, list[str]]) -> None:
    """The checks before a project is made, and the clearing up behind it."""
    details = [questionnaire()[name] for name in questions_left()]
    checks = [item["validator"] for item in details if "validator" in item]
    before = PRE_HOOK.replace("VALIDATED", json.dumps(checks, indent=4))
    before = before.replace("INCLUDED", (ROOT / VALIDATE).read_text("utf-8"))
    # Checks of updates, which cookiecutter makes none of, find nothing.
    updates = re.findall(r"macro (\w+)", (ROOT / UPDATE).read_text("utf-8"))
    nothing = "{%- set _ = (varargs, kwargs) -%}"
    stubs = [f"{{%- macro {name}() -%}}{nothing}{{%- endmacro -%}}" for name in updates]
    before = before.replace("UPDATES", "".join(stubs))
    unwanted = ""
    for condition, names in optional.items():
        lines = "".join(f"    {json.dumps(name)},\n" for name in names)
        unwanted += f"{{% if not ({condition}) %}}\n{lines}{{% endif %}}\n"
    folder.mkdir()
    (folder / "pre_gen_project.py").write_text(before, "utf-8")
    after = POST_HOOK.replace("UNWANTED", unwanted)
    (folder / "post_gen_project.py").write_text(after, "utf-8")


def write_json(path: Path, content: Any) -> None:
    """To be read by people too."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
