"""The dispatcher: answers a request in the real front end's order of checks.

    faults -> credentials -> binding -> magic words -> quotas -> the method -> version trimming -> the log of calls

A face (HTTP, gRPC) reads bytes, finds the method, creates a `Request` and prints the `CallResult`. Nothing here knows a
transport.
"""

import contextlib
import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from mockserver.dispatch.access_log import hints
from mockserver.dispatch.authentication import authenticate, identify_caller
from mockserver.dispatch.fault_injection import (
    due_error,
    inject_into_stream,
    select_prompt_fault,
    select_scripted_fault,
)
from mockserver.dispatch.quotas import count_call
from mockserver.dispatch.request import Request
from mockserver.dispatch.routing import Call, Cut, Hinted, Json, Pause
from mockserver.protojson.variations import Message, SentMessages, Variation
from mockserver.protojson.version_trimming import message_trimmer, trim_message
from mockserver.rpc import outages
from mockserver.rpc.credentials import Caller
from mockserver.rpc.errors import ApiError
from mockserver.rpc.redaction import redact_fields, redact_pieces
from mockserver.scripting.faults import Fault
from mockserver.scripting.scenario import Scenario
from mockserver.scripting.summary import describe_fields
from mockserver.state.calls import LogEntry, RecordedCall
from mockserver.state.clock import Nanos
from mockserver.state.store import Unavailable
from mockserver.state.world import World

log = logging.getLogger("mockserver")

BUG = "%s failed; this is a bug in the mock server, please report it"
ANONYMOUS = Caller(principal="", email=None, project="", via="none")

Result = Message | Iterator[Message | Pause | Cut] | ApiError


class WouldBlock(Exception):
    """The answer would take long: to wait for something `outside` of this process, or to compute.

    Nothing has happened yet.
    """

    def __init__(self, *, outside: bool) -> None:
        super().__init__()
        self.outside = outside


@dataclass(slots=True)
class CallResult:
    """The answer to a request, and what was found out on the way to it.

    `result` is a message, a stream of messages, or an error. The first message of a stream has already been created,
    because an error before it is the answer to the whole call. After it the stream raises only ApiError. `sent` are
    the messages that the stream has yielded. `is_scripted` is whether the fault is one of the world's scenario, where
    it is counted, and `has_raised` whether its status was sent.
    """

    request: Request
    fault: Fault | None = None
    caller: Caller = ANONYMOUS
    message: Json | None = None
    result: Result = field(default_factory=dict)
    hint: str = ""
    sent: SentMessages = field(default_factory=SentMessages)
    is_scripted: bool = False
    has_raised: bool = False

    @property
    def note(self) -> str:
        """Return what the access log says beside an error: the hint, and the fault that was injected."""
        fault = "" if self.fault is None else f"fault: {describe_fields(self.fault)}"
        return "; ".join(filter(None, (self.hint, fault)))

    def record(self, retry_after: float = 0.0) -> LogEntry:
        """Append the call to the log; for the messages of a stream see `record_stream_end`.

        `retry_after` are the seconds in the answer's header Retry-After.
        """
        request, result = self.request, self.result
        status, response = 200, result if isinstance(result, dict | Variation) else list[Message]()
        if isinstance(result, ApiError):
            status, response = result.code.http, result.status
            if self.hint:
                hints.info("%s was answered %d: %s", request.head.route.id, status, self.hint)
        head, caller = request.head, self.caller.principal
        fault = "" if self.fault is None else describe_fields(self.fault)
        # By position: eleven names take longer than the rest of it.
        call = RecordedCall(
            head.route.id,
            head.verb,
            head.path,
            request.now,
            caller,
            self.message,
            status,
            response,
            fault,
            self.hint,
            retry_after,
        )
        return request.world.calls.append(_redact(call) if request.secret else call)

    def raise_fault(self, fault: Fault, after: int) -> None:
        """Raise the status error of a fault, if it is due after that many messages. Raises ApiError."""
        if (error := due_error(self.request, fault, after)) is not None:
            self.has_raised = True
            raise error

    def check_fault(self, *, chunks: int | None = None) -> None:
        """Forget the fault, and do not count it, if it has not happened. A stream has sent so many `chunks`."""
        has_created = not isinstance(self.result, ApiError)
        if self.fault is None or self.fault.has_happened(
            has_raised=self.has_raised, chunks=chunks, has_created=has_created
        ):
            return
        if self.is_scripted:
            Scenario(self.request.world.store).withdraw_fault(self.fault)
        self.fault = None

    def record_stream_end(self, entry: LogEntry) -> None:
        """Complete the entry of a stream, once: with all messages that were sent.

        What was read from the log before does not change.
        """
        messages = redact_pieces(self.sent) if self.request.secret else self.sent
        try:
            if self.fault is not None:
                self.check_fault(chunks=len(self.sent))
            call = entry.call
            fault = call.fault if self.fault is not None else ""
            self.request.world.calls.amend(entry, replace(call, response=messages, fault=fault))
        except Unavailable as error:  # the client has its answer already
            log.error("the log of calls lacks the end of a stream: %s", error)  # noqa: TRY400 - the sentence says it all


def record_undispatched(  # noqa: PLR0913 - all but the world are given by name
    world: World,
    *,
    now: Nanos,
    secret: str,
    verb: str,
    path: str,
    status: int,
    response: Any,
    hint: str,
    method: str = "",
    request: Json | None = None,
    retry_after: float = 0.0,
) -> None:
    """Append a call to the log that no method has answered: none was found, or the answer was recorded."""
    call = RecordedCall(
        method=method,
        verb=verb,
        path=path,
        time=now,
        caller="",
        request=request,
        status=status,
        response=response,
        hint=hint,
        retry_after=retry_after,
    )
    world.calls.append(_redact(call) if secret else call)


def _redact(call: RecordedCall) -> RecordedCall:
    """Return the call of a request that has what looks like a real credential without it, wherever it is."""
    return redact_fields(replace(call, response=redact_pieces(call.response)))


def dispatch(request: Request, *, may_block: bool = True) -> CallResult:
    """Answer a request. A bug in the mock server is logged, and answered with the service's internal error.

    Raises WouldBlock if the handler would have to wait and `may_block` is false.
    """
    if not may_block and request.head.route.blocks and request.head.route.blocks(request.world):
        raise WouldBlock(outside=True)
    if not may_block and request.head.route.computes:
        raise WouldBlock(outside=False)
    answer = CallResult(request)
    try:
        answer.result = _invoke(request, answer)
    except ApiError as error:
        answer.result = error
    except Unavailable:
        raise
    except Exception:  # a bug of ours
        log.exception(BUG, request.head.route.id)
        answer.result = request.internal_error
    if answer.hint and not isinstance(answer.result, ApiError):
        hints.warning("%s: %s", request.head.route.id, answer.hint)
    if isinstance(answer.result, ApiError):
        answer.hint = answer.result.hint
        if not answer.hint and answer.message is not None:
            head = request.head
            answer.hint = head.service.refusal_hint(request.world, head.route, answer.message, answer.result)
    if answer.fault is not None:
        _settle_fault(request, answer)
    return answer


def _settle_fault(request: Request, answer: CallResult) -> None:
    """Complete what the log needs, if the fault has ended the call early, and check whether the fault has happened.

    That of a stream is checked at its end.
    """
    if answer.message is None:
        answer.caller = identify_caller(request)
        with contextlib.suppress(ApiError):
            answer.message = request.bind()
    if isinstance(answer.result, dict | Variation | ApiError):
        answer.check_fault()


def _invoke(request: Request, answer: CallResult) -> Message | Iterator[Message | Pause | Cut]:
    """Run the checks and the handler. It stores what the log needs in `answer`."""
    world, head = request.world, request.head
    route, settings = head.route, head.settings
    call_fault = answer.fault = select_scripted_fault(request)
    if call_fault is not None:
        answer.is_scripted = True
        answer.raise_fault(call_fault, after=0)
    answer.caller = authenticate(request)
    message = answer.message = request.bind()
    if call_fault is None and (prompt_fault := select_prompt_fault(request, message)) is not None:
        answer.fault = prompt_fault
        answer.raise_fault(prompt_fault, after=0)
    call = Call(world, settings, request.now, answer.caller, route, message, head.options, call_fault)
    count_call(head.service, call)
    result = route.handler(call)
    if isinstance(result, Hinted):
        answer.hint, result = result.hint, result.result
    if isinstance(result, dict | Variation):
        return trim_message(route.response, result)
    beginning = list(_take_first_message(result))
    stream = _stream(request, answer, itertools.chain(beginning, result))
    return stream if answer.fault is None else inject_into_stream(answer.fault, stream)


def _stream(request: Request, answer: CallResult, messages: Iterator[Message | Pause]) -> Iterator[Message | Pause]:
    """Yield the messages of a stream, trimmed, and collect them for the log. Raises only ApiError."""
    trim = message_trimmer(request.head.route.response)
    try:
        for message in messages:
            if isinstance(message, Pause):
                yield message
                continue
            if answer.fault is not None:
                answer.raise_fault(answer.fault, after=len(answer.sent))
            trimmed = message.trim(trim) if type(message) is Variation else trim(message)
            answer.sent.append(trimmed)
            yield trimmed
    except ApiError:
        raise
    except Unavailable as error:
        log.error("%s: %s", request.head.route.id, error)  # noqa: TRY400 - the sentence says it all
        raise outages.overloaded() from None
    except Exception:  # a bug of ours
        log.exception(BUG, request.head.route.id)
        raise request.internal_error from None


def _take_first_message(messages: Iterator[Message | Pause]) -> Iterator[Message | Pause]:
    """Yield the pauses before the first message, and that message."""
    for message in messages:
        yield message
        if not isinstance(message, Pause):
            return
