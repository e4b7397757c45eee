"""The command `scaffold`, run as a user runs it."""

import os
import subprocess
import sys
from pathlib import Path

SCAFFOLD = Path(sys.executable).parent / "scaffold"


def scaffold(*arguments: str, status: int = 0, **environment: str) -> str:
    """Run the command and return what it prints; the exit status must be as expected."""
    result = subprocess.run(  # noqa: S603 - the command
        [str(SCAFFOLD), *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )
    assert result.returncode == status, result.stdout + result.stderr
    return result.stdout + result.stderr
