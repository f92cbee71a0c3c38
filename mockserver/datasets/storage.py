"""Where gs:// objects are found on this machine: in a folder, or in an emulator of Cloud Storage.

    --gcs-root DIR                                 gs://bucket/a/b.jsonl is DIR/bucket/a/b.jsonl
    STORAGE_EMULATOR_HOST=http://localhost:9023    as the official clients read it, and over their protocol

The folder is looked into first. No other host is ever asked: no proxy, no redirection, nothing of Google's.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
)

EMULATOR_VARIABLE = "STORAGE_EMULATOR_HOST"
EMULATOR_TIMEOUT_SECONDS = 10.0


class NoSuchObject(Exception):
    """Nothing is stored under this URI, or nothing that may be read."""


class Unreachable(Exception):
    """It cannot be said what is stored under this URI; the message is a sentence for whoever set the server up."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """The buckets there are: in a folder, in the emulator of this URL, in both, or none at all."""

    root: Path | None = None
    emulator: str | None = None

    def __bool__(self) -> bool:
        return self.root is not None or self.emulator is not None

    @contextmanager
    def open(self, uri: str) -> Iterator[BinaryIO]:
        """The bytes of a gs:// object. Raises NoSuchObject or Unreachable, at once or while they are read."""
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        path = _path(self.root, bucket, name) if self.root else None
        try:
            with path.open("rb") if path else self._download(bucket, name) as file:
                yield file
        except PermissionError:
            raise NoSuchObject from None
        except (OSError, HTTPException) as error:
            raise Unreachable(f"{uri} cannot be read: {error}") from None

    def _download(self, bucket: str, name: str) -> BinaryIO:
        """Objects.get of the official JSON API, with `alt=media`."""
        if self.emulator is None:
            raise NoSuchObject
        path = f"/storage/v1/b/{_quoted(bucket)}/o/{_quoted(name)}?alt=media"
        try:
            return cast(BinaryIO, _opener().open(_base(self.emulator) + path, timeout=EMULATOR_TIMEOUT_SECONDS))
        except HTTPError as error:
            with error:
                if error.code == 404:
                    raise NoSuchObject from None
                raise Unreachable(f"{EMULATOR_VARIABLE}={self.emulator} answered {error.code}") from None
        except (URLError, ValueError) as error:
            raise Unreachable(f"{EMULATOR_VARIABLE}={self.emulator} cannot be asked: {error}") from None


def buckets(root: Path | None) -> Buckets:
    """The buckets in this folder, and in the emulator the environment names."""
    return Buckets(root, os.environ.get(EMULATOR_VARIABLE) or None)


def _path(root: Path, bucket: str, name: str) -> Path | None:
    """The file that stands for an object, if it is there. What would lead out of the folder, by name or by a symbolic
    link, leads nowhere: the beginning of a file is quoted to whoever names it as training data.
    """  # noqa: D205 - one sentence
    steps = [bucket, *name.split("/")]
    if not {"", ".", ".."}.isdisjoint(steps):
        return None
    path = root.joinpath(*steps)
    try:
        return path if path.is_file() and path.resolve().is_relative_to(root.resolve()) else None
    except (OSError, ValueError):  # too long for a file's name, or not to be encoded as one
        return None


def _base(emulator: str) -> str:
    """The URL the variable means: the Go client's users write it without a scheme."""
    url = urlsplit(emulator if "://" in emulator else f"http://{emulator}")
    host = (url.hostname or "").rstrip(".")
    if url.scheme not in {"http", "https"} or not host or host == "googleapis.com" or host.endswith(".googleapis.com"):
        raise ValueError("it is no emulator's URL")
    return f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}"


def _quoted(name: str) -> str:
    return quote(name, safe="", errors="replace")


def _opener() -> OpenerDirector:
    """Unlike urllib's own, without proxies, redirections, files and FTP."""
    opener = OpenerDirector()
    for handler in (HTTPHandler, HTTPSHandler, HTTPDefaultErrorHandler, HTTPErrorProcessor):
        opener.add_handler(handler())
    return opener
