"""The paths of every combination's files: `uv run python tests/released.py` records a release's."""

import json
import tempfile
from pathlib import Path

from history import read_tree

from scaffold import combinations, render
from scaffold.template.questions import questionnaire
from scaffold.template.rendering import plain_template

FILE = Path(__file__).with_name("released.json")


def paths() -> dict[str, list[str]]:
    """Path -> the combinations that have it, with every choice of `deploy`."""
    deploy = list(questionnaire()["deploy"]["choices"].values())
    homes: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder, plain_template() as template:
        for combination in combinations():
            project = Path(folder, combination.id)
            answers = {**combination.answers, "package_name": "the_package", "deploy": deploy}
            render(project, answers, template=template)
            for path in read_tree(project):
                homes.setdefault(path.replace("the_package", "PACKAGE"), []).append(combination.id)
    return homes


if __name__ == "__main__":
    FILE.write_text(json.dumps(paths(), indent=1, sort_keys=True), "utf-8")
