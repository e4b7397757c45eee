"""Bringing a project to a newer version of its template, by git's own three-way merge.

What the template changed becomes one commit, from a rendering of the old version to one of the
new, and git picks it onto the project's branch. So what the owner wrote stays in its place or in a
conflict that `git status` shows, renamed files included, and git can take the update back.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import copier
import yaml
from plumbum.commands.processes import ProcessExecutionError
from uv import find_uv_bin

from scaffold.errors import ScaffoldError
from scaffold.git.repository import Repository
from scaffold.own.competitions import keep_option
from scaffold.own.dependencies import keep_packages
from scaffold.project import ANSWERS, sync_options, versioned_answers
from scaffold.template import packages
from scaffold.template.questions import as_asked
from scaffold.template.rendering import RENDERING

# The last line of an update's message, by which it is known again.
TRAILER = "Template-Update"
# What a project's own CI runs, in the order of what they cost.
CHECKS = ("ruff check", "mypy", "pytest")
# What an undone update had made of the project.
UNDONE = "refs/scaffold/undone"


# Files that their owner rewrites: a change of the template's sample is no reason for a conflict.
OWNED = re.compile(
    r"src/[^/]+/(data|features|model|texts|columns)\.py"
    r"|params\.toml|notebooks/.*|README\.md|MODEL_CARD\.md|tests/test_features\.py"
)


@dataclass(frozen=True)
class Merge:
    """What picking the commit of an update would do."""

    commit: str
    # What would stand in the repository then.
    tree: str
    # As `git diff --stat` puts it, with the marks of conflicts.
    changes: str
    conflicts: list[str]


@dataclass(frozen=True)
class Plan:
    """An update that was tried beside the project, whose files are as they were."""

    template: str
    before: str
    after: str
    # None where nothing would change.
    merge: Merge | None
    # What the owner has deleted and the new version has; it stays deleted.
    deleted: list[str]
    # Answers to questions that are new.
    answered: dict[str, Any]
    # Files of the owner that stay whole, because the template's change would conflict.
    kept: list[str]


def newer(project: Path) -> tuple[str, str] | None:
    """The project's version and the newest, or None where these are the same."""
    old = versioned_answers(project)
    if packages.is_package(str(old["_src_path"])):
        with packages.template_of("") as (_, newest):
            return None if newest == old["_commit"] else (str(old["_commit"]), newest)
    command = [sys.executable, "-m", "copier", "check-update", "--output-format", "json"]
    result = subprocess.run(  # noqa: S603 - Copier itself
        [*command, str(project)], capture_output=True, text=True, check=False
    )
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["it gives no reason"])[-1]
        raise ScaffoldError(f"Copier cannot look for a newer version: {reason}")
    found = json.loads(result.stdout)
    if not found["update_available"]:
        return None
    return as_tag(found["current_version"]), as_tag(found["latest_version"])


def as_tag(version: str) -> str:
    """v1.2.0 for 1.2.0; anything else, such as a commit, as it is."""
    return f"v{version}" if re.fullmatch(r"\d+\.\d+\.\d+", version) else version


def plan(
    project: Path, answers: Mapping[str, Any], *, template: str = "", version: str = ""
) -> Plan:
    """Render both versions, and try how what changed between them merges.

    `answers` replace recorded ones; `template` is where it is now, if it has moved; `version` is a
    tag, by default the newest. Raises ScaffoldError if the project cannot be updated.
    """
    repository, old = Repository(project), versioned_answers(project)
    repository.require_rest()
    place = template or str(old["_src_path"])
    if not template:
        require_known(repository, place)
    with tempfile.TemporaryDirectory() as folder:
        renderings = Path(folder, "before"), Path(folder, "after")
        earlier, later = (rendering / repository.folder for rendering in renderings)
        render_version(place, str(old["_commit"]), old, earlier)
        changed = {name: as_asked(name, value) for name, value in answers.items()}
        render_version(place, as_tag(version), {**old, **changed}, later)
        new = versioned_answers(later)
        require_progress(old, new, answers)
        # Nobody but the template writes this file, so that what is answered now simply replaces it.
        shutil.copy(project / ANSWERS, earlier)
        for rendering in (earlier, later):
            keep_packages(project, rendering)
            keep_option(project, rendering)
        trees = [repository.tree(rendering) for rendering in renderings]
        if deleted := deletions(repository, *trees):
            trees = [repository.tree(rendering, deleted) for rendering in renderings]
    before, after = str(old["_commit"]), str(new["_commit"])
    what = f"Update the template from {before} to {after}"
    if before == after:
        anew = [f"{key}={value}" for key, value in answers.items()]
        what = f"Answer the template anew: {', '.join(anew)}" if anew else f"Follow {place}"
    merge, kept = None, list[str]()
    if trees[0] != trees[1]:
        trailer = f"{TRAILER}: {before} {after}"
        merge = try_merge(repository, trees[0], trees[1], f"{what}\n\n{trailer}")
        kept = owned(repository, trees[0], merge.conflicts)
        if kept:
            suggestion = suggest(repository, trees[0], trees[1], kept)
            tree = repository.restore(trees[0], trees[1], kept)
            merge = try_merge(repository, trees[0], tree, f"{what}\n\n{suggestion}\n\n{trailer}")
    answered = {key: value for key, value in new.items() if key not in old}
    return Plan(place, before, after, merge, deleted, answered, kept)


def render_version(template: str, version: str, answers: Mapping[str, Any], folder: Path) -> None:
    """Render a version into a new folder; raises ScaffoldError if there is none or it refuses."""
    wanted = {key: value for key, value in answers.items() if not key.startswith("_")}
    if packages.is_package(template):
        with packages.template_of(version) as (package, found):
            render_version(str(package), "", answers, folder)
        packages.record(folder / ANSWERS, found)
        return
    try:
        copier.run_copy(
            template, folder, data=wanted, vcs_ref=version or None, defaults=True, quiet=True
        )
    except (*RENDERING, ProcessExecutionError, OSError) as error:
        text = error.stderr if isinstance(error, ProcessExecutionError) else str(error)
        reason = " ".join(text.removeprefix("Validation error for ").split()).rstrip(".")
        if "Unknown revision" in reason:
            reason += "; it was removed, or never committed in the clone that made the project"
        raise ScaffoldError(
            f"{version or 'The newest version'} of {template} cannot be made: {reason}. "
            "-d changes an answer, --template names a template that has moved."
        ) from error
    if not (folder / ANSWERS).is_file():
        raise ScaffoldError(f"{version or 'The newest version'} of {template} writes no {ANSWERS}.")


def require_known(repository: Repository, place: str) -> None:
    """Raise ScaffoldError where the address of the template was changed by hand.

    It is known from the first commit of the answers file, or from the latest update.
    """
    path = (repository.folder / ANSWERS).as_posix()
    log = ("log", "--format=%H", "--follow", "--", ANSWERS)
    commits = repository.run(*log).split()
    updates = repository.run("log", "--format=%H", f"--grep=^{TRAILER}: ", "--", ANSWERS).split()
    shown = repository.try_to("show", f"{[*updates, commits[-1]][0]}:{path}").stdout
    found = re.search(r"^_src_path: (.*)$", shown, re.MULTILINE)
    then = str(yaml.safe_load(found[1])) if found else place
    if then != place:
        raise ScaffoldError(
            f"{ANSWERS} names the template {place}, and the project comes from {then}. An update "
            f"runs the template's code in its checks: if you trust it, give --template {place}"
        )


def require_progress(
    old: Mapping[str, Any], new: Mapping[str, Any], answers: Mapping[str, Any]
) -> None:
    """Raise ScaffoldError for an older version, or an answer that the new one does not ask for."""
    numbers = [re.match(r"v(\d+)\.(\d+)\.(\d+)", str(record["_commit"])) for record in (old, new)]
    before, after = ([int(part) for part in found.groups()] if found else [] for found in numbers)
    if after and after < before:
        raise ScaffoldError(
            f"{new['_commit']} is older than {old['_commit']}, which the project has; "
            "--undo takes the latest update back."
        )
    if unknown := sorted(set(answers) - set(new)):
        raise ScaffoldError(f'{new["_commit"]} does not ask for "{unknown[0]}".')


def deletions(repository: Repository, before: str, after: str) -> list[str]:
    """What the owner has deleted, also under the name that the new version gives it."""
    found = ("diff-tree", "-r", "-z", "-M", "--diff-filter=D", "--name-only")
    deleted = repository.paths(*found, before, "HEAD")
    new_names = {old: new for new, old in renamed(repository, before, after).items()}
    return deleted + [new_names[path] for path in deleted if path in new_names]


def owned(repository: Repository, before: str, conflicts: list[str]) -> list[str]:
    """Those of the conflicts that are in files which their owner rewrites.

    Each by its path in the template, also where the owner has renamed it, from the top of the
    repository.
    """
    renames = renamed(repository, before, "HEAD")
    paths = [renames.get(path, path) for path in conflicts]
    inside = [path for path in paths if Path(path).is_relative_to(repository.folder)]
    return [
        path
        for path in dict.fromkeys(inside)
        if OWNED.fullmatch(Path(path).relative_to(repository.folder).as_posix())
    ]


def renamed(repository: Repository, before: str, after: str) -> dict[str, str]:
    """New path -> old path of each file that was renamed between two trees."""
    found = repository.paths(
        *("diff-tree", "-r", "-z", "-M", "--diff-filter=R", "--name-status", before, after)
    )
    return dict(zip(found[2::3], found[1::3], strict=True))


def suggest(repository: Repository, before: str, after: str, paths: list[str]) -> str:
    """What the template changed in these files, for the message of the update."""
    patch = repository.run("diff", "--no-color", before, after, "--", *paths)
    # Indented, so that no line of it reads as one of the message.
    lines = [f"    {line}".rstrip() for line in patch.splitlines()]
    head = "These changes of the template conflict with yours and are not made; take what fits:"
    return "\n".join([head, "", *lines])


def try_merge(repository: Repository, before: str, after: str, message: str) -> Merge:
    """Merge what changed between two trees with the project; the result stands in no branch."""
    base = repository.commit(before, "The template as it was")
    commit = repository.commit(after, message, base)
    ours = repository.commit("HEAD^{tree}", "The project as it is", base)
    merging = ("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z")
    result = repository.try_to(*merging, ours, commit)
    # 1 means conflicts.
    tree, *conflicts = (
        result.stdout if result.returncode == 1 else repository.output(result)
    ).split("\0")
    repository.require_room(tree)
    changes = repository.run("diff", "--stat=100", "-M", "HEAD", tree)
    # Where a file stands in the way of a folder, git adds to its name, which differs in the end.
    names = [re.sub("~[0-9a-f]{40,}$", "", path) for path in conflicts if path]
    return Merge(commit, tree, changes, names)


def apply(project: Path, merge: Merge) -> None:
    """Pick the commit; raises ScaffoldError where that fails for another reason than a conflict.

    Conflicts, which `merge` names, are left in the files for their owner to resolve.
    """
    repository = Repository(project)
    repository.require_rest()
    repository.require_room(merge.tree)
    result = repository.try_to("cherry-pick", "--allow-empty", merge.commit)
    if result.returncode and not (merge.conflicts and repository.has("CHERRY_PICK_HEAD")):
        repository.try_to("cherry-pick", "--abort")
        repository.output(result)


def undo(project: Path) -> str:
    """Take the latest update back, begun or committed; the returned sentence describes how.

    What stood there is kept under the name UNDONE. Raises ScaffoldError if there is no update, or
    something else stands on it.
    """
    repository = Repository(project)
    kept = f"`git diff HEAD {UNDONE}` shows what stood there."
    if repository.has("CHERRY_PICK_HEAD") and is_update(repository, "CHERRY_PICK_HEAD"):
        repository.keep(UNDONE)
        repository.abort()
        return f"The update that was begun is taken back; {kept}"
    repository.require_rest()
    if not is_update(repository, "HEAD"):
        raise ScaffoldError(
            "The latest commit is no update of the template; `git revert` takes an older one back."
        )
    repository.require_room("HEAD~1")
    repository.keep(UNDONE)
    if repository.run("branch", "--remotes", "--contains", "HEAD").strip():
        revert(repository)
        return f"The update was pushed, so that a commit on top takes it back; {kept}"
    repository.run("reset", "--quiet", "--keep", "HEAD~1")
    return f"The update is taken back; {kept}"


def revert(repository: Repository) -> None:
    """Commit the opposite of the latest commit, or leave everything as it is."""
    result = repository.try_to("revert", "--no-edit", "HEAD")
    if result.returncode:
        repository.try_to("revert", "--abort")
        repository.try_to("reset", "--merge", "HEAD")
        repository.output(result)


def is_update(repository: Repository, commit: str) -> bool:
    """Whether `apply` made this commit."""
    return f"\n{TRAILER}: " in repository.run("show", "--no-patch", "--format=%B", commit)


def lock(project: Path) -> None:
    """Bring a committed uv.lock up to date, as a part of the update's commit."""
    repository = Repository(project)
    if not repository.run("ls-files", "uv.lock"):
        return
    command = [find_uv_bin(), "lock", "--quiet", *sync_options()]
    result = subprocess.run(command, cwd=project, check=False)  # noqa: S603 - uv itself
    if result.returncode:
        raise ScaffoldError("The update is committed, but uv.lock is out of date: run `uv lock`.")
    if repository.run("status", "--porcelain", "uv.lock"):
        repository.run("commit", "--quiet", "--amend", "--no-edit", "--", "uv.lock")


def passes(project: Path) -> bool:
    """Whether the project's own linters and tests pass; each is run, and speaks for itself."""

    def succeeds(*arguments: str) -> bool:
        command = [find_uv_bin(), *arguments]
        return subprocess.run(command, cwd=project, check=False).returncode == 0  # noqa: S603 - uv itself

    if not succeeds("sync", "--quiet", *sync_options()):
        return False
    failed = [check for check in CHECKS if not succeeds("run", "--no-sync", *check.split())]
    return not failed
