"""Errors for the user, and how they are written."""


class ScaffoldError(Exception):
    """Something the user can fix; the command line prints it as one sentence."""


def sentence(text: str) -> str:
    """One line that any terminal can print, with its full stop."""
    line = " ".join(text.split()).removesuffix(".")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) + "."
