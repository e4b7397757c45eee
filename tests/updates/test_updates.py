"""What an update keeps, refuses and takes back, a situation each; test_histories.py mixes them."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import copier
import pytest

from scaffold import ScaffoldError
from scaffold.commands import update
from scaffold.project import recorded_answers
from scaffold.template.questions import ROOT
from support.combinations import COMBINATIONS
from support.command import scaffold
from support.git import IDENTITY, git, read_tree
from support.history import SIMILAR, Template
from support.released import FILE, paths

MODULE = "src/a_project/core/config.py"
SOURCE = "src/{{ package_name }}/core/config.py"
UNUSED = [name for name in SIMILAR if name != "deploy_sagemaker"]
# In nlp alone, and in its framework alone.
TEXTS, MODEL = "src/a_project/texts.py", "src/a_project/model.py"


class Situation:
    """A template of which there may be newer versions, and a project of its first."""

    def __init__(self, template: Template, project: Path) -> None:
        self.template, self.project = template, project

    def change(self, path: str, edit: Callable[[str], str] | None = None, text: str = "") -> None:
        """Rewrite a file of the project, or write it; and commit."""
        file = self.project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(edit(file.read_text("utf-8")) if edit else text, "utf-8")
        self.commit()

    def commit(self) -> None:
        git(self.project, "add", "--all")
        git(self.project, "commit", "--quiet", "--message", "Work")

    def release(self, path: str, edit: Callable[[str], str], top: str = "template") -> str:
        """A version of the template with a changed file."""
        file = self.template.folder / top / path
        file.write_text(edit(file.read_text("utf-8")), "utf-8")
        return self.template.release()

    def read(self, path: str) -> str:
        return (self.project / path).read_text("utf-8")

    def conflicts(self) -> set[str]:
        return {line.split("\t")[1] for line in git(self.project, "ls-files", "-u").splitlines()}

    def plain(self, **answers: str) -> None:
        """`copier update --defaults`."""
        copier.run_update(self.project, data=answers, defaults=True, overwrite=True, quiet=True)

    def ours(self, **answers: str) -> update.Plan:
        """`scaffold update --yes --no-checks`."""
        planned = update.plan(self.project, answers)
        assert planned.merge
        update.apply(self.project, planned.merge)
        assert self.conflicts() == set(planned.merge.conflicts)
        return planned

    def refused(self, how: Callable[[], object], message: str) -> None:
        """In one sentence, with nothing written."""
        before, state = read_tree(self.project), git(self.project, "status", "--porcelain")
        with pytest.raises(
            (ScaffoldError, ValueError, copier.errors.CopierError), match=message
        ) as caught:
            how()
        assert "\n" not in str(caught.value).strip()
        assert read_tree(self.project) == before
        assert git(self.project, "status", "--porcelain") == state


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template of one version, and a project made of it."""
    folder = tmp_path_factory.mktemp("updates")
    template = Template(folder / "template", ["nlp", "tabular-classification"], without=UNUSED)
    answers = {"project_name": "A Project", "variant": "nlp", "deploy": ["vertex"]}
    project = folder / "project"
    copier.run_copy(str(template.folder), project, data=answers, defaults=True, quiet=True)
    git(project, "init", "--quiet", "--initial-branch=main")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "Generate")
    return folder


@pytest.fixture
def here(first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Situation:
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)
    shutil.copytree(first / "project", tmp_path / "project")
    template = Template.__new__(Template)
    template.folder, template.versions = tmp_path / "template", 1
    shutil.copytree(first / "template", template.folder)
    situation = Situation(template, tmp_path / "project")
    answers = tmp_path / "project/.copier-answers.yml"
    answers.write_text(answers.read_text("utf-8").replace(str(first), str(tmp_path)), "utf-8")
    # As if it had been made from there: only the first commit may say where the template is.
    git(situation.project, "add", "--all")
    git(situation.project, "commit", "--quiet", "--amend", "--no-edit")
    return situation


def above(line: str) -> Callable[[str], str]:
    return lambda text: f"{line}\n{text}"


def below(line: str) -> Callable[[str], str]:
    return lambda text: f"{text}{line}\n"


# Copier's own way is slow: the fast tests are about what this repository adds.
both = pytest.mark.parametrize("how", [pytest.param("plain", marks=pytest.mark.slow), "ours"])


# What is kept.


@both
def test_changes_of_both_sides_stand_together(here: Situation, how: str) -> None:
    here.change(MODULE, below("# mine"))
    here.release(SOURCE, above("# theirs"))
    getattr(here, how)()
    assert not here.conflicts()
    assert here.read(MODULE).startswith("# theirs\n")
    assert here.read(MODULE).endswith("\n# mine\n")


@both
def test_changes_of_the_same_line_are_a_conflict_that_git_shows(here: Situation, how: str) -> None:
    here.change(MODULE, above("# mine"))
    here.release(SOURCE, above("# theirs"))
    getattr(here, how)()
    assert here.conflicts() == {MODULE}
    assert {"# mine", "# theirs"} < set(here.read(MODULE).splitlines())


DATA = "src/a_project/data.py"
DATA_SOURCE = "{% if nlp %}.{% endif %}/src/{{ package_name }}/data.py"


def test_a_file_that_the_owner_rewrote_stays_whole(here: Situation) -> None:
    """The template's change of its sample is a suggestion in the message, and no conflict."""
    here.change(DATA, lambda _: "# My own data.\n")
    here.change(MODULE, below("# Mine"))
    here.release(DATA_SOURCE, above("# A better sample."))
    here.release(SOURCE, above("# A better module."))
    planned = here.ours()
    assert planned.kept == [DATA]
    assert here.read(DATA) == "# My own data.\n"
    assert here.read(MODULE).startswith("# A better module.")
    assert here.read(MODULE).endswith("# Mine\n")
    message = git(here.project, "log", "-1", "--format=%B")
    assert "    +# A better sample." in message
    assert update.undo(here.project)


def test_a_file_that_the_owner_rewrote_and_renamed_stays_whole(here: Situation) -> None:
    own = DATA.replace("data", "loans")
    git(here.project, "mv", DATA, own)
    here.change(own, above("# My own first line."))
    here.release(DATA_SOURCE, above("# A better sample."))
    text = here.read(own)
    planned = here.ours()
    assert planned.kept == [DATA]
    assert here.read(own) == text
    assert "    +# A better sample." in git(here.project, "log", "-1", "--format=%B")


def test_with_plain_copier_the_owner_takes_a_file_of_theirs_whole(here: Situation) -> None:
    """As docs/updates.md describes it."""
    here.change(DATA, lambda _: "# My own data.\n")
    here.release(DATA_SOURCE, above("# A better sample."))
    here.plain()
    assert here.conflicts() == {DATA}
    assert "+# A better sample." in git(here.project, "diff", f":1:{DATA}", f":3:{DATA}")
    git(here.project, "checkout", "--ours", "--", DATA)
    assert here.read(DATA) == "# My own data.\n"


@pytest.mark.parametrize("sample", ["moved", "removed"])
def test_a_file_that_the_owner_rewrote_stays_when_the_template_drops_it(
    here: Situation, sample: str
) -> None:
    here.change(DATA, lambda _: "# My own data.\n")
    source = here.template.folder / "template" / DATA_SOURCE
    if sample == "moved":
        source.rename(source.with_name("rows.py"))
    else:
        source.unlink()
    here.template.release()
    here.ours()
    kept = [path for path in (DATA, DATA.replace("data", "rows")) if (here.project / path).exists()]
    assert any(here.read(path) == "# My own data.\n" for path in kept)


@both
def test_files_that_are_new_deleted_or_renamed_stay_so(here: Situation, how: str) -> None:
    here.change("notes/idea.md", text="mine\n")
    git(here.project, "rm", "--quiet", "compose.yaml")
    git(here.project, "mv", "notebooks/explore.ipynb", "notebooks/looks.ipynb")
    here.commit()
    here.release("compose.yaml.jinja", below("# theirs"))
    getattr(here, how)()
    assert here.read("notes/idea.md") == "mine\n"
    assert not (here.project / "compose.yaml").exists()
    assert not (here.project / "notebooks/explore.ipynb").exists()
    assert (here.project / "notebooks/looks.ipynb").exists()


@both
def test_what_runs_wrote_stays(here: Situation, how: str) -> None:
    results = "<!-- results:start -->\n**0.9** on 10 rows\n<!-- results:end -->"
    stub = re.compile(r"<!-- results:start -->.*?<!-- results:end -->", re.DOTALL)
    here.change("README.md", lambda text: stub.sub(results, text))
    here.change("params.toml", lambda text: re.sub(r"(?m)^seed = .*$", "seed = 8", text))
    here.change("uv.lock", text="version = 1\n")
    here.release("readme.md", below("Theirs."), top="includes")
    getattr(here, how)()
    assert not here.conflicts()
    assert results in here.read("README.md")
    assert here.read("README.md").endswith("Theirs.\n")
    assert "seed = 8" in here.read("params.toml")
    assert here.read("uv.lock") == "version = 1\n"


@both
def test_another_licence_comes_with_what_was_changed(here: Situation, how: str) -> None:
    here.change("README.md", below("Mine."))
    here.release(SOURCE, above("# theirs"))
    getattr(here, how)(license="Apache-2.0")
    assert "Apache" in here.read("LICENSE")
    assert here.read("README.md").endswith("Mine.\n")


def test_what_was_deleted_is_not_brought_back_under_another_name(here: Situation) -> None:
    git(here.project, "rm", "--quiet", MODULE)
    here.commit()
    source = here.template.folder / "template" / SOURCE
    source.rename(source.with_name("options.py"))
    here.template.release()
    assert here.ours().deleted == [MODULE, "src/a_project/core/options.py"]
    assert not (here.project / "src/a_project/core/options.py").exists()


# What Copier would lose: refused by itself, merged by `scaffold update`.


@pytest.mark.parametrize(
    ("question", "answer", "path"),
    [
        ("variant", "tabular-classification", TEXTS),
        ("framework", "pytorch", MODEL),
        ("package_name", "other_name", MODULE),
    ],
)
def test_another_kind_of_project(here: Situation, question: str, answer: str, path: str) -> None:
    here.change(path, above("# mine"))
    here.change("src/a_project/own.py", text="mine = 1\n")
    here.release(SOURCE, above("# theirs"))
    before = recorded_answers(here.project)[question]
    here.refused(
        lambda: here.plain(**{question: answer}),
        f"made with {question} {before}, .* `scaffold update -d {question}={answer}` merges them.",
    )
    here.ours(**{question: answer})
    package = answer if question == "package_name" else "a_project"
    assert "# mine\n" in here.read(path.replace("a_project", package))
    # A file of one's own goes along with its folder.
    assert here.read(f"src/{package}/own.py") == "mine = 1\n"
    assert recorded_answers(here.project)[question] == answer


def test_a_platform_fewer(here: Situation) -> None:
    here.change("deploy/vertex/deploy.py", below("# mine"))
    here.release(SOURCE, above("# theirs"))
    here.refused(lambda: here.plain(deploy="[sagemaker]"), "made with deploy vertex")
    here.ours(deploy="[sagemaker]")
    assert here.conflicts() == {"deploy/vertex/deploy.py"}
    assert here.read("deploy/vertex/deploy.py").endswith("# mine\n")
    # One more is no loss.
    git(here.project, "reset", "--quiet", "--hard")
    here.plain(deploy="[vertex, sagemaker]")
    assert (here.project / "deploy/sagemaker/deploy.py").exists()
    git(here.project, "reset", "--quiet", "--hard")
    git(here.project, "clean", "--quiet", "-fd")
    here.ours(deploy="vertex,sagemaker")
    assert (here.project / "deploy/sagemaker/deploy.py").exists()


@pytest.mark.parametrize("now", ["src/PACKAGE/core/options.py", ""])
def test_a_file_that_a_version_moves(here: Situation, now: str) -> None:
    here.change(MODULE, below("# mine"))
    source = here.template.folder / "template" / SOURCE
    if now:
        source.rename(source.with_name("options.py"))
    else:
        source.unlink()
    here.template.announce("src/PACKAGE/core/config.py", now)
    here.template.release()
    here.refused(here.plain, f"v1.1.0 {'moves' if now else 'removes'} {MODULE}")
    here.ours()
    if now:
        assert here.read("src/a_project/core/options.py").endswith("# mine\n")
    else:
        assert here.conflicts() == {MODULE}
        assert here.read(MODULE).endswith("# mine\n")


@pytest.mark.slow
def test_a_file_that_moved_before_the_project_was_made_stops_nobody(here: Situation) -> None:
    here.template.announce("src/PACKAGE/own.py", "")
    here.template.release()
    here.plain()
    here.commit()
    here.change("src/a_project/own.py", text="mine = 1\n")
    here.release(SOURCE, above("# theirs"))
    here.plain()
    assert here.read("src/a_project/own.py") == "mine = 1\n"


@both
def test_an_answer_that_is_no_longer_accepted(here: Situation, how: str) -> None:
    here.release("copier.yml", lambda text: re.sub(r"(?m)^    .*: nlp\n", "", text), top="")
    here.refused(getattr(here, how), "variant nlp|'nlp' is not in")


# What stops an update, in a sentence.


def leave_uncommitted(here: Situation) -> None:
    (here.project / "README.md").write_text("mine\n")


def leave_untracked(here: Situation) -> None:
    (here.project / "new.md").write_text("mine\n")


def stop_in_a_merge(here: Situation) -> None:
    git(here.project, "update-ref", "MERGE_HEAD", "HEAD")


def leave_the_branch(here: Situation) -> None:
    git(here.project, "checkout", "--quiet", "--detach")


def begin_a_bisect(here: Situation) -> None:
    git(here.project, "bisect", "start")


def delete_the_answers(here: Situation) -> None:
    git(here.project, "rm", "--quiet", ".copier-answers.yml")
    here.commit()


def damage_the_answers(here: Situation) -> None:
    here.change(".copier-answers.yml", text="a: [b\n")


def empty_the_answers(here: Situation) -> None:
    here.change(".copier-answers.yml", text="")


def forget_the_version(here: Situation) -> None:
    here.change(".copier-answers.yml", lambda text: re.sub("(?m)^_commit.*\n", "", text))


def move_the_template(here: Situation) -> None:
    here.template.folder.rename(here.template.folder.with_name("elsewhere"))


def lose_the_version(here: Situation) -> None:
    here.change(".copier-answers.yml", lambda text: text.replace("v1.0.0", "v0.9.9"))


def go_back(here: Situation) -> None:
    here.change(".copier-answers.yml", lambda text: text.replace("v1.0.0", "v1.1.0"))
    git(here.template.folder, "tag", "--delete", "v1.1.0", "v1.0.0")
    git(here.template.folder, "tag", "v1.1.0-rc", "HEAD~1")
    git(here.template.folder, "tag", "v1.0.5", "HEAD")
    git(here.template.folder, "branch", "v1.1.0", "HEAD~1")


def ask_for_a_newer_copier(here: Situation) -> None:
    here.release("copier.yml", lambda text: text.replace('"9.19.0"', '"99.0.0"'), top="")


def leave_git(here: Situation) -> None:
    shutil.rmtree(here.project / ".git")


def commit_nothing(here: Situation) -> None:
    leave_git(here)
    git(here.project, "init", "--quiet")


def keep_a_file_to_oneself(here: Situation) -> None:
    """A version brings a file where an ignored one of the owner's lies."""
    here.change(".gitignore", below("/mine.md"))
    (here.project / "mine.md").write_text("mine\n")
    (here.template.folder / "template/mine.md").write_text("theirs\n")
    here.template.release()


SPOILED: dict[Callable[[Situation], None], str] = {
    leave_uncommitted: "README.md is not committed;",
    leave_untracked: "new.md is not committed;",
    stop_in_a_merge: "is not finished: `git status` shows",
    leave_the_branch: "No branch is checked out",
    begin_a_bisect: "A bisect is not finished; `git bisect reset`",
    delete_the_answers: ".copier-answers.yml is missing:",
    damage_the_answers: ".copier-answers.yml is damaged:",
    empty_the_answers: "holds no answers by name",
    forget_the_version: "does not record which version",
    move_the_template: "must be a directory. .* --template names",
    lose_the_version: "v0.9.9 of .* cannot be made: Unknown revision.*never committed",
    go_back: "v1.0.5 is older than v1.1.0",
    ask_for_a_newer_copier: "99.0.0",
    leave_git: "is in no git repository",
    commit_nothing: "Nothing is committed yet",
    keep_a_file_to_oneself: "A file mine.md is to come, and your mine.md is not committed",
}


def state_of(project: Path) -> list[str]:
    """What git says of it; nothing where there is no git."""
    if not (project / ".git").exists() or not list((project / ".git/refs/heads").iterdir()):
        return []
    commands = (["rev-parse", "HEAD"], ["status", "--porcelain"], ["diff", "--cached"])
    return [git(project, *command) for command in commands]


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
def test_an_update_is_refused(here: Situation, spoil: Callable[[Situation], None]) -> None:
    here.release(SOURCE, above("# theirs"))
    spoil(here)
    before, state = read_tree(here.project), state_of(here.project)
    said = scaffold("update", "--yes", "--no-checks", str(here.project), status=2)
    assert re.search(SPOILED[spoil], " ".join(said.split())), said
    assert said.startswith("error: ")
    assert "Traceback" not in said
    assert read_tree(here.project) == before
    assert state_of(here.project) == state


def test_a_template_that_moved_is_named(here: Situation) -> None:
    here.release(SOURCE, above("# theirs"))
    move_the_template(here)
    place = str(here.template.folder.with_name("elsewhere"))
    scaffold("update", "--yes", "--no-checks", str(here.project), "--template", place)
    assert recorded_answers(here.project)["_src_path"] == place
    assert here.read(MODULE).startswith("# theirs\n")


@pytest.mark.parametrize("place", [".", "../template"])
def test_a_relative_place_is_refused_when_the_project_is_made(
    here: Situation, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copier would record it as it is, and an update look for it from inside the project."""
    monkeypatch.chdir(here.template.folder)
    with pytest.raises(ValueError, match="give its whole path"):
        copier.run_copy(place, tmp_path / "other", defaults=True, quiet=True)
    assert not (tmp_path / "other").exists()


# The command.


def test_a_newer_version_is_found(here: Situation) -> None:
    assert "newest version" in scaffold("update", "--check", str(here.project))
    here.release(SOURCE, above("# theirs"))
    said = scaffold("update", "--check", str(here.project), status=1)
    assert "There is a newer version: v1.1.0; the project is of v1.0.0." in said
    # As it is printed, and without the letter.
    for version in ("v1.1.0", "1.1.0"):
        assert "v1.0.0 to v1.1.0" in scaffold(
            "update", "--look", "--version", version, str(here.project)
        )


def test_a_look_changes_nothing(here: Situation) -> None:
    here.change(MODULE, above("# mine"))
    git(here.project, "rm", "--quiet", "compose.yaml")
    here.commit()
    here.release(
        "copier.yml", lambda text: f"{text}\ncolour: {{type: str, default: red}}\n", top=""
    )
    here.release(SOURCE, above("# theirs"))
    before, head = read_tree(here.project), git(here.project, "rev-parse", "HEAD")
    said = scaffold("update", "--look", str(here.project))
    for expected in (
        "v1.0.0 to v1.2.0",
        f"conflict to come: {MODULE}",
        "stays deleted, as you left it: compose.yaml",
        "new question: colour, answered with 'red'",
    ):
        assert expected in said, said
    assert read_tree(here.project) == before
    assert git(here.project, "rev-parse", "HEAD") == head
    assert git(here.project, "status", "--porcelain") == ""


def test_nothing_happens_without_a_yes(here: Situation) -> None:
    here.release(SOURCE, above("# theirs"))
    assert "give --yes" in scaffold("update", str(here.project), status=2)
    assert not here.read(MODULE).startswith("# theirs\n")


def test_an_update_is_a_commit_and_is_taken_back(here: Situation) -> None:
    here.release(SOURCE, above("# theirs"))
    before = read_tree(here.project)
    scaffold("update", "--yes", "--no-checks", str(here.project))
    subject = git(here.project, "show", "--no-patch", "--format=%s").strip()
    assert subject == "Update the template from v1.0.0 to v1.1.0"
    assert git(here.project, "status", "--porcelain") == ""
    assert "Nothing to do" in scaffold("update", "--yes", str(here.project))
    scaffold("update", "--undo", "--yes", str(here.project))
    assert read_tree(here.project) == before
    assert "is no update" in scaffold("update", "--undo", "--yes", str(here.project), status=2)


def test_a_conflict_ends_with_1_and_is_taken_back_or_resolved(here: Situation) -> None:
    here.change(MODULE, above("# mine"))
    here.release(SOURCE, above("# theirs"))
    before = read_tree(here.project)
    said = scaffold("update", "--yes", str(here.project), status=1)
    assert "git cherry-pick --continue" in said
    assert here.conflicts() == {MODULE}
    assert "not finished" in scaffold("update", "--yes", str(here.project), status=2)
    scaffold("update", "--undo", "--yes", str(here.project))
    assert read_tree(here.project) == before
    scaffold("update", "--yes", str(here.project), status=1)
    (here.project / MODULE).write_text("# both\n")
    git(here.project, "add", MODULE)
    git(here.project, "-c", "core.editor=true", "cherry-pick", "--continue")
    assert git(here.project, "status", "--porcelain") == ""
    assert recorded_answers(here.project)["_commit"] == "v1.1.0"


def test_what_stood_there_is_kept_when_an_update_is_taken_back(here: Situation) -> None:
    """Be it staged while conflicts were resolved, or part of the commit since."""
    here.change(MODULE, above("# mine"))
    here.release("compose.yaml.jinja", above("# theirs"))
    here.release(SOURCE, above("# theirs"))
    before = read_tree(here.project)
    scaffold("update", "--yes", str(here.project), status=1)
    (here.project / "new.md").write_text("mine\n")
    git(here.project, "add", "new.md")
    # Merged without a conflict, and changed since: git alone would not go back.
    with (here.project / "compose.yaml").open("a") as file:
        file.write("# mine since\n")
    assert "refs/scaffold/undone" in scaffold("update", "--undo", "--yes", str(here.project))
    assert git(here.project, "show", "refs/scaffold/undone:new.md") == "mine\n"
    assert "# mine since" in git(here.project, "show", "refs/scaffold/undone:compose.yaml")
    assert read_tree(here.project) == before
    git(here.project, "reset", "--quiet", "--hard", "HEAD~1")
    here.ours()
    here.project.joinpath("new.md").write_text("a mend\n")
    git(here.project, "add", "new.md")
    git(here.project, "commit", "--quiet", "--amend", "--no-edit")
    scaffold("update", "--undo", "--yes", str(here.project))
    assert git(here.project, "show", "refs/scaffold/undone:new.md") == "a mend\n"


def ignore(here: Situation, name: str) -> Path:
    here.change(".gitignore", below(f"/{name}"))
    return here.project / name


@pytest.mark.parametrize("kind", ["file", "link", "link to nowhere"])
def test_what_git_ignores_is_not_written_over(here: Situation, kind: str, tmp_path: Path) -> None:
    """Nor a file or link where a version brings a folder."""
    mine = ignore(here, "models")
    if kind == "file":
        mine.write_text("mine\n")
    else:
        mine.symlink_to(tmp_path if kind == "link" else tmp_path / "nowhere")
    (here.template.folder / "template/models").mkdir()
    (here.template.folder / "template/models/README.md").write_text("theirs\n")
    here.template.release()
    here.refused(here.ours, "A file models/README.md is to come, and your models is not committed")
    assert mine.is_symlink() or mine.read_text() == "mine\n"


def test_an_ignored_file_stops_taking_back(here: Situation) -> None:
    (here.template.folder / "template/compose.yaml.jinja").unlink()
    here.template.release()
    here.ours()
    ignore(here, "compose.yaml").write_text("mine\n")
    git(
        here.project,
        "commit",
        "--quiet",
        "--amend",
        "--no-edit",
        "--message",
        "x\n\nTemplate-Update: 1",
    )
    git(here.project, "reset", "--quiet", "--soft", "HEAD~1")
    git(here.project, "commit", "--quiet", "--amend", "--message", "x\n\nTemplate-Update: 1")
    said = scaffold("update", "--undo", "--yes", str(here.project), status=2)
    assert "your compose.yaml is not committed" in said
    assert here.read("compose.yaml") == "mine\n"


def test_a_lock_that_is_committed_is_brought_up_to_date(
    here: Situation, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.change("uv.lock", text="old\n")
    here.release(SOURCE, above("# theirs"))
    here.ours()
    fakes = here.project.with_name("uv")
    fakes.write_text('#!/bin/sh\ntest "$1" = lock && echo new > uv.lock\n')
    fakes.chmod(0o755)
    monkeypatch.setattr(update, "find_uv_bin", lambda: str(fakes))
    update.lock(here.project)
    assert git(here.project, "show", "HEAD:uv.lock") == "new\n"
    assert "Template-Update" in git(here.project, "show", "--no-patch", "--format=%B")
    assert git(here.project, "status", "--porcelain") == ""


def test_an_update_that_was_pushed_is_reverted(here: Situation, tmp_path: Path) -> None:
    here.release(SOURCE, above("# theirs"))
    before = read_tree(here.project)
    scaffold("update", "--yes", "--no-checks", str(here.project))
    git(tmp_path, "init", "--quiet", "--bare", "remote")
    git(here.project, "remote", "add", "origin", str(tmp_path / "remote"))
    git(here.project, "push", "--quiet", "origin", "main")
    head = git(here.project, "rev-parse", "HEAD")
    scaffold("update", "--undo", "--yes", str(here.project))
    assert read_tree(here.project) == before
    assert git(here.project, "rev-parse", "HEAD~1") == head


def test_one_project_of_several_in_a_repository(here: Situation) -> None:
    """Another one of the same template is no place to which anything was moved."""
    whole = here.project.with_name("whole")
    for name in ("first", "second"):
        leave = shutil.ignore_patterns(".git")
        shutil.copytree(here.project, whole / name, ignore=leave)
    (whole / "beside.md").write_text("mine\n")
    git(whole, "init", "--quiet", "--initial-branch=main")
    git(whole, "add", "--all")
    git(whole, "commit", "--quiet", "--message", "Both")
    (whole / "beside.md").write_text("not committed\n")
    second = read_tree(whole / "second")
    here.project = whole / "first"
    git(here.project, "rm", "--quiet", "compose.yaml")
    git(here.project, "commit", "--quiet", "--message", "Without")
    file = here.project / MODULE
    file.write_text(f"{file.read_text('utf-8')}# mine\n", "utf-8")
    git(here.project, "commit", "--quiet", "--message", "Work", ".")
    here.release("compose.yaml.jinja", below("# theirs"))
    here.release(SOURCE, above("# theirs"))
    assert here.ours().deleted == ["first/compose.yaml"]
    assert here.read(MODULE).startswith("# theirs\n")
    assert here.read(MODULE).endswith("# mine\n")
    assert (whole / "beside.md").read_text() == "not committed\n"
    assert read_tree(whole / "second") == second


def test_a_refusal_does_not_depend_on_where_a_project_lies(here: Situation) -> None:
    """Copier's own folders of an update are known by a name that somebody's may be like."""
    elsewhere = here.project.parent / "my_copy.of" / "project"
    here.project.rename(
        shutil.copytree(here.project.parent / "template", elsewhere.parent) / "project"
    )
    here.project = elsewhere
    here.release(SOURCE, above("# theirs"))
    here.refused(lambda: here.plain(variant="tabular-classification"), "made with variant nlp")


def test_the_projects_own_checks_decide(here: Situation, monkeypatch: pytest.MonkeyPatch) -> None:
    here.release(SOURCE, above("# theirs"))
    fails = here.project.with_name("uv")
    text = '#!/bin/sh\necho "$@" >> "${0%/*}/uv.log"; case "$*" in *"NAME"*) exit 1 ;; esac\n'
    fails.write_text(text)
    fails.chmod(0o755)
    monkeypatch.setattr(update, "find_uv_bin", lambda: str(fails))
    assert update.passes(here.project)
    for check in update.CHECKS:
        fails.with_name("uv.log").unlink(missing_ok=True)
        fails.write_text(text.replace("NAME", check))
        assert not update.passes(here.project)
        said = fails.with_name("uv.log").read_text().splitlines()
        assert [line.removeprefix("run --no-sync ") for line in said[1:]] == [*update.CHECKS]
        assert said[0].startswith("sync")


# Between versions.


def gone(released: dict[str, list[str]], now: dict[str, list[str]], announced: str) -> list[str]:
    """Released paths that a combination does not have any more and that no row announces."""
    return [
        path
        for path, homes in released.items()
        if set(homes) - set(now.get(path, [])) and f'"path": "{path}"' not in announced
    ]


@pytest.mark.slow
def test_no_path_goes_without_a_word() -> None:
    """What the latest release had is there still, or has a row in includes/update.jinja."""
    released, now = json.loads(FILE.read_text("utf-8")), paths()
    announced = (ROOT / "includes/update.jinja").read_text("utf-8")
    assert not gone(released, now, announced)
    # It can fail: for a path that all had, and for one that a single combination had.
    everywhere, (path, homes) = list(COMBINATIONS), next(iter(now.items()))
    assert gone(released | {"old.py": everywhere}, now, announced) == ["old.py"]
    assert gone(released, now | {path: homes[1:]}, announced) == [path]
    row = '{"version": "v9.0.0", "path": "old.py", "now": ""}'
    assert gone(released | {"old.py": everywhere}, now, row) == []
