"""Reads gs:// objects from this machine: those that clients have stored here, or from an emulator of Cloud Storage.

    (uploaded)                                     kept in the world, see `objects`
    --gcs-root DIR                                 gs://bucket/a/b.jsonl is DIR/bucket/a/b.jsonl
    STORAGE_EMULATOR_HOST=http://localhost:9023    read and used as by the official clients

The emulator comes last. No other host gets a request: no proxy, no redirection, no host of Google.
"""

import io
import os
import socket
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import Any, BinaryIO, cast
from urllib.parse import SplitResult, quote, unquote, urlsplit

from mockserver.datasets.object_store import Objects, objects
from mockserver.rpc.hosts import is_loopback
from mockserver.state.clock import countdown
from mockserver.state.world import World

EMULATOR_VARIABLE = "STORAGE_EMULATOR_HOST"

SERVER_VARIABLE = "MOCKSERVER_URL"
"""Where `mockserver env`, `mockserver run` and the fixtures say that a mock server is."""

CONNECT_SECONDS = 1.0
"""How long the start of a server waits for the emulator."""

EMULATOR_TIMEOUT_SECONDS = 10.0
"""How long the reading of an object may take in all, from the connection to the last byte."""

BUFFER_BYTES = 65_536


class NoSuchObject(Exception):
    """There is no object with this URI, or it may not be read."""


class Unreachable(Exception):
    """The object cannot be read; the message tells the operator of the server why."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """The buckets of a world: their objects in its records or its directory, and in the emulator at this URL."""

    objects: Objects
    is_directory: bool = False
    emulator: str | None = None

    @property
    def is_slow(self) -> bool:
        """Whether reading takes its time: from a directory, or from an emulator."""
        return self.is_directory or self.emulator is not None

    def has(self, uri: str) -> bool:
        """Return whether it is known here what a gs:// URI leads to.

        In a world's records, a bucket that nobody has created, used or deleted may have any objects.
        """
        name, _, _ = uri.removeprefix("gs://").partition("/")
        return self.is_slow or self.objects.knows(name)

    @contextmanager
    def open(self, uri: str) -> Iterator[BinaryIO]:
        """Open a gs:// object. Raises NoSuchObject or Unreachable, at once or while it is read."""
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        try:
            with self.objects.open(bucket, name) or self._download(bucket, name) as file:
                yield file
        except PermissionError:
            raise NoSuchObject from None
        except IncompleteRead:
            raise Unreachable(f"{uri} cannot be read: the emulator sent less than it announced") from None
        except (OSError, HTTPException) as error:
            raise Unreachable(f"{uri} cannot be read: {error}") from None

    def _download(self, bucket: str, name: str) -> BinaryIO:
        """Objects.get of the official JSON API, with `alt=media`."""
        if self.emulator is None:
            raise NoSuchObject
        place = f"{EMULATOR_VARIABLE}={_without_password(self.emulator)}"
        try:
            url = _parse(self.emulator)
            path = f"{url.path.rstrip('/')}/storage/v1/b/{_quoted(bucket)}/o/{_quoted(name)}?alt=media"
            response = _get(url, path, countdown(EMULATOR_TIMEOUT_SECONDS))
        except (OSError, HTTPException, ValueError) as error:
            raise Unreachable(f"{place} cannot be reached: {error}") from None
        if response.status == 200:
            return cast(BinaryIO, io.BufferedReader(_WholeBody(response), BUFFER_BYTES))
        response.close()
        if response.status == 404:
            raise NoSuchObject
        raise Unreachable(f"{place} answered {response.status}")


def buckets(world: World) -> Buckets:
    """Return the buckets of a world, with those of the emulator that the environment names."""
    root = world.settings.gcs_root
    return Buckets(objects(world), is_directory=root is not None, emulator=foreign_emulator(os.environ))


def foreign_emulator(variables: Mapping[str, str]) -> str | None:
    """Return the emulator that the variables name; None if there is none, or if it is a mock server.

    `mockserver env` sets both variables to the same server, which may have stopped since.
    """
    emulator = variables.get(EMULATOR_VARIABLE)
    if not emulator or is_own_address(emulator):
        return None
    server = variables.get(SERVER_VARIABLE)
    return None if server and _address(server) == _address(emulator) else emulator


def describe_silent_emulator() -> str:
    """Return what to do if the emulator in this process's environment cannot be connected to; "" if it can."""
    emulator = foreign_emulator(os.environ)
    if emulator is None:
        return ""
    try:
        url = _parse(emulator)
        port = url.port or (443 if url.scheme == "https" else 80)
        socket.create_connection((cast(str, url.hostname), port), CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        return (
            f"{EMULATOR_VARIABLE}={_without_password(emulator)} cannot be reached: {error}. Jobs whose training data is "
            f"not in this server will fail. Start the emulator, or unset {EMULATOR_VARIABLE}."
        )
    return ""


_own_addresses: Counter[tuple[str, int | None]] = Counter()


@contextmanager
def served_at(url: str) -> Iterator[None]:
    """In the `with` block, an emulator at this URL means the worlds here, which are not asked over HTTP."""
    address = _address(url)
    _own_addresses[address] += 1
    try:
        yield
    finally:
        _own_addresses[address] -= 1
        if not _own_addresses[address]:
            del _own_addresses[address]


def is_own_address(url: str) -> bool:
    """Return whether a server of this process is at the URL."""
    return _address(url) in _own_addresses


def _address(url: str) -> tuple[str, int | None]:
    """Return host and port; all names of this machine are one."""
    try:
        parts = _parse(url)
    except ValueError:
        return "", None
    host = parts.hostname or ""
    return "localhost" if is_loopback(host) or host in {"0.0.0.0", "::"} else host, parts.port  # noqa: S104 - compared


def _parse(emulator: str) -> SplitResult:
    """Return the URL of the emulator; users of the Go client write it without a scheme. No ValueError quotes it."""
    refusal = ValueError("it is not the URL of an emulator")
    try:
        url = urlsplit(emulator if "://" in emulator else f"http://{emulator}")
        host, _ = (url.hostname or "").rstrip("."), url.port
    except ValueError:
        raise refusal from None
    if not host or url.scheme not in {"http", "https"} or host == "googleapis.com" or host.endswith(".googleapis.com"):
        raise refusal
    return url


def _without_password(emulator: str) -> str:
    """Return the variable as it may be shown: whatever stands before the last @ may be a secret."""
    before, at, rest = emulator.rpartition("@")
    scheme, mark, _ = before.partition("://")
    return f"{scheme}{mark}{rest}" if at and mark else rest


def _quoted(name: str) -> str:
    return quote(name, safe="", errors="replace")


def _get(url: SplitResult, path: str, seconds_left: Callable[[], float]) -> HTTPResponse:
    """Return the answer to a GET: by no proxy, and no redirection is followed. TimeoutError when the time is over."""
    kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
    connection = kind(cast(str, url.hostname), url.port, timeout=max(seconds_left(), 0.001))
    connection.connect()
    timed_socket = _TimedSocket(connection.sock, seconds_left)
    try:
        connection.sock = cast(Any, timed_socket)
        headers = {"connection": "close"}
        if url.username is not None:
            user = f"{unquote(url.username)}:{unquote(url.password or '')}"
            headers["authorization"] = f"Basic {b64encode(user.encode()).decode()}"
        connection.request("GET", path, headers=headers)
        return connection.getresponse()
    except BaseException:  # whatever ends it, the connection is not left open
        timed_socket.close_connection()
        raise


class _TimedSocket:
    """A connected socket all of whose operations share one deadline."""

    def __init__(self, connection: socket.socket, seconds_left: Callable[[], float]) -> None:
        self._socket = connection
        self._seconds_left = seconds_left

    def _start_operation(self) -> None:
        seconds = self._seconds_left()
        if seconds <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(seconds)

    def sendall(self, data: Any) -> None:
        self._start_operation()
        self._socket.sendall(data)

    def recv_into(self, buffer: Any) -> int:
        self._start_operation()
        return self._socket.recv_into(buffer)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """To be read; whoever closes it closes the connection."""
        return io.BufferedReader(_SocketFile(self), BUFFER_BYTES)

    def close(self) -> None:
        """Http.client lets go of the connection as soon as an answer has begun; the answer's file closes it."""

    def close_connection(self) -> None:
        self._socket.close()


class _SocketFile(io.RawIOBase):
    """What a socket receives, as a file."""

    def __init__(self, timed_socket: _TimedSocket) -> None:
        self._timed = timed_socket

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._timed.recv_into(buffer)

    def close(self) -> None:
        self._timed.close_connection()
        super().close()


class _WholeBody(io.RawIOBase):
    """The body of an answer. One that ends before its length has come raises IncompleteRead."""

    def __init__(self, response: HTTPResponse) -> None:
        self._response = response

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        missing = self._response.length
        size = self._response.readinto(buffer)
        if not size and missing:
            raise IncompleteRead(b"", missing)
        return size

    def close(self) -> None:
        self._response.close()
        super().close()
