"""Errors: codes, details, and the errors of the front end.

A handler raises `ApiError`; a face formats it. The errors of a resource are defined with the resource; those here
come from the front end, before it calls a service. "Seen" means in a recording or in a body that somebody quoted;
"measured" means that another project measured it on a live sister host (Sheets, Docs, Drive: the same front end).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

Json = dict[str, Any]

RETRY_AFTER = "Retry-After"
"""The HTTP header that says when to come again. The real services were not seen to send it; proxies and gateways do."""

TYPE = "type.googleapis.com/google.rpc."
PLATFORM = "googleapis.com"


class Code(IntEnum):
    """google.rpc.Code."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16

    @property
    def http(self) -> int:
        """The HTTP status, as google/rpc/code.proto maps it: FAILED_PRECONDITION is 400, not 412."""
        return _HTTP[self]


_HTTP: Mapping[Code, int] = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.DATA_LOSS: 500,
    Code.UNAUTHENTICATED: 401,
}

# `reason` of the errors[] entry. Measured: badRequest, notFound, forbidden, backendError,
# notImplemented. The rest are the names Google's older APIs document. # our choice: not seen
_REASON: Mapping[Code, str] = {
    Code.INVALID_ARGUMENT: "badRequest",
    Code.OUT_OF_RANGE: "badRequest",
    Code.FAILED_PRECONDITION: "failedPrecondition",
    Code.NOT_FOUND: "notFound",
    Code.ALREADY_EXISTS: "alreadyExists",
    Code.ABORTED: "aborted",
    Code.PERMISSION_DENIED: "forbidden",
    Code.UNAUTHENTICATED: "authError",
    Code.RESOURCE_EXHAUSTED: "rateLimitExceeded",
    Code.UNIMPLEMENTED: "notImplemented",
}


@dataclass(frozen=True, slots=True)
class Legacy:
    """The one entry of `errors[]` in the older envelope, which `$.xgafv=1` requests."""

    reason: str
    domain: str | None = "global"
    message: str | None = None
    header: str | None = None


class ApiError(Exception):
    """An error response.

    `details` are google.rpc messages in their JSON form, "@type" first, written unchanged.
    `headers` are extra response headers, such as WWW-Authenticate. `hint` tells the tester what to do, if the message
    does not; it is logged and not sent.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        details: Sequence[Json] = (),
        headers: Mapping[str, str] | None = None,
        legacy: Legacy | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = tuple(details)
        self.headers: Mapping[str, str] = headers or {}
        self.legacy = legacy or Legacy(_REASON.get(code, "backendError"))
        self.hint = ""

    def with_hint(self, hint: str) -> Self:
        """Add a hint, and return the error to raise."""
        self.hint = hint
        return self

    @property
    def status(self) -> Json:
        """The google.rpc.Status of a failed operation; its code is the RPC number."""
        status: Json = {"code": int(self.code), "message": self.message}
        if self.details:
            status["details"] = list(self.details)
        return status


# Details: google.rpc messages, "@type" first, members in field order, without defaults.


def bad_request(violations: Iterable[tuple[str | None, str]]) -> Json:
    """Return a BadRequest of (field, description) pairs; at the root of a message there is no field [seen]."""
    return {
        "@type": TYPE + "BadRequest",
        "fieldViolations": [
            {"field": field, "description": description} if field else {"description": description}
            for field, description in violations
        ],
    }


def error_info(reason: str, domain: str | None = PLATFORM, metadata: Mapping[str, str] | None = None) -> Json:
    """Return an ErrorInfo; `reason` is a name of google/api/error_reason.proto. Metadata has no order."""
    info: Json = {"@type": TYPE + "ErrorInfo", "reason": reason}
    if domain:
        info["domain"] = domain
    if metadata:
        info["metadata"] = dict(metadata)
    return info


def help_links(links: Iterable[tuple[str, str | None]]) -> Json:
    """Return a Help of (description, url) pairs; some links have no url [seen: a refused location]."""
    return {
        "@type": TYPE + "Help",
        "links": [
            {"description": description, "url": url} if url else {"description": description}
            for description, url in links
        ],
    }


def localized_message(message: str, locale: str = "en-US") -> Json:
    """Return a LocalizedMessage: errors about API keys repeat their message in it."""
    return {"@type": TYPE + "LocalizedMessage", "locale": locale, "message": message}


def quota_failure(quotas: Sequence[tuple[str, str, int]], dimensions: Mapping[str, str]) -> Json:
    """Return a QuotaFailure of metrics, ids and limits, with the order of members seen in a 429 of 2026.

    A limit of 0 is left out [seen], as zeros are.
    """
    violations = [
        {"quotaMetric": metric, "quotaId": quota_id}
        | ({"quotaDimensions": dict(dimensions)} if dimensions else {})
        | ({"quotaValue": str(limit)} if limit else {})
        for metric, quota_id, limit in quotas
    ]
    return {"@type": TYPE + "QuotaFailure", "violations": violations}


def retry_info(seconds: float) -> Json:
    """Return a RetryInfo, truncated to seconds: the message has 48.9s where the delay has "48s" [seen]."""
    return {"@type": TYPE + "RetryInfo", "retryDelay": f"{int(seconds)}s"}


# Errors of the JSON layer.


def invalid_argument(message: str = "Request contains an invalid argument.", details: Sequence[Json] = ()) -> ApiError:
    """400. The default sentence is the one Google uses when it gives no reason [seen]."""
    return ApiError(Code.INVALID_ARGUMENT, message, details)


def invalid_json(what: str) -> ApiError:
    """400 for a body that is not JSON: no details [seen], `parseError` in errors[] [measured]."""
    return ApiError(Code.INVALID_ARGUMENT, f"Invalid JSON payload received. {what}", legacy=Legacy("parseError"))


def unbindable(violations: Sequence[tuple[str | None, str]]) -> ApiError:
    """400 for values that cannot be bound to the request message: all of them, one a line [seen].

    Its errors[] entry is `invalid` and has no domain [measured].
    """
    return ApiError(
        Code.INVALID_ARGUMENT,
        "\n".join(description for _, description in violations),
        (bad_request(violations),),
        legacy=Legacy("invalid", domain=None),
    )


def payload_too_large(limit: int) -> ApiError:
    """400, not 413 [seen; 4194304, 10485760 and 20971520 bytes over the years]."""
    return invalid_argument(f"Request payload size exceeds the limit: {limit} bytes.")


# Errors about credentials. `service` is a host such as generativelanguage.googleapis.com,
# `method` the full name of an RPC.

REALM = 'Bearer realm="https://accounts.google.com/"'
EXPECTED = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
CONSOLE = "https://console.developers.google.com"


def unregistered_caller() -> ApiError:
    """403: no credentials, for a method that accepts a key [seen: recording of 248 bytes, 2025-08]."""
    return ApiError(
        Code.PERMISSION_DENIED,
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API.",
    )


def missing_credential(method: str, service: str) -> ApiError:
    """401: no credentials, for a method that accepts OAuth only [seen on Vertex; errors[] measured]."""
    return _missing_credentials_error(
        f"Request is missing required authentication credential. {EXPECTED}", method, service
    )


def api_keys_not_supported(method: str, service: str) -> ApiError:
    """401: a key, for a method that accepts OAuth only [seen: Vertex, and GL permission methods]."""
    return _missing_credentials_error(
        "API keys are not supported by this API. Expected OAuth2 access token or other authentication "
        "credentials that assert a principal. See https://cloud.google.com/docs/authentication",
        method,
        service,
    )


def _missing_credentials_error(message: str, method: str, service: str) -> ApiError:
    return ApiError(
        Code.UNAUTHENTICATED,
        message,
        (error_info("CREDENTIALS_MISSING", metadata={"service": service, "method": method}),),
        {"WWW-Authenticate": REALM},
        Legacy("required", message="Login Required.", header="Authorization"),
    )


def invalid_bearer() -> ApiError:
    """401: an expired or invalid token; no details [seen on tunedModels, 2024-12]."""
    return _invalid_token_error(())


def unsupported_token(method: str, service: str, domain: str | None = None) -> ApiError:
    """401: a bearer token that is not an access token, such as an API key.

    Seen without a domain on generativelanguage, with "googleapis.com" on Vertex.
    """
    metadata = {"service": service, "method": method}
    return _invalid_token_error((error_info("ACCESS_TOKEN_TYPE_UNSUPPORTED", domain, metadata),))


def _invalid_token_error(details: Sequence[Json]) -> ApiError:
    return ApiError(
        Code.UNAUTHENTICATED,
        f"Request had invalid authentication credentials. {EXPECTED}",
        details,
        {"WWW-Authenticate": f'{REALM}, error="invalid_token"'},
        Legacy("authError", message="Invalid Credentials", header="Authorization"),
    )


def insufficient_scopes(
    method: str, service: str, scopes: Sequence[str] = (), domain: str | None = PLATFORM
) -> ApiError:
    """403: a valid token without the scope [seen, with and without the domain]."""
    challenge = f'{REALM}, error="insufficient_scope", scope="{" ".join(scopes)}"'
    return ApiError(
        Code.PERMISSION_DENIED,
        "Request had insufficient authentication scopes.",
        (error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", domain, {"service": service, "method": method}),),
        {"WWW-Authenticate": challenge},
    )


def invalid_api_key(service: str) -> ApiError:
    """400, not 401 [seen: recording of 581 bytes, 2026-08]."""
    return _invalid_key_error("API key not valid. Please pass a valid API key.", service)


def expired_api_key(service: str) -> ApiError:
    """400 [seen]."""
    return _invalid_key_error("API key expired. Please renew the API key.", service)


def _invalid_key_error(message: str, service: str) -> ApiError:
    info = error_info("API_KEY_INVALID", metadata={"service": service})
    return ApiError(Code.INVALID_ARGUMENT, message, (info, localized_message(message)))


def referrer_blocked(service: str, consumer: str, referrer: str = "<empty>") -> ApiError:
    """403: the key is restricted to other web pages [seen]."""
    return _blocked_key_error(
        f"Requests from referer {referrer} are blocked.",
        "API_KEY_HTTP_REFERRER_BLOCKED",
        {"consumer": consumer, "service": service, "httpReferrer": referrer},
    )


def api_key_blocked(method: str, service: str, consumer: str) -> ApiError:
    """403: the key is restricted to other APIs [seen]."""
    return _blocked_key_error(
        f"Requests to this API {service} method {method} are blocked.",
        "API_KEY_SERVICE_BLOCKED",
        {"consumer": consumer, "apiName": service, "service": service, "methodName": method},
    )


def _blocked_key_error(message: str, reason: str, metadata: Mapping[str, str]) -> ApiError:
    details = (error_info(reason, metadata=metadata), localized_message(message))
    return ApiError(Code.PERMISSION_DENIED, message, details)


def service_disabled(title: str, service: str, project: str) -> ApiError:
    """403: the API is not enabled in the project; `title` as in "Generative Language API" [seen]."""
    url = f"{CONSOLE}/apis/api/{service}/overview?project={project}"
    return _project_error(
        f"{title} has not been used in project {project} before or it is disabled. Enable it by visiting "
        f"{url} then retry. If you enabled this API recently, wait a few minutes for the action to propagate "
        "to our systems and retry.",
        ("Google developers console API activation", url),
        "SERVICE_DISABLED",
        {"service": service, "consumer": f"projects/{project}"},
    )


def user_project_denied(project: str, service: str) -> ApiError:
    """403: x-goog-user-project names a project the caller may not bill [seen]."""
    url = f"{CONSOLE}/iam-admin/iam/project?project={project}"
    return _project_error(
        f"Caller does not have required permission to use project {project}. Grant the caller the "
        "roles/serviceusage.serviceUsageConsumer role, or a custom role with the serviceusage.services.use "
        f"permission, by visiting {url} and then retry. Propagation of the new permission may take a few "
        "minutes.",
        ("Google developer console IAM admin", url),
        "USER_PROJECT_DENIED",
        {"containerInfo": project, "service": service, "consumer": f"projects/{project}"},
    )


def consumer_invalid(project: str, service: str) -> ApiError:
    """403: no such project, or not for this caller [seen on Vertex, with the link]."""
    return _project_error(
        f"Permission denied on resource project {project}.",
        ("Google developer console API key", f"{CONSOLE}/project/{project}/apiui/credential"),
        "CONSUMER_INVALID",
        {"service": service, "consumer": f"projects/{project}"},
    )


def _project_error(message: str, link: tuple[str, str], reason: str, metadata: Mapping[str, str]) -> ApiError:
    details = (help_links([link]), error_info(reason, metadata=metadata))
    return ApiError(Code.PERMISSION_DENIED, message, details)


def consumer_suspended(consumer: str, project: str, service: str) -> ApiError:
    """403: `consumer` is "api_key:..." or "project_number:..." [a body of 2026-02; those of 2024 say less]."""
    message = f"Permission denied: Consumer '{consumer}' has been suspended."
    metadata = {"consumer": f"projects/{project}", "service": service, "containerInfo": consumer}
    details = (error_info("CONSUMER_SUSPENDED", metadata=metadata), localized_message(message))
    return ApiError(Code.PERMISSION_DENIED, message, details)


def iam_denied(permission: str, resource: str, service: str) -> ApiError:
    """403: the caller's roles lack `permission`; the domain is the service itself [seen on Vertex]."""
    return ApiError(
        Code.PERMISSION_DENIED,
        f"Permission '{permission}' denied on resource '//{service}/{resource}' (or it may not exist).",
        (error_info("IAM_PERMISSION_DENIED", service, {"permission": permission, "resource": resource}),),
    )


def location_denied(location: str, project: str) -> ApiError:
    """403: a region that the project may not use, or that does not exist [seen on Vertex, 2026-10]."""
    message = f"Permission denied on 'locations/{location}' (or it may not exist)."
    metadata = {"consumer": f"projects/{project}", "service": "", "location": location}
    sales = "Access to the region is unavailable. Please contact our sales team at https://cloud.google.com/contact"
    details = (
        error_info("LOCATION_POLICY_VIOLATED", metadata=metadata),
        localized_message(message),
        help_links([(f"{sales} for further assistance.", None)]),
    )
    return ApiError(Code.PERMISSION_DENIED, message, details)
