"""What a fault does to a reply, and what a spoilt call says, in the words of the service it was for."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from datetime import date

from mockserver.dispatch.routing import Cut, Match, Pause, Route
from mockserver.protojson.formatting import duration_text
from mockserver.rpc import errors, outages
from mockserver.rpc.errors import ApiError, Code, retry_info
from mockserver.scripting.faults import Fault

Piece = bytes | Pause | Cut

DEVELOPER_API = "generativelanguage.googleapis.com"


def spoilt_error(fault: Fault, match: Match, project: str, day: date) -> ApiError:
    """The status error of a fault, in the real words of the day unless it has words of its own.

    `project` is the caller's.
    """
    name = fault.status_name or "INTERNAL"
    error = _REASONS[name](match, project) if name in _REASONS else _real(name, match.route, fault.retry_after, day)
    if fault.message is None and (fault.retry_after is None or error.details):
        return error
    details = error.details
    if fault.retry_after is not None and not any(detail["@type"].endswith("RetryInfo") for detail in details):
        details = (*details, retry_info(fault.retry_after))
    return ApiError(error.code, error.message if fault.message is None else fault.message, details, error.headers)


def _real(name: str, route: Route, retry_after: float | None, day: date) -> ApiError:
    developer = route.service == DEVELOPER_API
    if name == "UNAVAILABLE" and developer and day >= outages.HIGH_DEMAND_SINCE:
        return outages.overloaded(outages.HIGH_DEMAND)
    if name == "RESOURCE_EXHAUSTED":
        if route.id.startswith("tunedModels."):
            return outages.resource_exhausted()  # seen of their rate, 2024-10 to 2024-12
        return _quota(retry_after) if developer else outages.resource_exhausted(outages.EXHAUSTED_VERTEX)
    if name == "INTERNAL":
        return outages.internal_error(outages.INTERNAL_DEVELOPER if developer else outages.INTERNAL)
    if name == "PERMISSION_DENIED":
        return errors.insufficient_scopes(route.rpc, route.service)
    if name in _SAID_ALIKE:
        return _SAID_ALIKE[name]()
    return ApiError(Code[name], f"{name} (a fault of the mock server)")  # our choice: not seen


_SAID_ALIKE: Mapping[str, Callable[[], ApiError]] = {
    "UNAVAILABLE": outages.overloaded,
    "DEADLINE_EXCEEDED": outages.deadline_exceeded,
    "CANCELLED": outages.cancelled,
    "UNAUTHENTICATED": errors.invalid_bearer,
    "INVALID_ARGUMENT": errors.invalid_argument,
}


def _iam_denied(match: Match, _: str) -> ApiError:
    """Asking a model takes endpoints.predict [seen]; other permissions are named after their methods [seen of lists]."""
    service = match.route.service.partition(".")[0]
    collection, verb = match.route.id.split(".")[-2:]
    asking = collection in {"endpoints", "models"} and verb.endswith(("Content", "redict", "Tokens"))
    permission = f"{service}.endpoints.predict" if asking else f"{service}.{collection}.{verb}"
    resource = next(iter(match.path.values()), collection)
    return errors.iam_denied(permission, resource, match.route.service)


def _token_type(match: Match, _: str) -> ApiError:
    """Only Vertex AI was seen to say the domain."""
    domain = None if match.route.service == DEVELOPER_API else errors.PLATFORM
    return errors.unsupported_token(match.route.rpc, match.route.service, domain)


def _rate_limit(match: Match, project: str) -> ApiError:
    """429 of a rate: by project and region on the Developer API in 2024, by base model on Vertex AI."""
    service = match.route.service
    if service == DEVELOPER_API:
        return outages.rate_limit_exceeded(service, project, location="us-central1")
    model = next(iter(match.path.values()), "").rpartition("/")[2]
    return outages.base_model_quota_exceeded(f"{service}/{_REQUESTS}", model)


_REQUESTS = "generate_content_requests_per_minute_per_project_per_base_model"

_TITLES = {DEVELOPER_API: "Generative Language API", "aiplatform.googleapis.com": "Vertex AI API"}

_REASONS: Mapping[str, Callable[[Match, str], ApiError]] = {
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": lambda at, _: errors.insufficient_scopes(at.route.rpc, at.route.service),
    "ACCESS_TOKEN_TYPE_UNSUPPORTED": _token_type,
    "API_KEY_EXPIRED": lambda at, _: errors.expired_api_key(at.route.service),
    "API_KEY_HTTP_REFERRER_BLOCKED": lambda at, of: errors.referrer_blocked(at.route.service, f"projects/{of}"),
    "API_KEY_INVALID": lambda at, _: errors.invalid_api_key(at.route.service),
    "API_KEY_SERVICE_BLOCKED": lambda at, of: errors.api_key_blocked(at.route.rpc, at.route.service, f"projects/{of}"),
    "CONSUMER_INVALID": lambda at, of: errors.consumer_invalid(of, at.route.service),
    "CONSUMER_SUSPENDED": lambda at, of: errors.consumer_suspended(f"project_number:{of}", at.route.service),
    "CREDENTIALS_MISSING": lambda at, _: errors.api_keys_not_supported(at.route.rpc, at.route.service),
    "IAM_PERMISSION_DENIED": _iam_denied,
    "RATE_LIMIT_EXCEEDED": _rate_limit,
    "SERVICE_DISABLED": lambda at, of: errors.service_disabled(_TITLES[at.route.service], at.route.service, of),
    "USER_LOCATION_UNSUPPORTED": lambda *_: outages.location_unsupported(),
    "USER_PROJECT_DENIED": lambda at, of: errors.user_project_denied(of, at.route.service),
}


def _quota(retry_after: float | None) -> ApiError:
    """429 of the Developer API with QuotaFailure and RetryInfo, as since 2025."""
    return outages.quota_exceeded(
        "generativelanguage.googleapis.com/generate_content_free_tier_requests",
        "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
        model="gemini-1.5-flash",
        limit=15,
        retry_delay=duration_text(round((48 if retry_after is None else retry_after) * 1_000_000_000)),
    )


def spoilt_pieces(fault: Fault, pieces: Iterator[bytes | Pause]) -> Iterator[Piece]:
    """A stream as the fault lets it through: slower, or cut after some chunks."""
    chunks = itertools.count(1)
    for piece in pieces:
        if isinstance(piece, Pause):
            yield piece
            continue
        if fault.cut_after_chunks is not None and next(chunks) > fault.cut_after_chunks:
            yield Cut()
            return
        if fault.chunk_delay_seconds:
            yield Pause(fault.chunk_delay_seconds)
        yield piece


def truncated(body: bytes) -> Iterator[Piece]:
    """Half of a body, then nothing more."""
    yield body[: len(body) // 2]
    yield Cut()


def garbled(body: bytes) -> bytes:
    """A body of the same length that is no JSON."""
    middle = len(body) // 2
    return body[:middle] + b"\x00#" + body[middle + 2 :]
