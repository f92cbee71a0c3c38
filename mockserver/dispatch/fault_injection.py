"""Fault injection: which fault a request gets, the error that it causes, and what it does to a stream of messages.

Faults of a connection or a body (latency_seconds, reset, truncate, garble) are injected where bytes are: in
`http/reply.py`, `grpc/reply.py` and `cloud_storage/face.py`.
"""

from collections.abc import Callable, Iterator, Mapping

from mockserver.dispatch.authentication import identify_caller
from mockserver.dispatch.request import Request
from mockserver.dispatch.routing import Cut, Json, Pause
from mockserver.dispatch.service import FailedCall, Service
from mockserver.protojson.memoized import once
from mockserver.protojson.variations import Message
from mockserver.rpc import errors, outages
from mockserver.rpc.errors import RETRY_AFTER, ApiError, Code, retry_info
from mockserver.rpc.method_ids import matches_method
from mockserver.scripting.faults import CallTarget, Fault, find_magic_fault
from mockserver.scripting.scenario import FAULTS, Scenario


def select_scripted_fault(request: Request) -> Fault | None:
    """Select the fault for a request among those that the tester scripted, and count it."""
    store = request.world.store
    if not store.revision(FAULTS):  # there was never one; faster than reading them
        return None
    scenario = Scenario(store)
    if not scenario.faults:
        return None
    return scenario.select_fault(_target(request), request.now, request.world.rng("faults"))


def _target(request: Request) -> CallTarget:
    head = request.head
    creates_job = any(matches_method(head.route.id, pattern) for pattern in head.service.job_creations)
    return CallTarget(head.route.id, head.resource, head.route.stream, creates_job)


def select_prompt_fault(request: Request, message: Json) -> Fault | None:
    """Return the fault that magic words in a prompt ask for, if it can happen, unless magic is off.

    A prompt is in the body.
    """
    head = request.head
    if not head.settings.magic or not head.route.body:
        return None
    fault = once(message, find_magic_fault, lambda: find_magic_fault(head.service.prompt_text(message)))
    return fault if fault is not None and fault.can_happen(_target(request)) else None


def due_error(request: Request, fault: Fault, after: int) -> ApiError | None:
    """Return the status error of a fault, if it is due after that many messages."""
    if fault.status is None or after != fault.after_chunks:
        return None
    return injected_error(fault, request.head.service, _failed_call(request, fault))


def inject_into_stream(fault: Fault, messages: Iterator[Message | Pause]) -> Iterator[Message | Pause | Cut]:
    """Delay each message of a stream, and cut it after `cut_after_chunks` messages, also if the last was among them."""
    sent = 0
    while sent != fault.cut_after_chunks:
        message = next(messages, None)
        if message is None:
            return
        if isinstance(message, Pause):
            yield message
            continue
        if fault.chunk_delay_seconds:
            yield Pause(fault.chunk_delay_seconds)
        yield message
        sent += 1
    yield Cut()


def _failed_call(request: Request, fault: Fault) -> FailedCall:
    """Return the particulars of the call. The project is the one that the client names, else the caller's own."""
    caller = identify_caller(request)
    project = request.head.credentials.project or request.head.service.project_of(request.head.resource)
    return FailedCall(
        route=request.head.route,
        resource=request.head.resource,
        project=project or caller.project,
        day=request.day,
        world=request.world,
        now=request.now,
        retry_after=fault.retry_after,
    )


def injected_error(fault: Fault, service: Service, call: FailedCall) -> ApiError:
    """Return the status error of a fault: the service's error on that day, or one with the fault's own message."""
    name = fault.status_name or "INTERNAL"
    error = service.injected_error(name, call) or _common_error(name, service, call)
    if fault.retry_after_header is not None:
        headers = {**error.headers, RETRY_AFTER: str(fault.retry_after_header)}
        error = ApiError(error.code, error.message, error.details, headers, error.legacy)
    if fault.message is None and (fault.retry_after is None or error.details):
        return error
    details = error.details
    if fault.retry_after is not None and not any(detail["@type"].endswith("RetryInfo") for detail in details):
        details = (*details, retry_info(fault.retry_after))
    return ApiError(error.code, error.message if fault.message is None else fault.message, details, error.headers)


def _common_error(name: str, service: Service, call: FailedCall) -> ApiError:
    if name in _COMMON:
        return _COMMON[name](service, call)
    return ApiError(Code[name], f"{name} (a fault of the mock server)")  # our choice: not seen


def _insufficient_scopes(_: Service, call: FailedCall) -> ApiError:
    return errors.insufficient_scopes(call.route.rpc, call.route.service)


_COMMON: Mapping[str, Callable[[Service, FailedCall], ApiError]] = {
    "CANCELLED": lambda *_: outages.cancelled(),
    "DEADLINE_EXCEEDED": lambda *_: outages.deadline_exceeded(),
    "INTERNAL": lambda service, _: outages.internal_error(service.internal_error),
    "INVALID_ARGUMENT": lambda *_: errors.invalid_argument(),
    "PERMISSION_DENIED": _insufficient_scopes,
    "UNAUTHENTICATED": lambda *_: errors.invalid_bearer(),
    "UNAVAILABLE": lambda *_: outages.overloaded(),
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": _insufficient_scopes,
    "API_KEY_EXPIRED": lambda _, call: errors.expired_api_key(call.route.service),
    "API_KEY_HTTP_REFERRER_BLOCKED": lambda _, call: errors.referrer_blocked(
        call.route.service, f"projects/{call.project}"
    ),
    "API_KEY_INVALID": lambda _, call: errors.invalid_api_key(call.route.service),
    "API_KEY_SERVICE_BLOCKED": lambda _, call: errors.api_key_blocked(
        call.route.rpc, call.route.service, f"projects/{call.project}"
    ),
    "CONSUMER_INVALID": lambda _, call: errors.consumer_invalid(call.project, call.route.service),
    "CONSUMER_SUSPENDED": lambda _, call: errors.consumer_suspended(
        f"project_number:{call.project}", call.project, call.route.service
    ),
    "CREDENTIALS_MISSING": lambda _, call: errors.api_keys_not_supported(call.route.rpc, call.route.service),
    "SERVICE_DISABLED": lambda service, call: errors.service_disabled(service.title, call.route.service, call.project),
    "USER_LOCATION_UNSUPPORTED": lambda *_: outages.location_unsupported(),
    "USER_PROJECT_DENIED": lambda _, call: errors.user_project_denied(call.project, call.route.service),
}


def iam_denied(call: FailedCall, permission: str = "") -> ApiError:
    """Return IAM's 403. Without a `permission`, it is named after the method [seen for lists]."""
    service = call.route.service.partition(".")[0]
    collection, verb = call.route.id.split(".")[-2:]
    return errors.iam_denied(
        permission or f"{service}.{collection}.{verb}", call.resource or collection, call.route.service
    )
