"""Measures of how Python reads: syntax nodes, nodes per line, docstrings, words."""

import ast
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# Private words in place of the field's; tests and names are searched too.
PRIVATE = re.compile(
    r"(?<![a-z])(told|judged?|awkward|tenths|usual|drawn(?! together)|opaque|alike|rows of now|"
    r"gives? (its|the) target away|whatever it is|what (is|was) (usual|kept|asked|drawn))(?![a-z])",
    re.IGNORECASE,
)
# Names of platforms, their routes, variables and buckets. Docstrings have a style named after
# Google, and a pretrained network may come from the Hugging Face hub.
PLATFORM = re.compile(
    "amazon|sagemaker|google(?! style)|vertex|azure|hugging(?! face hub)|open inference|"
    "/ping|/invocations|/v2|AIP_|s3://|gs://|models:/",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Size:
    """Syntax nodes of some files.

    Attributes:
        nodes: How many `ast.walk` visits.
        lines: How many are not blank.
        densest: The line with the most nodes, as their number and `file:line`.
    """

    nodes: int
    lines: int
    densest: tuple[int, str]

    @property
    def density(self) -> float:
        """Nodes a line."""
        return self.nodes / max(self.lines, 1)


def measure(paths: Iterable[Path]) -> Size:
    """Size of these Python files together."""
    nodes = lines = 0
    densest = (0, "")
    for path in paths:
        text = path.read_text("utf-8")
        walked = [*ast.walk(ast.parse(text))]
        nodes += len(walked)
        lines += sum(bool(line.strip()) for line in text.splitlines())
        per_line = Counter(node.lineno for node in walked if hasattr(node, "lineno"))
        for number, count in per_line.items():
            densest = max(densest, (count, f"{path}:{number}"))
    return Size(nodes, lines, densest)


def undocumented(text: str) -> list[str]:
    """The module, and its public functions, methods and classes, as far as without a docstring."""
    found = []
    bodies: list[tuple[str, ast.AST]] = [("module", ast.parse(text))]
    while bodies:
        name, body = bodies.pop()
        if not isinstance(body, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not ast.get_docstring(body):
            found.append(name)
        if isinstance(body, ast.Module | ast.ClassDef):
            public = (node for node in body.body if not getattr(node, "name", "_").startswith("_"))
            bodies += [(str(getattr(node, "name", "")), node) for node in public]
    return sorted(found)


def find_words(pattern: re.Pattern[str], paths: Iterable[Path]) -> list[str]:
    """Places where a pattern occurs, as `file:line: word`."""
    return [
        f"{path}:{number}: {match[0]}"
        for path in paths
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        for match in pattern.finditer(line)
    ]
