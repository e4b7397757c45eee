"""Where bundle and rows are: in the project, mounted by a platform, in a bucket or a registry."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

from .bundle import Predictor
from .settings import AMAZON, BUNDLE, UserError

# By these Google and Azure name the place; Amazon mounts a folder.
NAMES = ("MODEL_DIR", "AIP_STORAGE_URI", "AZUREML_MODEL_DIR")


def load_predictor(given: str = "") -> Predictor:
    """Of the bundle in the place given, or where a platform puts it.

    A place is a folder, s3://, gs:// or az:// (these need the package obstore, and the usual
    credentials in the environment), or models:/NAME@ALIAS of the server MLFLOW_TRACKING_URI.
    """
    mounted = AMAZON / "model" if any(AMAZON.glob("model/**/bundle.json")) else BUNDLE
    place = given or next(filter(None, map(os.environ.get, NAMES)), str(mounted))
    if "://" in place or place.startswith("models:"):
        with tempfile.TemporaryDirectory(prefix="bundle-") as folder:
            with told(place):
                files = registered(place) if place.startswith("models:") else stored(place)
                for name, content in files:
                    Path(folder, name).write_bytes(content)
            if not Path(folder, "bundle.json").is_file():
                raise UserError(f"{place} holds no bundle.json.")
            return Predictor(Path(folder))
    found = sorted(Path(place).rglob("bundle.json"))
    if len(found) > 1:
        raise UserError(f"{place} holds several bundles; name one: {', '.join(map(str, found))}.")
    return Predictor(found[0].parent if found else Path(place))


def rows_given() -> str | None:
    """What replaces data.load(): the files that DATA names, or the first of Amazon's channels."""
    return os.environ.get("DATA") or next(map(str, sorted(AMAZON.glob("input/data/*/"))), None)


def publish(bundle: Path) -> None:
    """Put the bundle where Google or Amazon, having trained, looks for it."""
    if place := os.environ.get("AIP_MODEL_DIR"):
        with told(place):
            for path in bundle.iterdir():
                bucket(place).put(path.name, path)
    elif (AMAZON / "input").is_dir():
        copytree(bundle, AMAZON / "model", dirs_exist_ok=True)


@contextmanager
def told(place: str) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # each store has its own kinds
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"{place} cannot be reached: {reason}") from error


def bucket(place: str) -> Any:
    try:
        from obstore.store import from_url  # noqa: PLC0415 - seldom needed, hence an extra
    except ModuleNotFoundError as error:
        raise UserError(f'{place} needs the extra "cloud": uv sync --extra cloud.', 2) from error
    return from_url(place)


def stored(place: str) -> Iterator[tuple[str, bytes]]:
    """The files of a bucket's folder."""
    store = bucket(place)
    for item in store.list().collect():
        yield Path(item["path"]).name, bytes(store.get(item["path"]).bytes())


def registered(place: str) -> Iterator[tuple[str, bytes]]:
    """The bundle in a registered model, by MLflow's REST API: its client weighs more than ours."""
    name, _, alias = place.removeprefix("models:").strip("/").partition("@")
    about = f"name={quote(name)}&alias={quote(alias)}"
    found = json.loads(read(f"mlflow/registered-models/alias?{about}"))["model_version"]
    about = f"name={quote(name)}&version={found['version']}"
    uri = json.loads(read(f"mlflow/model-versions/get-download-uri?{about}"))["artifact_uri"]
    folder = f"mlflow-artifacts/artifacts/{uri.partition(':')[2].strip('/')}/data/{BUNDLE.name}"
    meta = read(f"{folder}/bundle.json")
    yield "bundle.json", meta
    yield (name := Path(json.loads(meta)["model"]).name), read(f"{folder}/{name}")


def read(path: str) -> bytes:
    server, token = (os.environ.get(f"MLFLOW_TRACKING_{name}", "") for name in ("URI", "TOKEN"))
    if not server.startswith(("http://", "https://")):
        raise UserError("models:/ needs MLFLOW_TRACKING_URI, the address of a tracking server.", 2)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = Request(f"{server.rstrip('/')}/api/2.0/{path}", headers=headers)  # noqa: S310 - http by the test
    with urlopen(request, timeout=60) as response:  # noqa: S310 - the same
        return bytes(response.read())
