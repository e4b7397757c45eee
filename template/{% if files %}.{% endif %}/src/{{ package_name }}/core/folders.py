"""Folders in which each file is one instance, such as texts or images."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .config import UserError
from .rows import Batch, Reader, first_line

FILES_PER_BATCH = 16
# What Windows puts into folders; the files of other systems start with a dot.
SYSTEM_FILES = ("Thumbs.db", "desktop.ini")


def folder_reader(field: str, read_file: Callable[[Path], str]) -> Reader:
    """A reader of folders, for READERS in core/rows.py.

    Args:
        field: The field of an instance that a file holds.
        read_file: Returns the content of a file as the value of this field.
    """

    def read_folder(folder: Path, missing_values: Sequence[str]) -> Iterator[Batch]:  # noqa: ARG001 - of CSV
        from pyarrow import RecordBatch  # noqa: PLC0415 - the API does not need it

        names = list_files(folder)
        # A few files at a time, because all of them may not fit into memory.
        for start in range(0, len(names), FILES_PER_BATCH):
            chosen = names[start : start + FILES_PER_BATCH]
            try:
                rows = [{field: read_file(folder / name)} for name in chosen]
            except OSError as error:
                raise UserError(f"{folder}: {first_line(error)}", 2) from error
            yield Batch(rows, start + 1, chosen, RecordBatch.from_pydict({"file": chosen}))

    return read_folder


def list_files(folder: Path) -> list[str]:
    """The files of a folder and of those in it, without the ones of the operating system."""
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return sorted(
        path.as_posix()
        for path in paths
        if path.name not in SYSTEM_FILES and not any(part.startswith(".") for part in path.parts)
    )
