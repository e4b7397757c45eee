"""Folders in which each file is one instance, such as texts or images."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .config import UserError
from .rows import Batch, RowFile, first_line

FILES_PER_BATCH = 16
# What Windows puts into folders; the files of other systems start with a dot.
SYSTEM_FILES = ("Thumbs.db", "desktop.ini")


def folder_reader(
    field: str, read_file: Callable[[Path], str]
) -> Callable[[Path, Sequence[str]], RowFile]:
    """A reader of folders, for READERS in core/rows.py.

    Args:
        field: The field of an instance that a file holds.
        read_file: Returns the content of a file as the value of this field.
    """

    def read_folder(path: Path, missing_values: Sequence[str]) -> RowFile:  # noqa: ARG001 - of CSV
        files = list_files(path)
        batches = read_batches(files, field, read_file)
        return RowFile(path, ["file", field], len(files), batches)

    return read_folder


def list_files(folder: Path) -> list[Path]:
    """The files by name, without hidden ones and those of the operating system."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith(".") and path.name not in SYSTEM_FILES
    )


def read_batches(
    files: list[Path], field: str, read_file: Callable[[Path], str]
) -> Iterator[Batch]:
    """Read a few files at a time, because all of them may not fit into memory.

    Raises:
        UserError: A file cannot be read.
    """
    from pyarrow import RecordBatch  # noqa: PLC0415 - the API does not need it

    for start in range(0, len(files), FILES_PER_BATCH):
        chosen = files[start : start + FILES_PER_BATCH]
        names = [path.name for path in chosen]
        try:
            rows = [{field: read_file(path)} for path in chosen]
        except OSError as error:
            raise UserError(f"{chosen[0].parent}: {first_line(error)}", 2) from error
        table = RecordBatch.from_pydict({"file": names})
        yield Batch(rows, start + 1, names, table)
