"""The calls to a world, the lost ones among them, and the client-behaviour report."""

from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from mockserver.control.operations import (
    ControlRequest,
    Empty,
    Json,
    Operation,
    invalid_argument,
    translate_errors,
)
from mockserver.dispatch.route_table import RouteTable
from mockserver.inspection.calls import Calls
from mockserver.inspection.client_behaviour import ClientBehaviour
from mockserver.protojson.writing import write
from mockserver.state.calls import RecordedCall
from mockserver.state.clock import to_datetime


class Call(BaseModel):
    """A call and its result. `request` and `response` are the messages in Google's JSON."""

    method: str = Field(description='the method id, such as "tunedModels.create"; "" when no route fits')
    verb: str
    path: str
    time: datetime
    caller: str
    status: int
    request: Json | None
    response: Any = Field(description="a list for a stream; a google.rpc.Status for an error")
    fault: str = Field(description="the effect of an injected fault")
    hint: str = Field(description="why the call was lost, and what to change")


class CallList(BaseModel):
    """Calls, oldest first."""

    calls: list[Call]


class PollReport(BaseModel):
    """The polls of one resource: the seconds between them, and how many came after its end."""

    model_config = ConfigDict(from_attributes=True)

    resource: str
    intervals: list[float]
    after_end: int
    backs_off: bool


class RetryReport(BaseModel):
    """A retried call: the seconds that the error asked the client to wait, and the seconds it waited."""

    method: str
    path: str
    requested_seconds: float
    waited_seconds: float
    waited_long_enough: bool


class FindingReport(BaseModel):
    """A rule of resilience that the client broke, and the call that shows it."""

    rule: str
    sentence: str
    call: Call


class ClientBehaviourReport(BaseModel):
    """How the client behaved, in the world's time, its violations of good behaviour, and how it took failures."""

    polls: list[PollReport]
    retries: list[RetryReport]
    violations: list[str]
    findings: list[FindingReport]


FILTERS = {
    "method": "a glob over the method id",
    "resource": 'a glob over the path without version and action, such as "tunedModels/x"',
    "caller": 'a glob over the caller: "user:EMAIL" or "key:HASH"',
    "status": "the HTTP status",
    "last": "return at most this many, the newest",
}


def list_calls(request: ControlRequest) -> CallList:
    """Return the calls that match the filters."""
    return CallList(calls=[describe_call(request.table, call) for call in _filter_calls(request)])


def list_misses(request: ControlRequest) -> CallList:
    """Return the misses: calls that failed for a reason that the server can explain, each with a hint."""
    return CallList(calls=[describe_call(request.table, call) for call in _filter_calls(request) if call.hint])


def delete_calls(request: ControlRequest) -> Empty:
    """Delete the calls."""
    request.world.calls.clear()
    return Empty()


def get_report(request: ControlRequest) -> ClientBehaviourReport:
    """Return how the client behaved."""
    report = ClientBehaviour(Calls(request.world.calls))
    backs_off = request.query.get("backs_off", "false")
    if backs_off not in {"true", "false"}:
        raise invalid_argument(f"backs_off must be true or false, not {backs_off!r}")
    min_interval = _parse_number("min_interval", request.query.get("min_interval", "0"))
    return ClientBehaviourReport(
        polls=[PollReport.model_validate(poll) for poll in report.polls],
        retries=[
            RetryReport(
                method=retry.call.method,
                path=retry.call.path,
                requested_seconds=retry.requested_seconds,
                waited_seconds=retry.waited_seconds,
                waited_long_enough=retry.waited_long_enough,
            )
            for retry in report.retries
        ],
        violations=report.violations(min_interval=min_interval, backs_off=backs_off == "true"),
        findings=[
            FindingReport(rule=each.rule, sentence=each.sentence, call=describe_call(request.table, each.call))
            for each in report.findings()
        ],
    )


def _filter_calls(request: ControlRequest) -> Calls:
    query = request.query
    status = query.get("status")
    last = int(_parse_number("last", query["last"])) if "last" in query else None
    log = request.world.calls
    if last is not None and not query.keys() & {"method", "resource", "caller", "status"}:
        return Calls(call for _, call in log.newest(last))  # reading all of a long log takes long
    with translate_errors():
        calls = Calls(log).filter(
            query.get("method", "*"),
            resource=query.get("resource", "*"),
            caller=query.get("caller", "*"),
            status=None if status is None else int(_parse_number("status", status)),
        )
    return calls if last is None else calls[max(0, len(calls) - last) :]


def _parse_number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf"):
        raise invalid_argument(f"{name} must be a number of at least 0, not {text!r}")
    return number


def describe_call(table: RouteTable, call: RecordedCall) -> Call:
    """Return a call with its messages in Google's JSON."""
    route = next((route for route in table.routes if route.id == call.method and route.version == call.version), None)
    request: Any = call.request
    response = call.response
    if route is not None:
        request = _message_json(route.request, call.request)
        response = _message_json(route.response, call.response) if call.status == 200 else call.response
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


def _message_json(message: str, value: Any) -> Any:
    """Convert a message, or a list of them, to Google's JSON."""
    if isinstance(value, list):
        return [_message_json(message, each) for each in value]
    return None if value is None else orjson.loads(write(message, value))


REPORT_PARAMETERS = {
    "min_interval": "report polls with fewer seconds between them",
    "backs_off": "true: report polls whose intervals do not grow",
}

OPERATIONS = (
    Operation("GET", "/calls", "List the calls and their responses", list_calls, query=FILTERS, answer=CallList),
    Operation("DELETE", "/calls", "Delete the calls", delete_calls),
    Operation(
        "GET",
        "/misses",
        "List the misses: calls with a hint what to change",
        list_misses,
        query=FILTERS,
        answer=CallList,
    ),
    Operation(
        "GET",
        "/report",
        "Report how the client behaved",
        get_report,
        query=REPORT_PARAMETERS,
        answer=ClientBehaviourReport,
    ),
)
