"""`scaffold adopt`: the owner's rows in place of the sample, or of earlier rows, of a project."""

import json
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from uv import find_uv_bin

from scaffold.commands.new import call, format_code
from scaffold.errors import ScaffoldError
from scaffold.git.repository import Repository
from scaffold.own.dependencies import data_packages, declare_packages
from scaffold.own.writing import RAW, Contents, ignore_rows
from scaffold.own.writing import adopt as adopt_rendered
from scaffold.project import ANSWERS, recorded_answers, sync_options
from scaffold.template.rendering import render

# Of the commits that this command makes.
TRAILER = "Rows-From"
RESULTS = re.compile(r"<!-- results:start -->.*<!-- results:end -->", re.DOTALL)


def adopt(project: Path, contents: Contents, *, force: bool = False) -> None:
    """Replace the rows of a project and what is written about them, in one commit.

    Args:
        project: Its folder, in a repository without changes.
        contents: What the new rows bring.
        force: Also replace files that the owner has changed.

    Raises:
        ScaffoldError: The rows do not fit the project, or replace what its owner wrote.
    """
    repository = Repository(project)
    answers = recorded_answers(project)
    require_fit(answers, contents)
    if not force:
        require_unchanged(repository, contents.paths(answers["package_name"]))
    changed = replace(project, contents, answers, repository)
    call(find_uv_bin(), "sync", *sync_options(), folder=project)
    code = [path for path in changed if path.endswith((".py", ".ipynb"))]
    format_code(project, *code)
    message = f"Use the rows of {contents.source}\n\n{TRAILER}: {contents.source}"
    # Earlier rows may have had to stay out of git, and with them their folder.
    repository.run("add", "--force", "--", *changed, "uv.lock")
    repository.run("commit", "--quiet", "--message", message)


def require_fit(answers: dict[str, Any], contents: Contents) -> None:
    """Raise ScaffoldError if the project is of another variant or framework."""
    for name, needed in (("variant", contents.variant), ("framework", contents.framework)):
        if answers[name] != needed:
            raise ScaffoldError(
                f"These rows need {name}={needed}, and the project has {answers[name]}: "
                f"`scaffold update -d {name}={needed}` changes it, `scaffold new` makes another."
            )


def require_unchanged(repository: Repository, paths: list[str]) -> None:
    """Raise ScaffoldError with the files that the owner has changed since they were written."""
    commits = repository.run("log", "--format=%H", f"--grep=^{TRAILER}: ").split()
    made = repository.run("log", "--format=%H", "--diff-filter=A", "--", ANSWERS).split()
    base = (commits or made)[0]
    changed = []
    for path in paths:
        names = (f"{commit}:./{path}" for commit in (base, "HEAD"))
        before, after = (repository.try_to("show", name).stdout for name in names)
        if written(path, before) != written(path, after):
            changed.append(path)
    if changed:
        raise ScaffoldError(
            f"You have changed {', '.join(changed)}; --force replaces them (git keeps them)."
        )


def written(path: str, text: str) -> Any:
    """The part of a file that no command of the project writes."""
    if path.endswith(".ipynb") and text:
        return [cell["source"] for cell in json.loads(text)["cells"]]
    return RESULTS.sub("", text)


def replace(
    project: Path, contents: Contents, answers: dict[str, Any], repository: Repository
) -> list[str]:
    """Write the files of the new rows over the project's; returns the paths to commit."""
    given = {name: value for name, value in answers.items() if not name.startswith("_")}
    given["description"] = contents.description
    with TemporaryDirectory() as folder:
        rendered = Path(folder) / project.resolve().name
        render(rendered, given, defaults=True)
        require_version(answers, recorded_answers(rendered))
        apart = adopt_rendered(contents, rendered)
        repository.run("rm", "-r", "--quiet", "--ignore-unmatch", "--", RAW.as_posix())
        paths = contents.paths(answers["package_name"])
        for path in paths:
            shutil.copy(rendered / path, project / path)
        shutil.copytree(rendered / RAW, project / RAW, dirs_exist_ok=True)
        packages = data_packages(rendered)
    declare_packages(project, packages, contents.unused)
    describe(project, answers, contents.description)
    if not apart:
        return [*paths, (RAW / contents.name).as_posix(), "pyproject.toml", ANSWERS]
    ignore_rows(project)
    return [*paths, "pyproject.toml", ANSWERS, ".gitignore"]


def require_version(answers: dict[str, Any], rendered: dict[str, Any]) -> None:
    """Raise ScaffoldError if the project is not of this scaffold's version of the template."""
    if answers.get("_commit") != rendered.get("_commit"):
        raise ScaffoldError(
            f"The project is of {answers.get('_commit')} of the template, and this scaffold has "
            f"{rendered.get('_commit')}: bring it there with `scaffold update`."
        )


def describe(project: Path, answers: dict[str, Any], description: str) -> None:
    """Change the description where the answers and pyproject.toml hold it."""
    path = project / ANSWERS
    comment = path.read_text("utf-8").partition("\n")[0]
    # As Copier's filter to_nice_yaml writes it.
    changed = yaml.safe_dump({**answers, "description": description}, indent=4, allow_unicode=True)
    path.write_text(f"{comment}\n{changed}", "utf-8")
    path = project / "pyproject.toml"
    line = f"description = {json.dumps(description, ensure_ascii=False)}"
    text = re.sub(
        r"^description = .*", lambda _: line, path.read_text("utf-8"), count=1, flags=re.MULTILINE
    )
    path.write_text(text, "utf-8")
