"""Paths of the files of every combination.

`uv run python tests/support/released.py` records those of a release in released.json. Started as a
script it can import scaffold, but not `support`.
"""

import json
import tempfile
from pathlib import Path

from scaffold import combinations, render
from scaffold.template.questions import questionnaire
from scaffold.template.rendering import plain_template

FILE = Path(__file__).with_name("released.json")


def paths() -> dict[str, list[str]]:
    """Path -> ids of the combinations that have it, with every choice of `deploy`."""
    deploy = list(questionnaire()["deploy"]["choices"].values())
    homes: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder, plain_template() as template:
        for combination in combinations():
            project = Path(folder, combination.id)
            answers = {**combination.answers, "package_name": "the_package", "deploy": deploy}
            render(project, answers, template=template)
            for file in filter(Path.is_file, project.rglob("*")):
                path = file.relative_to(project).as_posix().replace("the_package", "PACKAGE")
                homes.setdefault(path, []).append(combination.id)
    return homes


if __name__ == "__main__":
    FILE.write_text(json.dumps(paths(), indent=1, sort_keys=True), "utf-8")
