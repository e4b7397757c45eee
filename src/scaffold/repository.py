"""The git repository of a generated project, as an update needs it."""

import os
import re
import subprocess
import tempfile
from collections.abc import Collection
from pathlib import Path

from scaffold.errors import ScaffoldError

# The first with `merge-tree --write-tree`, which merges without touching a file.
OLDEST_GIT = (2, 38)
UNFINISHED = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")


class Repository:
    """What is asked of git in a project's folder, which may be part of a larger repository."""

    def __init__(self, project: Path) -> None:
        """Raise ScaffoldError unless the folder is in a repository and git is new enough."""
        self.project = project.resolve()
        if not self.project.is_dir():
            raise ScaffoldError(f"{project} is not a folder; name that of a project.")
        version = self.run("version").split()[2]
        if tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST_GIT:
            raise ScaffoldError(f"git {version} is too old to update with; 2.38 is the least.")
        top, status = self.try_to("rev-parse", "--show-toplevel")
        if status:
            raise ScaffoldError(
                f"{project} is in no git repository, so nothing could show what an update changes; "
                "make one: git init && git add --all && git commit -m 'Before the update'"
            )
        self.top = Path(top.strip()).resolve()
        self.folder = self.project.relative_to(self.top)

    def require_rest(self) -> None:
        """Raise ScaffoldError if something is uncommitted or half done."""
        if self.try_to("rev-parse", "--verify", "--quiet", "HEAD")[1]:
            raise ScaffoldError("Nothing is committed yet; commit the project, then update.")
        if any(map(self.has, UNFINISHED)):
            raise ScaffoldError("A merge or rebase is not finished; end it, then update.")
        if changed := self.run("status", "--porcelain", "--", ".").splitlines():
            raise ScaffoldError(
                f"{len(changed)} files are not committed, such as {changed[0][3:]}; "
                "commit or stash them, then update."
            )

    def has(self, name: str) -> bool:
        """Whether git keeps a file of this name, such as MERGE_HEAD while a merge goes on."""
        return (self.project / self.run("rev-parse", "--git-path", name).strip()).exists()

    def run(self, *arguments: str) -> str:
        """What git prints; raises ScaffoldError with its own words when it fails."""
        output, status = self.try_to(*arguments)
        if status:
            raise ScaffoldError(f"git {arguments[0]} failed: {' '.join(output.split())}")
        return output

    def paths(self, *arguments: str) -> list[str]:
        """The paths that a git command with -z prints, from the top of the repository."""
        return [path for path in self.run(*arguments).split("\0") if path]

    def try_to(
        self, *arguments: str, folder: Path | None = None, **environment: str
    ) -> tuple[str, int]:
        """What git prints, and its exit status."""
        try:
            result = subprocess.run(  # noqa: S603 - git itself
                ["git", *arguments],  # noqa: S607 - the user's own
                cwd=folder or self.project,
                env={**os.environ, **environment},
                capture_output=True,
                encoding="utf-8",
                errors="surrogateescape",
                check=False,
            )
        except FileNotFoundError as error:
            raise ScaffoldError("git is needed and not installed.") from error
        return result.stdout + (result.stderr if result.returncode else ""), result.returncode

    def tree(self, folder: Path, without: Collection[str] = ()) -> str:
        """The id of a tree with the files of another folder, stored by git but in no commit yet."""
        with tempfile.TemporaryDirectory() as place:
            environment = {
                "GIT_DIR": self.run("rev-parse", "--absolute-git-dir").strip(),
                "GIT_WORK_TREE": str(folder),
                "GIT_INDEX_FILE": str(Path(place, "index")),
            }
            # What is rendered is stored even where the project's .gitignore says otherwise.
            commands = [["add", "--all", "--force", "."], ["write-tree"]]
            if without:
                commands.insert(
                    1, ["rm", "--cached", "--quiet", "--ignore-unmatch", "--", *without]
                )
            for command in commands:
                output, status = self.try_to(*command, folder=folder, **environment)
                if status:
                    raise ScaffoldError(f"git {command[0]} failed: {' '.join(output.split())}")
        return output.strip()

    def commit(self, tree: str, message: str, *parents: str) -> str:
        """The id of a commit with this tree, which is on no branch yet."""
        options = [option for parent in parents for option in ("-p", parent)]
        return self.run(*self.identity(), "commit-tree", tree, "-m", message, *options).strip()

    def identity(self) -> list[str]:
        """Options that name somebody where git does not know its user."""
        if self.try_to("config", "user.email")[1]:
            return ["-c", "user.name=scaffold", "-c", "user.email=scaffold@localhost"]
        return []
