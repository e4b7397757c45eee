"""Rows of an owner, as files."""

import ast
import math
import subprocess
import sys
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import duckdb

from scaffold import render
from scaffold.own.remote import Competition, Given, Location
from scaffold.own.writing import Contents, adopt


def lines(header: str, *rows: str, times: int = 1) -> str:
    """A text of lines; the rows are repeated."""
    return "\n".join([header, *(rows * times)]) + "\n"


def customers(n_rows: int = 600) -> str:
    """Rows as a person exports them: semicolons, decimal commas, days, e-mails, free text."""
    rows = ["Kunden-ID;E-Mail;Umsatz;Eintritt;Filiale;Alter;Notiz;Land;gekündigt"]
    for i in range(n_rows):
        age = "NA" if i % 11 == 0 else str(18 + i * 7 % 60)
        # Age and sales together, and some chance.
        score = i * 7 % 60 + 6 * (i % 9) + i * 31 % 40
        leaves = "" if i % 97 == 0 else ("ja" if score > 85 else "nein")
        note = f'"Rief an; will mehr über den Vertrag Nummer {i} wissen, und zwar bald"'
        cells = [
            str(1000 + i // 3),
            f"k{i}@example.org",
            f"{i % 9 + 1}.{i % 900 + 99:03},{i % 90 + 10} €",
            f"{i % 28 + 1:02}.{i % 12 + 1:02}.{2015 + i % 8}",
            ("Köln", "Bonn", "Aachen")[i % 3],
            age,
            note,
            "DE",
            leaves,
        ]
        rows.append(";".join(cells))
    return "\n".join(rows) + "\n"


def competition(folder: Path, train: str, test: str, sample: str) -> Given:
    """The files of a competition of Kaggle, downloaded into a folder.

    Args:
        folder: Where they are written.
        train: The rows with the target.
        test: The rows to predict.
        sample: Of a submission.
    """
    contents = {"train.csv": train, "test.csv": test, "sample_submission.csv": sample}
    for name, content in contents.items():
        (folder / name).write_text(content, "utf-8")
    first, *others = (folder / name for name in contents)
    location = Location("competition", "churn", first.name)
    return Given(first, "kaggle:competitions/churn", location, Competition(*others))


def customers_competition(folder: Path) -> Given:
    """Numbered customers, the last 300 of which are predicted."""
    rows = [f"{number or 'Nr'};{line}" for number, line in enumerate(customers(1500).splitlines())]
    header, train, test = rows[0], rows[1:1201], rows[1201:]
    without_target = [line.rpartition(";")[0] for line in (header, *test)]
    sample = ["Nr,gekündigt", *(f"{line.partition(';')[0]},nein" for line in reversed(test))]
    return competition(
        folder, *("\n".join(part) for part in ([header, *train], without_target, sample))
    )


def write_orders(path: Path, n_rows: int = 1500) -> None:
    """A Parquet file with types: numbers, a truth value, a category, and orders of customers."""
    duckdb.execute(
        f"COPY (SELECT i AS orderId, i // 5 AS customerId, i * 37 % 101 AS size, "  # noqa: S608 - ours
        "(i * 53 % 97) / 10 AS weight, i % 7 = 0 AS express, ['north', 'south', 'west'][i % 3 + 1] "
        "AS region, CASE WHEN i % 10 = 0 THEN NULL ELSE (i * 29 % 211) / 2 END AS discount, "
        "(i * 37 % 101) + (i * 53 % 97) + (i % 3) * 30 + (i * 71 % 23) AS price "
        f"FROM range({n_rows}) AS r(i)) TO '{path}' (FORMAT parquet)"
    )


def messages(n_rows: int = 600) -> str:
    """Rows with a text each: who wrote it, on which day, and whether it complains."""
    rows = ["Message Body,channel,user_id,sent,rating,complaint"]
    for i in range(n_rows):
        word = ("late", "broken", "thanks", "great")[i % 4]
        number = 100 + i * 37 % 900
        body = f"The parcel number {number} was {word}, and I write about it for the {i % 7}. time"
        cells = [
            f'"{body if i % 150 else ""}"',
            ("mail", "phone")[i % 2],
            f"u{i // 3}",
            f"2024-{i * 12 // n_rows + 1:02}-{i % 28 + 1:02}",
            str(i % 5),
            "yes" if i % 4 < 2 else "no",
        ]
        rows.append(",".join(cells))
    return "\n".join(rows) + "\n"


def visits(n_rows: int = 600) -> str:
    """Rows of three kinds, with decimal commas; few of them lack a number."""
    rng = Random(7)  # noqa: S311 - no secret
    rows = ["Nr;Besuche;Umsatz;Alter;Weg km;Art;Kauf;Bonus;seit;Ort"]
    for i in range(n_rows):
        kind = i % 3
        n_visits = rng.gauss((12, 20, 30)[kind], 1.2)
        sales = math.exp(rng.gauss((2, 5, 3.5)[kind], 0.3))
        age = rng.gauss((30, 50, 40)[kind], 4)
        has_bought = rng.random() < (0.1, 0.5, 0.9)[kind]
        cells = [
            str(i + 1),
            f"{n_visits:.1f}",
            "" if i % 150 == 0 else f"{sales:.2f}",
            f"{age:.1f}",
            f"{rng.gauss(5, 1):.1f}",
            "ABC"[kind],
            "ja" if has_bought else "nein",
            str(rng.randrange(2)),
            f"2024-{i % 12 + 1:02}-01",
            f"Ort {i % 40}",
        ]
        rows.append(";".join(cells).replace(".", ","))
    return "\n".join(rows) + "\n"


def sales(n_days: int = 1100) -> str:
    """Rows of two shops: days as in Germany, decimal commas, a weekly season, and a few gaps."""
    rng = Random(7)  # noqa: S311 - no secret
    rows = ["Datum;Filiale;Umsatz €;Notiz"]
    for shop in ("Köln", "Bonn"):
        level = 300.0
        for i in range(n_days):
            day = date(2022, 1, 1) + timedelta(i)
            level += 0.2 * (300 - level) + rng.gauss(0, 12)
            amount = level * (1.4 if day.weekday() == 5 else 1.0) + rng.gauss(0, 6)
            cell = f"{max(amount, 0):.2f}".replace(".", ",")
            if i % 90 != 40:
                rows.append(f"{day:%d.%m.%Y};{shop};{cell if i % 100 else ''};ok")
    return "\n".join(rows) + "\n"


def purchases(n_users: int = 300) -> str:
    """Rows of customers, who often buy the other article of a pair; few bring one back."""
    rng = Random(7)  # noqa: S311 - no secret
    start = datetime(2024, 1, 1)  # noqa: DTZ001 - the file has no zone
    rows = ["Kunden-Nr;Artikel-Nr;Bezeichnung;Zeit;Menge;Preis;Filiale"]
    for user in range(n_users):
        wanted: list[int] = []
        for day in sorted(rng.randrange(365) for _ in range(rng.randrange(4, 20))):
            moment = start + timedelta(days=day, minutes=rng.randrange(1440))
            for number in range(rng.randrange(1, 4)):
                if wanted and rng.random() < 0.6:
                    article = wanted.pop(0)
                else:
                    article = min(rng.randrange(100), rng.randrange(100))
                    wanted.append((article + 50) % 100)
                cells = [
                    f"K{1000 + user}" if len(rows) % 700 else "",
                    f"A{article:03}",
                    f"Ware {article}",
                    (moment + timedelta(minutes=number)).strftime("%d.%m.%Y %H:%M"),
                    str(rng.randrange(1, 4)) if len(rows) % 50 else "-1",
                    f"{article % 30},99",
                    f"Ort {user % 9}",
                ]
                rows.append(";".join(cells))
    return "\n".join(rows) + "\n"


CODE = ("src", "tests", "notebooks")


def made(contents: Contents, folder: Path) -> list[Path]:
    """Make a project of these contents, formatted as by `scaffold new`; what is not committed."""
    answers = {"variant": contents.variant, "framework": contents.framework}
    render(folder, {**answers, "package_name": "own", "description": "Own."})
    apart = adopt(contents, folder)
    for arguments in (["format"], ["check", "--fix", "--exit-zero"]):
        command = [sys.executable, "-m", "ruff", *arguments, "--quiet", *CODE]
        subprocess.run(command, cwd=folder, check=True)  # noqa: S603 - ours
    return apart


def own_texts(folder: Path, *others: str) -> str:
    """All that is the owner's in a project, and the text of other files."""
    names = ["README.md", "MODEL_CARD.md", "params.toml", "pyproject.toml"]
    names += ["src/own/data.py", "src/own/features.py"]
    names += ["tests/test_features.py", "notebooks/explore.ipynb", *others]
    return "\n".join((folder / name).read_text("utf-8") for name in names)


def passes_linter(folder: Path) -> bool:
    """Whether ruff finds nothing in a project."""
    command = [sys.executable, "-m", "ruff", "check", *CODE]
    return subprocess.run(command, cwd=folder, check=False).returncode == 0  # noqa: S603 - ours


class FetchError(Exception):
    """UserError of a project."""


# What fetch() in data.py of a project is made of.
LIBRARIES = {
    "boto3",
    "botocore",
    "huggingface_hub",
    "kagglehub",
    "pathlib",
    "pooch",
    "tempfile",
    "tqdm",
}
CONSTANTS = {"RAW_FILE", "SHA256", "SOURCE", "ADDRESS"}


def fetching(folder: Path) -> Any:
    """The part of a project's data.py that fetches rows, without the libraries of training."""
    path = folder / "src/own/data.py"
    nodes = [node for node in ast.parse(path.read_text("utf-8")).body if is_of_fetching(node)]
    names: dict[str, Any] = {
        "__file__": str(path),
        "UserError": FetchError,
        "sha256": lambda content: sha256(content).hexdigest(),
    }
    exec(compile(ast.Module(nodes, []), path, "exec"), names)  # noqa: S102 - ours
    return SimpleNamespace(**names)


def is_of_fetching(node: ast.stmt) -> bool:
    """Whether fetch() needs a statement."""
    if isinstance(node, ast.Import):
        return node.names[0].name in LIBRARIES
    if isinstance(node, ast.ImportFrom):
        return not node.level and (node.module or "").partition(".")[0] in LIBRARIES
    if isinstance(node, ast.Assign):
        return isinstance(node.targets[0], ast.Name) and node.targets[0].id in CONSTANTS
    functions = ("fetch", "download", "require_recorded")
    return isinstance(node, ast.FunctionDef) and node.name.startswith(functions)
