"""Types of the fixtures that render, and what makes Copier faster in tests."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import wraps
from pathlib import Path
from typing import Any

import copier._main
import copier._template
import jinja2

from scaffold.template.rendering import plain_template

# Of the fixture `rendered`: takes answers, returns the project's folder.
Render = Callable[..., Path]
# Of the fixture `made`: takes the id of a combination, returns the project's folder.
Made = Callable[[str], Path]


def make_copier_faster() -> None:
    """Do once in a process what Copier does anew for each project, and is the same.

    It compiles a thousand parts of paths, reads the questionnaire, and for each file asks git for
    core.fileMode, which is "false" on Windows alone.
    """
    jinja2.Environment.compile = compile_once(jinja2.Environment.compile)  # type: ignore[method-assign]
    load = load_once(copier._template.load_template_config)  # noqa: SLF001 - see above
    copier._template.load_template_config = load  # noqa: SLF001
    copier._main.Worker._sync_git_index_executable_bit = (  # type: ignore[method-assign] # noqa: SLF001
        lambda *_: None
    )


def compile_once(compile_text: Callable[..., Any]) -> Callable[..., Any]:
    """jinja2.Environment.compile, which compiles each text once."""
    compiled: dict[Any, Any] = {}

    @wraps(compile_text)
    def compile_cached(
        self: jinja2.Environment, source: Any, *arguments: Any, **options: Any
    ) -> Any:
        # All that the code depends on; values and undefined names are looked up when it runs.
        syntax = (self.block_start_string, self.trim_blocks, self.keep_trailing_newline)
        names = (frozenset(self.filters), frozenset(self.tests), frozenset(self.extensions))
        key = (source, arguments, *options.items(), type(self), str(self.autoescape), syntax, names)
        if not isinstance(source, str):
            return compile_text(self, source, *arguments, **options)
        if key not in compiled:
            compiled[key] = compile_text(self, source, *arguments, **options)
        return compiled[key]

    return compile_cached


def load_once(load: Callable[..., Any]) -> Callable[..., Any]:
    """copier.load_template_config, which parses each content once; ours includes no file."""
    loaded: dict[bytes, Any] = {}

    @wraps(load)
    def load_cached(path: Path, *arguments: Any, **options: Any) -> Any:
        content = path.read_bytes() if path.is_file() else b"!include"
        if b"!include" in content:
            return load(path, *arguments, **options)
        if content not in loaded:
            loaded[content] = load(path, *arguments, **options)
        return deepcopy(loaded[content])

    return load_cached


@contextmanager
def trimmed_template() -> Iterator[Path]:
    """The template without the files that are copied as they are, and hold no answer."""
    with plain_template() as template:
        for path in sorted((template / "template").rglob("*"), reverse=True):
            if path.is_file() and path.suffix != ".jinja":
                path.unlink()
            elif path.is_dir() and not any(path.iterdir()):
                path.rmdir()
        yield template
