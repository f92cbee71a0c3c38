"""A recording proxy: clients connect on loopback, requests go to Google, and the exchanges are written to a file.

    mockserver record -- python my_program.py

It forwards to Google's own API hosts only, or to a server on this machine. The file contains no secrets.
"""

import os
import re
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from mockserver import __version__
from mockserver.doors import child
from mockserver.doors.environment import NO_PROXY, base_urls, without_proxy
from mockserver.doors.live import LiveServer
from mockserver.inspection.services import route_table
from mockserver.recordings.redaction import Redactor
from mockserver.recordings.secret_detectors import Kind, Secret
from mockserver.rpc.hosts import without_host
from mockserver.state.clock import stopwatch
from mockserver.transcripts.exchange import Exchange, RecordedRequest, RecordedResponse, lower_names, parse_date, write

_LOCATION = re.compile(r"/locations/([a-z]+-[a-z]+\d+)(?=[/:]|$)")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

# Hop-by-hop headers: each of the two connections has its own.
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade"}
)  # fmt: skip
_REPLACED_HEADERS = _HOP_BY_HOP | {"accept-encoding", "content-length", "expect", "host"}

_VERBS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

# A stream may pause for as long as the model thinks.
_TIMEOUT = httpx.Timeout(30, read=600)


class BadUpstream(ValueError):
    """A server that requests must not be forwarded to; the message says which are allowed."""


class Recorder:
    """The exchanges so far, and the app that forwards and records."""

    def __init__(self, upstream: str | None = None) -> None:
        self.exchanges: list[Exchange] = []
        self.unanswered = 0
        self._upstream = None if upstream is None else check_upstream(upstream)
        self._tls = ssl.create_default_context()
        self.app = Starlette(routes=[Route("/{path:path}", self._pass_through, methods=_VERBS)])
        self.app.router.redirect_slashes = False

    async def _pass_through(self, incoming: HttpRequest) -> HttpResponse:
        outgoing = await _outgoing_request(incoming, self._upstream)
        # A server on this machine must not be reached through the environment's proxy.
        client = httpx.AsyncClient(timeout=_TIMEOUT, verify=self._tls, trust_env=self._upstream is None)
        try:
            reply = await client.send(outgoing, stream=True)
        except httpx.TransportError as error:
            await client.aclose()
            self.unanswered += 1
            return PlainTextResponse(f"mockserver record: cannot reach {outgoing.url.host}: {error!r}\n", 502)
        response = StreamingResponse(self._stream(incoming, client, outgoing, reply), reply.status_code)
        response.raw_headers = [
            (name.lower(), value)
            for name, value in reply.headers.raw
            if name.decode("latin-1").lower() not in _HOP_BY_HOP
        ]
        return response

    async def _stream(
        self, incoming: HttpRequest, client: httpx.AsyncClient, outgoing: httpx.Request, reply: httpx.Response
    ) -> AsyncIterator[bytes]:
        """Forward the body as it arrives and record the exchange, also if it breaks off; then abort as upstream did."""
        chunks: list[bytes] = []
        pauses = Pauses()
        try:
            async for chunk in reply.aiter_raw():
                chunks.append(chunk)
                pauses.add(chunk)
                yield chunk
        except httpx.TransportError:
            incoming.scope["extensions"]["mockserver.abort"](reset=False)
            await incoming.receive()
        finally:
            self._record(outgoing, reply, b"".join(chunks), pauses)
            await client.aclose()

    def _record(self, outgoing: httpx.Request, reply: httpx.Response, raw: bytes, pauses: "Pauses") -> None:
        headers = lower_names(reply.headers.multi_items())
        try:
            body = httpx.Response(200, headers=reply.headers, content=raw).content
        except httpx.DecodingError:  # the compressed body is incomplete
            body = b""
        request = RecordedRequest(
            outgoing.method, str(outgoing.url), lower_names(outgoing.headers.multi_items()), outgoing.content
        )
        is_events = "event-stream" in reply.headers.get("content-type", "")
        response = RecordedResponse(reply.status_code, headers, body, pauses=pauses.seconds if is_events else ())
        self.exchanges.append(Exchange(request, response, f"recorded by mockserver {__version__}", parse_date(headers)))

    def redact(self, secrets: Iterable[Secret] = ()) -> tuple[list[Exchange], Redactor]:
        """Return the exchanges without secrets, and what has redacted them, for what it has found."""
        redactor = Redactor(secrets)
        return redactor.redact(self.exchanges), redactor


class Pauses:
    """The seconds before each event of a stream, measured while its chunks arrive."""

    def __init__(self) -> None:
        self._elapsed_ms = stopwatch()
        self._pauses: list[float] = []
        self._end = b""
        self._is_between = True

    def add(self, chunk: bytes) -> None:
        """Count the events that begin in a chunk: the first one has waited, the others came with it."""
        text = self._end + chunk.replace(b"\r", b"")
        event_ends = text.count(b"\n\n")
        self._end = b"\n" if text.endswith(b"\n") and not text.endswith(b"\n\n") else b""
        event_starts = event_ends + (not text.endswith(b"\n\n")) - (not self._is_between)
        self._is_between = text.endswith(b"\n\n")
        if event_starts > 0:
            pause = self._elapsed_ms() / 1000 - sum(self._pauses)
            self._pauses += [round(pause, 3), *[0.0] * (event_starts - 1)]

    @property
    def seconds(self) -> tuple[float, ...]:
        """Return the seconds before each event."""
        return tuple(self._pauses)


async def _outgoing_request(incoming: HttpRequest, upstream: str | None) -> httpx.Request:
    """Return the incoming request, addressed to its real host. The target is unchanged, but for a host in its path."""
    query = incoming.scope["query_string"]
    path = without_host(incoming.scope["raw_path"].decode("latin-1")).encode("latin-1")
    target: bytes = path + (b"?" + query if query else b"")
    headers = [(name, value) for name, value in incoming.headers.items() if name not in _REPLACED_HEADERS]
    accepts_gzip = "gzip" in incoming.headers.get("accept-encoding", "")
    base = httpx.URL(upstream or google_host(target.decode("latin-1")))
    return httpx.Request(
        incoming.method,
        base.copy_with(raw_path=target),
        headers=[*headers, ("accept-encoding", "gzip" if accepts_gzip else "identity")],
        content=await incoming.body(),
    )


def google_host(target: str) -> str:
    """Return the Google host of a path: of its service, and of its location where that has one of its own."""
    path, table = target.partition("?")[0], route_table()
    service = table.services.get(table.service(path)) or next(iter(table.services.values()))
    location = _LOCATION.search(path) if service.regional else None
    return f"https://{location[1]}-{service.host}" if location else f"https://{service.host}"


def check_upstream(url: str) -> str:
    """Check a base URL: it must be a server on this machine or one of Google's two APIs. Raises BadUpstream."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    local = parts.scheme in {"http", "https"} and host in _LOOPBACK
    google = parts.scheme == "https" and any(it.serves_host(host) for it in route_table().services.values())
    if not local and not google:
        msg = f"upstream: {url!r} is neither one of Google's two APIs nor a server on this machine"
        raise BadUpstream(msg)
    return url.rstrip("/")


# Variables with secrets that need not match a pattern.
_SECRETS: Mapping[str, Kind] = {
    "GOOGLE_API_KEY": "key",
    "GEMINI_API_KEY": "key",
    "GOOGLE_CLOUD_PROJECT": "project",
    "GOOGLE_CLOUD_QUOTA_PROJECT": "project",
}


def known_secrets(variables: Mapping[str, str]) -> list[Secret]:
    """Return the keys and projects in environment variables."""
    return [Secret(kind, variables[name]) for name, kind in _SECRETS.items() if variables.get(name)]


def run_command(command: Sequence[str], recorder: Recorder) -> int:
    """Run a command whose clients send to the recorder instead of Google; return its exit status as a shell would.

    OSError if it cannot be run.
    """
    server = LiveServer(recorder.app)
    url = server.start()
    # Its clients must not look for the recorder behind the environment's proxy.
    direct = {name: without_proxy(os.environ.get(name, "")) for name in NO_PROXY}
    try:
        return child.run(command, os.environ | base_urls(url) | direct)
    finally:
        server.stop()


def save(recorder: Recorder, path: Path) -> str:
    """Write the exchanges to a file and return a summary sentence. FileExistsError if the file exists."""
    if not recorder.exchanges and recorder.unanswered:
        return f"nothing was recorded: {_unanswered(recorder)}"
    if not recorder.exchanges:
        return (
            "nothing was recorded: no client sent a request to the addresses in GOOGLE_GEMINI_BASE_URL and "
            "GOOGLE_VERTEX_BASE_URL; if yours ignores these variables, set its base URL"
        )
    redacted, redactor = recorder.redact(known_secrets(os.environ))
    write(path, redacted)
    secrets = ", ".join(f"{number} {kind}" for kind, number in sorted(redactor.counts.items())) or "none found"
    summary = f"{len(redacted)} exchanges written to {path}; secrets redacted: {secrets}"
    if redactor.failures:
        failures = ", ".join(redactor.failures)
        summary += f"; left out, because they could not be redacted (a bug, please report it): {failures}"
    return f"{summary}; {_unanswered(recorder)}" if recorder.unanswered else summary


def _unanswered(recorder: Recorder) -> str:
    return f"the server did not answer {recorder.unanswered} requests; the program got status 502 and the reason"
