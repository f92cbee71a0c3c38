"""What a run of the tests heard from us: every JSON answer, and how much of the API it has touched."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from mockserver.dispatch.route_table import Match
from mockserver.dispatch.routing import Route
from mockserver.inspection.services import route_table
from mockserver.protojson import schema
from mockserver.protojson.reading import HTTP_BODY
from mockserver.protojson.schema import Field, FieldType
from mockserver.state.calls import RecordedCall

Json = dict[str, Any]

STATUS = "google.rpc.Status"
ANY = "google.protobuf.Any"

# Types whose JSON is no object with the members of the type, but for Any, which is another message in disguise.
WORDS = "google.protobuf."

# google/api/error_reason.proto says what each means; these are the ones the two services were seen to use.
REASONS = (
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    "ACCESS_TOKEN_TYPE_UNSUPPORTED",
    "API_KEY_HTTP_REFERRER_BLOCKED",
    "API_KEY_INVALID",
    "API_KEY_SERVICE_BLOCKED",
    "CONSUMER_INVALID",
    "CONSUMER_SUSPENDED",
    "CREDENTIALS_MISSING",
    "IAM_PERMISSION_DENIED",
    "LOCATION_POLICY_VIOLATED",
    "RATE_LIMIT_EXCEEDED",
    "SERVICE_DISABLED",
    "USER_PROJECT_DENIED",
)

_EVENT = re.compile(rb"data: (.*)\r\n\r\n")


class Harvest:
    """Answers, each once, and what of the API was touched: methods, messages, values of enums, reasons of errors."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, bytes], None] = {}
        self.methods: Counter[str] = Counter()
        self.messages: set[str] = set()
        self.values: set[tuple[str, str]] = set()
        self.reasons: set[str] = set()

    @property
    def heard(self) -> int:
        """How many different answers there were."""
        return len(self._answers)

    def hear(self, request: httpx.Request, answer: httpx.Response) -> None:
        """Keep an answer in JSON, if it is one of a method's."""
        verb = request.headers.get("x-http-method-override", request.method)
        match = route_of(verb.upper(), request.url.raw_path.partition(b"?")[0].decode("latin-1"))
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if match is None or kind not in {"application/json", "text/event-stream"}:
            return
        response = match.route.response if answer.status_code == 200 else STATUS
        if response == HTTP_BODY:
            return  # the bytes of a model
        for body in _EVENT.findall(answer.content) if kind == "text/event-stream" else [answer.content]:
            self._answers[(response, body)] = None

    def note(self, calls: Iterable[RecordedCall]) -> None:
        """Count what these calls touched."""
        for call in calls:
            route = called(call)
            if route is None:
                continue
            self.methods[method_of(route)] += 1
            if call.request is not None:
                self._walk(route.request, call.request)
            if call.status >= 400:
                self._walk(STATUS, call.response)
                self.reasons |= {detail["reason"] for detail in call.response.get("details", ()) if "reason" in detail}
                continue
            for message in call.response if isinstance(call.response, list) else [call.response]:
                self._walk(route.response, message)

    def _walk(self, name: str, value: Mapping[str, Any]) -> None:
        if name == ANY:
            name = str(value.get("@type", "")).rpartition("/")[2]
        if name.startswith(WORDS) or not name:
            return
        self.messages.add(name)
        fields = schema.message(name).by_name
        for member, held in value.items():
            if member != "@type":
                self._walk_field(fields[member], held)

    def _walk_field(self, field: Field, held: Any) -> None:
        if field.map:
            inner = schema.message(field.type_name).by_name["value"]
            values: Iterable[Any] = held.values()
        else:
            inner = field
            values = held if field.repeated else [held]
        if inner.kind is FieldType.MESSAGE and (inner.type_name == ANY or not inner.type_name.startswith(WORDS)):
            for value in values:
                self._walk(inner.type_name, value)
        elif inner.kind is FieldType.ENUM:
            self.values |= {(inner.type_name, value) for value in values if isinstance(value, str)}

    def write_answers(self, path: Path) -> int:
        """One line an answer: the message it is, and its JSON. How many there are."""
        rows = [(name, value) for name, body in self._answers for value in _values(body)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return len(rows)


HARVEST = pytest.StashKey[Harvest]()
"""Where the run keeps its own."""


@cache
def route_of(verb: str, path: str) -> Match | None:
    """The route that a request meets, of whichever day."""
    return route_table().match(verb, path, lenient=True)


def called(call: RecordedCall) -> Route | None:
    """The route a call has met, by whichever verb it came there."""
    matches = (route_of(verb, call.path) for verb in ("GET", "POST", "PATCH", "DELETE"))
    return next((match.route for match in matches if match and match.route.id == call.method), None)


def method_of(route: Route) -> str:
    """What a method is called in the coverage table: "generativelanguage tunedModels.create"."""
    return f"{route.service.partition('.')[0]} {route.id}"


def _values(body: bytes) -> Iterator[Any]:
    """The messages in a body; an error without its envelope. A body that a fault has spoilt has none."""
    try:
        tree = json.loads(body)
    except ValueError:
        return
    for value in tree if isinstance(tree, list) else [tree]:
        error = value.get("error")
        if isinstance(error, dict) and "status" in error:
            yield {name: error[name] for name in ("code", "message", "details") if name in error}
        else:
            yield value


@cache
def reachable() -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """Every message that a route can take or answer, and every value of an enum in them."""
    found: set[str] = set()
    values: set[tuple[str, str]] = set()
    rpcs = {rpc.full_name: rpc for package in schema.packages() for rpc in schema.rpcs(package)}
    pending = [name for route in route_table().routes for name in (route.request, route.response)]
    pending += [
        name
        for route in route_table().routes
        if (rpc := rpcs.get(route.rpc))
        for name in (rpc.lro_response, rpc.lro_metadata)
        if name
    ]
    while pending:
        name = pending.pop()
        if name in found or name.startswith(WORDS):
            continue
        found.add(name)
        for field in schema.message(name).fields:
            inner = schema.message(field.type_name).by_name["value"] if field.map else field
            if inner.kind is FieldType.MESSAGE:
                pending.append(inner.type_name)
            elif inner.kind is FieldType.ENUM:
                values |= {(inner.type_name, value) for value in schema.enum(inner.type_name).by_name}
    return frozenset(found), frozenset(values)
