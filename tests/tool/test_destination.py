"""Destinations: a project is made whole or not at all, where every system can hold it."""

import os
import re
import resource
import signal
import subprocess
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from scaffold import Combination, ScaffoldError, cli, render
from scaffold.commands import new as making
from scaffold.project import recorded_answers
from scaffold.template.destination import illegal
from scaffold.template.questions import ROOT, choices
from support.combinations import few_unless_slow
from support.command import SCAFFOLD, scaffold
from support.rendering import Render

BYTES = os.fsdecode(b"x\xff")


def refusal(destination: Path, template: Path) -> str:
    """The one sentence that refuses a destination."""
    with pytest.raises(ScaffoldError) as error:
        render(destination, {}, template=template)
    said = str(error.value)
    assert said.isprintable()
    assert said.endswith(".")
    return said


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_folder_with_something_in_it(tmp_path: Path, template: Path) -> None:
    (tmp_path / ".hidden").touch()
    assert "is in use" in refusal(tmp_path, template)
    assert everything(tmp_path) == [".hidden"]


def test_a_file(tmp_path: Path, template: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert "is in use" in refusal(tmp_path / "file", template)
    assert "is a file" in refusal(tmp_path / "file" / "x" / "y", template)
    (tmp_path / "link").symlink_to("nowhere")
    assert "is in use" in refusal(tmp_path / "link", template)
    assert everything(tmp_path) == ["file", "link"]
    assert (tmp_path / "file").read_text() == "mine"


def test_missing_folders_are_made_and_taken_back(tmp_path: Path, template: Path) -> None:
    deep = tmp_path / "one" / "two" / "churn"
    with pytest.raises(ScaffoldError, match="empty"):
        render(deep, {"author_name": ""}, template=template)
    assert everything(tmp_path) == []
    render(deep, {}, template=template)
    assert recorded_answers(deep)["project_name"] == "churn"
    assert [path.name for path in deep.parent.iterdir()] == ["churn"]


def test_an_empty_folder_stays_the_same_folder(
    tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be the one that the shell is in, or a mount."""
    folder = tmp_path / "churn"
    folder.mkdir()
    before = folder.stat().st_ino
    monkeypatch.chdir(folder)
    render(Path(), {}, template=template)
    assert folder.stat().st_ino == before
    assert recorded_answers(Path())["project_name"] == "churn"
    assert not list(folder.glob(".scaffold-*"))


@pytest.mark.parametrize(
    "name",
    [
        *("a:b", "a?b", 'a"b', "a*b", "a|b", "a<b", "a\tb", "con", "CON", "nul.txt"),
        *("Aux.tar.gz", "lpt9", "com1.x", "x.", "x ", "con/x", BYTES),
    ],
)
def test_names_that_windows_does_not_allow(tmp_path: Path, template: Path, name: str) -> None:
    assert "not every system allows" in refusal(tmp_path / name, template)
    assert everything(tmp_path) == []


@pytest.mark.parametrize("name", ["console", "com10", "nullable", ".x", "x.con", "a b", "\u65e5"])
def test_names_that_every_system_allows(name: str) -> None:
    assert not illegal(name)


@pytest.mark.parametrize(
    ("there", "name"), [("Churn", "churn"), ("churn", "CHURN"), ("caf\u00e9", "cafe\u0301")]
)
def test_names_that_differ_only_in_case(
    tmp_path: Path, template: Path, there: str, name: str
) -> None:
    (tmp_path / there).mkdir()
    if (tmp_path / name).exists():
        pytest.skip("This file system takes both for one.")
    assert "only in case" in refusal(tmp_path / name, template)
    assert "only in case" in refusal(tmp_path / name / "below", template)
    assert everything(tmp_path) == [there]


def test_a_name_that_is_too_long(tmp_path: Path, template: Path) -> None:
    assert "too long" in refusal(tmp_path / ("x" * 300), template)
    assert everything(tmp_path) == []


def test_where_nobody_may_write(template: Path) -> None:
    """The kernel's own folders take no file, not even from root."""
    for folder in ("/proc", "/sys"):
        said = refusal(Path(folder) / "scaffold-test" / "x", template)
        assert "cannot be made, and nothing of it is left" in said


def in_namespace(folder: Path, options: str) -> subprocess.CompletedProcess[str]:
    """`scaffold new` on a file system of its own, and then what that holds."""
    script = 'mount -t tmpfs -o "$1" tmpfs "$2" && { "$3" new "$2/x" --defaults; ls -A "$2"; }'
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:  # noqa: S603
        pytest.skip("This machine allows no namespaces.")
    command = [*unshare, "sh", "-c", script, "sh", options, str(folder), str(SCAFFOLD)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603


@pytest.mark.parametrize(
    ("options", "words"),
    [("ro", "Read-only file system"), ("size=100k", "No space left"), ("nr_inodes=20", "No space")],
)
def test_a_disk_that_is_full_or_read_only(tmp_path: Path, options: str, words: str) -> None:
    result = in_namespace(tmp_path, options)
    # Above it Copier may say that the checkout has changes or no tags.
    last = result.stderr.splitlines()[-1]
    assert last.startswith(f"error: {tmp_path}/x cannot be made, and nothing of it is left: ")
    assert words in last
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_a_file_that_may_not_grow(tmp_path: Path, template: Path) -> None:
    """The cheap full disk: the first file beyond the limit fails, others are already written."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
    try:
        said = refusal(tmp_path / "x", template)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "File too large" in said
    assert everything(tmp_path) == []


@pytest.mark.parametrize("there", [False, True], ids=["new", "empty"])
def test_interrupted_in_the_middle(
    tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    if there:
        (tmp_path / "x").mkdir()
    interrupt_after(monkeypatch, 20)
    # Ignored where the tests run in the background of a shell.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        said = refusal(tmp_path / "x", template)
    finally:
        signal.signal(signal.SIGINT, before)
    assert said.startswith("Interrupted")
    assert everything(tmp_path) == ["x"] * there


def interrupt_after(monkeypatch: pytest.MonkeyPatch, files: int) -> None:
    """Let Ctrl-C be pressed when as many files are written."""
    written = []
    original = Path.write_bytes

    def write(self: Path, data: bytes) -> int:
        written.append(original(self, data))
        if len(written) == files:
            os.kill(os.getpid(), signal.SIGINT)
        return written[-1]

    monkeypatch.setattr(Path, "write_bytes", write)


def test_a_move_that_fails_is_taken_back(
    tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").mkdir()
    rename: Callable[..., Path] = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if self.name == "src" and target.parent == tmp_path / "x":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    assert "No space left" in refusal(tmp_path / "x", template)
    assert everything(tmp_path) == ["x"]


def test_no_git_is_said_before_anything_is_written(tmp_path: Path) -> None:
    said = scaffold("new", str(tmp_path / "x"), "--defaults", status=2, PATH="/nowhere")
    assert said == "error: git is needed and not installed; nothing has been written.\n"
    assert everything(tmp_path) == []


def test_what_fails_later_leaves_a_whole_project(tmp_path: Path) -> None:
    project = tmp_path / "churn"
    missing = "/nowhere/python"
    said = scaffold("new", str(project), "--defaults", status=2, UV_PYTHON=missing)
    last = said.splitlines()[-1]
    assert "`uv sync` failed" in last
    assert f"the project in {project} is whole" in last
    assert "Traceback" not in said
    assert ".scaffold-" not in said
    assert (project / "src/churn/cli.py").is_file()
    assert (project / ".git").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["churn"]


def test_the_last_words_name_the_real_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(making, "call", lambda *_, **__: None)
    monkeypatch.setattr(cli, "foreign_registries", lambda _: [])
    project = tmp_path / "it's churn"
    cli.new(project, ["project_name=[bold]Churn[/]"], defaults=True)
    said = capsys.readouterr().err
    assert "[bold]Churn[/] is ready (variant=tabular-classification, framework=sklearn" in said
    (line,) = re.findall("^ *(cd .*)$", said, re.MULTILINE)
    subprocess.run(["bash", "-ec", f"{line}\ntest -f README.md"], check=True)  # noqa: S603, S607 - the test
    assert "uv run bold-churn run" in said


@pytest.mark.parametrize(
    ("name", "value"), [("user_name", "{{ x"), ("user_name", "{{ x }}"), ("deploy", "vertex")]
)
def test_settings_that_copier_cannot_read(
    tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    settings = tmp_path / "settings.yml"
    settings.write_text(f'defaults: {{{name}: "{value}"}}')
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(settings))
    refusal(tmp_path / "x", template)
    assert everything(tmp_path) == ["settings.yml"]


def test_what_is_said_can_be_printed(tmp_path: Path, template: Path) -> None:
    said = refusal(tmp_path / "no\udcff\n\u202esuch" / "x", template)
    assert "\\udcff" in said
    with pytest.raises(ScaffoldError, match="no question") as error:
        render(tmp_path / "x", {"a\nb\ud800": "x"}, template=template)
    assert str(error.value).isprintable()
    printed = scaffold("new", str(tmp_path / "x"), "--defaults", "-d", f"{BYTES}=x", status=2)
    assert "Traceback" not in printed


LONG_PATH = 200
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def bad_paths(paths: Iterable[str]) -> list[str]:
    """Paths that a clone on Windows or a Mac cannot hold, or holds for another one."""
    bad, seen = [], set()
    for path in paths:
        same = unicodedata.normalize("NFC", path).casefold()
        parts = path.split("/")
        if (
            same in seen
            or len(path) >= LONG_PATH
            or any(RESERVED.fullmatch(part) for part in parts)
            or any(part.endswith((".", " ")) for part in parts)
            or re.search(r'[<>:"\\|?*\x00-\x1f]', path)
        ):
            bad.append(path)
        seen.add(same)
    return bad


@few_unless_slow
def test_every_path_is_legal_everywhere(rendered: Render, combination: Combination) -> None:
    longest = {"package_name": "x" * 40, "deploy": choices("deploy")}
    for answers in (longest, {"package_name": "a", "deploy": []}):
        project = rendered(**answers, **combination.answers)
        assert not bad_paths(everything(project))


def test_the_template_can_be_cloned_everywhere() -> None:
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    paths = listed.stdout.strip("\0").split("\0")
    assert "copier.yml" in paths
    assert not bad_paths(paths)


@pytest.mark.parametrize(
    "paths",
    [
        *(["src/con/x.py"], ["nul.txt"], ["a:b"], ["a/b."], ["a /b"], ["x" * 200], ["a?"]),
        *(["README.md", "Readme.md"], ["caf\u00e9", "cafe\u0301"]),
    ],
    ids=ascii,
)
def test_paths_that_are_not_legal_are_found(paths: list[str]) -> None:
    assert bad_paths(paths) == paths[-1:]
    assert not bad_paths(["src/console/x.py", "a/b", "README.md"])


def test_a_device_cannot_name_the_package(tmp_path: Path, template: Path) -> None:
    answers: dict[str, Any] = {"package_name": "con"}
    with pytest.raises(ScaffoldError, match="device on Windows"):
        render(tmp_path / "x", answers, template=template)
