"""The years of a project: edits of its owner, versions of its template, updates.

A tree is a dict from path to content. Edits are drawn by Hypothesis as plain numbers and applied to
trees here. `Update.losses` then counts, line by line, what an update did to them; neither git's
exit status nor Copier's is asked whether it went well.
"""

import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from hypothesis import strategies as st

from scaffold.project import ANSWERS
from scaffold.template.questions import choices, layer
from scaffold.template.rendering import copy_template

Tree = dict[str, bytes]
LINES = ("insert", "delete", "replace", "move", "line endings", "no final newline")
FILES = ("new file", "rename file", "delete file")
# Few, so that an owner and a template hit on the same ones.
NAMES = ("notes.md", "docs/guide.md", "extra.py", "a file.txt", "data.bin")
WHO = ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL")
IDENTITY = {f"GIT_{name}": "somebody" for name in WHO}


@dataclass(frozen=True)
class Edit:
    """One change; `file` and `where` choose a file and a line as shares of how many there are."""

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
    """Somebody who edits; each line that they write occurs once in the world."""

    name: str
    written: int = 0
    # Whether they write files of no encoding too.
    binary: bool = True
    # Where the files are now that they have renamed, and "" for those they have deleted.
    moved: dict[str, str] = field(default_factory=dict)

    def line(self) -> bytes:
        self.written += 1
        return f"# {self.name} {self.written}\n".encode()

    def edit(self, tree: Tree, edit: Edit, paths: list[str]) -> None:
        """Change the tree in one of the paths, or beside them."""
        path = paths[int(edit.file * len(paths))]
        if edit.kind == "new file":
            self.create(tree, edit)
        elif edit.kind in FILES:
            self.move(tree, path, keep=edit.kind == "rename file")
        else:
            tree[path] = b"".join(self.rewritten(tree[path].splitlines(keepends=True), edit))

    def create(self, tree: Tree, edit: Edit) -> None:
        binary = bytes(range(256)) if edit.name.endswith(".bin") else b""
        if edit.name not in tree and (self.binary or not binary):
            tree[edit.name] = binary + b"".join(self.line() for _ in range(edit.length))

    def move(self, tree: Tree, path: str, *, keep: bool) -> None:
        target = str(PurePosixPath(path).with_name(f"{self.name}_{PurePosixPath(path).name}"))
        content = tree.pop(path)
        if keep:
            tree[target] = content
        # Of a file that is moved twice, what counts is where it was first.
        first = next((old for old, now in self.moved.items() if now == path), path)
        self.moved[first] = target if keep else ""

    def rewritten(self, lines: list[bytes], edit: Edit) -> list[bytes]:
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
    """An update as it went: the four trees, and what git shows as in conflict."""

    # The old version rendered, and the new one.
    base: Tree
    new: Tree
    # The project as its owner committed it, and after the update.
    head: Tree
    result: Tree
    unmerged: set[str]
    # Where files were before the owner renamed them, and before the template did.
    origins: dict[str, str]
    renamed: dict[str, str]
    # Whether the files are those of another kind of project, or of a package of another name.
    anew: bool = False

    def losses(self) -> list[str]:
        """What was lost or broken, in sentences; conflicts that git shows are not."""
        if self.anew:
            return self.vanished()
        paths = sorted((self.base.keys() | self.head.keys() | self.new.keys()) - {ANSWERS})
        return [f"{path}: {what}" for path in paths for what in self.check(path)]

    def vanished(self) -> list[str]:
        """The owner's lines that stand nowhere any more."""
        there = {line.strip() for content in self.result.values() for line in lines(content)}
        return [
            f"{path}: {line!r} is gone"
            for path, content in self.head.items()
            for line in Counter(lines(content))
            - Counter(lines(self.base.get(self.origins.get(path, path), b"")))
            if path != ANSWERS and line.strip() not in there
        ]

    def check(self, path: str) -> list[str]:
        origin = self.origins.get(path, path)
        before, theirs = self.base.get(origin, b""), self.new.get(origin, b"")
        mine, now = self.head.get(path), self.result.get(path)
        if mine is None:
            return self.check_deleted(path)
        if path in self.unmerged or origin != path or now is None or origin not in self.new:
            kept = now == mine or (mine == before and now is None) or self.kept(mine, before, path)
            return [] if kept else ["lines of its owner's are gone"]
        if mine == before and path in self.base:
            return (
                [] if now == theirs else ["is not the new version's, though only that changed it"]
            )
        if theirs == before:
            return [] if now == mine else ["has changed, though only its owner changed it"]
        return miscounted(before, mine, theirs, now) + misplaced(before, mine, theirs, now)

    def check_deleted(self, path: str) -> list[str]:
        """A path that the owner does not have: deleted by them, or new from the template."""
        if path in self.unmerged:
            return []
        if path in self.base:
            return ["is back, though its owner deleted it"] if path in self.result else []
        before, now = self.renamed.get(path, path), self.result.get(path)
        if now == self.new[path]:
            return []
        # Renamed by the template, it brings along what the owner had changed, or stays deleted.
        changed = self.head.get(before) != self.base.get(before)
        kept = changed and (now is None) == (before not in self.head)
        return [] if kept else ["is new, and did not arrive whole"]

    def kept(self, mine: bytes, before: bytes, path: str) -> bool:
        """Whether all that the owner wrote stands here, in a conflict, or where the file went."""
        places = {path, *self.unmerged, *(new for new, old in self.renamed.items() if old == path)}
        now = b"\n".join(self.result.get(place, b"") for place in places)
        # Between the marks of a conflict, git ends every line.
        own = Counter(lines(mine)) - Counter(lines(before))
        return not Counter(map(bytes.strip, own.elements())) - Counter(map(bytes.strip, lines(now)))


def lines(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)


def miscounted(before: bytes, mine: bytes, theirs: bytes, now: bytes) -> list[str]:
    """Lines that one side alone has added or removed, and that do not occur as often as there."""
    b, m, t, n = (Counter(lines(content)) for content in (before, mine, theirs, now))
    found = []
    # What one side moves and the other deletes may stand at its new place: to a merge it is new.
    for line in (b | m | t | n).keys() - moved(before, mine) - moved(before, theirs):
        one_sided = m[line] if t[line] == b[line] else t[line] if m[line] == b[line] else n[line]
        if n[line] != one_sided:
            found.append(f"{line!r} stands there {n[line]} times instead of {one_sided}")
    return found


def moved(before: bytes, after: bytes) -> set[bytes]:
    """Lines that have passed others; where there are any, also those that occur several times."""
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


def misplaced(before: bytes, mine: bytes, theirs: bytes, now: bytes) -> list[str]:
    """Lines of the owner's that passed one another, or a neighbour that no new version moved."""
    mine_once, now_once = (
        [line for line, count in Counter(lines(content)).items() if count == 1]
        for content in (mine, now)
    )
    place = {line: at for at, line in enumerate(now_once)}
    here = [line for line in mine_once if line in place]
    own = [line for line in here if line not in set(lines(before))]
    found = (
        [] if own == sorted(own, key=place.__getitem__) else ["its owner's lines changed places"]
    )
    fixed = [line for line in here if line not in moved(before, theirs)]
    for line in own:
        at = fixed.index(line)
        around = fixed[max(at - 1, 0) : at + 2]
        if around != sorted(around, key=place.__getitem__):
            found.append(f"{line!r} stands elsewhere")
    return found


def read_tree(folder: Path) -> Tree:
    """All files but those of git's own."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def write_tree(folder: Path, tree: Tree) -> None:
    """Make the folder hold these files and no others, but for git's own."""
    for path in read_tree(folder).keys() - tree.keys():
        (folder / path).unlink()
    for path, content in tree.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if not (folder / path).is_file() or (folder / path).read_bytes() != content:
            (folder / path).write_bytes(content)


def git(folder: Path, *arguments: str) -> str:
    """What git prints; its user has no settings, and it must succeed."""
    result = subprocess.run(  # noqa: S603 - git itself
        ["git", "-c", "core.quotePath=false", "-c", "core.autocrlf=false", *arguments],  # noqa: S607
        cwd=folder,
        env={**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull},
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


# Left out where time counts: of files that are alike, some are enough.
ALIKE: tuple[str, ...] = (
    "test_*.jinja",
    "deploy_azureml",
    "deploy_huggingface",
    "deploy_invocations",
    "deploy_mlflow",
    "deploy_open_inference",
    "deploy_sagemaker",
    "deploy_tables",
)
ALIKE += tuple(f"{name}.py" for name in ("batch", "bootstrap", "bundle", "drift", "evaluate"))
ALIKE += tuple(f"{name}.py" for name in ("export", "gate", "middleware", "monitor", "reference"))
ALIKE += tuple(f"{name}.py" for name in ("request_log", "splits", "tracking", "train", "tune"))


class Template:
    """A git repository of the template as it is in the working tree, of which versions are made."""

    def __init__(self, folder: Path, keep: Iterable[str], without: Iterable[str] = ()) -> None:
        """Copy the layers of the variants in `keep`, and no file of a name in `without`."""
        self.folder, self.writer, self.versions = folder, Writer("template"), 0
        # Of the newest version: where each file is that was renamed, and where it was.
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
        """Release a version with these changes and, for moved files, what a release has to say."""
        tree, self.writer.moved = read_tree(self.folder / "template"), {}
        for change in changes:
            # In a file with answers, a line may land within Jinja.
            plain = sorted(path for path in tree if not path.endswith(".jinja"))
            self.writer.edit(tree, change, plain)
        write_tree(self.folder / "template", tree)
        moved = {rendered(path): rendered(now) for path, now in self.writer.moved.items()}
        self.renamed = {now: path for path, now in moved.items() if now}
        for path, now in moved.items():
            self.announce(path, now)
        return self.release()

    def announce(self, path: str, now: str) -> None:
        """As CONTRIBUTING.md asks of a release that moves a file."""
        entry = {"version": f"v1.{self.versions}.0", "path": path, "now": now}
        file = self.folder / "includes/update.jinja"
        start = "{%- set moved = [\n"
        text = file.read_text(encoding="utf-8")
        assert start in text
        file.write_text(text.replace(start, f"{start}  {json.dumps(entry)},\n"), encoding="utf-8")


def rendered(path: str) -> str:
    """The path in a project of a file in template/, as includes/update.jinja writes it."""
    inner = re.sub(r"\{% if \w+ %\}\.\{% endif %\}/", "", path)
    return inner.replace("{{ package_name }}", "PACKAGE")
