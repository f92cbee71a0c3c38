"""The Developer API, described once: host, header profile, errors of outages, hints for lost calls."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from mockserver.dispatch.fault_injection import iam_denied
from mockserver.dispatch.routing import Call, Json, Route
from mockserver.dispatch.service import DiscoveryProfile, FailedCall, HeaderProfile, QuotaKey, Service
from mockserver.gemini.routes import LENIENT_ROUTES, ROUTES
from mockserver.generation.prompt_text import last_text
from mockserver.protojson.formatting import duration_text
from mockserver.rpc import errors, outages
from mockserver.rpc.errors import ApiError
from mockserver.rpc.outages import Violation

HOST = "generativelanguage.googleapis.com"

# Which methods say X-Gemini-Service-Tier, and since when at the latest; recorded streams of that time do not.
_TIERED = frozenset({"models.generateContent", "tunedModels.generateContent"})
_TIERED_SINCE = date(2026, 1, 1)

_LENIENT = (
    "the real service has no such method on v1 either: set http_options={'api_version': 'v1beta'}, or"
    " GOOGLE_GENAI_API_VERSION=v1beta (which moves Vertex AI calls too), or start the server with --lenient-routes"
)
_NO_DATA = (
    "google-genai leaves the training data out of tunings.tune for the Gemini API since 1.47: tune with 1.46,"
    " with google-generativeai or over REST, or let add_tuned_model() put the model there"
)


_REQUESTS = f"{HOST}/generate_content_free_tier_requests"
_TOKENS = f"{HOST}/generate_content_free_tier_input_token_count"
# Metric and id of the free tier's quotas: bodies of 2025 and 2026 list all four [seen].
_FREE_TIER = {
    ("requests", "minute"): (_REQUESTS, "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"),
    ("requests", "day"): (_REQUESTS, "GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
    ("tokens", "minute"): (_TOKENS, "GenerateContentInputTokensPerModelPerMinute-FreeTier"),
    ("tokens", "day"): (_TOKENS, "GenerateContentInputTokensPerModelPerDay-FreeTier"),
}


def _resource_exhausted(call: FailedCall) -> ApiError:
    """429: of the rate of tuned models as seen from 2024-10 to 2024-12, else with QuotaFailure as since 2025."""
    if call.route.id.startswith("tunedModels."):
        return outages.resource_exhausted()
    seconds = 48 if call.retry_after is None else call.retry_after
    return _quota_exceeded("gemini-1.5-flash", [Violation("requests", "minute", 15, seconds)])


def _quota_exceeded(model: str, violations: Sequence[Violation]) -> ApiError:
    """429 of the free tier; it lasts until the last of the quotas begins anew."""
    delay = max(violation.seconds for violation in violations)
    quotas = [(*_FREE_TIER[each.unit, each.period], each.limit) for each in violations]
    return outages.quota_exceeded(quotas, model=model, retry_delay=duration_text(round(delay * 1_000_000_000)))


def _quota_key(call: Call) -> QuotaKey:
    """The caller's project. A tuned model has quotas of its own."""  # our choice: not seen
    return QuotaKey(call.caller.project, call.resource.rpartition("/")[2])


def _quota_error(_: Call, key: QuotaKey, violations: Sequence[Violation]) -> ApiError:
    return _quota_exceeded(key.model, violations)


def _overloaded(call: FailedCall) -> ApiError:
    return outages.overloaded(*([outages.HIGH_DEMAND] if call.day >= outages.HIGH_DEMAND_SINCE else []))


def _iam_denied(call: FailedCall) -> ApiError:
    """Asking a model takes endpoints.predict [seen]."""
    collection, verb = call.route.id.split(".")[-2:]
    asks_a_model = collection == "models" and verb.endswith(("Content", "redict", "Tokens"))
    return iam_denied(call, "generativelanguage.endpoints.predict" if asks_a_model else "")


_INJECTED: Mapping[str, Callable[[FailedCall], ApiError]] = {
    "ACCESS_TOKEN_TYPE_UNSUPPORTED": lambda call: errors.unsupported_token(call.route.rpc, HOST),
    "IAM_PERMISSION_DENIED": _iam_denied,
    # By project and region, in 2024.
    "RATE_LIMIT_EXCEEDED": lambda call: outages.rate_limit_exceeded(HOST, call.project, location="us-central1"),
    "RESOURCE_EXHAUSTED": _resource_exhausted,
    "UNAVAILABLE": _overloaded,
}


def _injected_error(name: str, call: FailedCall) -> ApiError | None:
    return _INJECTED[name](call) if name in _INJECTED else None


def _has_ended(answer: Mapping[str, Any]) -> bool:
    return bool(answer.get("done")) or answer.get("state") in {"ACTIVE", "FAILED"}


def _refusal_hint(route: Route, message: Json) -> str:
    if route.id != "tunedModels.create":
        return ""
    return "" if "trainingData" in message.get("tunedModel", {}).get("tuningTask", {}) else _NO_DATA


SERVICE = Service(
    host=HOST,
    title="Generative Language API",
    routes=ROUTES,
    lenient_routes=LENIENT_ROUTES,
    headers=HeaderProfile(
        server=lambda _: "scaffolding on HTTPServer2", timed=True, tiered=_TIERED, tiered_since=_TIERED_SINCE
    ),
    # Its documents named no scopes until 2026; a client with neither key nor token is built without them. v1 is in both
    # services, and this one's unless the host or the service says otherwise. # our choice: one host serves both
    discovery=DiscoveryProfile(
        canonical_name="Generative Language",
        documentation="https://developers.generativeai.google/api",
        versions=frozenset({"v1", "v1alpha", "v1beta", "v1beta3"}),
        default_version="v1beta",  # our choice: not seen
        short_names=True,
    ),
    empty_404=True,
    internal_error=outages.INTERNAL_DEVELOPER,
    injected_error=_injected_error,
    prompt_text=last_text,
    polls=("tunedModels.get", "tunedModels.operations.get"),
    has_ended=_has_ended,
    metered=(
        "*.generateContent",
        "*.streamGenerateContent",
        "*.generateText",
        "*.embedContent",
        "*.batchEmbedContents",
    ),
    quota_key=_quota_key,
    quota_error=_quota_error,
    creates=("*.create", "*.batchGenerateContent", "*.asyncBatchEmbedContent"),
    refusal_hint=_refusal_hint,
    lenient_hint=_LENIENT,
)
