"""From a request that a face has read to its answer, in the real front end's order of checks.

    faults -> credentials -> binding -> magic words -> the method -> version trimming -> the log of calls

A face (HTTP, gRPC) resolves the method, makes a `Request` of bytes and prints the `Answer`. Nothing in here knows
a transport.
"""

import itertools
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from mockserver.dispatch.authentication import authenticate, identify_caller
from mockserver.dispatch.fault_injection import injected_error
from mockserver.dispatch.routing import Call, Hinted, Json, Pause, Route
from mockserver.dispatch.service import FailedCall, Service
from mockserver.protojson.version_trimming import trim_to_version
from mockserver.rpc import outages
from mockserver.rpc.credentials import Caller, Credentials, redact
from mockserver.rpc.errors import ApiError
from mockserver.scripting.faults import Fault, find_magic_fault
from mockserver.scripting.scenario import Scenario
from mockserver.scripting.summary import describe_fields
from mockserver.state.calls import LogEntry, RecordedCall
from mockserver.state.clock import Nanos, to_datetime
from mockserver.state.world import World

log = logging.getLogger("mockserver")

BUG = "%s failed; this is a bug in the mock server, please report it"
NOBODY = Caller(principal="", email=None, project="", via="none")

Result = Json | Iterator[Json | Pause] | ApiError


class WouldBlock(Exception):
    """The answer would have to wait for something outside of this process. Nothing has happened yet."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request, read and resolved by a face.

    `resource` is the name that the request is about, known before the message is bound. `bind` makes the message;
    it is called once, after the credentials were found good, and raises ApiError. `options` are the request's
    metadata that the service's handlers may read. `secret` says what looks like a real credential in it. `verb` and
    `path` are what the log of calls shows, `size` the bytes of the request.
    """

    service: Service
    route: Route
    world: World
    now: Nanos
    resource: str
    credentials: Credentials
    bind: Callable[[], Json]
    options: Mapping[str, str]
    secret: str
    verb: str
    path: str
    size: int

    @property
    def day(self) -> date:
        """The day the world is as of, else that of its clock."""
        return self.world.settings.as_of or to_datetime(self.now).date()

    @property
    def internal_error(self) -> ApiError:
        """What the service says of a bug of its own, and so of ours. The traceback belongs in the log."""
        return outages.internal_error(self.service.internal_error)


@dataclass(slots=True)
class Answer:
    """What became of a request, as far as it came.

    `result` is a message, a stream of messages, or an error. A stream's first message has been made already: until
    then an error is an error of the whole call. Afterwards the stream raises ApiError, and nothing else.
    """

    request: Request
    fault: Fault | None = None
    caller: Caller = NOBODY
    message: Json | None = None
    result: Result = field(default_factory=dict)
    hint: str = ""
    sent: list[Any] = field(default_factory=list)

    def record(self, size: int = 0) -> LogEntry:
        """Append the call to the log; `size` is that of the answer in bytes. Of a stream, see `record_stream_end`."""
        request, result = self.request, self.result
        status, response = 200, result if isinstance(result, dict) else []
        if isinstance(result, ApiError):
            status, response = result.code.http, result.status
        return append_to_log(
            request.world,
            now=request.now,
            secret=request.secret,
            method=request.route.id,
            verb=request.verb,
            path=request.path,
            caller=self.caller.principal,
            message=self.message,
            status=status,
            response=response,
            fault="" if self.fault is None else describe_fields(self.fault),
            hint=self.hint,
            size=request.size + size,
        )

    def record_stream_end(self, entry: LogEntry, size: int) -> None:
        """Complete the entry of a stream, once: with all messages that were sent and their size in bytes.

        What was read from the log before stays as it was.
        """
        messages = [redact(message) if self.request.secret else message for message in self.sent]
        record = replace(entry.call, response=messages, size=entry.call.size + size)
        self.request.world.calls.amend(entry, record)


def append_to_log(  # noqa: PLR0913 - what a call has
    world: World,
    *,
    now: Nanos,
    secret: str,
    verb: str,
    path: str,
    status: int,
    response: Any,
    size: int,
    method: str = "",
    caller: str = "",
    message: Json | None = None,
    fault: str = "",
    hint: str = "",
) -> LogEntry:
    """Append to the log of calls, without what looks like a real credential. `method` is "" where no route fits."""
    kept = redact if secret else _as_it_is
    return world.calls.append(
        RecordedCall(
            method=method,
            verb=verb,
            path=kept(path),
            time=now,
            caller=caller,
            request=kept(message),
            status=status,
            response=kept(response),
            fault=fault,
            hint=hint,
            size=size,
        )
    )


def _as_it_is(value: Any) -> Any:
    return value


def dispatch(request: Request, *, may_block: bool = True) -> Answer:
    """Answer a request. A bug of ours is logged, and answered as the service's own internal error.

    Raises WouldBlock if it must not wait and would.
    """
    if not may_block and request.route.blocks and request.route.blocks(request.world):
        raise WouldBlock
    answer = Answer(request)
    try:
        answer.result = _invoke(request, answer)
    except ApiError as error:
        answer.result = error
    except Exception:
        log.exception(BUG, request.route.id)
        answer.result = request.internal_error
    if isinstance(answer.result, ApiError) and answer.message is not None:
        answer.hint = request.service.refusal_hint(request.route, answer.message)
    elif answer.hint:
        log.warning("%s: %s", request.route.id, answer.hint)
    return answer


def _invoke(request: Request, answer: Answer) -> Json | Iterator[Json | Pause]:
    """Go through the checks to the method. What is known on the way is left in the answer, for the log."""
    world, route = request.world, request.route
    scenario = Scenario(world.store)
    if scenario.faults:
        answer.fault = scenario.select_fault(route.id, request.resource, request.now, world.rng("faults"))
        _raise_injected(request, answer.fault, after=0)
    answer.caller = authenticate(request.credentials, route, world.settings, secret=bool(request.secret))
    message = answer.message = request.bind()
    call_fault = answer.fault
    if answer.fault is None and world.settings.magic and (text := request.service.prompt_text(message)):
        answer.fault = find_magic_fault(text)
        _raise_injected(request, answer.fault, after=0)
    call = Call(
        world=world,
        now=request.now,
        caller=answer.caller,
        route=route,
        message=message,
        options=request.options,
        fault=call_fault,
    )
    result = route.handler(call)
    if isinstance(result, Hinted):
        answer.hint, result = result.hint, result.result
    if isinstance(result, dict):
        return trim_to_version(route.response, result)
    lead = list(_until_first_message(result))
    return _stream(request, answer, itertools.chain(lead, result))


def _stream(request: Request, answer: Answer, messages: Iterator[Json | Pause]) -> Iterator[Json | Pause]:
    """The messages of a stream, trimmed and remembered for the log. Raises ApiError only."""
    try:
        for message in messages:
            if isinstance(message, Pause):
                yield message
                continue
            _raise_injected(request, answer.fault, after=len(answer.sent))
            trimmed = trim_to_version(request.route.response, message)
            answer.sent.append(trimmed)
            yield trimmed
    except ApiError:
        raise
    except Exception:
        log.exception(BUG, request.route.id)
        raise request.internal_error from None


def _until_first_message(messages: Iterator[Json | Pause]) -> Iterator[Json | Pause]:
    for message in messages:
        yield message
        if not isinstance(message, Pause):
            return


def _raise_injected(request: Request, fault: Fault | None, after: int) -> None:
    """Raise the status error of a fault that is to come after so many messages."""
    if fault is not None and fault.status is not None and after == fault.after_chunks:
        settings = request.world.settings
        caller = identify_caller(request.credentials, settings, secret=bool(request.secret))
        failed = FailedCall(request.route, request.resource, caller.project, request.day, fault.retry_after)
        raise injected_error(fault, request.service, failed)
