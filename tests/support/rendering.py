"""Types of the fixtures that render, and a cache that makes rendering faster in tests."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import jinja2

# Of the fixture `rendered`: takes answers, returns the project's folder.
Render = Callable[..., Path]
# Of the fixture `made`: takes the id of a combination, returns the project's folder.
Made = Callable[[str], Path]


def cache_compiled_templates() -> None:
    """Compile each text of a template once in a process, however often it is rendered.

    Copier compiles a thousand parts of paths for each project, three quarters of them again, and
    that is half of the time of a rendering.
    """
    compile_text = jinja2.Environment.compile
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

    jinja2.Environment.compile = compile_cached  # type: ignore[method-assign] # in tests alone
