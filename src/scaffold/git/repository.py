"""The git repository of a generated project, as an update needs it."""

import os
import re
import subprocess
import tempfile
from collections.abc import Collection
from pathlib import Path

from scaffold.errors import ScaffoldError
from scaffold.git.surroundings import UTF_8, identity

# The first with `merge-tree --write-tree`, which merges without touching a file.
OLDEST_GIT = (2, 38)
UNFINISHED = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")
# Whatever its user has set. A hook that fails would leave an update half made.
SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.quotePath": "false",
    "merge.renames": "true",
    # A new file of the owner's, in a folder that the template renames, goes with the folder.
    "merge.directoryRenames": "true",
}
Result = subprocess.CompletedProcess[str]


class Repository:
    """What is asked of git in a project's folder, which may be part of a larger repository."""

    def __init__(self, project: Path) -> None:
        """Raise ScaffoldError unless the folder is in a repository and git is new enough."""
        self.project = project.resolve()
        if not self.project.is_dir():
            raise ScaffoldError(f"{project} is not a folder; name that of a project.")
        self.settings = [option for item in SETTINGS.items() for option in ("-c", "=".join(item))]
        self.require_git()
        top = self.try_to("rev-parse", "--show-toplevel")
        if "not a git repository" in top.stderr:
            raise ScaffoldError(
                f"{project} is in no git repository, so nothing could show what an update changes; "
                "make one: git init && git add --all && git commit -m 'Before the update'"
            )
        self.top = Path(self.output(top).strip()).resolve()
        self.folder = self.project.relative_to(self.top)
        self.settings += [*UTF_8, *identity(self.project)]

    def require_git(self) -> None:
        version = self.run("version").split()[2]
        least = ".".join(map(str, OLDEST_GIT))
        if tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST_GIT:
            raise ScaffoldError(f"git {version} is too old to update with; {least} is the least.")

    def require_rest(self) -> None:
        """Raise ScaffoldError if something is uncommitted or half done."""
        if self.try_to("rev-parse", "--verify", "--quiet", "HEAD").returncode:
            raise ScaffoldError("Nothing is committed yet; commit the project, then update.")
        if self.has("BISECT_START"):
            raise ScaffoldError("A bisect is not finished; `git bisect reset` ends it.")
        if any(map(self.has, UNFINISHED)):
            raise ScaffoldError(
                "A merge, a rebase or an update is not finished: `git status` shows how to end it."
            )
        if self.try_to("symbolic-ref", "--quiet", "HEAD").returncode:
            raise ScaffoldError("No branch is checked out (detached HEAD); `git switch` to one.")
        if changed := self.run("status", "--porcelain", "--untracked-files=all", ".").splitlines():
            are = f"and {len(changed) - 1} more are" if len(changed) > 1 else "is"
            raise ScaffoldError(
                f"{changed[0][3:]} {are} not committed; commit or stash first, then try again."
            )
        if staged := self.paths("diff-index", "--cached", "--name-only", "-z", "HEAD"):
            raise ScaffoldError(f"{staged[0]} is staged; commit it, then try again.")

    def has(self, name: str) -> bool:
        """Whether git keeps a file of this name, such as MERGE_HEAD while a merge goes on."""
        return (self.project / self.run("rev-parse", "--git-path", name).strip()).exists()

    def run(self, *arguments: str) -> str:
        """What git prints; raises ScaffoldError with its own words when it fails."""
        return self.output(self.try_to(*arguments))

    def output(self, result: Result) -> str:
        if result.returncode:
            raise ScaffoldError(f"git failed: {' '.join((result.stderr or result.stdout).split())}")
        return result.stdout

    def paths(self, *arguments: str) -> list[str]:
        """The paths that a git command with -z prints, from the top of the repository."""
        return [path for path in self.run(*arguments).split("\0") if path]

    def try_to(self, *arguments: str, folder: Path | None = None, **environment: str) -> Result:
        """The result of git, whether it fails or not."""
        try:
            return subprocess.run(  # noqa: S603 - git itself
                ["git", *self.settings, *arguments],  # noqa: S607 - the user's own
                cwd=folder or self.project,
                env={**os.environ, **environment},
                capture_output=True,
                encoding="utf-8",
                errors="surrogateescape",
                check=False,
            )
        except FileNotFoundError as error:
            raise ScaffoldError("git is needed and not installed.") from error

    def tree(self, rendering: Path, without: Collection[str] = ()) -> str:
        """The id of HEAD's tree with the project as it is rendered elsewhere; in no commit yet."""
        project = self.folder.as_posix()
        gone = ("rm", "-r", "--cached", "--quiet", "--ignore-unmatch", "--sparse", "--")
        commands = [
            ("read-tree", "HEAD"),
            (*gone, project),
            # What is rendered is stored even where the project's .gitignore excludes it.
            ("add", "--all", "--force", "--sparse", "--", project),
            *([(*gone, *without)] if without else []),
        ]
        with tempfile.TemporaryDirectory() as place:
            environment = {
                "GIT_DIR": self.run("rev-parse", "--absolute-git-dir").strip(),
                "GIT_WORK_TREE": str(rendering),
                "GIT_INDEX_FILE": str(Path(place, "index")),
                "GIT_LITERAL_PATHSPECS": "1",
            }
            for command in commands:
                self.output(self.try_to(*command, folder=rendering, **environment))
            return self.output(self.try_to("write-tree", folder=rendering, **environment)).strip()

    def restore(self, before: str, after: str, paths: Collection[str]) -> str:
        """The id of the tree `after`, but with these paths as they are in the tree `before`."""
        with tempfile.TemporaryDirectory() as place:
            index = {"GIT_INDEX_FILE": str(Path(place, "index"))}
            self.output(self.try_to("read-tree", after, folder=self.top, **index))
            for path in paths:
                entry = self.run("ls-tree", "-z", "--full-tree", before, "--", path)
                change = ["--force-remove", "--", path]
                if entry:
                    mode, _, blob = entry.partition("\t")[0].split()
                    change = ["--add", "--cacheinfo", f"{mode},{blob},{path}"]
                self.output(self.try_to("update-index", *change, folder=self.top, **index))
            return self.output(self.try_to("write-tree", folder=self.top, **index)).strip()

    def commit(self, tree: str, message: str, *parents: str) -> str:
        """The id of a commit with this tree, which is on no branch yet."""
        options = [option for parent in parents for option in ("-p", parent)]
        return self.run("commit-tree", tree, "-m", message, *options).strip()

    def keep(self, name: str) -> None:
        """Commit all that stands in the project, staged or not, under the name of a reference."""
        with tempfile.TemporaryDirectory() as place:
            index = {"GIT_INDEX_FILE": str(Path(place, "index"))}
            for command in (("read-tree", "HEAD"), ("add", "--all", ".")):
                self.output(self.try_to(*command, folder=self.project, **index))
            tree = self.output(self.try_to("write-tree", folder=self.project, **index)).strip()
        self.run("update-ref", name, self.commit(tree, "What stood there", "HEAD"))

    def abort(self) -> None:
        """End a cherry-pick, with all that was done since, which must be kept before."""
        self.try_to("update-index", "--refresh", "--quiet")
        if self.try_to("cherry-pick", "--abort").returncode:
            self.run("reset", "--quiet", "--hard")
            self.run("cherry-pick", "--quit")

    def require_room(self, tree: str) -> None:
        """Raise ScaffoldError if a new file of the tree would fall on one that git does not keep.

        Over untracked files it does not write, but over ignored ones and links it does.
        """
        added = self.paths("diff-tree", "-r", "-z", "--diff-filter=A", "--name-only", "HEAD", tree)
        places = {f":(top,literal){path.split('/')[0]}" for path in added}
        if not places:
            return
        others = self.paths("ls-files", "--others", "--full-name", "-z", "--", *sorted(places))
        for other in (path.rstrip("/") for path in others):
            for path in added:
                if f"{path}/".startswith(f"{other}/") or other.startswith(f"{path}/"):
                    raise ScaffoldError(
                        f"A file {path} is to come, and your {other} is not committed; "
                        "commit or move it, then try again."
                    )
