"""requests, at its adapter: google-auth's sessions and every REST client of Google's go through it."""

import contextlib
import http.client
import io
from collections.abc import Iterator
from typing import Any
from unittest import mock

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from mockserver.doors.inprocess import Aborted, Answered, Asked
from mockserver.doors.intercept import Net, TimedOut


class _Body(io.RawIOBase):
    """The body as it comes, as a file urllib3 reads."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Some bytes; 0 at the end."""
        try:
            while not self._rest:
                self._rest = next(self._pieces)
        except StopIteration:
            return 0
        except Aborted:
            msg = "Connection broken: IncompleteRead"
            raise ProtocolError(msg, http.client.IncompleteRead(b"")) from None
        except TimedOut:
            raise _timeout() from None
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


@contextlib.contextmanager
def patched(net: Net) -> Iterator[None]:
    """While inside, requests asks the net."""
    original = HTTPAdapter.send

    def send(
        self: HTTPAdapter,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002 - as requests has it
        timeout: Any = None,
        **more: Any,
    ) -> requests.Response:
        if not net.catches(request.url or ""):
            return original(self, request, stream, timeout, **more)
        # A pair is for connecting and reading; urllib3 has a class for it too.
        read = timeout[1] if isinstance(timeout, tuple) else getattr(timeout, "read_timeout", timeout)
        return _answer(net, self, request, read)

    with mock.patch.object(HTTPAdapter, "send", send):
        yield


def _answer(
    net: Net, adapter: HTTPAdapter, request: requests.PreparedRequest, patience: float | None
) -> requests.Response:
    asked = Asked(request.method or "GET", request.url or "", list(request.headers.items()), _content(request.body))
    try:
        answered = net.ask(asked, patience)
    except Aborted:
        reset = ConnectionResetError(104, "Connection reset by peer")
        aborted = ProtocolError("Connection aborted.", reset)
        raise requests.exceptions.ConnectionError(aborted, request=request) from None
    except TimedOut:
        raise requests.exceptions.ReadTimeout(_timeout(), request=request) from None
    return adapter.build_response(request, _urllib3(answered))


def _timeout() -> ReadTimeoutError:
    pool = urllib3.HTTPSConnectionPool("googleapis.com")  # it opens no connection
    return ReadTimeoutError(pool, "", "Read timed out.")


def _urllib3(answered: Answered) -> urllib3.HTTPResponse:
    headers = urllib3.HTTPHeaderDict()
    for name, value in answered.headers:
        if name != "transfer-encoding":  # the pieces are not framed: there is no wire
            headers.add(name, value)
    return urllib3.HTTPResponse(
        body=io.BufferedReader(_Body(answered.pieces)),
        headers=headers,
        status=answered.status,
        reason=http.client.responses.get(answered.status),
        preload_content=False,
    )


def _content(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else b"".join(body)
