"""The application: Google's surfaces and the tester's own API behind one ASGI callable."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.routing import Route as HttpRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from mockserver.control.guard import Guard
from mockserver.control.routes import Control
from mockserver.discovery import Discovery
from mockserver.dispatch.dispatcher import WouldBlock
from mockserver.http import token_endpoint
from mockserver.http.face import HttpFace
from mockserver.http.reply import Cut, Reply
from mockserver.http.request import HttpRequest
from mockserver.inspection.services import route_table
from mockserver.limits import QUICK_BYTES, REQUEST_BYTES
from mockserver.state.clock import SystemClock
from mockserver.state.world import World, Worlds

NO_EVENT_LOOP = "mockserver.no_event_loop"
"""The ASGI extension of a door that calls the app without an event loop: the app may block, and cannot await a thread."""


def create_app(world: World | Worlds | None = None, guard: Guard | None = None) -> ASGIApp:
    """The whole server as an ASGI app over one world, a fresh one by default, or over many.

    `guard` says who may control it: by default every program on this machine.
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
        await (google if versioned else everything)(scope, receive, send)

    return app


class Google:
    """The front end as an ASGI app: it awaits nothing but receive, send, the clock's sleep and what blocks.

    What waits for something outside has a thread of its own, one for all, so that it is done in the order in which it
    was asked for. What takes long to compute has several, so that the shorter does not wait for the longer.
    """

    def __init__(self, face: HttpFace) -> None:
        self._face = face
        self._waiting = ThreadPoolExecutor(1, thread_name_prefix="mockserver-waiting")
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
            thread = self._waiting if long.outside else self._computing
            reply = await asyncio.get_running_loop().run_in_executor(thread, self._face.answer, request)
        try:
            if reply.delay_seconds:
                await reply.clock.sleep(reply.delay_seconds)
            whole = not reply.reset and await _send(reply, send, has_loop=has_loop)
        finally:
            reply.close()  # which writes a stream down: before its client learns that it was broken off
        if not whole:
            await _break_off(scope, receive, reset=reply.reset)


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


async def _break_off(scope: Scope, receive: Receive, *, reset: bool) -> None:
    """End the connection instead of the answer, by what the door offers, and wait until it has ended."""
    scope["extensions"]["mockserver.abort"](reset=reset)
    await receive()


async def _send(reply: Reply, send: Send, *, has_loop: bool) -> bool:
    """Write a reply; False when it says that the connection is to break there. Others have their turn during a long one."""
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    if isinstance(reply.body, bytes):
        await send({"type": "http.response.body", "body": reply.body})
        return True
    waiting = b""
    for piece in reply.body:
        if isinstance(piece, bytes):
            waiting += piece
            if has_loop and len(waiting) > QUICK_BYTES:
                await send({"type": "http.response.body", "body": waiting, "more_body": True})
                waiting = b""
                await asyncio.sleep(0)
            continue
        if waiting:
            await send({"type": "http.response.body", "body": waiting, "more_body": True})
        waiting = b""
        if isinstance(piece, Cut):
            return False
        await reply.clock.sleep(piece.seconds)
    await send({"type": "http.response.body", "body": waiting})
    return True
