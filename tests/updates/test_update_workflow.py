"""The workflow that proposes a newer version of the template, executed by runner.py."""

import re
from pathlib import Path

import copier
import pytest

from scaffold import render
from scaffold.template.packages import INSTALLED
from scaffold.template.rendering import copy_template
from support.git import git
from support.history import Template
from support.hub import Hub, succeed
from support.wheels import MODULE as CHANGED
from support.wheels import NEW_LINE

MODULE, FILE = "src/{{ package_name }}/core/config.py", "src/churn_radar/core/config.py"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A template of two versions, of which the second changes the first line of a module."""
    made = Template(tmp_path_factory.mktemp("template") / "template", ["tabular-classification"])
    change(made.folder / "template" / MODULE, "# theirs\n")
    made.release()
    return made


@pytest.fixture
def hub(template: Template, tmp_path: Path) -> Hub:
    """A project of the first version, whose template has an address, and its remote."""
    made = Hub(tmp_path)
    made.source = tmp_path / "churn-radar"
    copier.run_copy(
        f"git+file://{template.folder}",
        made.source,
        vcs_ref="v1.0.0",
        defaults=True,
        quiet=True,
    )
    made.publish()
    return made


def change(path: Path, line: str) -> None:
    path.write_text(line + path.read_text("utf-8"), "utf-8")


def push(hub: Hub) -> None:
    git(hub.source, "commit", "--quiet", "--all", "--message", "Work")
    git(hub.source, "push", "--quiet", str(hub.remote), "main")


@pytest.mark.slow
def test_a_newer_version_is_proposed_and_then_there_is_none(hub: Hub) -> None:
    path = hub.source / "params.toml"
    path.write_text(path.read_text("utf-8").replace("seed = 7", "seed = 8"), "utf-8")
    push(hub)
    runner = hub.start("update", "schedule")
    succeed(runner.run())
    asked = [item["arguments"][:2] for item in hub.asked("gh")]
    assert asked == [["auth", "setup-git"], ["pr", "list"], ["pr", "create"]]
    difference = git(hub.remote, "diff", "main", "template-update")
    assert re.findall(r"(?m)^[+-](?![+-]).*$", difference) == [
        "-_commit: v1.0.0",
        "+_commit: v1.1.0",
        "+# theirs",
    ]
    # Merged, it leaves nothing to propose.
    git(hub.remote, "branch", "--force", "main", "template-update")
    runner = hub.start("update", "schedule")
    succeed(runner.run())
    assert "The project is up to date with the template." in runner.jobs["update"].summary
    assert hub.asked("gh") == []


@pytest.mark.slow
def test_a_proposal_is_replaced_unless_somebody_works_on_it(hub: Hub) -> None:
    for _ in range(2):
        succeed(hub.start("update", "schedule").run())
        assert ["pr", "create"] in [item["arguments"][:2] for item in hub.asked("gh")]
    git(hub.source, "fetch", "--quiet", str(hub.remote), "template-update")
    git(hub.source, "switch", "--quiet", "--create", "mend", "FETCH_HEAD")
    change(hub.source / FILE, "# a mend\n")
    git(hub.source, "commit", "--quiet", "--all", "--message", "Mend")
    git(hub.source, "push", "--quiet", str(hub.remote), "HEAD:template-update")
    mended = git(hub.remote, "rev-parse", "template-update")
    runner = hub.start("update", "schedule")
    succeed(runner.run())
    assert "it is not changed" in runner.jobs["update"].summary
    assert git(hub.remote, "rev-parse", "template-update") == mended


@pytest.mark.slow
@pytest.mark.parametrize("opened", ["", "5"])
def test_conflicts_become_one_issue(hub: Hub, opened: str) -> None:
    change(hub.source / FILE, "# mine\n")
    push(hub)
    path = hub.source / ".github/workflows/update.yml"
    reads = "GH_TOKEN: ${{ secrets.UPDATE_TOKEN || github.token }}"
    text = path.read_text("utf-8")
    assert reads in text
    path.write_text(text.replace(reads, f"{reads}\n          STANDIN_OPEN: '{opened}'"), "utf-8")
    succeed(hub.start("update", "schedule").run())
    assert [item["arguments"][:2] for item in hub.asked("gh")] == (
        [["issue", "list"]] + ([] if opened else [["issue", "create"]])
    )
    for body in hub.asked_gh("issue", "create"):
        assert body.endswith(f"\n\n- {FILE}\n")
    assert git(hub.remote, "branch", "--list", "template-update") == ""


@pytest.mark.slow
def test_what_copier_refuses_is_red(hub: Hub) -> None:
    """The control: nothing is proposed and nothing reported where the update breaks."""
    path = hub.source / ".copier-answers.yml"
    path.write_text(path.read_text("utf-8").replace("v1.0.0", "v0.9.9"), "utf-8")
    push(hub)
    job = hub.start("update", "schedule").run()["update"]
    assert job.result == "failure"
    assert hub.asked("gh") == []


@pytest.mark.slow
def test_a_template_in_a_folder_is_not_looked_for(hub: Hub) -> None:
    path = hub.source / ".copier-answers.yml"
    path.write_text(re.sub("git[+]file://", "", path.read_text("utf-8")), "utf-8")
    push(hub)
    runner = hub.start("update", "schedule")
    succeed(runner.run())
    assert "is a local folder" in runner.jobs["update"].summary
    assert hub.asked("gh") == []


@pytest.mark.slow
@pytest.mark.parametrize("conflict", [False, True])
def test_versions_of_the_package_are_proposed_by_its_own_command(
    built_wheels: Path, tmp_path: Path, conflict: bool
) -> None:
    """Copier cannot obtain them."""
    installed = tmp_path / INSTALLED
    installed.parent.mkdir()
    copy_template(installed)
    made = Hub(tmp_path)
    made.source = tmp_path / "churn-radar"
    render(made.source, {}, template=installed)
    made.publish()
    module = f"src/churn_radar/{CHANGED}"
    if conflict:
        change(made.source / module, "# mine\n")
        push(made)
    runner = made.start("update", "schedule")
    runner.environment["UV_FIND_LINKS"] = str(built_wheels)
    succeed(runner.run())
    if conflict:
        (body,) = made.asked_gh("issue", "create")
        assert body.startswith("Run `uvx ml-portfolio-scaffold update`")
        assert body.endswith(f"\n\n- {module}\n")
        assert git(made.remote, "branch", "--list", "template-update") == ""
        return
    assert ["pr", "create"] in [item["arguments"][:2] for item in made.asked("gh")]
    difference = git(made.remote, "diff", "main", "template-update")
    changes = ["-_commit: v0.1.0", "+_commit: v0.2.0", f"+{NEW_LINE.strip()}"]
    assert re.findall(r"(?m)^[+-](?![+-]).*$", difference) == changes
    authors = git(made.remote, "log", "--format=%an", "main..template-update")
    assert authors == "github-actions[bot]\n"
