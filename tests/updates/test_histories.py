"""No line of an owner's goes in silence, whatever they and the template did before an update."""

import os
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

import copier
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from scaffold import ScaffoldError
from scaffold.commands import update
from scaffold.project import ANSWERS, recorded_answers
from scaffold.template import packages
from scaffold.template.questions import choices
from support.git import Tree, git, read_tree, write_tree
from support.history import SIMILAR, Edit, Template, Update, Writer, edits
from support.wheels import write_wheel

VARIANTS = choices("variant")
# Answers that ask for another kind of project, whose files plain Copier would delete.
OTHER_FILES = {"variant", "framework", "package_name"}
How = Callable[[Path, dict[str, str]], Collection[str]]


def plain(project: Path, answers: dict[str, str]) -> Collection[str]:
    """What `copier update --defaults` does."""
    copier.run_update(project, data=answers, defaults=True, overwrite=True, quiet=True)
    return ()


def ours(project: Path, answers: dict[str, str]) -> Collection[str]:
    """What `scaffold update --yes` does; the files of the owner that it leaves whole."""
    planned = update.plan(project, answers)
    if planned.merge:
        update.apply(project, planned.merge)
    return planned.kept


def packaged(project: Path, answers: dict[str, str]) -> Collection[str]:
    """The same, where the template's versions are wheels in place of tags."""
    wheels = project.parent / "wheels"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_FIND_LINKS", str(wheels))
        patch.setenv("UV_NO_INDEX", "1")
        return ours(project, answers)


def in_package(path: str) -> str:
    return path.replace("PACKAGE", "a_project")


class Project:
    """A project and its owner."""

    def __init__(self, template: Template, folder: Path, variant: str, *, wheels: bool) -> None:
        self.template, self.folder, self.owner = template, folder, Writer("owner")
        self.variant, self.wheels = variant, wheels
        answers = {"variant": variant, "project_name": "A Project"}
        self.base = self.render("v1.0.0", folder, answers)
        if wheels:
            self.write_wheel("v1.0.0")
            packages.record(folder / ANSWERS, "v1.0.0")
        git(folder, "init", "--quiet", "--initial-branch=main")
        self.commit()

    def render(self, version: str, folder: Path, answers: dict[str, str]) -> Tree:
        source = str(self.template.folder)
        copier.run_copy(source, folder, data=answers, vcs_ref=version, defaults=True, quiet=True)
        return read_tree(folder)

    def write_wheel(self, version: str) -> None:
        write_wheel(self.folder.parent / "wheels", version, self.template.folder)

    def commit(self) -> None:
        git(self.folder, "add", "--all", "--force")
        git(self.folder, "commit", "--quiet", "--allow-empty", "--message=Work")

    def work(self, changes: list[Edit]) -> None:
        tree = read_tree(self.folder)
        for change in changes:
            self.owner.edit(tree, change, sorted(tree.keys() - {ANSWERS}))
        write_tree(self.folder, tree)
        self.commit()

    def update(self, version: str, change: dict[str, str], how: How) -> Update | None:
        """The update as it went, or None if it was refused before anything was written."""
        if self.wheels:
            self.write_wheel(version)
        head, commit = read_tree(self.folder), git(self.folder, "rev-parse", "HEAD")
        answers = recorded_answers(self.folder) | change
        try:
            whole = set(how(self.folder, change))
        except (ScaffoldError, ValueError) as error:
            if "git failed" in str(error):
                raise
            assert read_tree(self.folder) == head
            assert git(self.folder, "rev-parse", "HEAD") == commit
            return None
        with tempfile.TemporaryDirectory() as other:
            new = self.render(version, Path(other, "new"), answers)
        unmerged = {line.split("\t")[1] for line in git(self.folder, "ls-files", "-u").splitlines()}
        origins = {now: before for before, now in self.owner.moved.items() if now}
        renamed = {in_package(now): in_package(path) for now, path in self.template.renamed.items()}
        result = read_tree(self.folder)
        anew = not OTHER_FILES.isdisjoint(change)
        went = Update(self.base, new, head, result, unmerged, origins, renamed, anew, whole)
        self.base = new
        return went


BASE = {"a": b"1\n2\n3\n4\n", "deleted": b"x\n"}
HEAD = {"a": b"1\nmine\n2\n3\n4\n", "own": b"mine too\n"}
NEW = {"a": b"1\n2\n3\n4\ntheirs\n", "deleted": b"x\n", "new": b"x\n"}
SOUND = {"a": b"1\nmine\n2\n3\n4\ntheirs\n", "own": b"mine too\n", "new": b"x\n"}
CONFLICT = b"1\n<<<<<<< HEAD\nmine\n=======\ntheirs\n>>>>>>> new\n2\n3\n4\n"
MARKED = frozenset({"a"})


@pytest.mark.parametrize(
    ("changed", "unmerged", "said"),
    [
        ({}, (), []),
        ({"a": CONFLICT}, MARKED, []),
        ({"a": b"1\n2\n3\n4\ntheirs\n"}, (), ["a: b'mine\\n' stands there 0 times"]),
        ({"a": b"1\nmine\n2\n3\n4\n"}, (), ["a: b'theirs\\n' stands there 0 times"]),
        ({"a": b"1\nmine\n2\n4\ntheirs\n"}, (), ["a: b'3\\n' stands there 0 times"]),
        ({"a": b"1\nmine\nmine\n2\n3\n4\ntheirs\n"}, (), ["a: b'mine\\n' stands there 2 times"]),
        ({"a": b"1\n2\n3\nmine\n4\ntheirs\n"}, (), ["a: b'mine\\n' stands elsewhere"]),
        ({"a": b"1\n2\n3\n4\ntheirs\n"}, MARKED, ["a: lines of its owner's are gone"]),
        ({"a": None}, (), ["a: lines of its owner's are gone"]),
        ({"own": None}, (), ["own: lines of its owner's are gone"]),
        ({"own": b""}, (), ["own: lines of its owner's are gone"]),
        ({"new": None}, (), ["new: is new, and did not arrive whole"]),
        ({"deleted": b"x\n"}, (), ["deleted: is back"]),
    ],
)
def test_the_counter_sees_what_is_lost(
    changed: dict[str, bytes | None], unmerged: Collection[str], said: list[str]
) -> None:
    result = {path: text for path, text in {**SOUND, **changed}.items() if text is not None}
    losses = Update(BASE, NEW, HEAD, result, set(unmerged), {}, {}).losses()
    assert len(losses) == len(said)
    assert all(loss.startswith(start) for loss, start in zip(losses, said, strict=True))


@pytest.mark.parametrize(
    ("result", "count"), [(HEAD["a"], 0), (SOUND["a"], 1), (NEW["a"], 1), (None, 1)]
)
def test_a_file_that_stays_whole_is_as_its_owner_left_it(result: bytes | None, count: int) -> None:
    found = {path: text for path, text in {**SOUND, "a": result}.items() if text is not None}
    assert len(Update(BASE, NEW, HEAD, found, set(), {}, {}, whole={"a"}).losses()) == count


def test_a_file_that_is_renamed_twice_is_one_that_moved() -> None:
    template, tree = Writer("template"), {"a": b"x\n"}
    for path in ("a", "template_a"):
        template.edit(tree, Edit("rename file", 0, 0, 1, ""), [path])
    assert template.moved == {"a": "template_template_a"}
    template.edit(tree, Edit("delete file", 0, 0, 1, ""), ["template_template_a"])
    assert (template.moved, tree) == ({"a": ""}, {})


# Edits of the owner and of the template, and answers that change.
Step = tuple[list[Edit], list[Edit], dict[str, str]]
CHANGES = [
    {"license": "Apache-2.0"},
    {"description": "Something else."},
    {"framework": "pytorch"},
    {"package_name": "another_name"},
    # Replaced by the next one of the list.
    {"variant": ""},
]
changes = st.one_of(*[st.just({})] * 5, *map(st.just, CHANGES))
steps = st.lists(st.tuples(edits, edits, changes), min_size=1, max_size=3)


def live(variant: str, steps: list[Step], how: How) -> int:
    """Live through a history; the number of updates that were made this way.

    What plain Copier refuses, as it must where lines would be lost, `scaffold update` does.
    """
    other = VARIANTS[VARIANTS.index(variant) - 1]
    updates = 0
    with tempfile.TemporaryDirectory() as place:
        template = Template(Path(place, "template"), [variant, other], without=SIMILAR)
        # Over a binary file of the owner's, Copier writes one of the template's without a word, so
        # the template has none.
        template.writer.binary = how is not plain
        project = Project(template, Path(place, "project"), variant, wheels=how is packaged)
        for owners, templates, change in steps:
            project.work(owners)
            version = template.edit(templates)
            answers = {"variant": other} if "variant" in change else change
            went = project.update(version, answers, how)
            updates += went is not None
            if went is None and how is plain:
                assert template.writer.moved or not OTHER_FILES.isdisjoint(answers)
                went = project.update(version, answers, ours)
            if went is None:
                # There is none with PyTorch.
                assert (project.variant, answers) == ("clustering", {"framework": "pytorch"})
                return updates
            assert not went.losses(), "\n".join(went.losses())
            # What follows another kind of project is another history.
            if went.unmerged or went.anew:
                return updates
            project.commit()
    return updates


def try_histories(how: How, count: int, chosen: int) -> int:
    """So many histories, the variants in turn, from this seed; the number of updates made."""
    updates = 0

    @seed(chosen)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        # To shrink a history takes many minutes; what it prints can be replayed.
        phases=[Phase.generate],
        print_blob=True,
    )
    @given(st.sampled_from(VARIANTS), steps)
    def check(variant: str, steps: list[Step]) -> None:
        nonlocal updates
        updates += live(variant, steps, how)

    check()
    print(f"{updates} updates")  # noqa: T201 - what was tried
    return updates


@pytest.mark.parametrize("how", [plain, ours, packaged])
def test_histories(how: How, number: int) -> None:
    assert try_histories(how, 2, number) > 0


# An hour of processor time.
@pytest.mark.slow
@pytest.mark.timeout(10800)
@pytest.mark.parametrize("how", [plain, ours, packaged])
def test_a_thousand_histories_each(how: How, number: int) -> None:
    count = int(os.environ.get("SCAFFOLD_HISTORIES", "1000"))
    assert try_histories(how, count, number) > 0
