"""Every job of every workflow, executed step by step by runner.py; gh and docker are stand-ins."""

import json
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from scaffold import combinations
from support.combinations import ONE_PER_VARIANT
from support.git import git
from support.hub import Hub, succeed
from support.runner import Expression, Job, Runner, WorkflowError

BASE = "localhost/base:bookworm"
MOVED = 0.0125


class Osv(BaseHTTPRequestHandler):
    """The database that `uv audit` asks; it knows one vulnerability, of the package named here."""

    vulnerable = ""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        queries = json.loads(self.rfile.read(length))["queries"]
        found = {"vulns": [{"id": "OSV-1", "modified": "2026-01-01T00:00:00Z"}]}
        names = [query["package"]["name"] for query in queries]
        self.answer({"results": [found if name == self.vulnerable else {} for name in names]})

    def do_GET(self) -> None:
        self.answer({"id": "OSV-1", "modified": "2026-01-01T00:00:00Z", "summary": "A test."})

    def answer(self, content: Any) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def osv() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Osv)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


# The projects.

# Two request logs: the test rows, and one of them many times.
WRITE_LOGS = """
import json
import sys
from pathlib import Path
from churn_radar.core.splits import load_split

rows = load_split("test").rows
for name, instances in {"same": rows, "shifted": rows[:1] * 500}.items():
    path = Path(sys.argv[1], f"{name}.jsonl")
    path.write_text("".join(json.dumps({"instances": [row]}) + "\\n" for row in instances))
"""


@pytest.fixture(
    scope="module",
    params=list(ONE_PER_VARIANT.values()),
    ids=[c.id for c in ONE_PER_VARIANT.values()],
)
def hub(
    request: pytest.FixtureRequest,
    template: Path,
    osv: str,
) -> Iterator[Hub]:
    """A project that has been pushed, without any results."""
    # Podman takes no path of more than 50 characters for what runs.
    folder = Path(tempfile.mkdtemp(prefix="hub-"))
    made = Hub(folder, osv)
    # The name of the folder is that of the project.
    made.source = folder / "churn-radar"
    made.create(request.param, template)
    yield made
    mounted = folder / "store/root/overlay"
    if mounted.is_mount():
        subprocess.run(["umount", str(mounted)], check=True)  # noqa: S603, S607 - podman left it
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def retrained(hub: Hub) -> tuple[Runner, list[dict[str, Any]]]:
    """The first scheduled training, and what it asked of gh."""
    runner = hub.start("retrain", "schedule")
    runner.run()
    return runner, hub.asked("gh")


@pytest.fixture(scope="module")
def merged(retrained: tuple[Runner, Any], hub: Hub) -> Hub:
    """Its proposal merged into main, with another primary metric than a run's; pull request 1."""
    assert retrained[0].jobs
    work = hub.folder / "work"
    path = work / "reports/metrics.json"
    metrics = json.loads(path.read_text("utf-8"))
    metrics["primary"]["value"] -= MOVED
    metrics["metrics"][metrics["primary"]["name"]] -= MOVED
    path.write_text(json.dumps(metrics, indent=2), "utf-8")
    subprocess.run([".venv/bin/churn-radar", "report"], cwd=work, check=True)
    git(work, "commit", "--quiet", "--all", "--message", "Results of an older model")
    git(work, "push", "--quiet", "origin", "HEAD:refs/heads/main")
    git(work, "switch", "--quiet", "--create", "topic")
    with (work / "params.toml").open("a") as file:
        file.write("# A note.\n")
    git(work, "commit", "--quiet", "--all", "--message", "Note")
    # GitHub's merge of the pull request: its first parent is the base.
    git(work, "switch", "--quiet", "retrain")
    git(work, "merge", "--quiet", "--no-ff", "--message", "Merge", "topic")
    git(work, "push", "--quiet", "origin", "HEAD:refs/pull/1/merge")
    pushed = hub.start("ci", "push")
    succeed(pushed.run({"train"}))
    hub.stored = pushed.artifacts
    command = [".venv/bin/python", "-c", WRITE_LOGS, str(hub.folder)]
    subprocess.run(command, cwd=work, check=True)  # noqa: S603 - ours
    return hub


@pytest.mark.slow
def test_retraining_proposes_what_has_changed(
    hub: Hub, retrained: tuple[Runner, list[dict[str, Any]]]
) -> None:
    runner, asked = retrained
    succeed(runner.jobs)
    assert [item["arguments"][:2] for item in asked] == [
        ["auth", "setup-git"],
        ["pr", "list"],
        ["pr", "create"],
    ]
    body = asked[-1]["body"]
    assert body.startswith("| metric | before | after | change |\n")
    assert "The model passes the gate. The lower bound" in body
    assert body in runner.jobs["retrain"].summary
    assert "No registry is stored" in runner.jobs["retrain"].summary
    changed = git(hub.remote, "diff", "--name-only", "main", "retrain").splitlines()
    assert {"README.md", "MODEL_CARD.md", "reports/metrics.json"} <= set(changed)
    assert all(name.startswith("reports/") or name.endswith(".md") for name in changed)


@pytest.mark.slow
def test_a_pull_request_is_checked_and_its_change_commented(merged: Hub) -> None:
    head = {"repo": {"full_name": merged.repository}}
    event = {"number": 1, "head": head}
    runner = merged.start("ci", "pull_request", "refs/pull/1/merge", pull_request=event)
    succeed(runner.run())
    (body,) = merged.asked_gh("pr", "comment", "1")
    marker, _, body = body.partition("\n")
    assert marker == "<!-- results -->"
    # With the registry of the push, which the run of the pull request has fetched.
    assert "new to both it is not worse than the champion" in body
    rows = [line for line in body.splitlines() if line.endswith("|")][2:]
    primary = re.search(r"The primary metric is (.*); (higher|lower) is better\.", body)
    assert primary
    moved = [row for row in rows if row.endswith(f" +{MOVED:.4f} |")]
    assert [row.split(" | ")[0] for row in moved] == [f"| {primary[1]}"]
    # Only one number was moved: a run on this machine gives the others again.
    assert len([row for row in rows if row.endswith(" +0.0000 |")]) == len(rows) - 1
    assert body.strip() in runner.jobs["train"].summary
    # A comment that has the marker is changed, whatever else its user has written since.
    runner.environment["STANDIN_COMMENT"] = "77"
    succeed(runner.run({"comment"}))
    (changed,) = merged.asked_gh("api", "--silent", "--method", "PATCH")
    assert changed == f"{marker}\n{body}"
    # A fork's pull request is not commented, and its job has nothing but its summary.
    head["repo"]["full_name"] = "somebody/else"
    assert runner.run({"comment"})["comment"].result == "skipped"


@pytest.mark.slow
def test_a_vulnerability_stops_the_image(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = hub.start("image", "push", repository={"private": False})
    monkeypatch.setattr(Osv, "vulnerable", "fastapi")
    job = runner.run({"audit"})["audit"]
    assert job.result == "failure"
    assert "OSV-1" in job.step("Look for known vulnerabilities").log
    monkeypatch.undo()
    shutil.rmtree(runner.artifacts / "sbom")
    succeed(runner.run({"audit"}))
    content = json.loads((runner.artifacts / "sbom/sbom.cdx.json").read_text("utf-8"))
    listed = {component["name"] for component in content["components"]}
    assert "fastapi" in listed
    assert not {"mlflow", "pandas", "torch"} & listed


@pytest.mark.slow
def test_the_image_is_asked_and_pushed(merged: Hub) -> None:
    if not has_podman():
        pytest.skip(f"needs podman and {BASE}: the jobs build and publish were not executed")
    runner = merged.start("image", "push", repository={"private": False})
    name = f"ghcr.io/{merged.repository.lower()}"
    succeed(runner.run())
    build = runner.jobs["build"].step("Send the request of the README")
    assert '"predictions"' in build.log
    pushed = [item["arguments"] for item in merged.asked("docker")]
    names = [arguments[1] for arguments in pushed if arguments[0] == "push"]
    assert names == [f"{name}:{runner.github['sha']}", f"{name}:main"]
    (attest,) = runner.used
    assert attest.action == "actions/attest"
    assert attest.inputs["subject-name"] == name
    assert re.fullmatch("sha256:[0-9a-f]{64}", attest.inputs["subject-digest"])
    assert {"attestations", "id-token", "packages"} < set(attest.permissions)
    # A pull request builds the image, and that is all.
    runner.github["event_name"] = "pull_request"
    assert runner.run({"publish"})["publish"].result == "skipped"


@pytest.mark.slow
def test_nothing_is_retrained_while_current_data_is_within_limits(merged: Hub) -> None:
    runner = merged.start("retrain", "schedule")
    runner.vars["CURRENT_DATA"] = str(merged.folder / "same.jsonl")
    job = runner.run()["retrain"]
    assert job.result == "success", job.log()
    assert "same.jsonl exceeds no limit of [monitoring]" in job.summary
    assert job.step("Run the pipeline").outcome == "skipped"


@pytest.mark.slow
def test_a_model_that_fails_the_gate_becomes_an_issue(merged: Hub) -> None:
    work = merged.folder / "strict"
    git(merged.folder, "clone", "--quiet", str(merged.remote), str(work))
    params = work / "params.toml"
    text = params.read_text("utf-8")
    assert "\nmargin = 0.0\n" in text
    params.write_text(text.replace("\nmargin = 0.0\n", "\nmargin = 1e9\n"), "utf-8")
    git(work, "commit", "--quiet", "--all", "--message", "Ask for more")
    git(work, "push", "--quiet", "origin", "HEAD:refs/heads/strict")
    runner = merged.start("retrain", "workflow_dispatch", "refs/heads/strict")
    runner.vars["CURRENT_DATA"] = str(merged.folder / "shifted.jsonl")
    job = runner.run()["retrain"]
    assert job.result == "failure"
    assert job.step("Run the pipeline").outcome == "failure"
    assert job.step("Propose the results").outcome == "skipped"
    (body,) = merged.asked_gh("issue", "create", "--title")
    assert "The model does not pass the gate. The lower bound" in body
    assert "not above its limit of 1e+09" in body
    assert "not worse than the champion" in body
    assert "shifted.jsonl: drifted: " in body
    assert body.endswith(f"https://github.com/{merged.repository}/actions/runs/7\n")


def has_podman() -> bool:
    if not shutil.which("podman"):
        return False
    command = ["podman", "image", "exists", BASE]
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603 - podman


# Without a training: what is seldom, and what the runner itself must not let pass.


@pytest.fixture
def play(tmp_path: Path, template: Path) -> Any:
    """Run other steps in the place of those of the job `check` of a rendered workflow."""
    hub = Hub(tmp_path)
    hub.create(combinations()[0], template, lock=False)
    path = hub.source / ".github/workflows/ci.yml"

    def with_steps(*steps: dict[str, Any], **job: Any) -> Job:
        content = yaml.safe_load(path.read_text("utf-8"))
        content["jobs"]["check"] |= {"steps": list(steps), **job}
        path.write_text(yaml.safe_dump(content), "utf-8")
        return hub.start("ci", "push").run({"check"})["check"]

    return with_steps


def outcomes(job: Job) -> list[str]:
    return [step.outcome for step in job.steps]


def retrain_steps(folder: Path, **scripts: str) -> list[dict[str, Any]]:
    """The steps of retrain.yml, with other scripts for those of these first words."""
    content = yaml.safe_load((folder / "source/.github/workflows/retrain.yml").read_text("utf-8"))
    steps: list[dict[str, Any]] = content["jobs"]["retrain"]["steps"]
    for step in steps:
        first = step["name"].split()[0]
        if "run" in step and first in scripts:
            step |= {"run": scripts.pop(first)}
    assert not scripts
    return steps


RETRAIN = {
    "permissions": {
        "actions": "read",
        "contents": "write",
        "pull-requests": "write",
        "issues": "write",
    },
    "env": {"GH_REPO": "a/b"},
}


@pytest.mark.parametrize(("opened", "asked"), [("", "create"), ("5", "edit")])
def test_there_is_one_pull_request_at_a_time(
    play: Any, tmp_path: Path, opened: str, asked: str
) -> None:
    """The branch is replaced, and a pull request that is still open shows the new results."""
    changes = (
        'mkdir -p reports && date +%N | tee -a README.md reports/x "$RUNNER_TEMP/comparison.md"'
    )
    compare = 'echo "changed=true" >> "$GITHUB_OUTPUT"'
    steps = retrain_steps(tmp_path, Install="true", Run=changes, Compare=compare)
    steps[-2]["env"]["STANDIN_OPEN"] = opened
    for _ in range(2):
        job = play(*steps, **RETRAIN)
        assert job.result == "success", job.log()
        log = (tmp_path / "log.jsonl").read_text("utf-8").splitlines()
        assert json.loads(log[-1])["arguments"][:2] == ["pr", asked]
    # Without the permission to push nothing is proposed.
    job = play(*steps, **RETRAIN | {"permissions": {**RETRAIN["permissions"], "contents": "read"}})
    assert outcomes(job)[-2:] == ["failure", "skipped"]


def test_commits_of_others_on_the_branch_of_retraining_stay(play: Any, tmp_path: Path) -> None:
    changes = "mkdir -p reports && date +%N | tee -a README.md reports/x > /dev/null"
    compare = 'echo x > "$RUNNER_TEMP/comparison.md"; echo "changed=true" >> "$GITHUB_OUTPUT"'
    steps = retrain_steps(tmp_path, Install="true", Run=changes, Compare=compare)
    play(*steps, **RETRAIN)
    review, remote = tmp_path / "review", tmp_path / "remote.git"
    git(tmp_path, "clone", "--quiet", "--branch", "retrain", str(remote), str(review))
    git(review, "commit", "--quiet", "--allow-empty", "--message", "Review")
    git(review, "push", "--quiet", "origin", "retrain")
    job = play(*steps, **RETRAIN)
    assert job.result == "success", job.log()
    assert "The branch retrain has commits of other people" in job.summary
    assert git(remote, "log", "-1", "--format=%s", "retrain") == "Review\n"


@pytest.mark.parametrize(("opened", "asked"), [("", "create"), ("5", "comment")])
def test_failed_gates_are_one_issue(play: Any, tmp_path: Path, opened: str, asked: str) -> None:
    compare = 'echo x > "$RUNNER_TEMP/comparison.md"'
    steps = retrain_steps(tmp_path, Install="true", Run="exit 1", Compare=compare)
    steps[-1]["env"]["STANDIN_OPEN"] = opened
    job = play(*steps, **RETRAIN)
    assert job.step("Report the failed gate").outcome == "success", job.log()
    log = (tmp_path / "log.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["arguments"][:2] for line in log] == [
        ["issue", "list"],
        ["issue", asked],
    ]


@pytest.mark.parametrize(
    ("status", "monitored", "ran"),
    [(0, "success", "skipped"), (1, "success", "success"), (2, "failure", "skipped")],
)
def test_retraining_follows_monitoring(
    play: Any, tmp_path: Path, status: int, monitored: str, ran: str
) -> None:
    install = f"""
    mkdir bin && printf '#!/bin/sh\\necho "error: drifted: age." >&2; exit {status}' > bin/uv
    chmod +x bin/uv && echo "$PWD/bin" >> "$GITHUB_PATH"
    """
    steps = retrain_steps(tmp_path, Install=install, Run="true", Compare="true")
    (look,) = (step for step in steps if step.get("id") == "monitor")
    look["env"]["CURRENT_DATA"] = "requests.jsonl"
    job = play(*steps, **RETRAIN)
    assert job.step("Look at current data").outcome == monitored, job.log()
    assert job.step("Run the pipeline").outcome == ran
    assert ("drifted: age" in job.summary) == bool(status)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [("+0.0000", "skipped"), ("-0.0000", "skipped"), ("+0.0001", "success"), ("+nan", "success")],
)
def test_retraining_proposes_only_changes(
    play: Any, tmp_path: Path, change: str, outcome: str
) -> None:
    table = f"| metric | change |\n| --- | ---: |\n| a | +0.0000 |\n| b | {change} |\n\nIt passes."
    write = 'echo "$TABLE" > "$RUNNER_TEMP/comparison.md"'
    steps = {step.get("id"): step for step in retrain_steps(tmp_path)}
    decide = steps["compare"]["run"].partition('"$GITHUB_STEP_SUMMARY"\n')[2]
    job = play(
        {"run": write, "env": {"TABLE": table}},
        {"run": decide, "id": "compare"},
        {"run": "true", "if": "steps.compare.outputs.changed == 'true'"},
    )
    assert outcomes(job) == ["success", "success", outcome]


def test_a_run_that_breaks_is_no_refusal(play: Any, tmp_path: Path) -> None:
    """Committed results are not taken for those of a run that wrote none."""
    broken = (
        'mkdir reports && echo {} > reports/metrics.json && touch "$RUNNER_TEMP/started"; exit 1'
    )
    job = play(*retrain_steps(tmp_path, Install="true", Run=broken), **RETRAIN)
    assert outcomes(job)[-4:] == ["failure", "failure", "skipped", "skipped"]
    refused = (
        'touch "$RUNNER_TEMP/started" && mkdir reports && echo {} > reports/metrics.json; exit 1'
    )
    report = 'gh issue create --title x --body-file - <<< "x"'
    scripts = {"Install": "true", "Run": refused, "Report": report}
    steps = retrain_steps(tmp_path, **scripts)
    steps[-3]["run"] = steps[-3]["run"].partition("\nif ")[0]
    assert outcomes(play(*steps, **RETRAIN))[-4:] == ["failure", "success", "skipped", "success"]


def test_what_follows_a_failure_is_skipped(play: Any) -> None:
    job = play(
        {"run": "exit 1"},
        {"run": "touch later"},
        {"run": "test ! -e later", "if": "${{ failure() && github.event_name == 'push' }}"},
        {"run": "true", "if": "${{ !cancelled() }}"},
        {"run": "true", "if": "success()"},
        {"run": "true", "if": "always() && github.event_name != 'push'"},
    )
    assert job.result == "failure"
    assert outcomes(job) == ["failure", "skipped", "success", "success", "skipped", "skipped"]


def test_a_failure_that_is_tolerated(play: Any) -> None:
    job = play(
        {"id": "first", "run": "false", "continue-on-error": True},
        {"run": "true", "if": "steps.first.outcome == 'failure'"},
        {"run": "true", "if": "${{ steps.first.conclusion != 'success' }}"},
    )
    assert job.result == "success"
    assert outcomes(job) == ["failure", "success", "skipped"]


def test_the_shell_that_is_not_named_has_no_pipefail(play: Any) -> None:
    assert play({"run": "false | true"}).result == "success"
    assert play({"run": "false | true", "shell": "bash"}).result == "failure"
    assert play({"run": "false\ntrue"}).result == "failure"


@pytest.mark.parametrize(
    "text",
    [
        "github.nonsense",
        "secrets.TOKEN",
        "steps.later.outputs.x",
        "fromJSON('1')",
        "1 + 1",
        "(true",
        "env.X == 1",
    ],
)
def test_an_unknown_expression_is_an_error(play: Any, text: str) -> None:
    with pytest.raises(WorkflowError):
        play({"run": "true", "env": {"X": f"${{{{ {text} }}}}"}}, env={"X": "x"})
    with pytest.raises(WorkflowError):
        play({"run": "true", "if": f"${{{{ {text} }}}}"}, env={"X": "x"})


def test_expressions_have_the_values_of_github() -> None:
    contexts = {"github": {"ref": "Main", "event": {"private": False, "none": None}}}
    for text, value in {
        "github.ref == 'main' && 'yes' || 'no'": "yes",
        "!github.event.private": True,
        "github.event.none == ''": True,
        "false && github.nonsense": False,
        "!(true || false) != true": True,
        "'it''s'": "it's",
    }.items():
        assert Expression(text, contexts, {}).value() == value


def test_what_the_runner_does_not_know_is_an_error(play: Any) -> None:
    for step in ({"run": "true", "unknown": 1}, {"run": "echo ${{ github.ref }}"}):
        with pytest.raises(WorkflowError):
            play(step)
    with pytest.raises(WorkflowError):
        play({"run": "true"}, strategy={"matrix": {"x": [1]}})


def test_values_go_from_step_to_step(play: Any) -> None:
    write = """
    echo "one=1=1" >> "$GITHUB_OUTPUT"
    printf 'two<<END\\na\\nb\\nEND\\n' >> "$GITHUB_OUTPUT"
    echo "THREE=3" >> "$GITHUB_ENV"
    mkdir bin && printf '#!/bin/sh\\necho four' > bin/four && chmod +x bin/four
    echo "$PWD/bin" >> "$GITHUB_PATH"
    echo "five" >> "$GITHUB_STEP_SUMMARY"
    """
    read = 'test "$ONE$TWO$THREE$ABSENT$(four)" = "$(printf "1=1a\\nb3four")"'
    names = {"ONE": "one", "TWO": "two", "ABSENT": "absent"}
    values = {name: f"${{{{ steps.write.outputs.{key} }}}}" for name, key in names.items()}
    job = play({"id": "write", "run": write}, {"run": read, "env": values})
    assert job.result == "success", job.log()
    assert job.summary == "five\n"


def test_actions_fail_where_they_would(play: Any) -> None:
    checkout = {"uses": "actions/checkout@x", "with": {"persist-credentials": False}}
    upload = {"uses": "actions/upload-artifact@x", "with": {"name": "x", "path": "nothing"}}
    assert outcomes(play(checkout, {"run": "test -f README.md"})) == ["success", "success"]
    assert outcomes(play(checkout, {"run": "git log HEAD^1"}, upload))[1:] == ["failure", "skipped"]
    assert outcomes(play(checkout, upload))[1] == "failure"
    assert outcomes(play(checkout, permissions={}))[0] == "failure"
    assert outcomes(play({"run": "uv --version"}))[0] == "failure"
    assert outcomes(play({"uses": "astral-sh/setup-uv@x"}, {"run": "uv --version"}))[1] == "success"


def test_the_stand_in_of_gh_refuses_what_github_refuses(play: Any) -> None:
    comment = 'gh pr comment 1 --body-file - <<< "$TEXT"'
    token = {"GH_TOKEN": "x", "GH_REPO": "a/b", "TEXT": "x"}
    allowed = {"permissions": {"pull-requests": "write"}}
    assert play({"run": comment, "env": token}, **allowed).result == "success"
    assert play({"run": comment, "env": token}, permissions={}).result == "failure"
    assert play({"run": comment, "env": {"TEXT": "x"}}, **allowed).result == "failure"
    assert play({"run": comment, "env": token | {"TEXT": ""}}, **allowed).result == "failure"
    assert play({"run": f"{comment} --edit", "env": token}, **allowed).result == "failure"
