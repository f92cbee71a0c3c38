"""Reads gs:// objects from this machine: from a directory, or from an emulator of Cloud Storage.

    --gcs-root DIR                                 gs://bucket/a/b.jsonl is DIR/bucket/a/b.jsonl
    STORAGE_EMULATOR_HOST=http://localhost:9023    read and used as by the official clients

The directory comes first. No other host gets a request: no proxy, no redirection, no host of Google.
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
    """There is no object with this URI, or it may not be read."""


class Unreachable(Exception):
    """The object cannot be read; the message tells the operator of the server why."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """The buckets of a directory, of the emulator at this URL, of both, or none."""

    root: Path | None = None
    emulator: str | None = None

    def __bool__(self) -> bool:
        return self.root is not None or self.emulator is not None

    @contextmanager
    def open(self, uri: str) -> Iterator[BinaryIO]:
        """Open a gs:// object. Raises NoSuchObject or Unreachable, at once or while it is read."""
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
            raise Unreachable(f"{EMULATOR_VARIABLE}={self.emulator} cannot be reached: {error}") from None


def buckets(root: Path | None) -> Buckets:
    """Return the buckets of this directory, and of the emulator that the environment names."""
    return Buckets(root, os.environ.get(EMULATOR_VARIABLE) or None)


def _path(root: Path, bucket: str, name: str) -> Path | None:
    """Return the file of an object, if it exists.

    A name or a symbolic link that leads out of the directory counts as missing, because errors quote training data.
    """
    steps = [bucket, *name.split("/")]
    if not {"", ".", ".."}.isdisjoint(steps):
        return None
    path = root.joinpath(*steps)
    try:
        return path if path.is_file() and path.resolve().is_relative_to(root.resolve()) else None
    except (OSError, ValueError):  # the name is too long, or cannot be encoded
        return None


def _base(emulator: str) -> str:
    """Return the URL of the emulator; users of the Go client write it without a scheme."""
    url = urlsplit(emulator if "://" in emulator else f"http://{emulator}")
    host = (url.hostname or "").rstrip(".")
    if url.scheme not in {"http", "https"} or not host or host == "googleapis.com" or host.endswith(".googleapis.com"):
        raise ValueError("it is not the URL of an emulator")
    return f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}"


def _quoted(name: str) -> str:
    return quote(name, safe="", errors="replace")


def _opener() -> OpenerDirector:
    """Return an opener without the proxies, redirections, files and FTP of urllib's own."""
    opener = OpenerDirector()
    for handler in (HTTPHandler, HTTPSHandler, HTTPDefaultErrorHandler, HTTPErrorProcessor):
        opener.add_handler(handler())
    return opener
