"""The Python side of the template: what can be made, making, checking, exporting it."""

from scaffold.commands.check import Finding, check
from scaffold.commands.export import export
from scaffold.commands.new import new
from scaffold.errors import ScaffoldError
from scaffold.template.matrix import Combination, combinations
from scaffold.template.rendering import render

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
