"""The control API and the dashboard as an ASGI app.

Operations and pages are loaded at the first request: most servers are never controlled, and pydantic takes longer to
load than everything else.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from mockserver import __version__
from mockserver.control.guard import Guard
from mockserver.dispatch.access_log import CallCounter
from mockserver.dispatch.dispatcher import BUG
from mockserver.dispatch.route_table import RouteTable
from mockserver.http.error_body import error_body
from mockserver.http.request import NO_EVENT_LOOP
from mockserver.limits import CONTROL_BYTES
from mockserver.rpc.errors import ApiError, Code
from mockserver.settings.extras import install_command
from mockserver.state.clock import to_datetime
from mockserver.state.store import Unavailable
from mockserver.state.world import Worlds

if TYPE_CHECKING:
    from mockserver.control.dashboard.app import Dashboard
    from mockserver.control.table import Table


log = logging.getLogger("mockserver")


_OPEN_TO_ALL = frozenset({"/healthz", "/readyz", "/grpc"})
"""What needs no token: it is asked from outside, and says nothing secret."""


class Control:
    """The control API over some worlds, for the requests that the guard permits."""

    def __init__(self, worlds: Worlds, table: RouteTable, guard: Guard, calls: CallCounter) -> None:
        self._worlds = worlds
        self._calls = calls
        self._routes = table
        self._guard = guard
        self._operations: Table | None = None
        self._dashboard: Dashboard | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        response = await self._answer(request, scope["path"].removeprefix(scope["root_path"]))
        await response(scope, receive, send)

    async def _answer(self, request: Request, path: str) -> Response:
        if path in _OPEN_TO_ALL:
            return await self._answer_anybody(request, path)
        try:
            if path == "/metrics":
                return self._metrics(request)
            if path.startswith("/ui/") or (path in {"", "/"} and _is_browser(request)):
                return await self._pages().answer(request, path or "/", _body)
            self._guard.check(request.headers)
            body = self._table().answer(request.method, path, dict(request.query_params), await _body(request))
            return Response(body, media_type="application/json")
        except ApiError as error:
            return _refused(error)
        except Unavailable as error:
            return _refused(ApiError(Code.UNAVAILABLE, str(error)))
        except Exception as error:  # a bug of ours
            log.exception(BUG, f"{request.method} /_mock{path}")
            return _refused(ApiError(Code.INTERNAL, f"this is a bug in the mock server, please report it: {error!r}"))

    async def _answer_anybody(self, request: Request, path: str) -> Response:
        if path == "/healthz":
            return JSONResponse({"status": "ok", "version": __version__, "methods": len(self._routes.routes)})
        if path == "/readyz":
            return self._readiness()
        if NO_EVENT_LOOP in request.scope.get("extensions", {}):
            return self._grpc_port()
        return await run_in_threadpool(self._grpc_port)

    def _readiness(self) -> Response:
        """Answer 200 if the store can be read, else 503."""
        try:
            time = to_datetime(self._worlds.default.clock.now()).isoformat()
        except Unavailable as error:
            return JSONResponse({"status": "unavailable", "store": str(error)}, 503)
        return JSONResponse({"status": "ready", "store": "ok", "time": time})

    def _grpc_port(self) -> Response:
        """Answer with the port of gRPC in plaintext, which may be opened now; null if there is none."""
        try:
            target = self._worlds.find_grpc_target()
        except RuntimeError as error:  # grpcio is not installed
            return JSONResponse({"port": None, "reason": str(error)})
        return JSONResponse({"port": int(target.rpartition(":")[2]) if target else None, "reason": ""})

    def _metrics(self, request: Request) -> Response:
        try:
            from mockserver.control.metrics import print_metrics
        except ModuleNotFoundError:
            sentence = f"metrics need prometheus-client, which is not installed. Run: {install_command('metrics')}"
            raise ApiError(Code.UNIMPLEMENTED, sentence) from None
        body, content_type = print_metrics(self._worlds, self._calls, request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    def _pages(self) -> Dashboard:
        from mockserver.control.dashboard.app import Dashboard

        if self._dashboard is None:
            self._dashboard = Dashboard(self._worlds, self._routes, self._table(), self._guard)
        return self._dashboard

    def _table(self) -> Table:
        from mockserver.control.table import Table

        if self._operations is None:
            self._operations = Table(self._worlds, self._routes)
        return self._operations


def _is_browser(request: Request) -> bool:
    return request.method == "GET" and "text/html" in request.headers.get("accept", "")


def _refused(error: ApiError) -> Response:
    return Response(error_body(error), error.code.http, media_type="application/json")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > CONTROL_BYTES:
            raise ApiError(
                Code.INVALID_ARGUMENT, f"the body of a request to the control API has at most {CONTROL_BYTES} bytes"
            )
    return bytes(body)
