"""Writing a project about the owner's rows over a project of the sample's."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import copier
import jinja2

from scaffold.own.dependencies import PACKAGES, declare_packages
from scaffold.own.networks import PYTORCH, SKLEARN
from scaffold.own.remote import Given, Location
from scaffold.project import recorded_answers
from scaffold.template.questions import layer
from scaffold.template.rendering import plain_template

FILES = Path(__file__).with_name("files")
# What the owner's rows replace in every variant, and by what; a notebook is a script of cells.
OWN = {
    "src/{{ package_name }}/data.py": "data.py.jinja",
    "src/{{ package_name }}/features.py": "features.py.jinja",
    "tests/test_features.py.jinja": "test_features.py.jinja",
    "notebooks/explore.ipynb.jinja": "explore.py.jinja",
    "params.toml.jinja": "params.toml.jinja",
    "README.md.jinja": "README.md.jinja",
    "MODEL_CARD.md.jinja": "MODEL_CARD.md.jinja",
}
MODEL = "src/{{ package_name }}/model.py"
# What stands before the layers of a network for tables.
COLUMNS = "src/{{ package_name }}/columns.py"
# In the template, a layer that tables have in common.
TABULAR = "tabular"
RAW = Path("data/raw")
# A larger file does not belong in git.
MAX_COMMITTED = 5_000_000


@dataclass(frozen=True)
class Contents:
    """What a project about the owner's rows has in place of the sample.

    Attributes:
        variant: The kind of problem.
        description: Of the project.
        source: What the owner gave, without credentials: a path or an address.
        folder: Below files/, with the files in place of the template's.
        files: The names of these, or paths below files/, by what they replace, such as OWN.
        context: What they say.
        store: Copies the rows to a path, which it is given.
        name: Of the rows in data/raw.
        committed: Whether the rows are a part of the repository.
        framework: Of the model.
        unused: Packages that only the sample needs, beside the one that holds it.
        given: What the owner gave, once it is on this machine.
        edits: How files of the template are changed, by their names.
    """

    variant: str
    description: str
    source: str
    folder: str
    files: Mapping[str, str]
    context: Mapping[str, Any]
    store: Callable[[Path], None]
    name: str
    committed: bool
    framework: str = SKLEARN
    unused: tuple[str, ...] = ()
    given: Given | None = None
    edits: Mapping[str, Callable[[str], str]] = field(default_factory=dict)

    def paths(self, package: str) -> list[str]:
        """The files of a project that are replaced."""
        names = (name.replace("{{ package_name }}", package) for name in (*self.files, *self.edits))
        return [name.removesuffix(".jinja") for name in names]


def adopt(contents: Contents, project: Path) -> list[Path]:
    """Replace the sample of a rendered project by the owner's rows.

    Returns:
        Files that must not be committed.
    """
    stored = project / RAW / contents.name
    stored.parent.mkdir(parents=True, exist_ok=True)
    contents.store(stored)
    digest = digest_of(stored)
    location = find_location(contents, digest)
    without_location = "" if contents.committed else "anywhere"
    service = location.service if location else without_location
    context = {
        **contents.context,
        "pytorch": contents.framework == PYTORCH,
        "stored": contents.name,
        "sha256": digest,
        "location": location,
        "fetched_from": service,
    }
    with own_template(contents, context) as template, TemporaryDirectory() as folder:
        rendered = Path(folder) / project.name
        answers = {
            name: value
            for name, value in recorded_answers(project).items()
            if not name.startswith("_")
        }
        copier.run_copy(str(template), rendered, data=answers, defaults=True, quiet=True)
        for path in contents.paths(answers["package_name"]):
            shutil.copy(rendered / path, project / path)
    declare_packages(project, PACKAGES[service], contents.unused)
    if contents.committed:
        return []
    ignore_rows(project)
    return [path for path in stored.parent.rglob("*") if path.is_file()]


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def find_location(contents: Contents, digest: str) -> Location | None:
    """Where the stored file can be downloaded; None if it was made from the one that is there."""
    given = contents.given
    if given and given.location and digest_of(given.path) == digest:
        return given.location
    return None


def ignore_rows(project: Path) -> None:
    """Keep the rows out of git."""
    path = project / ".gitignore"
    text = path.read_text("utf-8")
    if "/data/raw/" not in text.splitlines():
        path.write_text(f"{text}\n# The owner's rows: see README.md.\n/data/raw/\n", "utf-8")


@contextmanager
def own_template(contents: Contents, context: Mapping[str, Any]) -> Iterator[Path]:
    """A copy of the template in which the owner's rows stand in place of the sample."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FILES),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - no HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="[#",
        comment_end_string="#]",
    )
    environment.filters |= {"py": literal, "staged_py": staged_literal, "toml": toml}
    environment.filters["prose"] = prose
    environment.globals |= {"code": code, "text": in_template}
    with plain_template() as template:
        environment.globals["rest_of"] = partial(rest_of, template / "template", contents)
        for name, own in contents.files.items():
            source = own if "/" in own else f"{contents.folder}/{own}"
            text = environment.get_template(source).render(context)
            content = notebook(text) if name.endswith(".ipynb.jinja") else text
            place(template / "template", contents, name).write_text(content, "utf-8")
        for name, edit in contents.edits.items():
            path = place(template / "template", contents, name)
            path.write_text(edit(path.read_text("utf-8")), "utf-8")
        yield template


def place(template: Path, contents: Contents, name: str) -> Path:
    """Where the template has a file: in a layer of the framework or the variant, or in none."""
    own, tables = (layer(name) for name in (contents.variant.replace("-", "_"), TABULAR))
    framework = layer(contents.framework)
    for folder in (f"{own}/{framework}", f"{tables}/{framework}", own):
        path = template / folder / name
        if path.exists():
            return path
    return template / name


def rest_of(template: Path, contents: Contents, name: str, start: str) -> str:
    """The template's own text of a file, from the line on that starts so."""
    text = place(template, contents, name).read_text("utf-8")
    return text[text.index(f"\n{start}") + 1 :]


def literal(value: Any) -> str:
    """A value as a literal of Python, texts in double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, dict):
        items = ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items())
        return f"{{{items}}}"
    return repr(value)


def staged_literal(value: Any) -> str:
    """A literal of Python, in a file that Copier renders."""
    return in_template(literal(value))


def prose(text: str) -> str:
    """A text of the owner's in a docstring or comment of Python, which it cannot end."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return printable.replace("\\", "/").replace('"', "'")


def toml(value: str) -> str:
    """A text of TOML, in a file that Copier renders."""
    return in_template(json.dumps(value, ensure_ascii=False))


def code(text: str) -> str:
    """A text of the owner's as code of Markdown, in a file that Copier renders."""
    return in_template("`" + text.replace("`", "'").replace("\n", " ") + "`")


def in_template(text: str) -> str:
    """A text in a file that Copier renders, whatever braces it has."""
    return "{{ " + json.dumps(text) + " }}" if re.search(r"\{[{%#]", text) else text


def notebook(script: str) -> str:
    """A notebook from a script whose cells begin with `# %% name` or `# %% [markdown] name`."""
    cells = []
    for part in re.split(r"^# %% ", script, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        kind, name = ("markdown", head.split()[1]) if "[markdown]" in head else ("code", head)
        if kind == "markdown":
            body = re.sub(r"^# ?", "", body, flags=re.MULTILINE)
        cells.append(cell(kind, name, body.strip("\n")))
    content = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def cell(kind: str, name: str, source: str) -> dict[str, Any]:
    """A cell of a notebook."""
    lines = source.splitlines(keepends=True)
    made: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": {}, "source": lines}
    return made | ({"execution_count": None, "outputs": []} if kind == "code" else {})
