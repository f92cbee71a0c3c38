"""The application: Google's surfaces and the tester's own API behind one ASGI callable."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount
from starlette.routing import Route as HttpRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from mockserver.control.guard import Guard
from mockserver.control.routes import Control
from mockserver.discovery import Discovery
from mockserver.dispatch.dispatcher import WouldBlock
from mockserver.http import token_endpoint
from mockserver.http.blocking import BlockingCalls
from mockserver.http.error_body import error_body
from mockserver.http.face import HttpFace
from mockserver.http.host_guard import HostGuard
from mockserver.http.reply import Cut, Reply
from mockserver.http.request import HttpRequest
from mockserver.inspection.services import route_table
from mockserver.limits import QUICK_BYTES, REQUEST_BYTES
from mockserver.rpc.errors import ApiError
from mockserver.state.clock import Clock, ManualClock, SystemClock
from mockserver.state.world import World, Worlds

log = logging.getLogger("mockserver")

NO_EVENT_LOOP = "mockserver.no_event_loop"
"""The ASGI extension of a door that calls the app without an event loop: the app may block, and cannot await a thread."""


def create_app(
    world: World | Worlds | None = None, guard: Guard | None = None, host_guard: HostGuard | None = None
) -> ASGIApp:
    """The whole server as an ASGI app over one world, a fresh one by default, or over many.

    `guard` says who may control it: by default every program on this machine. `host_guard` says under which names
    it is used, and by which web pages: by default under all and by all, as Google's own.
    """
    worlds = world if isinstance(world, Worlds) else Worlds(world or World(SystemClock()))
    table = route_table()
    google = Google(HttpFace(worlds, table))
    everything = Starlette(
        routes=[
            HttpRoute("/token", token_endpoint.exchange, methods=["POST"]),
            HttpRoute("/$discovery/rest", Discovery(worlds, table).answer),
            Mount("/_mock", Control(worlds, table, guard or Guard())),
            Mount("/", google),
        ]
    )
    everything.router.redirect_slashes = False

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # Starlette's router takes as long as reading the request does; and a version is where only Google's paths begin.
        versioned = scope["type"] == "http" and scope["path"].startswith("/v1")
        answer: ASGIApp = google if versioned else everything
        if host_guard is not None and scope["type"] == "http" and not scope["path"].startswith("/_mock/"):
            try:
                host_guard.check(scope["headers"])
            except ApiError as refusal:
                log.warning("%s", refusal.message)
                answer = Response(error_body(refusal), refusal.code.http, media_type="application/json")
        await answer(scope, receive, send)

    return app


class Google:
    """The front end as an ASGI app: it awaits nothing but receive, send, the clock's sleep and what blocks.

    What waits for something outside has a thread of its own, so that it holds up nobody else. What takes long to
    compute shares a few, so that the shorter does not wait for the longer.
    """

    def __init__(self, face: HttpFace) -> None:
        self._face = face
        self._waiting = BlockingCalls[Reply]()
        self._computing = ThreadPoolExecutor(4, thread_name_prefix="mockserver-computing")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the whole request, answer it, write the reply piece by piece. Half a request is none."""
        body = await _body(receive)
        if body is None:
            return
        request = _request(scope, body)
        has_loop = NO_EVENT_LOOP not in (scope.get("extensions") or ())
        try:
            reply = self._face.answer(request, may_block=not has_loop)
        except WouldBlock as long:
            if long.outside:
                reply = await asyncio.wrap_future(self._waiting.submit(lambda: self._face.answer(request)))
            else:
                loop = asyncio.get_running_loop()
                reply = await loop.run_in_executor(self._computing, self._face.answer, request)
        client = _Client(scope, receive, send)
        try:
            if reply.delay_seconds:
                await client.sleep(reply.clock, reply.delay_seconds)
            if reply.reset or not await _send(reply, client, has_loop=has_loop):
                reply.close()  # written down before the client can know that it is over
                await client.break_off(reset=reply.reset)
        except _ClientLeft:
            pass
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
        if NO_EVENT_LOOP in self._extensions or isinstance(clock, ManualClock):
            await clock.sleep(seconds)
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
        """End the connection instead of the answer, by what the door offers, and wait until it has ended."""
        self._extensions["mockserver.abort"](reset=reset)
        await self._receive()


def _request(scope: Scope, body: bytes) -> HttpRequest:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return HttpRequest(
        verb=scope["method"],
        path=scope.get("raw_path", scope["path"].encode()).partition(b"?")[0].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
    )


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or as much of it as shows that it is too large; None if the client left before its end."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece = message.get("body", b"")
        if size <= REQUEST_BYTES:
            pieces.append(piece)
        size += len(piece)
        if not message.get("more_body"):
            return b"".join(pieces)


async def _send(reply: Reply, client: _Client, *, has_loop: bool) -> bool:
    """Write a reply; False when it says that the connection is to break there. Others have their turn during a long one."""
    await client.send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    if isinstance(reply.body, bytes):
        await client.send({"type": "http.response.body", "body": reply.body})
        return True
    waiting = b""
    for piece in reply.body:
        if isinstance(piece, bytes):
            waiting += piece
            if has_loop and len(waiting) > QUICK_BYTES:
                await client.send({"type": "http.response.body", "body": waiting, "more_body": True})
                waiting = b""
                await asyncio.sleep(0)
            continue
        if waiting:
            await client.send({"type": "http.response.body", "body": waiting, "more_body": True})
        waiting = b""
        if isinstance(piece, Cut):
            return False
        await client.sleep(reply.clock, piece.seconds)
    await client.send({"type": "http.response.body", "body": waiting})
    return True
