"""The release workflow: a tag becomes a package that was tried, published and released."""

import shutil
import subprocess

import pytest

from support.git import git
from support.hub import Hub, succeed
from support.paths import REPOSITORY

TAG = "refs/tags/v0.1.0"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """This repository, as it stands, with the heading of a release in the changelog."""
    made = Hub(tmp_path_factory.mktemp("release"))
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        target = made.source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (REPOSITORY / name).is_file():
            shutil.copy(REPOSITORY / name, target)
    changelog = made.source / "CHANGELOG.md"
    text = changelog.read_text("utf-8")
    assert "\n## Unreleased\n" in text
    changelog.write_text(text.replace("## Unreleased", "## v0.1.0"), "utf-8")
    made.publish(lock=False)
    git(made.remote, "tag", "v0.1.0", "main")
    git(made.remote, "tag", "v0.2.0", "main")
    return made


def test_a_tag_is_published_with_attestations_and_released(hub: Hub) -> None:
    runner = hub.start("release", "push", TAG)
    jobs = runner.run()
    succeed(jobs)
    log = jobs["build"].step("Make a project from the wheel, and run it").log
    assert "The model is promoted to champion." in log
    (published,) = runner.used
    assert (published.job, published.action) == ("publish", "pypa/gh-action-pypi-publish")
    assert published.permissions == {"actions": "read", "id-token": "write"}
    assert published.inputs == {}
    assert published.files == [
        "dist/ml_portfolio_scaffold-0.1.0-py3-none-any.whl",
        "dist/ml_portfolio_scaffold-0.1.0.tar.gz",
    ]
    (made,) = [call for call in hub.asked("gh") if call["arguments"][:2] == ["release", "create"]]
    assert made["arguments"][2] == "v0.1.0"
    assert [name for name in made["arguments"] if name.startswith("dist/ml")] == published.files
    assert "\n- " in made["body"]
    assert "## " not in made["body"]


def test_a_tag_of_another_version_publishes_nothing(hub: Hub) -> None:
    runner = hub.start("release", "push", "refs/tags/v0.2.0")
    jobs = runner.run()
    assert jobs["build"].result == "failure"
    assert "The tag is v0.2.0, and the version in pyproject.toml v0.1.0." in jobs["build"].log()
    assert [jobs[name].result for name in ("publish", "release")] == ["skipped", "skipped"]
    assert not runner.used
    assert not hub.asked("gh")


def test_a_version_without_a_text_in_the_changelog_is_not_released(hub: Hub) -> None:
    work = hub.folder / "clone"
    git(hub.folder, "clone", "--quiet", str(hub.remote), str(work))
    changelog = work / "CHANGELOG.md"
    changelog.write_text(changelog.read_text("utf-8").replace("## v0.1.0", "## Next"), "utf-8")
    git(work, "commit", "--quiet", "--all", "--message", "Forget the heading")
    git(work, "tag", "--force", "v0.1.0")
    git(work, "push", "--quiet", "--force", "origin", "v0.1.0")
    jobs = hub.start("release", "push", TAG).run()
    assert "CHANGELOG.md has no text under the heading v0.1.0." in jobs["build"].log()
    assert jobs["publish"].result == "skipped"
