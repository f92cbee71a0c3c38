"""The Developer API, described once: host, header profile, errors of outages, hints for lost calls."""

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from mockserver.dispatch.fault_injection import iam_denied
from mockserver.dispatch.routing import Json, Route
from mockserver.dispatch.service import DiscoveryProfile, FailedCall, HeaderProfile, Service
from mockserver.gemini.routes import LENIENT_ROUTES, ROUTES
from mockserver.generation.prompt_text import last_text
from mockserver.protojson.formatting import duration_text
from mockserver.rpc import errors, outages
from mockserver.rpc.errors import ApiError

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


def _resource_exhausted(call: FailedCall) -> ApiError:
    """429: of the rate of tuned models as seen from 2024-10 to 2024-12, else with QuotaFailure as since 2025."""
    if call.route.id.startswith("tunedModels."):
        return outages.resource_exhausted()
    return outages.quota_exceeded(
        f"{HOST}/generate_content_free_tier_requests",
        "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
        model="gemini-1.5-flash",
        limit=15,
        retry_delay=duration_text(round((48 if call.retry_after is None else call.retry_after) * 1_000_000_000)),
    )


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
    refusal_hint=_refusal_hint,
    lenient_hint=_LENIENT,
    not_supported=Path(__file__).with_name("not_supported.json"),
)
