"""Errors of a service that cannot answer: quota exceeded, too slow, overloaded, broken.

They do not depend on a resource. Each sentence was seen in a recording or a quoted body.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from mockserver.rpc.errors import ApiError, Code, error_info, help_links, quota_failure, retry_info

INTERNAL = "Internal error encountered."  # Vertex AI
INTERNAL_DEVELOPER = (
    "An internal error has occurred. "
    "Please retry or report in https://developers.generativeai.google/guide/troubleshooting"
)
OVERLOADED = "The model is overloaded. Please try again later."  # until 2025
HIGH_DEMAND = (
    "This model is currently experiencing high demand. Spikes in demand are usually temporary. Please try again later."
)
HIGH_DEMAND_SINCE = date(2026, 1, 1)  # seen in 2026
EXHAUSTED = "Resource has been exhausted (e.g. check quota)."  # tuned models, 2024
EXHAUSTED_VERTEX = (
    "Resource exhausted. Please try again later. Please refer to "
    "https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details."
)

_RATE_LIMITS = "https://ai.google.dev/gemini-api/docs/rate-limits"
# What a quota error says: the quotas (missing on 2025-09-14, there on 2025-09-21), a link to the usage, and Help before
# QuotaFailure (missing on 2025-09-24, there on 2025-11-03), and the model (missing then, there on 2026-01-09).
_LINES_SINCE = date(2025, 9, 18)
_USAGE_SINCE = date(2025, 10, 15)
_MODEL_SINCE = date(2026, 1, 1)


def cancelled() -> ApiError:
    """499: the client disconnected, or a stream was aborted."""
    return ApiError(Code.CANCELLED, "The operation was cancelled.")


def deadline_exceeded() -> ApiError:
    """504."""
    return ApiError(Code.DEADLINE_EXCEEDED, "Deadline expired before operation could complete.")


def internal_error(message: str = INTERNAL) -> ApiError:
    """500: INTERNAL of Vertex AI, or INTERNAL_DEVELOPER."""
    return ApiError(Code.INTERNAL, message)


def overloaded(message: str = OVERLOADED) -> ApiError:
    """503: OVERLOADED, or since 2026 HIGH_DEMAND."""
    return ApiError(Code.UNAVAILABLE, message)


def resource_exhausted(message: str = EXHAUSTED) -> ApiError:
    """429 without details: EXHAUSTED, or EXHAUSTED_VERTEX."""
    return ApiError(Code.RESOURCE_EXHAUSTED, message)


def location_unsupported() -> ApiError:
    """400: the Developer API is not available at the caller's location."""
    return ApiError(Code.FAILED_PRECONDITION, "User location is not supported for the API use.")


@dataclass(frozen=True, slots=True)
class Violation:
    """A quota that a call exceeds: what it counts, its limit, and the seconds until it begins anew."""

    unit: Literal["requests", "tokens"]
    period: Literal["minute", "day"]
    limit: int
    seconds: float


def quota_exceeded(
    quotas: Sequence[tuple[str, str, int]],
    *,
    model: str,
    retry_delay: str,
    location: str = "global",
    as_of: date | None = None,
) -> ApiError:
    """429 of the Developer API since 2025, with a line for each quota, repeated ones too [seen]. No Retry-After.

    A quota is its metric, which begins with the service's host, its id and its limit. `retry_delay` is a duration as
    text, such as "48.9s". The words are those of the day `as_of`, or the newest.
    """
    day = as_of or date.max
    model_text = f", model: {model}" if day >= _MODEL_SINCE else ""
    lines = [f"\n* Quota exceeded for metric: {metric}, limit: {limit}{model_text}" for metric, _, limit in quotas]
    link = "https://ai.dev/rate-limit" if day >= _MODEL_SINCE else "https://ai.dev/usage?tab=rate-limit"
    details = [
        quota_failure(quotas, {"model": model, "location": location}),
        help_links([("Learn more about Gemini API quotas", _RATE_LIMITS)]),
    ]
    if day >= _USAGE_SINCE:
        details.reverse()
    return ApiError(
        Code.RESOURCE_EXHAUSTED,
        "You exceeded your current quota, please check your plan and billing details. "
        f"For more information on this error, head to: {_RATE_LIMITS}."
        + (f" To monitor your current usage, head to: {link}. " if day >= _USAGE_SINCE else "")
        + (f"{''.join(lines)}\nPlease retry in {retry_delay}." if day >= _LINES_SINCE else ""),
        (*details, retry_info(float(retry_delay.removesuffix("s")))),
    )


def rate_limit_exceeded(service: str, project: str, *, location: str, limit: int = 0) -> ApiError:
    """429 of the Developer API in 2024, for GenerateContent; `project` is a number."""
    metadata = {
        "service": service,
        "consumer": f"projects/{project}",
        "quota_limit_value": str(limit),
        "quota_limit": "GenerateContentRequestsPerMinutePerProjectPerRegion",
        "quota_location": location,
        "quota_metric": f"{service}/generate_content_requests",
    }
    link = ("Request a higher quota limit.", "https://cloud.google.com/docs/quota#requesting_higher_quota")
    return ApiError(
        Code.RESOURCE_EXHAUSTED,
        "Quota exceeded for quota metric 'Generate Content API requests per minute' and limit "
        "'GenerateContent request limit per minute for a region' of service "
        f"'{service}' for consumer 'project_number:{project}'.",
        (error_info("RATE_LIMIT_EXCEEDED", metadata=metadata), help_links([link])),
    )


def base_model_quota_exceeded(metric: str, base_model: str = "") -> ApiError:
    """429 of Vertex AI; `metric` begins with aiplatform.googleapis.com/. Without a base model it is not of models."""
    of_model = f" with base model: {base_model}" if base_model else ""
    return ApiError(
        Code.RESOURCE_EXHAUSTED,
        f"Quota exceeded for {metric}{of_model}. Please submit a quota increase request. "
        "https://cloud.google.com/vertex-ai/docs/generative-ai/quotas-genai.",
    )
