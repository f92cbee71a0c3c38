"""Answers that were recorded over HTTP, for calls that come over another transport: of the same method and message."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from mockserver.dispatch.recorded_reply import FindRecorded, RecordedReply
from mockserver.dispatch.route_table import RouteTable
from mockserver.dispatch.routing import Json, Pause, Route, expand_path
from mockserver.http.recorded_answers import describe_response, identify_message, recordings_of
from mockserver.protojson import schema
from mockserver.rpc.errors import ApiError, Code
from mockserver.scripting.faults import STATUSES
from mockserver.state.world import World
from mockserver.transcripts.exchange import RecordedResponse


def find_recorded(table: RouteTable) -> FindRecorded:
    """Return the function that finds the recorded answers of a world whose settings name recordings."""

    def find(world: World, route: Route, message: Json) -> RecordedReply | None:
        folder = world.settings.recordings
        if folder is None:
            return None
        recordings = recordings_of(world, folder, table)
        resource = _resource(table, route, message)
        all_keys = [identify_message(route, alt, resource, message) for alt in _formats(route)]
        for keys in all_keys:
            if (response := recordings.find_answer(keys, world.store)) is not None:
                return _read_reply(route, response)
        if world.settings.recordings_mode == "fallback":
            return None
        return _refuse(recordings.describe_missing(all_keys[0]))

    return find


def _refuse(missing: str) -> RecordedReply:
    # our choice: UNIMPLEMENTED, which clients do not repeat
    error = ApiError(Code.UNIMPLEMENTED, f"mockserver: {missing}.")
    return RecordedReply(error=error, logged=error.status, hint=missing)


def _formats(route: Route) -> tuple[str, ...]:
    """Return the formats in which an answer may have been recorded: a stream as events or as an array."""
    return ("sse", "json") if route.stream else ("json",)


def _resource(table: RouteTable, route: Route, message: Json) -> Json:
    """Return what the path of the same call over HTTP names."""
    match = table.match(route.verb, quote(expand_path(route.path, message), safe="/:@,$"), lenient=True)
    return {} if match is None else dict(match.path)


def _read_reply(route: Route, response: RecordedResponse) -> RecordedReply:
    logged = describe_response(response, route.response)
    if response.status >= 400:
        return RecordedReply(error=_read_error(response.status, logged), logged=logged)
    messages = [message for message in (logged if isinstance(logged, list) else [logged]) if message]
    return RecordedReply(tuple(_paced(messages, response)) if route.stream else (messages or [{}])[:1], logged=logged)


def _paced(messages: list[Json], response: RecordedResponse) -> Iterator[Json | Pause]:
    pauses = iter(response.pauses)
    for message in messages:
        if seconds := next(pauses, 0.0):
            yield Pause(seconds)
        yield message


def _read_error(status: int, error: Any) -> ApiError:
    """Return the recorded error. Details of types that are not known here cannot be sent as messages."""
    tree = error if isinstance(error, dict) else {}
    names = {number: name for name, number in reversed(STATUSES.items())}
    name = str(tree.get("status"))
    code = Code[name if name in Code.__members__ else names.get(status, "UNKNOWN")]
    details = tree.get("details")
    known = [each for each in details if _is_known(each)] if isinstance(details, list) else []
    return ApiError(code, str(tree.get("message") or f"HTTP status {status}"), known)


def _is_known(detail: Any) -> bool:
    if not isinstance(detail, dict):
        return False
    try:
        schema.message(str(detail.get("@type")).rpartition("/")[2])
    except KeyError:
        return False
    return True
