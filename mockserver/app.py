"""The ASGI application: Google's APIs, Cloud Storage, the control API and discovery."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Protocol

from starlette.applications import Starlette
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount
from starlette.routing import Route as HttpRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from mockserver import cloud_storage
from mockserver.control.guard import Guard
from mockserver.control.routes import Control
from mockserver.discovery import Discovery
from mockserver.dispatch.access_log import CallCounter
from mockserver.dispatch.dispatcher import WouldBlock
from mockserver.dispatch.routing import Cut
from mockserver.http import identity
from mockserver.http.blocking import BlockingCalls
from mockserver.http.error_body import error_body
from mockserver.http.face import HttpFace
from mockserver.http.host_guard import HostGuard
from mockserver.http.reply import TEMPLATE, HttpReply
from mockserver.http.request import NO_EVENT_LOOP, UNRECORDED, HttpRequest, RequestReader
from mockserver.inspection.services import route_table
from mockserver.limits import OBJECT_BYTES, QUICK_BYTES, REQUEST_BYTES
from mockserver.rpc.errors import ApiError
from mockserver.rpc.hosts import without_host
from mockserver.state.clock import Clock, ManualClock, SystemClock
from mockserver.state.store import Unavailable
from mockserver.state.world import World, Worlds

log = logging.getLogger("mockserver")

ABORT = "mockserver.abort"
"""The ASGI extension of a door that can break a connection: a function with the keyword `reset`."""


def create_app(
    world: World | Worlds | None = None,
    guard: Guard | None = None,
    host_guard: HostGuard | None = None,
    calls: CallCounter | None = None,
) -> ASGIApp:
    """Create the ASGI app of the server for one world, by default a new one, or for several.

    `guard` decides who may use the control API: by default every program on this machine. `host_guard` decides under
    which host names, and from which web pages, the server may be used: by default all, as Google's own. `calls` logs
    and counts every call.
    """
    worlds = world if isinstance(world, Worlds) else Worlds(world or World(SystemClock()))
    return _App(worlds, guard or Guard(), host_guard, calls or CallCounter())


class _App:
    """The ASGI application: chooses the part of the server that answers a request."""

    def __init__(self, worlds: Worlds, guard: Guard, host_guard: HostGuard | None, calls: CallCounter) -> None:
        table = route_table()
        self._worlds = worlds
        self._host_guard = host_guard
        self._calls = calls
        self._services = FaceApp(HttpFace(worlds, table, calls.log_call), REQUEST_BYTES)
        self._identity = identity.create_app(worlds)
        self._others = Starlette(
            routes=[
                HttpRoute("/$discovery/rest", Discovery(worlds, table).answer),
                Mount("/_mock", Control(worlds, table, guard, calls)),
                Mount("/", self._services),
            ]
        )
        self._others.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request by the part that it is for."""
        part: ASGIApp = self._others
        if scope["type"] == "http":
            if ".googleapis.com" in scope["path"]:
                scope = _without_host(scope)
            part = self._choose(scope)
            if self._host_guard is not None and not _has_own_guard(scope["path"]):
                part = _refuse_host(self._host_guard, scope) or part
        await part(scope, receive, send)

    def _choose(self, scope: Scope) -> ASGIApp:
        path, headers = scope["path"], scope["headers"]
        if identity.is_identity_path(path):
            return self._identity
        # Starlette's router takes as long as reading the request, and only Google's paths begin with a version.
        if path.startswith("/v1"):
            return self._services
        if path == "/" and identity.asks_for_metadata(headers):
            return identity.METADATA_ROOT
        if path == "/" and _is_browser(scope):
            return RedirectResponse("/_mock/")
        host = next((value.decode("latin-1") for name, value in headers if name == b"host"), "")
        return self._storage if cloud_storage.serves(host, path) else self._others

    @cached_property
    def _storage(self) -> "FaceApp":
        from mockserver.cloud_storage.face import StorageFace  # noqa: PLC0415 - few clients store objects

        return FaceApp(StorageFace(self._worlds, self._calls.log_call), OBJECT_BYTES)


def _without_host(scope: Scope) -> Scope:
    """Return the scope of a request whose path may begin with a host of Google's, as a base URL may end with one.

    Not on Google's own hosts, which have no such path.
    """
    if dict(scope["headers"]).get(b"host", b"").endswith(b".googleapis.com"):
        return scope
    raw_path = without_host(scope.get("raw_path", scope["path"].encode()).decode("latin-1"))
    return {**scope, "path": without_host(scope["path"]), "raw_path": raw_path.encode("latin-1")}


def _has_own_guard(path: str) -> bool:
    """Return whether the control API decides who may ask. It lets everybody ask for gRPC, which opens a port."""
    return path.startswith("/_mock/") and path != "/_mock/grpc"


def _refuse_host(guard: HostGuard, scope: Scope) -> Response | None:
    """Return the refusal of a request under a foreign host name or from a foreign web page; None if it is allowed."""
    try:
        guard.check(scope["headers"])
    except ApiError as refusal:
        log.warning("%s", refusal.message)
        return Response(error_body(refusal), refusal.code.http, media_type="application/json")
    return None


class Face(Protocol):
    """Answers HTTP requests. Raises WouldBlock for one that takes long, if `may_block` is false."""

    def answer(self, http: HttpRequest, *, may_block: bool = True) -> HttpReply:
        """Answer a request."""


def _is_browser(scope: Scope) -> bool:
    """Return whether somebody looks at the server itself. Google's own hosts answer 404 there, for browsers too."""
    headers = dict(scope["headers"])
    is_page = scope["method"] == "GET" and b"text/html" in headers.get(b"accept", b"")
    return is_page and not headers.get(b"host", b"").endswith(b".googleapis.com")


class FaceApp:
    """A face as an ASGI app.

    A request that waits for something outside of this process has its own thread. Requests that take long to compute
    share a few threads. Of a body larger than the limit only enough is kept for the face to see that it is too large.
    """

    def __init__(self, face: Face, limit: int) -> None:
        self._face = face
        self._limit = limit
        self._reader = RequestReader()
        self._waiting = BlockingCalls[HttpReply]()
        self._computing = ThreadPoolExecutor(4, thread_name_prefix="mockserver-computing")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the request, answer it and send the reply. An incomplete request is ignored."""
        message = await receive()
        body = message.get("body", b"")
        if message.get("more_body"):
            body = await _read_rest(body, receive, self._limit)
        if body is None or message["type"] == "http.disconnect":
            return
        path = scope.get("raw_path") or scope["path"].encode()
        request = self._reader.read(scope["method"], path, scope["query_string"], scope["headers"], body)
        extensions = scope.get("extensions") or ()
        request.is_unrecorded = UNRECORDED in extensions
        has_loop = NO_EVENT_LOOP not in extensions
        try:
            reply = self._face.answer(request, may_block=not has_loop)
        except WouldBlock as long:
            if long.outside:
                reply = await asyncio.wrap_future(self._waiting.submit(lambda: self._face.answer(request)))
            else:
                loop = asyncio.get_running_loop()
                reply = await loop.run_in_executor(self._computing, self._face.answer, request)
        scope[TEMPLATE] = reply.template
        if isinstance(reply.body, bytes) and not reply.delay_seconds and not reply.reset:  # as nearly every reply
            await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
            await send({"type": "http.response.body", "body": reply.body})
            return
        await _deliver(reply, _Client(scope, receive, send), has_loop=has_loop)


async def _deliver(reply: HttpReply, client: "_Client", *, has_loop: bool) -> None:
    """Send a reply that is delayed, streamed or broken off."""
    try:
        if reply.delay_seconds:
            await client.sleep(reply.clock, reply.delay_seconds)
        if reply.reset or not await _send(reply, client, has_loop=has_loop):
            reply.close()  # log the call before the client sees the connection end
            await client.break_off(reset=reply.reset)
    except _ClientLeft:
        pass
    except Unavailable as error:  # the clock cannot be read: the rest of the answer would never be due
        log.error("%s", error)  # noqa: TRY400 - the sentence says it all
        await client.break_off(reset=False)
    finally:
        reply.close()


class _ClientLeft(Exception):
    """The client closed the connection while its answer was held back."""


class _Client:
    """The other end of a request that has been read: what is sent to it, and whether it still waits."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._extensions = scope.get("extensions") or {}
        self._receive = receive
        self.send = send

    async def sleep(self, clock: Clock, seconds: float) -> None:
        """Wait on the clock. Raises _ClientLeft as soon as nobody waits for what comes then."""
        if (wait := self._extensions.get(NO_EVENT_LOOP)) is not None or isinstance(clock, ManualClock):
            await clock.sleep(seconds, wait)
            return
        tasks = {asyncio.ensure_future(clock.sleep(seconds)), asyncio.ensure_future(self._disconnect())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()

    async def _disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        raise _ClientLeft

    async def break_off(self, *, reset: bool) -> None:
        """End the connection instead of the answer, by what the door offers, and wait until it has ended.

        RuntimeError on an ASGI server that does not offer it; once the answer has begun, such a server closes the
        connection because of the error.
        """
        abort = self._extensions.get(ABORT)
        if abort is None:
            raise RuntimeError(
                f"the injected fault breaks the connection, which this ASGI server cannot do: it has no {ABORT!r}"
                " extension. Use `mockserver serve`, MockServer().live() or the fixtures"
            )
        abort(reset=reset)
        await self._receive()


async def _read_rest(first: bytes, receive: Receive, limit: int) -> bytes | None:
    """Read the rest of a body; if it is too large, only as much as shows that. None if the client disconnects."""
    pieces = [first]
    size = len(first)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece = message.get("body", b"")
        if size <= limit:
            pieces.append(piece)
        size += len(piece)
        if not message.get("more_body"):
            return b"".join(pieces)


async def _send(reply: HttpReply, client: _Client, *, has_loop: bool) -> bool:
    """Send a reply; return False if the connection must be broken at its end. Other requests run during a long one."""
    await client.send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    if isinstance(reply.body, bytes):
        await client.send({"type": "http.response.body", "body": reply.body})
        return True
    due: list[bytes] = []
    size = 0
    for piece in reply.body:
        if isinstance(piece, bytes):
            due.append(piece)
            size += len(piece)
            if has_loop and size > QUICK_BYTES:
                await client.send({"type": "http.response.body", "body": b"".join(due), "more_body": True})
                due, size = [], 0
                await asyncio.sleep(0)
            continue
        if due:
            await client.send({"type": "http.response.body", "body": b"".join(due), "more_body": True})
        due, size = [], 0
        if isinstance(piece, Cut):
            return False
        await client.sleep(reply.clock, piece.seconds)
    await client.send({"type": "http.response.body", "body": b"".join(due)})
    return True
