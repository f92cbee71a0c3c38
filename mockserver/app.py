"""The ASGI application: Google's APIs, the control API and discovery."""

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
from mockserver.http.face import BODY_LIMIT, HttpFace
from mockserver.http.reply import Cut, Reply
from mockserver.http.request import HttpRequest
from mockserver.inspection.services import route_table
from mockserver.state.clock import SystemClock
from mockserver.state.world import World, Worlds

NO_EVENT_LOOP = "mockserver.no_event_loop"
"""The ASGI extension of a door without an event loop: the app may block, and cannot await a thread."""


def create_app(world: World | Worlds | None = None, guard: Guard | None = None) -> ASGIApp:
    """Create the ASGI app of the server for one world, by default a new one, or for several.

    `guard` decides who may use the control API: by default every program on this machine.
    """
    worlds = world if isinstance(world, Worlds) else Worlds(world or World(SystemClock()))
    table = route_table()
    google = Google(HttpFace(worlds, table))
    router = Starlette(
        routes=[
            HttpRoute("/token", token_endpoint.exchange, methods=["POST"]),
            HttpRoute("/$discovery/rest", Discovery(worlds, table).answer),
            Mount("/_mock", Control(worlds, table, guard or Guard())),
            Mount("/", google),
        ]
    )
    router.router.redirect_slashes = False

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # Starlette's router takes as long as reading the request, and only Google's paths begin with a version.
        versioned = scope["type"] == "http" and scope["path"].startswith("/v1")
        await (google if versioned else router)(scope, receive, send)

    return app


class Google:
    """The HTTP face as an ASGI app.

    Requests that block run in one thread, in the order of their arrival.
    """

    def __init__(self, face: HttpFace) -> None:
        self._face = face
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mockserver-blocking")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the request, answer it and send the reply. An incomplete request is ignored."""
        body = await _body(receive)
        if body is None:
            return
        request = _request(scope, body)
        try:
            reply = self._face.answer(request, may_block=NO_EVENT_LOOP in (scope.get("extensions") or ()))
        except WouldBlock:
            loop = asyncio.get_running_loop()
            reply = await loop.run_in_executor(self._thread, self._face.answer, request)
        try:
            if reply.delay_seconds:
                await reply.clock.sleep(reply.delay_seconds)
            is_complete = not reply.reset and await _send(reply, send)
        finally:
            reply.close()  # completes the log of a stream, before the client sees the connection break
        if not is_complete:
            await _abort(scope, receive, reset=reply.reset)


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
    """Read the body; if it is too large, only as much as shows that. None if the client disconnects before its end."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece = message.get("body", b"")
        if size <= BODY_LIMIT:
            pieces.append(piece)
        size += len(piece)
        if not message.get("more_body"):
            return b"".join(pieces)


async def _abort(scope: Scope, receive: Receive, *, reset: bool) -> None:
    """Break the connection through the door's extension, and wait until it is closed."""
    scope["extensions"]["mockserver.abort"](reset=reset)
    await receive()


async def _send(reply: Reply, send: Send) -> bool:
    """Send a reply; return False if the connection must be broken at its end."""
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    if isinstance(reply.body, bytes):
        await send({"type": "http.response.body", "body": reply.body})
        return True
    buffer = b""
    for piece in reply.body:
        if isinstance(piece, bytes):
            buffer += piece
            continue
        if buffer:
            await send({"type": "http.response.body", "body": buffer, "more_body": True})
        buffer = b""
        if isinstance(piece, Cut):
            return False
        await reply.clock.sleep(piece.seconds)
    await send({"type": "http.response.body", "body": buffer})
    return True
