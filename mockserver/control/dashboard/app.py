"""Serves the dashboard: pages, what they load, their forms, and the live log."""

import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from mockserver import __version__
from mockserver.control.dashboard.forms import read_action
from mockserver.control.dashboard.pages import PAGES, TITLES, PageRequest, show_duration, show_time
from mockserver.control.guard import COOKIE, Guard
from mockserver.control.table import Table
from mockserver.dispatch.route_table import RouteTable
from mockserver.http.face import HttpFace
from mockserver.http.request import new_request
from mockserver.rpc.errors import ApiError, Code
from mockserver.settings.types import Speed
from mockserver.state.clock import Machine, SystemClock, to_datetime
from mockserver.state.store import Unavailable
from mockserver.state.world import World, Worlds

log = logging.getLogger("mockserver")

Json = dict[str, Any]

EVENT_SECONDS = 0.25
"""How often the live log looks for new calls."""

CLOCK_ACTIONS = {"+1 min": {"minutes": 1}, "+1 h": {"hours": 1}}

STATIC = {"dashboard.css": "text/css", "dashboard.js": "text/javascript"}

HEADERS = {
    # Nothing but what this server sends: a name that holds a script stays a name.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}

PROBABILITIES = ("", "NEGLIGIBLE", "LOW", "MEDIUM", "HIGH")


class Dashboard:
    """The pages over some worlds. `table` executes the operations of the control API, as forms ask for them."""

    def __init__(self, worlds: Worlds, routes: RouteTable, table: Table, guard: Guard) -> None:
        self._worlds = worlds
        self._routes = routes
        self._table = table
        self._guard = guard
        self._face = HttpFace(worlds, routes)
        self._templates = Environment(
            loader=PackageLoader("mockserver.control.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    async def answer(self, request: Request, path: str, read_body: Callable[[Request], Awaitable[bytes]]) -> Response:
        """Answer one request. Raises ApiError for one without the token; what is wrong with a page is said on it."""
        if path.startswith("/ui/static/"):
            return _static(path.rpartition("/")[2])
        form = (
            dict(parse_qsl((await read_body(request)).decode("utf-8", "replace"))) if request.method == "POST" else {}
        )
        if path == "/ui/token" and request.method == "POST":
            return self._accept_token(request, form.get("token", ""))
        try:
            self._guard.check(request.headers, request.cookies)
        except ApiError as refusal:
            if self._guard.token is None or path == "/ui/events":
                raise
            return self._render("token.html", request, {"error": "" if path == "/" else refusal.message}, status=401)
        return await self._answer(request, path, form)

    async def _answer(self, request: Request, path: str, form: Mapping[str, str]) -> Response:
        try:
            page = self._page_request(request, form)
        except ApiError as error:
            return self._refuse(request, error)
        if path == "/ui/events":
            return self._events(request, page)
        try:
            return self._make_page(request, path, page)
        except ApiError as error:
            return self._refuse(request, error, page.world)

    def _make_page(self, request: Request, path: str, page: PageRequest) -> Response:
        if request.method == "POST" and path == "/ui/act":
            return self._act(page)
        if request.method == "POST" and path == "/ui/try":
            page = self._try(page)
        elif request.method != "GET":
            raise ApiError(Code.INVALID_ARGUMENT, f"/_mock{path} takes GET, not {request.method}")
        if path not in PAGES:
            raise ApiError(Code.NOT_FOUND, f"there is no page /_mock{path}")
        return self._render(PAGES[path].template, request, PAGES[path].make(page), world=page.world)

    def _page_request(self, request: Request, form: Mapping[str, str]) -> PageRequest:
        query = dict(request.query_params)
        world = self._worlds.find(query.get("world", self._worlds.default.name))
        if world is None:
            raise ApiError(Code.NOT_FOUND, f"there is no world {query['world']!r}")
        return PageRequest(
            self._worlds, world, self._routes, str(request.base_url).split("/_mock")[0].rstrip("/"), query, form
        )

    def _act(self, page: PageRequest) -> Response:
        """Do what a form asks for, and return to its page."""
        action = read_action(page.form)
        self._table.answer(action.verb, action.path, {"world": page.world.name}, action.body)
        return RedirectResponse(action.back, 303, headers=HEADERS)

    def _try(self, page: PageRequest) -> PageRequest:
        """Ask the model of a job, as a client would."""
        model = PAGES["/ui/job"].make(page)["detail"].model
        if not model:
            raise ApiError(Code.FAILED_PRECONDITION, "the model answers once its job has succeeded")
        credentials = page.world.credentials
        version = "v1beta" if model.count("/") == 1 else "v1"
        body = orjson.dumps({"contents": [{"role": "user", "parts": [{"text": page.form.get("prompt", "")}]}]})
        reply = self._face.answer(
            new_request(
                sent_verb="POST",
                path=f"/{version}/{model}:generateContent",
                query="",
                headers={
                    "content-type": "application/json",
                    "content-length": str(len(body)),
                    "authorization": f"Bearer {credentials.token}",
                    "x-goog-user-project": credentials.project,
                },
                body=body,
            )
        )
        content = (
            reply.body if isinstance(reply.body, bytes) else b"".join(it for it in reply.body if isinstance(it, bytes))
        )
        return replace(page, answer=_describe_answer(orjson.loads(content)))

    def _accept_token(self, request: Request, token: str) -> Response:
        """Set the cookie for the right token. Only pages of this server send it."""
        expected = self._guard.token
        if expected is None or not hmac.compare_digest(token.encode(), expected.encode()):
            return self._render("token.html", request, {"error": "this is not the token"}, status=401)
        response = RedirectResponse(f"{_root(request)}/", 303, headers=HEADERS)
        response.set_cookie(COOKIE, token, httponly=True, samesite="strict", path=_root(request) or "/")
        return response

    def _events(self, request: Request, page: PageRequest) -> Response:
        """Return the log from a number on, as server-sent events whose ids are the numbers of the calls."""
        resumed = request.headers.get("last-event-id", "")
        after = int(resumed) if resumed.isdigit() else page.number("after")
        template = self._templates.get_template("call_row.html")

        async def events() -> AsyncIterator[str]:
            last = after
            yield "retry: 1000\n\n"
            while not await request.is_disconnected():
                try:
                    for number, call in page.world.calls.since(last):
                        values = self._common(request, page.world) | {"number": number, "call": call}
                        row = " ".join(template.render(values).split())
                        yield f"id: {number}\ndata: {row}\n\n"
                        last = max(last, number)
                except Unavailable as error:
                    log.error("the live log ends: %s", error)  # noqa: TRY400 - the sentence says it all
                    return  # the page asks again in a second
                await Machine.async_sleep(EVENT_SECONDS)

        return StreamingResponse(events(), media_type="text/event-stream", headers=HEADERS)

    def _refuse(self, request: Request, error: ApiError, world: World | None = None) -> Response:
        return self._render("refusal.html", request, {"error": error.message}, world=world, status=error.code.http)

    def _render(
        self, template: str, request: Request, values: Json, *, world: World | None = None, status: int = 200
    ) -> Response:
        content = self._templates.get_template(template).render(self._common(request, world) | values)
        # What a test in Python has given may have half of a surrogate pair.
        return Response(content.encode("utf-8", "replace"), status, media_type="text/html", headers=HEADERS)

    def _common(self, request: Request, world: World | None) -> Json:
        """Return what every template needs."""
        root, query = _root(request), request.query_params
        world_query = {"world": query["world"]} if "world" in query else {}

        def link(path: str, **parameters: object) -> str:
            words = urlencode(world_query | {name: str(value) for name, value in parameters.items()})
            return f"{root}{path}?{words}" if words else f"{root}{path}"

        path = request.url.path.removeprefix(root)
        here = f"{root}{'/ui/job' if path == '/ui/try' else path}" + (
            f"?{request.url.query}" if request.url.query else ""
        )
        common: Json = {
            "root": root,
            "link": link,
            "page": path,
            "here": here,
            "pages": TITLES,
            "version": __version__,
            "error": "",
            "duration": show_duration,
            "clock_time": show_time,
        }
        return common if world is None else common | _describe_clock(world)


def _describe_clock(world: World) -> Json:
    clock = world.clock
    can_run = isinstance(clock, SystemClock)
    factor = clock.factor if isinstance(clock, SystemClock) else 0.0
    return {
        "world": world,
        "world_name": world.name,
        "now": show_time(to_datetime(clock.now())),
        "speed": ("paused" if can_run else "manual clock") if factor == 0 else f"at {Speed().text(factor)}",
        "factor": f"{factor:g}",
        "is_running": factor > 0,
        "can_run": can_run,
        "clock_actions": CLOCK_ACTIONS,
    }


def _describe_answer(answer: Json) -> Json:
    """Return the text of an answer, how it ended, and its ratings."""
    if "error" in answer:
        return {"text": answer["error"]["message"], "finish": answer["error"]["status"], "ratings": []}
    candidate: Json = next(iter(answer.get("candidates", [])), {})
    parts = candidate.get("content", {}).get("parts", [])
    ratings = candidate.get("safetyRatings") or answer.get("promptFeedback", {}).get("safetyRatings", [])
    return {
        "text": "".join(part.get("text", "") for part in parts),
        "finish": candidate.get("finishReason", "the prompt was blocked"),
        "ratings": [
            {
                "category": rating["category"].removeprefix("HARM_CATEGORY_").replace("_", " ").lower(),
                "probability": rating["probability"],
                "level": PROBABILITIES.index(rating["probability"]) if rating["probability"] in PROBABILITIES else 0,
            }
            for rating in ratings
        ],
    }


def _static(name: str) -> Response:
    if name not in STATIC:
        raise ApiError(Code.NOT_FOUND, f"there is no file {name[:100]!r}")
    content = files("mockserver.control.dashboard").joinpath("static", name).read_bytes()
    return Response(content, media_type=STATIC[name], headers=HEADERS | {"cache-control": "no-cache"})


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))
