"""Vertex AI, described once: host, header profile, errors of outages, hints for lost calls."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mockserver.dispatch.fault_injection import iam_denied
from mockserver.dispatch.routing import Json, Route, text_at
from mockserver.dispatch.service import DiscoveryProfile, FailedCall, HeaderProfile, Service
from mockserver.generation.prompt_text import last_text
from mockserver.rpc import errors, outages
from mockserver.rpc.errors import ApiError
from mockserver.vertex.errors import REQUIRED, invalid_fields
from mockserver.vertex.generation import TRAFFIC_HEADER
from mockserver.vertex.routes import ROUTES

HOST = "aiplatform.googleapis.com"

# Who answers: what asks models as everywhere, the rest not [seen: 67 answers about resources in 2026, 153 of models].
# That countTokens and its kin are of the former is our choice: not seen.
_ASKS_MODELS = frozenset({"PredictionService", "LlmUtilityService"})

_QUOTA_METRIC = f"{HOST}/generate_content_requests_per_minute_per_project_per_base_model"

_LOST_PROJECT = (
    "google-genai sends `POST /` when it was given a base URL but found project and location only in the environment:"
    " pass project= and location= to genai.Client"
)

_ENDED = frozenset({"JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED"})


def _server(route: Route) -> str:
    """What the answering server calls itself."""
    return "ESF" if _ASKS_MODELS.isdisjoint(route.rpc.split(".")) else "scaffolding on HTTPServer2"


def _iam_denied(call: FailedCall) -> ApiError:
    """Asking a model takes endpoints.predict [seen]."""
    collection, verb = call.route.id.split(".")[-2:]
    asks_a_model = collection in {"endpoints", "models"} and verb.endswith(("Content", "redict", "Tokens"))
    return iam_denied(call, "aiplatform.endpoints.predict" if asks_a_model else "")


_INJECTED: Mapping[str, Callable[[FailedCall], ApiError]] = {
    # Only Vertex AI was seen to say the domain.
    "ACCESS_TOKEN_TYPE_UNSUPPORTED": lambda call: errors.unsupported_token(call.route.rpc, HOST, errors.PLATFORM),
    "IAM_PERMISSION_DENIED": _iam_denied,
    "RATE_LIMIT_EXCEEDED": lambda call: outages.base_model_quota_exceeded(
        _QUOTA_METRIC, call.resource.rpartition("/")[2]
    ),
    "RESOURCE_EXHAUSTED": lambda _: outages.resource_exhausted(outages.EXHAUSTED_VERTEX),
}


def _injected_error(name: str, call: FailedCall) -> ApiError | None:
    return _INJECTED[name](call) if name in _INJECTED else None


def _misnamed(route: Route, message: Json) -> ApiError:
    """400 that names the field [seen of sessions, over gRPC]."""
    field, rule = re.findall(r"\{([^={}]+)=([^{}]*)\}", route.path)[0]
    if not text_at(message, route.resource_field):
        return invalid_fields((field, REQUIRED))
    collection = rule.split("/")[-2]
    kind = collection[:1].upper() + collection[1:].removesuffix("s")
    return invalid_fields((field, f"Invalid {kind} resource name."))


def _has_ended(answer: Mapping[str, Any]) -> bool:
    return bool(answer.get("done")) or answer.get("state") in _ENDED


SERVICE = Service(
    host=HOST,
    title="Vertex AI API",
    routes=ROUTES,
    regional=True,
    headers=HeaderProfile(server=_server),
    discovery=DiscoveryProfile(
        canonical_name="Aiplatform",
        documentation="https://cloud.google.com/vertex-ai/",
        versions=frozenset({"v1beta1"}),
        default_version="v1",  # our choice: not seen
        scopes={
            "https://www.googleapis.com/auth/cloud-platform": "See, edit, configure, and delete your Google Cloud data "
            "and see the email address for your Google Account."
        },
    ),
    injected_error=_injected_error,
    misnamed=_misnamed,
    call_options=frozenset({TRAFFIC_HEADER}),
    prompt_text=last_text,
    polls=("*.tuningJobs.get", "*.operations.get", "*.operations.wait"),
    has_ended=_has_ended,
    path_hints={"": _LOST_PROJECT, "/": _LOST_PROJECT},
    not_supported=Path(__file__).with_name("not_supported.json"),
)
