"""The calls that were made to a world, those that led nowhere, and how the client behaved."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel, Field

from mockserver.control.operations import Asked, Done, Json, Operation, invalid
from mockserver.dispatch.routing import RouteTable
from mockserver.inspection.calls import Calls
from mockserver.inspection.client_behaviour import Poll, Report, Retry
from mockserver.protojson.writing import write
from mockserver.state.calls import RecordedCall
from mockserver.state.clock import to_datetime


class Call(BaseModel):
    """A call and what came of it. `request` and `response` are the messages, as JSON of Google's."""

    method: str = Field(description='the method id, such as "tunedModels.create"; "" when no route fits')
    verb: str
    path: str
    time: datetime
    caller: str
    status: int
    request: Json | None
    response: Any = Field(description="a list for a stream; a google.rpc.Status for an error")
    fault: str = Field(description="what a fault did to it")
    hint: str = Field(description="why it led nowhere, and what to change")


class CallList(BaseModel):
    """Calls, oldest first."""

    calls: list[Call]


class Polled(BaseModel):
    """How one resource was polled: the seconds between the questions, and how many came after its end."""

    resource: str
    intervals: list[float]
    after_end: int
    backs_off: bool


class Retried(BaseModel):
    """A refused call that was made again: how long it was told to wait, and how long it did."""

    method: str
    path: str
    asked: float
    waited: float
    obeyed: bool


class Manners(BaseModel):
    """How the client behaved, in the world's time, and what of that is impolite."""

    polls: list[Polled]
    retries: list[Retried]
    offences: list[str]


FILTERS = {
    "method": "a glob over the method id",
    "resource": 'a glob over the path without version and action, such as "tunedModels/x"',
    "caller": 'a glob over the caller: "user:EMAIL" or "key:HASH"',
    "status": "the HTTP status",
    "last": "how many at most: the newest",
}


def list_calls(asked: Asked) -> CallList:
    """The calls that fit."""
    return _shown(asked, _wanted(asked))


def list_misses(asked: Asked) -> CallList:
    """The calls that did not get what they were after, with what to change."""
    return _shown(asked, (call for call in _wanted(asked) if call.hint))


def delete_calls(asked: Asked) -> Done:
    """Forget them."""
    asked.world.calls.clear()
    return Done()


def get_report(asked: Asked) -> Manners:
    """How the client behaved."""
    report = Report(Calls(asked.world.calls.so_far()))
    backs_off = asked.query.get("backs_off", "false")
    if backs_off not in {"true", "false"}:
        raise invalid(f"backs_off is true or false, not {backs_off!r}")
    least = _number("min_interval", asked.query.get("min_interval", "0"))
    return Manners(
        polls=[_polled(poll) for poll in report.polls],
        retries=[_retried(retry) for retry in report.retries],
        offences=report.offences(min_interval=least, backs_off=backs_off == "true"),
    )


def _wanted(asked: Asked) -> Calls:
    query = asked.query
    last, status = query.get("last"), query.get("status")
    found = Calls(asked.world.calls.so_far()).filter(
        query.get("method", "*"),
        resource=query.get("resource", "*"),
        caller=query.get("caller", "*"),
        status=None if status is None else int(_number("status", status)),
    )
    return found if last is None else found[max(0, len(found) - int(_number("last", last))) :]


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf"):
        raise invalid(f"{name} is a number, not {text!r}")
    return number


def _shown(asked: Asked, calls: Iterable[RecordedCall]) -> CallList:
    return CallList(calls=[_call(asked.table, call) for call in calls])


def _call(table: RouteTable, call: RecordedCall) -> Call:
    route = next((route for route in table.routes if route.id == call.method and route.version == call.version), None)
    request = response = None
    if route is not None:
        request = _json(route.request, call.request)
        response = _json(route.response, call.response) if call.status == 200 else call.response
    return Call(
        method=call.method,
        verb=call.verb,
        path=call.path,
        time=to_datetime(call.time),
        caller=call.caller,
        status=call.status,
        request=request,
        response=response,
        fault=call.fault,
        hint=call.hint,
    )


def _json(message: str, value: Any) -> Any:
    """A message, or several, as they are on the wire."""
    if isinstance(value, list):
        return [_json(message, each) for each in value]
    return None if value is None else orjson.loads(write(message, value))


def _polled(poll: Poll) -> Polled:
    return Polled(
        resource=poll.resource, intervals=list(poll.intervals), after_end=poll.after_end, backs_off=poll.backs_off
    )


def _retried(retry: Retry) -> Retried:
    return Retried(
        method=retry.call.method, path=retry.call.path, asked=retry.asked, waited=retry.waited, obeyed=retry.obeyed
    )


POLITENESS = {
    "min_interval": "how many seconds there must be between two polls",
    "backs_off": "true: intervals must grow",
}

OPERATIONS = (
    Operation("GET", "/calls", "What was asked and answered", list_calls, query=FILTERS, answer=CallList),
    Operation("DELETE", "/calls", "Forget the calls", delete_calls),
    Operation("GET", "/misses", "Calls that led nowhere, and why", list_misses, query=FILTERS, answer=CallList),
    Operation("GET", "/report", "How the client behaved", get_report, query=POLITENESS, answer=Manners),
)
