"""Vertex AI, described once: host, header profile, errors of outages, hints for misses."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mockserver.dispatch.fault_injection import iam_denied
from mockserver.dispatch.routing import Call, Json, Route, text_at
from mockserver.dispatch.service import DiscoveryProfile, FailedCall, HeaderProfile, QuotaKey, Service
from mockserver.generation.prompt_text import last_text
from mockserver.rpc import errors, outages
from mockserver.rpc.errors import ApiError, Code
from mockserver.rpc.outages import Violation
from mockserver.state.store import Missing
from mockserver.vertex.cached_contents import not_found as cached_content_not_found
from mockserver.vertex.errors import REQUIRED, does_not_exist, endpoint_not_found, invalid_fields, not_found
from mockserver.vertex.generation import TRAFFIC_HEADER
from mockserver.vertex.locations import canonical_name
from mockserver.vertex.routes import ROUTES
from mockserver.vertex.store import Repository
from mockserver.vertex.targets import find_target

HOST = "aiplatform.googleapis.com"

# Who answers: what asks models as everywhere, the rest not [seen: 67 answers about resources in 2026, 153 of models].
# That countTokens and its kin are of the former is our choice: not seen.
_ASKS_MODELS = frozenset({"PredictionService", "LlmUtilityService"})

_GENERATE_REQUESTS = f"{HOST}/generate_content_requests_per_minute_per_project_per_base_model"

# The quota of a method by the end of its id, each a sentence that was seen; a quota of models names the base model.
_QUOTAS = {
    "tuningJobs.create": f"{HOST}/global_concurrent_tuning_jobs",
    "redict": f"{HOST}/online_prediction_requests_per_base_model",
    "": _GENERATE_REQUESTS,
}

_QUOTA_METRICS = {
    ("requests", "minute"): _GENERATE_REQUESTS,
    ("tokens", "minute"): f"{HOST}/generate_content_input_tokens_per_minute_per_base_model",  # documented
    # our choice: not seen. The real service has no such quotas.
    ("requests", "day"): f"{HOST}/generate_content_requests_per_day_per_project_per_base_model",
    ("tokens", "day"): f"{HOST}/generate_content_input_tokens_per_day_per_base_model",
}

_LOST_PROJECT = (
    "let GOOGLE_VERTEX_BASE_URL end with /aiplatform.googleapis.com, as `mockserver env` sets it. google-genai for"
    " Vertex AI asks for `/` when it has another base URL and finds project and location only in the environment. Or"
    " pass project= and location= to genai.Client, or start the program with `mockserver run`"
)

_ENDED = frozenset({"JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED"})


def _server(route: Route) -> str:
    """Return what the answering server calls itself."""
    return "ESF" if _ASKS_MODELS.isdisjoint(route.rpc.split(".")) else "scaffolding on HTTPServer2"


def _iam_denied(call: FailedCall) -> ApiError:
    """Asking a model takes endpoints.predict [seen]."""
    collection, verb = call.route.id.split(".")[-2:]
    asks_a_model = collection in {"endpoints", "models"} and verb.endswith(("Content", "redict", "Tokens"))
    return iam_denied(call, "aiplatform.endpoints.predict" if asks_a_model else "")


def _rate_limit_exceeded(call: FailedCall) -> ApiError:
    """429: of the jobs of a project, or of a base model, which is the tuned endpoint's own."""
    metric = next(metric for end, metric in _QUOTAS.items() if call.route.id.endswith(end))
    asks_a_model = "/models/" in call.resource or "endpoints/" in call.resource
    return outages.base_model_quota_exceeded(metric, _base_model(call) if asks_a_model else "")


def _resource_exhausted(call: FailedCall) -> ApiError:
    """429: of tuning jobs their quota, of anything else without particulars [seen]."""
    if call.route.id.endswith("tuningJobs.create"):
        return _rate_limit_exceeded(call)
    return outages.resource_exhausted(outages.EXHAUSTED_VERTEX)


def _base_model(call: FailedCall) -> str:
    """Return the id of the base model of a call, for an endpoint its tuned model's; else the name's last part."""
    name = call.resource
    if "endpoints/" in name:
        try:
            active = Repository(call.world, call.now).get_endpoint(canonical_name(name))
        except Missing:
            active = None
        name = active.job.base_model if active and active.job else name
    return name.rpartition("/")[2]


def _not_found(call: FailedCall) -> ApiError:
    """404 in the sentence of the kind of resource that was asked for."""
    name, canonical = call.resource, canonical_name(call.resource)
    collection = name.split("/")[-2] if "/" in name else ""
    if "publishers/" in name:
        return ApiError(Code.NOT_FOUND, f"Publisher Model `{name}` not found.")
    if collection == "cachedContents":
        return cached_content_not_found(name)
    if collection == "tuningJobs":
        return does_not_exist("TuningJob")
    if collection == "endpoints":
        return endpoint_not_found(canonical)
    return not_found(collection[:1].upper() + collection[1:].removesuffix("s"), canonical)


def _project_of(resource: str) -> str:
    return resource.split("/")[1] if resource.startswith("projects/") and resource.count("/") > 1 else ""


def _invalid_token(route: Route) -> ApiError:
    """401 with the reason ACCESS_TOKEN_TYPE_UNSUPPORTED. The domain in its details was seen of Vertex AI only."""
    return errors.unsupported_token(route.rpc, HOST, errors.PLATFORM)


_INJECTED: Mapping[str, Callable[[FailedCall], ApiError]] = {
    "ACCESS_TOKEN_TYPE_UNSUPPORTED": lambda call: _invalid_token(call.route),
    "IAM_PERMISSION_DENIED": _iam_denied,
    "NOT_FOUND": _not_found,
    "RATE_LIMIT_EXCEEDED": _rate_limit_exceeded,
    "RESOURCE_EXHAUSTED": _resource_exhausted,
}


def _injected_error(name: str, call: FailedCall) -> ApiError | None:
    return _INJECTED[name](call) if name in _INJECTED else None


def _quota_key(call: Call) -> QuotaKey:
    """Return the project in the path, else the caller's. A tuned model counts as its base model [documented]."""
    project = call.resource.split("/")[1] if call.resource.startswith("projects/") else call.caller.project
    return QuotaKey(project, find_target(call).base_name.rpartition("/")[2])


def _quota_error(_: Call, key: QuotaKey, violations: Sequence[Violation]) -> ApiError:
    """429 names one quota, and not when it begins anew [seen]."""
    first = violations[0]
    return outages.base_model_quota_exceeded(_QUOTA_METRICS[first.unit, first.period], key.model)


def _misnamed_error(route: Route, message: Json) -> ApiError:
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
    invalid_token=_invalid_token,
    misnamed_error=_misnamed_error,
    project_of=_project_of,
    call_options=frozenset({TRAFFIC_HEADER}),
    prompt_text=last_text,
    not_supported=Path(__file__).with_name("not_supported.json"),
    polls=("*.tuningJobs.get", "*.operations.get", "*.operations.wait"),
    has_ended=_has_ended,
    metered_methods=("*.generateContent", "*.streamGenerateContent"),
    quota_key=_quota_key,
    quota_error=_quota_error,
    creates=("*.create", "*.rebaseTunedModel", "*.copy"),
    job_creations=("tuningJobs.create", "tuningJobs.rebaseTunedModel"),
    client_calls={
        "tunings.tune": "tuningJobs.create",
        "tunings.get": "tuningJobs.get",
        "tunings.list": "tuningJobs.list",
        "tunings.cancel": "tuningJobs.cancel",
        "sft.train": "tuningJobs.create",
        "train": "tuningJobs.create",
        "refresh": "tuningJobs.get",
        "models.generate_content": "endpoints.generateContent",
        "models.generate_content_stream": "endpoints.streamGenerateContent",
    },
    has_lost_path=lambda agent: agent.startswith("google-genai-sdk/") and "gl-python/" in agent,
    path_hints={"": _LOST_PROJECT, "/": _LOST_PROJECT},
    # google-genai puts project and location before whatever name it is given.
    pattern_hints={
        r"(/[^/]+/projects/[^/]+/locations/[^/]+)/(\d+(?::\w+)?)": r"did you mean \1/tuningJobs/\2? The name of a tuning"
        " job is the whole of it: pass job.name"
    },
)
