"""The Developer API, described once: host, header profile, errors of outages, hints for misses."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from mockserver.dispatch.fault_injection import iam_denied
from mockserver.dispatch.routing import Call, Json, Route, text_at
from mockserver.dispatch.service import DiscoveryProfile, FailedCall, HeaderProfile, QuotaKey, Service
from mockserver.gemini.cached_contents import denied as cached_content_denied
from mockserver.gemini.errors import (
    access_denied,
    generation_denied,
    model_not_found,
    not_found,
    not_supported,
    tuned_model_not_found,
)
from mockserver.gemini.routes import LENIENT_ROUTES, ROUTES
from mockserver.gemini.store import TUNED_MODELS
from mockserver.generation.prompt_text import last_text
from mockserver.protojson.formatting import duration_text
from mockserver.rpc import errors, outages
from mockserver.rpc.errors import ApiError, Code
from mockserver.rpc.outages import Violation
from mockserver.settings.reading import nearest
from mockserver.state.store import ALL
from mockserver.state.world import World

HOST = "generativelanguage.googleapis.com"

# Which methods say X-Gemini-Service-Tier; recorded streams of that time do not. Missing on 2026-03-16, there from
# 2026-04-02 on.
_TIERED = frozenset({"models.generateContent", "tunedModels.generateContent"})
_TIERED_SINCE = date(2026, 4, 1)

_LENIENT = (
    "the real service has no such method on v1 either: set http_options={'api_version': 'v1beta'}, or"
    " GOOGLE_GENAI_API_VERSION=v1beta (which moves Vertex AI calls too), or start the server with --lenient-routes"
)
_TUNED_AMONG_BASE = (
    "the real service has no such path either: a tuned model is named tunedModels/..., without models/ before it;"
    " litellm and genkit put it there"
)
_OTHER_OWNER = (
    "it is there, but belongs to another key or user: ask with the key that created it, or share it by"
    " tunedModels.permissions.create, which takes an OAuth token and no key"
)
_NO_DATA = (
    "google-genai since 1.47 and @google/genai leave the training data out of tunings.tune for the Gemini API: tune with"
    " google-genai 1.46, with google-generativeai or over REST, or add the model: mockserver.add_tuned_model() or"
    " POST /_mock/tuned_models"
)


# The quotas of the free tier by the end of a method's id: the metric, and what its id begins with.
_QUOTAS = {
    "enerateContent": ("generate_content_free_tier_requests", "GenerateRequests"),
    "mbedContent": ("embed_content_free_tier_requests", "EmbedContentRequests"),
    "mbedContents": ("embed_content_free_tier_requests", "EmbedContentRequests"),
}
_INPUT_TOKENS = ("generate_content_free_tier_input_token_count", "GenerateContentInputTokens")
_REPEATED_SINCE = date(2026, 1, 1)  # bodies of 2026 have a line for each quota, repeats included

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
    """429: of tuned models and other resources as in 2024, of a model's quota with QuotaFailure as since 2025."""
    quotas = [quota for end, quota in _QUOTAS.items() if call.route.id.endswith(end)]
    if not call.resource.startswith("models/") or not quotas:
        return outages.resource_exhausted()
    if call.day >= _REPEATED_SINCE:
        quotas = [*quotas, _INPUT_TOKENS, *quotas] if quotas[0][1] == "GenerateRequests" else [*quotas, *quotas]
    periods = ("PerMinute", "PerMinute", "PerDay")
    return _quota_exceeded(
        [
            (f"{HOST}/{metric}", f"{name}{period}PerProjectPerModel-FreeTier", 15)
            for (metric, name), period in zip(quotas, periods, strict=False)
        ],
        call.resource.rpartition("/")[2],
        48 if call.retry_after is None else call.retry_after,
        call.world.settings.as_of,
    )


def _quota_exceeded(quotas: Sequence[tuple[str, str, int]], model: str, seconds: float, as_of: date | None) -> ApiError:
    retry_delay = duration_text(round(seconds * 1_000_000_000))
    return outages.quota_exceeded(quotas, model=model, retry_delay=retry_delay, as_of=as_of)


def _quota_key(call: Call) -> QuotaKey:
    """Return the caller's project. A tuned model has quotas of its own."""  # our choice: not seen
    return QuotaKey(call.caller.project, call.resource.rpartition("/")[2])


def _quota_error(call: Call, key: QuotaKey, violations: Sequence[Violation]) -> ApiError:
    """429 of the free tier; it lasts until the last of the quotas begins anew."""
    quotas = [(*_FREE_TIER[each.unit, each.period], each.limit) for each in violations]
    return _quota_exceeded(quotas, key.model, max(violation.seconds for violation in violations), call.settings.as_of)


def _permission_denied(call: FailedCall) -> ApiError:
    """403: of a tuned model as its users met it; of anything else the token's scopes."""
    name = "/".join(call.resource.split("/")[:2])
    if name.startswith("cachedContents/"):
        return cached_content_denied()
    if not name.startswith("tunedModels/"):
        return errors.insufficient_scopes(call.route.rpc, HOST)
    generates = call.route.id.endswith(("Content", "Text", "mbedContents"))
    return generation_denied(name) if generates else access_denied(name)


def _not_found(call: FailedCall) -> ApiError:
    """404: of a tuned model, of a model that is got or asked, or of a part of something."""
    name = call.resource
    if re.fullmatch("tunedModels/[^/]+", name):
        return tuned_model_not_found(name)
    if not name.startswith("models/"):
        return not_found()
    return model_not_found(name, call) if call.route.id == "models.get" else not_supported(name, call)


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
    "NOT_FOUND": _not_found,
    "PERMISSION_DENIED": _permission_denied,
    # By project and region, in 2024.
    "RATE_LIMIT_EXCEEDED": lambda call: outages.rate_limit_exceeded(HOST, call.project, location="us-central1"),
    "RESOURCE_EXHAUSTED": _resource_exhausted,
    "UNAVAILABLE": _overloaded,
}


def _injected_error(name: str, call: FailedCall) -> ApiError | None:
    return _INJECTED[name](call) if name in _INJECTED else None


def _misnamed_error(route: Route, _: Json) -> ApiError:
    """400 without a reason, as the default of `Service` is."""
    return errors.invalid_argument().with_hint(_NO_LIST if route.rpc.endswith(".ListOperations") else "")


_NO_LIST = (
    "google-generativeai: call genai.get_operation(name) instead of genai.list_operations(), or operation.result()"
)


def _has_ended(answer: Mapping[str, Any]) -> bool:
    return bool(answer.get("done")) or answer.get("state") in {"ACTIVE", "FAILED"}


def _refusal_hint(world: World, route: Route, message: Json, error: ApiError) -> str:
    model = "/".join(text_at(message, route.resource_field).split("/")[:2])
    if error.code is Code.PERMISSION_DENIED and model.startswith("tunedModels/"):
        return _OTHER_OWNER if world.store.has(TUNED_MODELS, model) else _describe_missing(world, model)
    if route.id != "tunedModels.create":
        return ""
    return "" if "trainingData" in message.get("tunedModel", {}).get("tuningTask", {}) else _NO_DATA


def _describe_missing(world: World, model: str) -> str:
    prefix, _, model_id = model.partition("/")
    entries = world.store.page(TUNED_MODELS, ALL, "", limit=_MOST_NAMES)
    meant = nearest(model_id[:_LONGEST_ID], [entry.name.removeprefix(f"{prefix}/") for entry in entries])
    question = f"; did you mean {prefix}/{meant}?" if meant else "."
    return f"no tuned model of this name is here{question} The service answers 403 for missing ones too"


_MOST_NAMES, _LONGEST_ID = 100, 100
"""Comparing names takes time: a hint looks at no more."""


SERVICE = Service(
    host=HOST,
    title="Generative Language API",
    routes=ROUTES,
    lenient_routes=LENIENT_ROUTES,
    headers=HeaderProfile(
        server=lambda _: "scaffolding on HTTPServer2",
        has_timing=True,
        tiered_methods=_TIERED,
        tiered_since=_TIERED_SINCE,
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
    not_supported=Path(__file__).with_name("not_supported.json"),
    polls=("tunedModels.get", "tunedModels.operations.get"),
    has_ended=_has_ended,
    metered_methods=(
        "*.generateContent",
        "*.streamGenerateContent",
        "*.generateText",
        "*.embedContent",
        "*.batchEmbedContents",
    ),
    quota_key=_quota_key,
    quota_error=_quota_error,
    creates=("*.create", "*.batchGenerateContent", "*.asyncBatchEmbedContent"),
    job_creations=("tunedModels.create",),
    client_calls={
        "tunings.tune": "tunedModels.create",
        "tunings.get": "tunedModels.get",
        "tunings.list": "tunedModels.list",
        "tunings.cancel": "tunedModels.operations.cancel",
        "create_tuned_model": "tunedModels.create",
        "get_tuned_model": "tunedModels.get",
        "list_tuned_models": "tunedModels.list",
        "update_tuned_model": "tunedModels.patch",
        "delete_tuned_model": "tunedModels.delete",
        "models.generate_content": "models.generateContent",
        "models.generate_content_stream": "models.streamGenerateContent",
        "generate_content": "*.generateContent",
        "generate_content_stream": "*.streamGenerateContent",
    },
    misnamed_error=_misnamed_error,
    refusal_hint=_refusal_hint,
    pattern_hints={"/[^/]+/models/tunedModels/[^/]+": _TUNED_AMONG_BASE},
    lenient_hint=_LENIENT,
)
