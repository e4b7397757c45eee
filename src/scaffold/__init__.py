"""The Python side of the template: what can be made, making, checking, exporting it."""

from scaffold.errors import ScaffoldError
from scaffold.export import export
from scaffold.linting import Finding, check
from scaffold.matrix import Combination, combinations
from scaffold.render import new, render

__all__ = [
    "Combination",
    "Finding",
    "ScaffoldError",
    "check",
    "combinations",
    "export",
    "new",
    "render",
]
