"""The control API as an ASGI app: who may ask, which operation is meant, what it is given and what it says.

Its operations are loaded when the first of them is asked for: most servers are never controlled, and
pydantic takes longer to load than all the rest.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from mockserver import __version__
from mockserver.control.guard import Guard
from mockserver.dispatch.route_table import RouteTable
from mockserver.http.error_body import error_body
from mockserver.limits import CONTROL_BYTES
from mockserver.rpc.errors import ApiError, Code
from mockserver.state.world import Worlds

if TYPE_CHECKING:
    from mockserver.control.table import Table


log = logging.getLogger("mockserver")


class Control:
    """The control API over these worlds and the methods of this table, for whom the guard lets in."""

    def __init__(self, worlds: Worlds, table: RouteTable, guard: Guard) -> None:
        self._worlds = worlds
        self._routes = table
        self._guard = guard
        self._operations: Table | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        response = await self._answer(request, scope["path"].removeprefix(scope["root_path"]))
        await response(scope, receive, send)

    async def _answer(self, request: Request, path: str) -> Response:
        if path == "/health":  # open to all: whoever watches over a container asks from outside
            return JSONResponse({"status": "ok", "version": __version__, "methods": len(self._routes.routes)})
        try:
            self._guard.check(request.headers)
            said = self._table().answer(request.method, path, dict(request.query_params), await _body(request))
            return Response(said, media_type="application/json")
        except ApiError as error:
            return _refused(error)
        except Exception as error:
            log.exception(
                "%s /_mock%s failed; this is a bug in the mock server, please report it", request.method, path
            )
            return _refused(ApiError(Code.INTERNAL, f"this is a bug in the mock server, please report it: {error!r}"))

    def _table(self) -> Table:
        from mockserver.control.table import Table

        if self._operations is None:
            self._operations = Table(self._worlds, self._routes)
        return self._operations


def _refused(error: ApiError) -> Response:
    return Response(error_body(error), error.code.http, media_type="application/json")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > CONTROL_BYTES:
            raise ApiError(Code.INVALID_ARGUMENT, f"a request to the control API has at most {CONTROL_BYTES} bytes")
    return bytes(body)
