"""Rows at an address: downloaded into a temporary folder, which is removed at the end."""

import json
import os
import re
import string
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException, HTTPResponse
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from rich.console import Console

from scaffold.errors import ScaffoldError, sentence
from scaffold.own.source import SUFFIXES, temporary_folder

OPENML = "https://www.openml.org"
KNOWN = (
    "https://, s3://BUCKET/KEY, hf:OWNER/NAME, kaggle:OWNER/NAME, kaggle:competitions/NAME and "
    "openml:ID"
)
# Larger files are no first look.
MAX_DOWNLOAD = 2_000_000_000
CHUNK = 1_000_000
TIMEOUT_SECONDS = 60
COMPETITION, COMPETITIONS = "competition", "competitions/"
# Names that an error lists.
MAX_LISTED = 12
LOOPBACK = ("localhost", "127.0.0.1", "::1")
INSTALL = 'pip install "ml-portfolio-scaffold[sources]"'

# What is told while a download goes on: bytes that have arrived, and all of them, or 0.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Location:
    """Where a project downloads the same file again.

    Attributes:
        service: What it is downloaded from: "https", "s3", "hf", "kaggle" or "competition".
        address: Of the file; of a data set of "hf" and "kaggle", OWNER/NAME; of a competition of
            Kaggle, its name.
        file: Its path in the data set.
        revision: Of the data set.
    """

    service: str
    address: str
    file: str = ""
    revision: str = ""


class Competition(NamedTuple):
    """What a competition of Kaggle has beside its training rows, where it has both.

    Attributes:
        test: A file with the rows that are predicted.
        sample: A CSV, the sample of a submission.
    """

    test: Path
    sample: Path


class Download(NamedTuple):
    """A file on this machine, and where it came from; nowhere if it cannot be had again so."""

    path: Path
    location: Location | None
    competition: Competition | None = None


class Given(NamedTuple):
    """What the owner gave.

    Attributes:
        path: A file or folder on this machine.
        origin: What errors, data.py and the README call it: the given path, or an address.
        location: Where the file can be downloaded again.
        competition: Of Kaggle, which the file belongs to.
    """

    path: Path
    origin: str
    location: Location | None = None
    competition: Competition | None = None


def is_remote(given: str) -> bool:
    """Whether the owner gave an address and not a path."""
    return bool(re.match(r"(hf|kaggle|openml):|[a-z][a-z0-9+.-]+://", given, re.IGNORECASE))


def without_secrets(given: str) -> str:
    """An address without user, password, query and fragment; a path as it is."""
    found = re.fullmatch(r"([^:/]+)://(?:[^/?#]*@)?([^?#]*).*", given, re.DOTALL)
    return f"{found[1].lower()}://{found[2]}" if found else given


@contextmanager
def local_copy(given: str, console: Console) -> Iterator[Given]:
    """What the owner gave, downloaded if it is an address.

    Raises:
        ScaffoldError: It cannot be downloaded; errors in the block name the address, not the copy.
    """
    if not is_remote(given):
        yield Given(Path(given), given)
        return
    origin = without_secrets(given)
    with console.status(f"downloading {origin} ...") as status:

        def show(arrived: int, total: int) -> None:
            of = f" of {total / 1e6:,.0f}" if total else ""
            status.update(f"downloading {origin}: {arrived / 1e6:,.0f}{of} MB")

        found = download(given, temporary_folder(), show)
    try:
        yield Given(found.path, origin, found.location, found.competition)
    except ScaffoldError as error:
        raise ScaffoldError(str(error).replace(str(found.path), origin)) from error


def download(given: str, folder: Path, progress: Progress) -> Download:
    """Download the rows at an address into a folder.

    Raises:
        ScaffoldError: There is no such thing, it may not be read, or it is not one file of rows.
    """
    scheme, _, rest = given.partition(":")
    downloads = {
        "http": download_url,
        "https": download_url,
        "s3": download_s3,
        "hf": download_hugging_face,
        "kaggle": download_kaggle,
        "openml": download_openml,
    }
    if scheme.lower() not in downloads:
        origin = without_secrets(given)
        raise ScaffoldError(
            sentence(f"{origin}: this kind of address is not known; known are {KNOWN}")
        )
    argument = given if scheme.lower() in ("http", "https") else rest.removeprefix("//")
    return downloads[scheme.lower()](argument, folder, progress)


# Addresses of the web.


def download_url(url: str, folder: Path, progress: Progress) -> Download:
    """Download a file by HTTPS; its name is that of the response, or of the address.

    An address with a query, which may hold a secret, is written into no project.
    """
    origin = without_secrets(url)
    with open_url(url, origin) as response:
        if response.headers.get_content_type() == "text/html":
            raise ScaffoldError(
                sentence(f"{origin} is a web page and no file; give the address of the file itself")
            )
        target = folder / file_name(origin, response.headers, response.url)
        save(response, target, origin, progress)
    return Download(target, None if urlsplit(url).query else Location("https", origin))


@contextmanager
def open_url(url: str, origin: str) -> Iterator[HTTPResponse]:
    """A response of 200; raises ScaffoldError for another, and where the connection breaks."""
    require_safe(url, origin)
    ascii_url = quote(url, safe=string.punctuation)
    request = Request(ascii_url, headers={"User-Agent": "ml-portfolio-scaffold"})  # noqa: S310 - safe
    try:
        with build_opener(SafeRedirects).open(request, timeout=TIMEOUT_SECONDS) as response:
            yield response
    except HTTPError as error:
        raise ScaffoldError(sentence(f"{origin} {meaning(error.code)}")) from error
    except (OSError, HTTPException, UnicodeError) as error:
        reason = getattr(error, "reason", error) or type(error).__name__
        raise ScaffoldError(sentence(f"{origin} cannot be downloaded: {reason}")) from error


def require_safe(url: str, origin: str) -> None:
    """Raise ScaffoldError for an address that is not encrypted, or has a password."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise ScaffoldError(sentence(f"{origin} is no address: {error}")) from error
    if not host or re.search(r"[\s\x00-\x1f]", url):
        raise ScaffoldError(sentence(f"{origin} is no address; write spaces as %20"))
    if parts.scheme != "https" and host not in LOOPBACK:
        raise ScaffoldError(sentence(f"{origin} is not encrypted; only https:// is read"))
    if parts.username or parts.password:
        raise ScaffoldError(
            sentence(f"{origin}: addresses with a password are not read; download the file first")
        )


class SafeRedirects(HTTPRedirectHandler):
    """Follows redirects to safe addresses only."""

    def redirect_request(
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Any,
        newurl: str,
    ) -> Request | None:
        """The request for the new address."""
        require_safe(newurl, f"{without_secrets(newurl)}, where {req.host} leads,")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def meaning(status: int) -> str:
    """What an HTTP status says about an address."""
    if status in (401, 403):
        return f"may not be read without credentials (status {status}); download the file first"
    if status in (404, 410):
        return f"does not exist (status {status})"
    return f"cannot be read now (status {status})"


def file_name(origin: str, headers: Message, last_url: str) -> str:
    """The name of a downloaded file, which has a known suffix."""
    given = [headers.get_filename() or "", urlsplit(origin).path, urlsplit(last_url).path]
    names = [safe_name(unquote(name)) for name in given]
    for name in names:
        if is_data(name):
            return name
    known = ", ".join(SUFFIXES)
    raise ScaffoldError(
        sentence(f"{origin} names no file of a kind that is known; known are {known}")
    )


def safe_name(path: str) -> str:
    """The name of a file without characters that a path or a program would take otherwise."""
    return re.sub(r"[^\w.-]+", "-", re.split(r"[/\\]", path.rstrip("/"))[-1]).lstrip(".-")


def is_data(name: str) -> bool:
    """Whether a file is of a kind that is read."""
    return PurePosixPath(name.lower().removesuffix(".gz")).suffix in SUFFIXES


def save(response: HTTPResponse, target: Path, origin: str, progress: Progress) -> None:
    """Write a response to a file; raises ScaffoldError if it is too large or ends too early."""
    total = response.length or 0
    require_size(total, origin)
    arrived = 0
    with target.open("wb") as file:
        while chunk := response.read(CHUNK):
            arrived += len(chunk)
            require_size(arrived, origin)
            file.write(chunk)
            progress(arrived, total)
    if total and arrived < total:
        raise ScaffoldError(
            sentence(f"{origin} ended after {arrived:,} of {total:,} bytes; try again")
        )


def require_size(n_bytes: int, origin: str) -> None:
    """Raise ScaffoldError for a file that is too large."""
    if n_bytes > MAX_DOWNLOAD:
        limit = MAX_DOWNLOAD / 1e9
        raise ScaffoldError(
            sentence(f"{origin} is larger than {limit:g} GB; take a sample of its rows to begin")
        )


def choose_file(origin: str, names: Sequence[str], given: str, separator: str = "/") -> str:
    """The given file of a data set, or its only one of a known kind.

    Raises:
        ScaffoldError: There is no such file, or more than one and none was given.
    """
    data = [name for name in names if is_data(name)]
    listed = ", ".join(data[:MAX_LISTED])
    if len(data) > MAX_LISTED:
        listed += f" and {len(data) - MAX_LISTED} more"
    if given and given not in names:
        raise ScaffoldError(sentence(f'{origin} has no file "{given}"; it has {listed or "none"}'))
    if given:
        return given
    if not data:
        known = ", ".join(SUFFIXES)
        raise ScaffoldError(
            sentence(f"{origin} has no file of a kind that is known; known are {known}")
        )
    if len(data) > 1:
        example = f"{origin}{separator}{data[0]}"
        raise ScaffoldError(
            sentence(f"{origin} has {len(data)} files, name one as in {example}: {listed}")
        )
    return data[0]


def owner_and_name(kind: str, given: str) -> tuple[str, str]:
    """OWNER/NAME and the path of a file, which may be empty."""
    found = re.fullmatch(r"([\w.-]+/[\w.-]+)(?:/(.+))?", given)
    if not found:
        raise ScaffoldError(sentence(f"{kind}:{given} must be {kind}:OWNER/NAME[/FILE]"))
    return found[1], found[2] or ""


def missing_client(origin: str) -> ScaffoldError:
    """The error for a client library that is not installed."""
    return ScaffoldError(sentence(f"{origin} needs further packages: {INSTALL}"))


# OpenML.


def download_openml(given: str, folder: Path, progress: Progress) -> Download:
    """Download a data set of openml.org, as Parquet."""
    origin = f"openml:{given}"
    if not re.fullmatch(r"[0-9]+", given):
        raise ScaffoldError(sentence(f"{origin} must be openml:ID, with the number of a data set"))
    described = describe_openml(given, origin)
    address = described.get("parquet_url") or described.get("minio_url")
    if not address:
        raise ScaffoldError(sentence(f"{origin} is not there as Parquet; choose another"))
    if urlsplit(address).hostname not in LOOPBACK:
        address = re.sub("^http://", "https://", address)
    name = safe_name(str(described.get("name") or f"openml-{given}"))
    target = folder / f"{name}.parquet"
    with open_url(address, f"the Parquet file of {origin}") as response:
        save(response, target, origin, progress)
    return Download(target, Location("https", without_secrets(address)))


def describe_openml(number: str, origin: str) -> Mapping[str, Any]:
    """The description of a data set; the API answers with 412 for one that does not exist."""
    try:
        with open_url(f"{OPENML}/api/v1/json/data/{number}", origin) as response:
            content = response.read(CHUNK)
        described = json.loads(content)["data_set_description"]
    except ScaffoldError as error:
        if isinstance(error.__cause__, HTTPError) and error.__cause__.code == 412:
            raise ScaffoldError(sentence(f"{origin} does not exist, or is private")) from error
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise ScaffoldError(sentence(f"{OPENML} does not describe {origin}")) from error
    return dict(described)


# Hugging Face.


def download_hugging_face(given: str, folder: Path, progress: Progress) -> Download:  # noqa: ARG001 - it shows its own
    """Download a file of a data set of the Hugging Face Hub."""
    repository, path = owner_and_name("hf", given)
    origin = f"hf:{repository}"
    try:
        # By HTTPS, whose errors are known.
        os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
        import huggingface_hub  # noqa: PLC0415 - optional
        from huggingface_hub import errors  # noqa: PLC0415 - optional

        # Of the HTTP client that this version uses.
        from huggingface_hub.errors import (  # type: ignore[attr-defined]  # noqa: PLC0415
            HTTPError as ConnectionFailed,
        )
    except ImportError as error:
        raise missing_client(origin) from error
    try:
        api = huggingface_hub.HfApi()
        info = api.dataset_info(repository, files_metadata=True)
        sizes = {item.rfilename: item.size or 0 for item in info.siblings or []}
        name = choose_file(origin, list(sizes), path)
        require_size(sizes[name], f"{origin}/{name}")
        path = api.hf_hub_download(
            repository, name, repo_type="dataset", revision=info.sha, local_dir=folder
        )
        return Download(Path(path), Location("hf", repository, name, info.sha or "main"))
    except errors.GatedRepoError as error:
        raise ScaffoldError(
            sentence(
                f"{origin} is gated: accept its terms on its page, and set HF_TOKEN to a token of "
                "yours"
            )
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ScaffoldError(
            sentence(
                f"{origin} does not exist, or is private and HF_TOKEN is not a token that may read "
                "it"
            )
        ) from error
    except (errors.HFValidationError, ConnectionFailed, OSError) as error:
        response = getattr(error, "response", None)
        status = f"status {response.status_code}" if response is not None else type(error).__name__
        raise ScaffoldError(
            sentence(f"{origin} cannot be read from the Hugging Face Hub ({status})")
        ) from error


# Kaggle.


def download_kaggle(given: str, folder: Path, progress: Progress) -> Download:  # noqa: ARG001 - it shows its own
    """Download a file of a data set or a competition of Kaggle."""
    handle, path = owner_and_name("kaggle", given)
    if handle.startswith(COMPETITIONS):
        return download_competition(handle.removeprefix(COMPETITIONS), path, folder)
    origin = f"kaggle:{handle}"
    with errors_of_kaggle(origin, "for a private one set KAGGLE_API_TOKEN to a token of") as client:
        sizes = list_kaggle(handle)
        name = choose_file(origin, list(sizes), path)
        require_size(sizes[name], f"{origin}/{name}")
        version = find_kaggle_version(handle)
        versioned = f"{handle}/versions/{version}"
        path = client.dataset_download(versioned, name, output_dir=str(folder))
        return Download(Path(path), Location("kaggle", handle, name, version))


def download_competition(name: str, given: str, folder: Path) -> Download:
    """Download the training rows of a competition of Kaggle, and what a submission needs."""
    origin = f"kaggle:{COMPETITIONS}{name}"
    advice = f"accept the rules on www.kaggle.com/{COMPETITIONS}{name}, and set KAGGLE_API_TOKEN to"
    with errors_of_kaggle(origin, f"{advice} a token of") as client:
        sizes = list_competition(name)
        train = choose_file(origin, list(sizes), given or find_file(sizes, r"train\b"))
        beside = [find_file(sizes, r"test\b"), find_file(sizes, r".*submission.*\.csv$")]
        names = [train, *(beside if all(beside) else ())]
        for file in names:
            require_size(sizes[file], f"{origin}/{file}")
        paths = [
            Path(client.competition_download(name, file, output_dir=str(folder))) for file in names
        ]
        competition = Competition(*paths[1:]) if len(paths) > 1 else None
        return Download(paths[0], Location(COMPETITION, name, train), competition)


def find_file(names: Iterable[str], pattern: str) -> str:
    """The only file of rows whose name begins so; "" if there is none, or more than one."""
    found = [
        name
        for name in names
        if is_data(name) and re.match(pattern, PurePosixPath(name).name, re.IGNORECASE)
    ]
    return found[0] if len(found) == 1 else ""


@contextmanager
def errors_of_kaggle(origin: str, advice: str) -> Iterator[Any]:
    """The client of Kaggle, whose errors are raised as ScaffoldError.

    Args:
        origin: What errors call what is downloaded.
        advice: What gives access to it, before the address of tokens.
    """
    try:
        # Quiet, before it is imported: it writes to the standard output.
        os.environ.setdefault("KAGGLEHUB_VERBOSITY", "error")
        import kagglehub  # type: ignore[import-untyped]  # noqa: PLC0415 - optional
        import requests  # noqa: PLC0415 - comes with it
        from kagglehub.exceptions import (  # type: ignore[import-untyped]  # noqa: PLC0415
            DataCorruptionError,
            UnauthenticatedError,
        )
    except ImportError as error:
        raise missing_client(origin) from error
    refused = f"does not exist, or may not be read ({{}}): {advice} kaggle.com/settings"
    try:
        yield kagglehub
    except UnauthenticatedError as error:
        raise ScaffoldError(sentence(f"{origin} {refused.format('no token')}")) from error
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        if status not in (401, 403, 404):
            raise ScaffoldError(
                sentence(f"{origin} cannot be read from Kaggle (status {status})")
            ) from error
        raise ScaffoldError(sentence(f"{origin} {refused.format(f'status {status}')}")) from error
    except (requests.RequestException, DataCorruptionError, OSError, ValueError) as error:
        reason = "its credentials file is not valid" if isinstance(error, ValueError) else ""
        raise ScaffoldError(
            sentence(f"{origin} cannot be read from Kaggle: {reason or type(error).__name__}")
        ) from error


def list_competition(name: str) -> dict[str, int]:
    """The files of a competition of Kaggle, with their sizes."""
    # Optional, as kagglehub is, which they come with.
    from kagglehub import clients  # noqa: PLC0415
    from kagglesdk.competitions.types import (  # type: ignore[import-untyped]  # noqa: PLC0415
        competition_api_service as api,
    )

    request = api.ApiListDataFilesRequest()
    request.competition_name = name
    with clients.build_kaggle_client() as client:
        ask = client.competitions.competition_api_client.list_data_files
        return list_pages(ask, request, "files")


def list_kaggle(handle: str) -> dict[str, int]:
    """The files of a data set of Kaggle, with their sizes."""
    # Optional, as kagglehub is, which they come with.
    from kagglehub import clients  # noqa: PLC0415
    from kagglesdk.datasets.types import dataset_api_service as api  # type: ignore[import-untyped]  # noqa: PLC0415

    request = api.ApiListDatasetFilesRequest()
    request.owner_slug, _, request.dataset_slug = handle.partition("/")
    with clients.build_kaggle_client() as client:
        ask = client.datasets.dataset_api_client.list_dataset_files
        return list_pages(ask, request, "dataset_files")


def list_pages(ask: Callable[[Any], Any], request: Any, attribute: str) -> dict[str, int]:
    """The files on all pages of an answer of Kaggle, with their sizes.

    Args:
        ask: Returns the page that a request asks for.
        request: For the first page.
        attribute: Of a page, that holds its files.
    """
    request.page_size = 200
    sizes: dict[str, int] = {}
    while True:
        page = ask(request)
        files = getattr(page, attribute)
        sizes |= {file.name: file.total_bytes for file in files}
        if not page.next_page_token or not files:
            return sizes
        request.page_token = page.next_page_token


def find_kaggle_version(handle: str) -> str:
    """The number of the newest version of a data set of Kaggle."""
    # Optional, as kagglehub is, which they come with.
    from kagglehub import clients  # noqa: PLC0415
    from kagglesdk.datasets.types import dataset_api_service as api  # noqa: PLC0415

    request = api.ApiGetDatasetRequest()
    request.owner_slug, _, request.dataset_slug = handle.partition("/")
    with clients.build_kaggle_client() as client:
        described = client.datasets.dataset_api_client.get_dataset(request)
    return str(described.current_version_number)


# S3.


def download_s3(given: str, folder: Path, progress: Progress) -> Download:
    """Download an object of a bucket; a key that ends in a slash is a folder."""
    bucket, _, key = given.partition("/")
    origin = f"s3://{bucket}/{key}"
    try:
        import boto3  # type: ignore[import-untyped]  # noqa: PLC0415 - optional
        from boto3.exceptions import (  # type: ignore[import-untyped]  # noqa: PLC0415
            Boto3Error,
        )
        from botocore import exceptions  # type: ignore[import-untyped]  # noqa: PLC0415 - comes with it
    except ImportError as error:
        raise missing_client(origin) from error
    try:
        client = boto3.client("s3")
        if not key or key.endswith("/"):
            key = choose_object(client, bucket, key)
        total = client.head_object(Bucket=bucket, Key=key)["ContentLength"]
        require_size(total, origin)
        target = folder / safe_name(key)
        arrived = [0]

        def show(n_bytes: int) -> None:
            arrived[0] += n_bytes
            progress(arrived[0], total)

        client.download_file(bucket, key, str(target), Callback=show)
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise ScaffoldError(
            sentence(f"{origin} needs credentials of AWS: run aws configure, or set AWS_PROFILE")
        ) from error
    except exceptions.ClientError as error:
        raise ScaffoldError(sentence(f"{origin} {meaning_of_s3(error.response)}")) from error
    except (exceptions.BotoCoreError, Boto3Error, ValueError, OSError) as error:
        raise ScaffoldError(sentence(f"{origin} cannot be read: {type(error).__name__}")) from error
    return Download(target, Location("s3", f"s3://{bucket}/{key}"))


def choose_object(client: Any, bucket: str, prefix: str) -> str:
    """The only object of rows below a prefix."""
    listed = client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    names = [item["Key"].removeprefix(prefix) for item in listed]
    return prefix + choose_file(f"s3://{bucket}/{prefix}", names, "", separator="")


def meaning_of_s3(response: Mapping[str, Any]) -> str:
    """What an error of S3 says about an object; HEAD has a status and no name of the error."""
    code = str(response.get("Error", {}).get("Code", ""))
    if code in ("404", "NoSuchKey", "NoSuchBucket"):
        return "does not exist"
    if code in ("401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"):
        return "may not be read with these credentials of AWS, or does not exist"
    return f"cannot be read ({code})"
