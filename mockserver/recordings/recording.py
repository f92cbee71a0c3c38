"""A pass-through that takes down what is said: clients come in on loopback, Google is asked, both are written.

    mockserver record -- python my_program.py

Only Google's own API hosts are ever asked, or a server of yours on this machine. What is written has no secrets in it.
"""

import os
import re
import signal
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from mockserver import __version__
from mockserver.doors.live import LiveServer
from mockserver.recordings.exchange import Exchange, Request, Response, date_of, lower, write
from mockserver.recordings.scrubbing import Scrubber
from mockserver.recordings.secret_detectors import Kind, Secret

DEVELOPER = "https://generativelanguage.googleapis.com"

_LOCATION = re.compile(r"/locations/([a-z]+-[a-z]+\d+)(?=[/:]|$)")
_VERTEX = re.compile(r"/[a-z0-9]+/(?:projects|publishers|tuningJobs)(?:/|:|$)")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

# What belongs to one connection: each side of us has its own.
_OF_A_CONNECTION = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade"}
)  # fmt: skip
_WRITTEN_ANEW = _OF_A_CONNECTION | {"accept-encoding", "content-length", "expect", "host"}

_VERBS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

# A stream may pause for as long as the model thinks.
_TIMEOUT = httpx.Timeout(30, read=600)


class BadUpstream(ValueError):
    """A server that is not to be asked; the message says which may be."""


class Recorder:
    """What has been said so far, and the app that listens."""

    def __init__(self, upstream: str | None = None) -> None:
        self.exchanges: list[Exchange] = []
        self.unanswered = 0
        self._upstream = None if upstream is None else checked_upstream(upstream)
        self._tls = ssl.create_default_context()
        self.app = Starlette(routes=[Route("/{path:path}", self._pass_through, methods=_VERBS)])
        self.app.router.redirect_slashes = False

    async def _pass_through(self, incoming: HttpRequest) -> HttpResponse:
        asked = await _outgoing(incoming, self._upstream)
        # A proxy that leads out of the house must not be asked for this machine.
        client = httpx.AsyncClient(timeout=_TIMEOUT, verify=self._tls, trust_env=self._upstream is None)
        try:
            answer = await client.send(asked, stream=True)
        except httpx.TransportError as error:
            await client.aclose()
            self.unanswered += 1
            return PlainTextResponse(f"mockserver record: {asked.url.host} cannot be asked: {error!r}\n", 502)
        response = StreamingResponse(self._pieces(incoming, client, asked, answer), answer.status_code)
        response.raw_headers = [
            (name.lower(), value)
            for name, value in answer.headers.raw
            if name.decode("latin-1").lower() not in _OF_A_CONNECTION
        ]
        return response

    async def _pieces(
        self, incoming: HttpRequest, client: httpx.AsyncClient, asked: httpx.Request, answer: httpx.Response
    ) -> AsyncIterator[bytes]:
        """The answer's body as it comes; the exchange is taken down however it ends, and breaks off where it does."""
        heard: list[bytes] = []
        try:
            async for piece in answer.aiter_raw():
                heard.append(piece)
                yield piece
        except httpx.TransportError:
            incoming.scope["extensions"]["mockserver.abort"](reset=False)
            await incoming.receive()
        finally:
            self._take_down(asked, answer, b"".join(heard))
            await client.aclose()

    def _take_down(self, asked: httpx.Request, answer: httpx.Response, raw: bytes) -> None:
        headers = lower(answer.headers.multi_items())
        try:
            body = httpx.Response(200, headers=answer.headers, content=raw).content
        except httpx.DecodingError:  # it broke off in the middle of what was zipped
            body = b""
        request = Request(asked.method, str(asked.url), lower(asked.headers.multi_items()), asked.content)
        response = Response(answer.status_code, headers, body)
        self.exchanges.append(Exchange(request, response, f"recorded by mockserver {__version__}", date_of(headers)))

    def scrubbed(self, known: Iterable[Secret] = ()) -> tuple[list[Exchange], Mapping[Kind, int]]:
        """The exchanges without secrets, and how many different ones of each kind were in them."""
        scrubber = Scrubber(known)
        return scrubber.scrub(self.exchanges), scrubber.found


async def _outgoing(incoming: HttpRequest, upstream: str | None) -> httpx.Request:
    """The request that came in, addressed to where it belongs. The target stays as it was written."""
    query = incoming.scope["query_string"]
    target: bytes = incoming.scope["raw_path"] + (b"?" + query if query else b"")
    headers = [(name, value) for name, value in incoming.headers.items() if name not in _WRITTEN_ANEW]
    zips = "gzip" in incoming.headers.get("accept-encoding", "")
    base = httpx.URL(upstream or google_host(target.decode("latin-1")))
    return httpx.Request(
        incoming.method,
        base.copy_with(raw_path=target),
        headers=[*headers, ("accept-encoding", "gzip" if zips else "identity")],
        content=await incoming.body(),
    )


def google_host(target: str) -> str:
    """The Google host a path belongs to: a location's own, Vertex AI's, or the Developer API's."""
    path = target.partition("?")[0]
    if not _VERTEX.match(path):
        return DEVELOPER
    location = _LOCATION.search(path)
    return f"https://{location[1]}-aiplatform.googleapis.com" if location else "https://aiplatform.googleapis.com"


def checked_upstream(url: str) -> str:
    """A base URL that may be asked: a server on this machine, or one of Google's two APIs. Raises BadUpstream."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    local = parts.scheme in {"http", "https"} and host in _LOOPBACK
    google = parts.scheme == "https" and re.fullmatch(
        r"generativelanguage\.googleapis\.com|(?:[a-z]+-[a-z]+\d+-)?aiplatform\.googleapis\.com", host
    )
    if not local and not google:
        msg = f"upstream: {url!r} is neither one of Google's two APIs nor a server on this machine"
        raise BadUpstream(msg)
    return url.rstrip("/")


# Variables that hold secrets which need not look like any.
_SECRETS: Mapping[str, Kind] = {
    "GOOGLE_API_KEY": "key",
    "GEMINI_API_KEY": "key",
    "GOOGLE_CLOUD_PROJECT": "project",
    "GOOGLE_CLOUD_QUOTA_PROJECT": "project",
}


def known_secrets(variables: Mapping[str, str]) -> list[Secret]:
    """What the environment says is a key or a project."""
    return [Secret(kind, variables[name]) for name, kind in _SECRETS.items() if variables.get(name)]


def listen(command: Sequence[str], tape: Recorder) -> int:
    """Run a command whose clients ask the tape instead of Google; its exit status, as a shell would say it.

    OSError if it cannot be run.
    """
    running: list[subprocess.Popen[bytes]] = []
    with _leaving_interrupts_to(running):
        server = LiveServer(tape.app)
        url = server.start()
        bases = {"GOOGLE_GEMINI_BASE_URL": url, "GOOGLE_VERTEX_BASE_URL": url}
        try:
            with subprocess.Popen(command, env=os.environ | bases) as program:  # noqa: S603 - the user's own
                running.append(program)
                status = program.wait()
        finally:
            server.stop()
    return status if status >= 0 else 128 - status


@contextmanager
def _leaving_interrupts_to(running: "Sequence[subprocess.Popen[bytes]]") -> Iterator[None]:
    """Let the program say when it ends: what it has asked until then is to be kept.

    Ctrl-C reaches it anyhow, from the terminal. Who asks us to terminate, does not ask the program.
    """

    def terminate(*_: object) -> None:
        for program in running:
            program.terminate()

    earlier = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
        signal.SIGTERM: signal.signal(signal.SIGTERM, terminate),
    }
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def keep(tape: Recorder, path: Path) -> str:
    """Write down what the tape has heard; a sentence that says what that was. FileExistsError if there is a file."""
    if not tape.exchanges and tape.unanswered:
        return f"nothing was recorded: {_unanswered(tape)}"
    if not tape.exchanges:
        return (
            "nothing was recorded: no client asked for the addresses in GOOGLE_GEMINI_BASE_URL and "
            "GOOGLE_VERTEX_BASE_URL; one that ignores them has to be told its base URL"
        )
    scrubbed, found = tape.scrubbed(known_secrets(os.environ))
    write(path, scrubbed)
    secrets = ", ".join(f"{number} {kind}" for kind, number in sorted(found.items())) or "none seen"
    told = f"{len(scrubbed)} exchanges written to {path}; secrets scrubbed: {secrets}"
    return f"{told}; {_unanswered(tape)}" if tape.unanswered else told


def _unanswered(tape: Recorder) -> str:
    return f"of {tape.unanswered} requests the server could not be asked; the program was told 502 and why"
