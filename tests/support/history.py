"""Random histories of a project: edits of its owner, versions of its template, updates.

Hypothesis draws edits as plain numbers, which are applied to trees here. `Update.losses` then
compares trees line by line; the exit status of git or Copier is no evidence that nothing was lost.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from hypothesis import strategies as st

from scaffold.project import ANSWERS
from scaffold.template.questions import choices, layer
from scaffold.template.rendering import copy_template
from support.git import Tree, git, read_tree, write_tree

LINES = ("insert", "delete", "replace", "move", "line endings", "no final newline")
FILES = ("new file", "rename file", "delete file")
# Few, so that an owner and a template often choose the same one.
NAMES = ("notes.md", "docs/guide.md", "extra.py", "a file.txt", "data.bin")


@dataclass(frozen=True)
class Edit:
    """One change; `file` and `where` choose a file and a line, as fractions of their number."""

    kind: str
    file: float
    where: float
    length: int
    name: str


shares = st.floats(0, 1, exclude_max=True, width=16)
edits = st.lists(
    st.builds(
        Edit,
        st.sampled_from(LINES + FILES),
        shares,
        shares,
        st.integers(1, 6),
        st.sampled_from(NAMES),
    ),
    min_size=1,
    max_size=6,
)


@dataclass
class Writer:
    """An author of edits; each line that one writes is unique among all authors' lines."""

    name: str
    written: int = 0
    # Whether new files may be binary.
    binary: bool = True
    # Original path -> present path of each renamed file, and "" for each deleted one.
    moved: dict[str, str] = field(default_factory=dict)

    def line(self) -> bytes:
        """A new line."""
        self.written += 1
        return f"# {self.name} {self.written}\n".encode()

    def edit(self, tree: Tree, edit: Edit, paths: list[str]) -> None:
        """Change one of the paths in the tree, or add a file."""
        path = paths[int(edit.file * len(paths))]
        if edit.kind == "new file":
            self.create(tree, edit)
        elif edit.kind in FILES:
            self.move(tree, path, keep=edit.kind == "rename file")
        else:
            tree[path] = b"".join(self.rewritten(tree[path].splitlines(keepends=True), edit))

    def create(self, tree: Tree, edit: Edit) -> None:
        """Add a file, unless it exists or is binary and must not be."""
        binary = bytes(range(256)) if edit.name.endswith(".bin") else b""
        if edit.name not in tree and (self.binary or not binary):
            tree[edit.name] = binary + b"".join(self.line() for _ in range(edit.length))

    def move(self, tree: Tree, path: str, *, keep: bool) -> None:
        """Rename a file, or delete it."""
        target = str(PurePosixPath(path).with_name(f"{self.name}_{PurePosixPath(path).name}"))
        content = tree.pop(path)
        if keep:
            tree[target] = content
        # A file that is renamed twice is recorded under its original path.
        first = next((old for old, new in self.moved.items() if new == path), path)
        self.moved[first] = target if keep else ""

    def rewritten(self, lines: list[bytes], edit: Edit) -> list[bytes]:
        """The lines of a file after an edit of its content."""
        at = int(edit.where * (len(lines) + 1))
        end = at + edit.length
        if lines and not lines[-1].endswith(b"\n") and edit.kind in {"insert", "replace", "move"}:
            lines[-1] += b"\n"
        if edit.kind == "insert":
            return [*lines[:at], *(self.line() for _ in range(edit.length)), *lines[at:]]
        if edit.kind == "replace":
            return [*lines[:at], self.line(), *lines[end:]]
        if edit.kind == "line endings":
            return [line.rstrip(b"\r\n") + b"\r\n" for line in lines]
        if edit.kind == "no final newline":
            return [*lines[:-1], *(line.rstrip(b"\r\n") for line in lines[-1:])]
        rest = lines[:at] + lines[end:]
        to = at // 2
        return rest[:to] + lines[at:end] + rest[to:] if edit.kind == "move" else rest


@dataclass(frozen=True)
class Update:
    """An update and its result.

    Attributes:
        base: The old version of the template, rendered.
        new: The new version of the template, rendered.
        head: The project as its owner committed it.
        result: The project after the update.
        unmerged: Paths that git shows as in conflict.
        origins: Present path -> original path of files that the owner renamed.
        renamed: New path -> old path of files that the template renamed.
        anew: Whether variant, framework or package name changed, and with them all files.
        whole: Original paths of the owner's files that an update left as they were.
    """

    base: Tree
    new: Tree
    head: Tree
    result: Tree
    unmerged: set[str]
    origins: dict[str, str]
    renamed: dict[str, str]
    anew: bool = False
    whole: Collection[str] = ()

    def losses(self) -> list[str]:
        """What was lost or broken, in sentences; a conflict that git shows is neither."""
        if self.anew:
            return self.vanished()
        paths = sorted((self.base.keys() | self.head.keys() | self.new.keys()) - {ANSWERS})
        return [f"{path}: {what}" for path in paths for what in self.check(path)]

    def vanished(self) -> list[str]:
        """Lines of the owner that no file contains any more."""
        present = {line.strip() for content in self.result.values() for line in lines(content)}
        return [
            f"{path}: {line!r} is gone"
            for path, content in self.head.items()
            for line in Counter(lines(content))
            - Counter(lines(self.base.get(self.origins.get(path, path), b"")))
            if path != ANSWERS and line.strip() not in present
        ]

    def check(self, path: str) -> list[str]:
        """What was lost or broken in one file."""
        origin = self.origins.get(path, path)
        base, new = self.base.get(origin, b""), self.new.get(origin, b"")
        head, result = self.head.get(path), self.result.get(path)
        if head is None:
            return self.check_deleted(path)
        if origin in self.whole:
            return [] if result == head else ["is not as its owner left it"]
        if path in self.unmerged or origin != path or result is None or origin not in self.new:
            unchanged = result == head or (head == base and result is None)
            kept = unchanged or self.kept(head, base, path)
            return [] if kept else ["lines of its owner's are gone"]
        if head == base and path in self.base:
            return (
                [] if result == new else ["is not the new version's, though only that changed it"]
            )
        if new == base:
            return [] if result == head else ["has changed, though only its owner changed it"]
        return miscounted(base, head, new, result) + misplaced(base, head, new, result)

    def check_deleted(self, path: str) -> list[str]:
        """What was broken in a file that the owner deleted, or that is new in the template."""
        if path in self.unmerged:
            return []
        if path in self.base:
            return ["is back, though its owner deleted it"] if path in self.result else []
        old_path, result = self.renamed.get(path, path), self.result.get(path)
        if result == self.new[path]:
            return []
        # Renamed by the template, it contains what the owner had changed, or stays deleted.
        changed = self.head.get(old_path) != self.base.get(old_path)
        kept = changed and (result is None) == (old_path not in self.head)
        return [] if kept else ["is new, and did not arrive whole"]

    def kept(self, head: bytes, base: bytes, path: str) -> bool:
        """Whether every line of the owner is in this file, a conflict, or the renamed file."""
        places = {path, *self.unmerged, *(new for new, old in self.renamed.items() if old == path)}
        result = b"\n".join(self.result.get(place, b"") for place in places)
        # Between the markers of a conflict, git ends every line.
        own = Counter(map(bytes.strip, (Counter(lines(head)) - Counter(lines(base))).elements()))
        return not own - Counter(map(bytes.strip, lines(result)))


def lines(content: bytes) -> list[bytes]:
    """The lines of a file with their ends."""
    return content.splitlines(keepends=True)


def miscounted(base: bytes, head: bytes, new: bytes, result: bytes) -> list[str]:
    """Lines that only owner or template changed, and that the result has more or less often."""
    b, h, n, r = (Counter(lines(content)) for content in (base, head, new, result))
    found = []
    # A line that one moved and the other deleted may be at its new place: to a merge it is new.
    for line in (b | h | n | r).keys() - moved(base, head) - moved(base, new):
        expected = h[line] if n[line] == b[line] else n[line] if h[line] == b[line] else r[line]
        if r[line] != expected:
            found.append(f"{line!r} stands there {r[line]} times instead of {expected}")
    return found


def moved(before: bytes, after: bytes) -> set[bytes]:
    """Lines whose order changed; if there are any, also those that occur several times."""
    old, new = Counter(lines(before)), Counter(lines(after))
    place = {line: at for at, line in enumerate(new)}
    once = [line for line in old if old[line] == new[line] == 1]
    places = [place[line] for line in once]
    passed = {
        line
        for at, line in enumerate(once)
        if max(places[:at], default=-1) > places[at]
        or min(places[at + 1 :], default=len(new)) < places[at]
    }
    return passed | {line for line in old if old[line] > 1} if passed else passed


def misplaced(base: bytes, head: bytes, new: bytes, result: bytes) -> list[str]:
    """Lines of the owner whose order changed, also next to lines that the template did not move."""
    head_once, result_once = (
        [line for line, count in Counter(lines(content)).items() if count == 1]
        for content in (head, result)
    )
    place = {line: at for at, line in enumerate(result_once)}
    here = [line for line in head_once if line in place]
    own = [line for line in here if line not in set(lines(base))]
    found = (
        [] if own == sorted(own, key=place.__getitem__) else ["its owner's lines changed places"]
    )
    fixed = [line for line in here if line not in moved(base, new)]
    for line in own:
        at = fixed.index(line)
        around = fixed[max(at - 1, 0) : at + 2]
        if around != sorted(around, key=place.__getitem__):
            found.append(f"{line!r} stands elsewhere")
    return found


# Names of files and layers that faster tests leave out: others like them remain.
SIMILAR: tuple[str, ...] = (
    "test_*.jinja",
    "deploy_azureml",
    "deploy_huggingface",
    "deploy_invocations",
    "deploy_mlflow",
    "deploy_open_inference",
    "deploy_sagemaker",
    "deploy_tables",
)
SIMILAR += tuple(f"{name}.py" for name in ("batch", "bootstrap", "bundle", "drift", "evaluate"))
SIMILAR += tuple(f"{name}.py" for name in ("export", "gate", "middleware", "monitor", "reference"))
SIMILAR += tuple(f"{name}.py" for name in ("request_log", "splits", "tracking", "train", "tune"))


class Template:
    """A git repository with the template of the working tree, in which tests make versions."""

    def __init__(self, folder: Path, keep: Iterable[str], without: Iterable[str] = ()) -> None:
        """Copy the layers of the variants in `keep`, and no file of a name in `without`."""
        self.folder, self.writer, self.versions = folder, Writer("template"), 0
        # New path -> old path of the files that the newest version renamed.
        self.renamed: dict[str, str] = {}
        others = {name.replace("-", "_") for name in set(choices("variant")) - set(keep)}
        copy_template(folder, *without, *map(layer, (*others, *without)))
        git(folder, "init", "--quiet", "--initial-branch=main")
        self.release()

    def release(self) -> str:
        """Commit what there is as the next version, whose tag is returned."""
        git(self.folder, "add", "--all", "--force")
        git(self.folder, "commit", "--quiet", "--allow-empty", "--message=A version")
        tag = f"v1.{self.versions}.0"
        git(self.folder, "tag", tag)
        self.versions += 1
        return tag

    def edit(self, changes: Iterable[Edit]) -> str:
        """Release a version with these changes and with announcements of moved files."""
        tree, self.writer.moved = read_tree(self.folder / "template"), {}
        for change in changes:
            # In a file with answers, a line may land within Jinja.
            plain = sorted(path for path in tree if not path.endswith(".jinja"))
            self.writer.edit(tree, change, plain)
        write_tree(self.folder / "template", tree)
        moved = {rendered_path(old): rendered_path(new) for old, new in self.writer.moved.items()}
        self.renamed = {new: old for old, new in moved.items() if new}
        for old, new in moved.items():
            self.announce(old, new)
        return self.release()

    def announce(self, old: str, new: str) -> None:
        """Record a moved file in includes/update.jinja, as CONTRIBUTING.md asks for a release."""
        entry = {"version": f"v1.{self.versions}.0", "path": old, "now": new}
        file = self.folder / "includes/update.jinja"
        start = "{%- set moved = [\n"
        text = file.read_text(encoding="utf-8")
        assert start in text
        file.write_text(text.replace(start, f"{start}  {json.dumps(entry)},\n"), encoding="utf-8")


def rendered_path(path: str) -> str:
    """The path in a project of a file in template/, as in includes/update.jinja."""
    inner = re.sub(r"\{% if \w+ %\}\.\{% endif %\}/", "", path)
    return inner.replace("{{ package_name }}", "PACKAGE")
