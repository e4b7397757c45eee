"""A small runner of GitHub workflows, for those features that the workflows of projects use.

It executes `run:` steps as GitHub does, and implements three actions: checkout, setup-uv and
upload-artifact. Other actions are recorded with their inputs. An unknown key of a workflow, an
unknown expression or an unknown name in one raises WorkflowError: nothing is ignored.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

WORKFLOW = {"name", "on", "permissions", "concurrency", "env", "jobs"}
JOB = {"name", "needs", "if", "runs-on", "timeout-minutes", "permissions", "outputs", "env"}
STEP = {"name", "id", "if", "uses", "with", "run", "shell", "env", "working-directory"}
STEP |= {"continue-on-error", "timeout-minutes"}
JOB |= {"steps", "environment"}
# As on GitHub, where they differ: a shell that is named is stricter than the default.
SHELLS = {
    None: ["bash", "-e"],
    "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"],
    "sh": ["sh", "-e"],
}
STATUS = {"success", "failure", "always", "cancelled"}
TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)|(?P<mark>&&|\|\||==|!=|[!()]))"
)


class WorkflowError(Exception):
    """The workflow uses something that does not exist, or that this runner does not know."""


class Outputs(dict[str, str]):
    """Outputs of one step; one that it has not set is empty, as on GitHub."""

    def __missing__(self, name: str) -> str:
        return ""


class Expression:
    """One expression, evaluated from left to right; a name is looked up only if it is needed."""

    def __init__(self, text: str, contexts: dict[str, Any], status: dict[str, bool]) -> None:
        self.text, self.contexts, self.status = text, contexts, status
        self.tokens = list(self.split(text))
        self.asks_status = any(token in STATUS for token in self.tokens)

    def split(self, text: str) -> Iterator[str]:
        position, text = 0, text.strip()
        while position < len(text):
            if not (match := TOKEN.match(text, position)):
                raise WorkflowError(f"This expression cannot be read: {text}")
            position = match.end()
            yield match[0].strip()

    def value(self) -> Any:
        thunk = self.any_of()
        if self.tokens:
            raise WorkflowError(f"This expression cannot be read: {self.text}")
        return thunk()

    def any_of(self) -> Callable[[], Any]:
        left = self.all_of()
        while self.take("||"):
            left = first_true(left, self.all_of())
        return left

    def all_of(self) -> Callable[[], Any]:
        left = self.comparison()
        while self.take("&&"):
            left = first_false(left, self.comparison())
        return left

    def comparison(self) -> Callable[[], Any]:
        left = self.negation()
        for mark in ("==", "!="):
            if self.take(mark):
                right = self.negation()
                return lambda: equal(left(), right()) == (mark == "==")
        return left

    def negation(self) -> Callable[[], Any]:
        if self.take("!"):
            negated = self.negation()
            return lambda: not negated()
        if self.take("("):
            inner = self.any_of()
            self.expect(")")
            return inner
        return self.atom()

    def atom(self) -> Callable[[], Any]:
        token = self.tokens.pop(0) if self.tokens else ""
        if token.startswith("'"):
            return lambda: token[1:-1].replace("''", "'")
        if re.fullmatch(r"-?\d+(\.\d+)?", token):
            return lambda: float(token)
        if self.take("("):
            self.expect(")")
            return lambda: self.look_up(self.status, token)
        constants = {"true": True, "false": False, "null": None}
        return lambda: constants[token] if token in constants else self.find(token)

    def find(self, path: str) -> Any:
        found: Any = self.contexts
        for name in path.split("."):
            found = self.look_up(found, name)
        return found

    def look_up(self, where: Any, name: str) -> Any:
        try:
            return where[name]
        except (KeyError, TypeError):
            raise WorkflowError(f'"{name}" is not known in the expression {self.text}') from None

    def take(self, mark: str) -> bool:
        if self.tokens[:1] == [mark]:
            del self.tokens[0]
            return True
        return False

    def expect(self, mark: str) -> None:
        if not self.take(mark):
            raise WorkflowError(f"This expression cannot be read: {self.text}")


def first_true(left: Callable[[], Any], right: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: left() or right()


def first_false(left: Callable[[], Any], right: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: left() and right()


def equal(left: Any, right: Any) -> bool:
    """Texts are compared without case; null is the empty text."""
    left, right = ("" if item is None else item for item in (left, right))
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    if isinstance(left, str) or isinstance(right, str):
        raise WorkflowError(f"{left!r} and {right!r} are of different types.")
    return bool(left == right)


def written(value: Any) -> str:
    """A value as GitHub inserts it into a text."""
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def lines_of(path: Path) -> dict[str, str]:
    """Values that a step wrote into GITHUB_OUTPUT or GITHUB_ENV, in either format."""
    values, lines = {}, iter(path.read_text("utf-8").splitlines())
    for line in lines:
        name, equals, value = line.partition("=")
        before, marks, end = line.partition("<<")
        if marks and len(before) < len(name):
            text = list(iter(lambda: next(lines, None), end))
            if None in text:
                raise WorkflowError(f"The value of {before} has no end {end}.")
            values[before] = "\n".join(map(str, text))
        elif equals:
            values[name] = value
        elif line:
            raise WorkflowError(f'"{line}" is neither NAME=VALUE nor NAME<<END.')
    return values


@dataclass
class Step:
    """Result of a step; `conclusion` differs from `outcome` with continue-on-error."""

    name: str
    outcome: str
    conclusion: str
    seconds: float
    log: str = ""


@dataclass
class Job:
    """Result of a job."""

    name: str
    result: str = "success"
    outputs: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    summary: str = ""

    def step(self, name: str) -> Step:
        return next(step for step in self.steps if step.name == name)

    def log(self) -> str:
        """Outcome and duration of every step, and the output of those that failed."""
        shown = [f"job {self.name}: {self.result}"]
        for step in self.steps:
            shown.append(f"  {step.outcome:<8}{step.seconds:6.1f} s  {step.name}")
            if step.outcome == "failure":
                shown.append(step.log)
        return "\n".join(shown)


@dataclass
class Used:
    """An action that was recorded and not executed, its inputs, and the workspace's files."""

    job: str
    action: str
    inputs: dict[str, str]
    permissions: dict[str, str]
    files: list[str]


class Runner:
    """Runs the jobs of one workflow for one event, each in folders of its own.

    Args:
        workflow: The rendered file.
        github: The context `github`, with the event; a name that it lacks cannot be looked up.
        remote: The repository that checkout clones.
        folder: Where jobs and artifacts are.
        environment: Variables of every step; PATH is that of a fresh machine.
        uv: The folder that setup-uv adds to the PATH.
    """

    def __init__(
        self,
        workflow: Path,
        github: dict[str, Any],
        remote: Path,
        folder: Path,
        environment: dict[str, str],
        uv: Path,
    ) -> None:
        self.content: dict[Any, Any] = yaml.safe_load(workflow.read_text("utf-8"))
        # YAML 1.1 reads the key `on` as true.
        self.content["on"] = self.content.pop(True, None) or self.content.pop("on")
        check_keys(self.content, WORKFLOW, workflow.name)
        self.github, self.remote, self.folder = github, remote, folder
        self.environment, self.uv = environment, uv
        self.artifacts = folder / "artifacts"
        self.artifacts.mkdir(parents=True, exist_ok=True)
        self.used: list[Used] = []
        self.jobs: dict[str, Job] = {}
        # Variables of the repository; one that nobody set is empty.
        self.vars = {"CURRENT_DATA": "", "REPLACE_CHAMPION": ""}
        self.check_event()

    def check_event(self) -> None:
        """Check that the event starts this workflow."""
        triggers = self.content["on"]
        event, ref = self.github["event_name"], self.github["ref"]
        if event not in triggers:
            raise WorkflowError(f"The event {event} does not start this workflow.")
        asked = triggers[event] or {} if event == "push" and isinstance(triggers, dict) else {}
        kind, _, name = ref.removeprefix("refs/").partition("/")
        patterns = asked.get({"heads": "branches", "tags": "tags"}.get(kind, ""), [])
        limited = bool({"branches", "tags"} & set(asked))
        if limited and not any(fnmatch(name, pattern) for pattern in patterns):
            raise WorkflowError(f"A push of {ref} does not start this workflow.")

    def run(self, only: set[str] | None = None) -> dict[str, Job]:
        """Run all jobs or those named, in the order of `needs`; other needed jobs must have run."""
        waiting = [name for name in self.content["jobs"] if only is None or name in only]
        while waiting:
            ready = [name for name in waiting if not set(self.needs(name)) & set(waiting)]
            if not ready:
                raise WorkflowError(f"These jobs need each other: {', '.join(waiting)}.")
            self.jobs[ready[0]] = JobRun(self, ready[0]).run()
            waiting.remove(ready[0])
        return self.jobs

    def needs(self, name: str) -> list[str]:
        needed = self.content["jobs"][name].get("needs", [])
        return [needed] if isinstance(needed, str) else list(needed)


class JobRun:
    """One job while it runs."""

    def __init__(self, runner: Runner, name: str) -> None:
        self.runner, self.name = runner, name
        self.content: dict[str, Any] = runner.content["jobs"][name]
        check_keys(self.content, JOB, name)
        permissions = self.content.get("permissions", runner.content.get("permissions"))
        if not isinstance(permissions, dict):
            raise WorkflowError(f"The job {name} has no permissions of its own.")
        self.permissions: dict[str, str] = permissions
        # The same for all jobs, as on GitHub: MLflow stores absolute paths.
        self.workspace = runner.folder.parent / "work"
        self.temp, self.home = (runner.folder / name / part for part in ("temp", "home"))
        self.job = Job(name)
        self.steps: dict[str, Any] = {}
        self.added: dict[str, str] = {}
        self.path: list[str] = []

    def run(self) -> Job:
        results = {name: self.runner.jobs[name] for name in self.runner.needs(self.name)}
        self.failed = any(job.result == "failure" for job in results.values())
        self.succeeded = all(job.result == "success" for job in results.values())
        self.contexts: dict[str, Any] = {
            "github": self.runner.github | {"workspace": str(self.workspace)},
            "needs": {
                name: {"result": job.result, "outputs": job.outputs}
                for name, job in results.items()
            },
            # A secret that nobody stored is empty; these may be stored.
            "secrets": {"UPDATE_TOKEN": ""},
            "vars": self.runner.vars,
        }
        if not self.condition(self.content.get("if")):
            self.job.result = "skipped"
            return self.job
        for folder in (self.workspace, self.temp, self.home):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        self.contexts |= {"steps": self.steps, "runner": {"temp": str(self.temp), "os": "Linux"}}
        self.failed, self.succeeded = False, True
        self.contexts["env"] = self.texts(self.runner.content.get("env", {}))
        self.contexts["env"] |= self.texts(self.content.get("env", {}))
        for number, step in enumerate(self.content["steps"]):
            self.step(number, step)
        self.job.result = "failure" if self.failed else "success"
        self.job.outputs = self.texts(self.content.get("outputs", {}))
        return self.job

    def step(self, number: int, content: dict[str, Any]) -> None:
        name = content.get("name") or content.get("uses") or content["run"]
        check_keys(content, STEP, name)
        files = {kind: self.temp / f"_{kind}_{number}" for kind in ("output", "env", "path")}
        files["step_summary"] = self.temp / f"_summary_{number}"
        for path in files.values():
            path.touch()
        started, outcome, log = time.perf_counter(), "skipped", ""
        if self.condition(content.get("if")):
            environment = self.contexts["env"] | self.texts(content.get("env", {}))
            log, good = self.perform(content, environment, files)
            outcome = "success" if good else "failure"
        tolerated = outcome == "failure" and content.get("continue-on-error", False)
        conclusion = "success" if tolerated else outcome
        if conclusion == "failure":
            self.failed, self.succeeded = True, False
        seconds = time.perf_counter() - started
        self.job.steps.append(Step(name, outcome, conclusion, seconds, log))
        self.job.summary += files["step_summary"].read_text("utf-8")
        self.added |= lines_of(files["env"])
        self.path[:0] = files["path"].read_text("utf-8").split("\n")[:-1]
        if "id" in content:
            outputs = Outputs(lines_of(files["output"]))
            self.steps[content["id"]] = {
                "outcome": outcome,
                "conclusion": conclusion,
                "outputs": outputs,
            }

    def perform(
        self, content: dict[str, Any], environment: dict[str, str], files: dict[str, Path]
    ) -> tuple[str, bool]:
        """Execute a step; its output, and whether it succeeded."""
        if "uses" not in content:
            return self.execute(content, environment, files)
        action = content["uses"].partition("@")[0]
        inputs = self.texts(content.get("with", {}))
        implementation = {
            "actions/checkout": self.checkout,
            "actions/upload-artifact": self.upload,
            "astral-sh/setup-uv": self.setup_uv,
        }.get(action)
        if implementation:
            return implementation(inputs)
        paths = (path for path in self.workspace.rglob("*") if path.is_file())
        names = sorted(path.relative_to(self.workspace).as_posix() for path in paths)
        self.runner.used.append(Used(self.name, action, inputs, self.permissions, names))
        return "recorded", True

    def execute(
        self, content: dict[str, Any], environment: dict[str, str], files: dict[str, Path]
    ) -> tuple[str, bool]:
        if "${{" in content["run"]:
            raise WorkflowError(f"An expression stands inside a script: {content['run']}")
        script = self.temp / "_script.sh"
        script.write_text(content["run"], "utf-8")
        variables = self.variables() | environment
        variables |= {f"GITHUB_{kind.upper()}": str(path) for kind, path in files.items()}
        minutes = content.get("timeout-minutes", self.content.get("timeout-minutes", 360))
        folder = self.workspace / self.text(content.get("working-directory", "."))
        with subprocess.Popen(  # noqa: S603 - the workflow of the test
            [*SHELLS[content.get("shell")], str(script)],
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                output, _ = process.communicate(timeout=60 * minutes)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return f"not done after {minutes} minutes", False
        return output, process.returncode == 0

    def variables(self) -> dict[str, str]:
        """Environment variables of every step; later ones override earlier ones."""
        github = self.runner.github
        named = {
            f"GITHUB_{name.upper()}": written(github[name])
            for name in github
            if name not in ("event", "token")
        }
        variables = self.runner.environment | named | self.added
        variables |= {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_JOB": self.name,
            "GITHUB_WORKSPACE": str(self.workspace),
            "HOME": str(self.home),
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(self.temp),
            # For the stand-ins of gh and docker, which refuse what GitHub would refuse.
            "STANDIN_PERMISSIONS": json.dumps(self.permissions),
            "STANDIN_ARTIFACTS": str(self.runner.artifacts),
        }
        variables["PATH"] = ":".join([*self.path, variables["PATH"]])
        return variables

    def checkout(self, inputs: dict[str, str]) -> tuple[str, bool]:
        """Fetch the reference with the given depth, as the action does."""
        known = {"persist-credentials", "fetch-depth", "ref"}
        check_keys(inputs, known, "actions/checkout")
        if not self.allowed("contents", "read"):
            return "The permission contents: read is missing.", False
        ref = inputs.get("ref", self.runner.github["ref"])
        depth = inputs.get("fetch-depth", "1")
        branch = ref.removeprefix("refs/heads/")
        fetched = "+refs/heads/*:refs/remotes/origin/*"
        target = f"refs/remotes/origin/{branch}" if branch != ref else "refs/remotes/pull/merge"
        commands = [
            ["init", "--quiet", "--initial-branch", "unborn", "."],
            ["remote", "add", "origin", self.runner.remote.as_uri()],
            ["fetch", "--quiet", "--no-tags", "origin"],
            ["checkout", "--quiet", "--force", *(["-B", branch] if branch != ref else []), target],
        ]
        commands[2] += [f"--depth={depth}"] if depth != "0" else [fetched]
        commands[2] += [f"+{ref}:{target}"]
        log = ""
        for command in commands:
            result = subprocess.run(  # noqa: S603 - git
                ["git", *command],  # noqa: S607 - wherever it is
                cwd=self.workspace,
                capture_output=True,
                text=True,
                check=False,
            )
            log += result.stdout + result.stderr
            if result.returncode:
                return log, False
        return log, True

    def setup_uv(self, inputs: dict[str, str]) -> tuple[str, bool]:
        check_keys(inputs, {"enable-cache"}, "astral-sh/setup-uv")
        self.path.insert(0, str(self.runner.uv))
        return "", True

    def upload(self, inputs: dict[str, str]) -> tuple[str, bool]:
        """Copy paths to the artifacts; fail if one is missing, where the action only warns.

        Of several paths the artifact holds all that is above them, up to the workspace.
        """
        known = {"name", "path", "if-no-files-found", "retention-days"}
        check_keys(inputs, known, "actions/upload-artifact")
        target = self.runner.artifacts / inputs["name"]
        if target.exists():
            return f"There is an artifact {inputs['name']} already.", False
        paths = inputs["path"].split()
        for path in paths:
            source = self.workspace / path
            if source.is_dir() and any(source.iterdir()):
                shutil.copytree(source, target if len(paths) == 1 else target / path)
            elif source.is_file():
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
            else:
                return f"There is no {path}.", False
        return "", True

    def allowed(self, scope: str, level: str) -> bool:
        return self.permissions.get(scope) in (level, "write")

    def condition(self, text: Any) -> bool:
        """Evaluate an `if:`; without a status function it also requires success."""
        status = {
            "success": self.succeeded,
            "failure": self.failed,
            "always": True,
            "cancelled": False,
        }
        plain = "true" if text is None else written(text).strip()
        plain = plain.removeprefix("${{").removesuffix("}}") if "${{" in plain else plain
        expression = Expression(plain, self.contexts, status)
        asks, value = expression.asks_status, expression.value()
        return bool(value) and (asks or self.succeeded)

    def text(self, value: Any) -> str:
        """Evaluate the expressions in a value of the workflow."""
        return re.sub(
            r"\$\{\{(.*?)\}\}",
            lambda match: written(Expression(match[1], self.contexts, {}).value()),
            written(value),
        )

    def texts(self, values: dict[str, Any]) -> dict[str, str]:
        return {name: self.text(value) for name, value in values.items()}


def check_keys(content: dict[Any, Any], known: set[str], where: str) -> None:
    if unknown := set(content) - known:
        raise WorkflowError(f"{where}: this runner does not know {', '.join(map(str, unknown))}.")
