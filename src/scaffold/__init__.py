"""The Python side of the template: what can be made, making it, and checking what was made."""

from scaffold.errors import ScaffoldError
from scaffold.linting import Finding, check
from scaffold.matrix import Combination, combinations
from scaffold.render import new, render

__all__ = ["Combination", "Finding", "ScaffoldError", "check", "combinations", "new", "render"]
