"""The one exception that the command line turns into a sentence."""

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

Checked = TypeVar("Checked")


class UserError(Exception):
    """Something the user can mend: what is wrong, where, and what to do.

    The command ends with `exit_status`: 1 for a failed check, 2 for wrong use.
    """

    def __init__(self, message: str, exit_status: int = 1) -> None:
        super().__init__(message)
        self.exit_status = exit_status


def check(kind: type[Checked], value: Any, where: str) -> Checked:
    """The value as the pydantic type `kind`; raises UserError with the first key that is wrong."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise UserError(f"{where}: {explain(error)}", 2) from error


def explain(error: ValidationError) -> str:
    # A misspelt key is also a missing one; the spelling is what helps.
    first = min(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    place = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].replace("Extra inputs are not permitted", "no such key; is it misspelt?")
    return f"{place or 'the whole'}: {reason}"
