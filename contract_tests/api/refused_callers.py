"""Refusals for who calls, from where, how often and at a bad time."""

from datetime import date

from contract_tests.api.aiplatform import turn
from contract_tests.api.provocations import (
    JOB,
    NOBODY,
    STRICT,
    USER,
    Json,
    Provocation,
    generate,
    on_vertex,
    request,
    tuning,
)
from mockserver.scripting.faults import Fault
from mockserver.state.world import Settings

UNREGISTERED = (
    "Method doesn't allow unregistered callers (callers without established identity). "
    "Please use API Key or other form of API consumer identity to call this API."
)
EXPECTED = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
NO_KEYS = (
    "API keys are not supported by this API. Expected OAuth2 access token or other authentication credentials "
    "that assert a principal. See https://cloud.google.com/docs/authentication"
)
SCOPES = "Request had insufficient authentication scopes."
DISABLED = (
    "{title} has not been used in project {project} before or it is disabled. Enable it by visiting "
    "https://console.developers.google.com/apis/api/{service}/overview?project={project} then retry. "
    "If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry."
)
USER_PROJECT = (
    "Caller does not have required permission to use project my-project. Grant the caller the "
    "roles/serviceusage.serviceUsageConsumer role, or a custom role with the serviceusage.services.use permission, "
    "by visiting https://console.developers.google.com/iam-admin/iam/project?project=my-project and then retry. "
    "Propagation of the new permission may take a few minutes."
)


def of_project(project: str) -> Json:
    """A user who has the calls billed to that project."""
    return USER | {"x-goog-user-project": project}


ERROR_INFO_DOMAIN = frozenset({"domain"})  # some recordings quote it, some do not

REFUSED_CALLERS = (
    # Credentials.
    Provocation(UNREGISTERED, 403, generate(headers=NOBODY)),
    Provocation(
        "API key not valid. Please pass a valid API key.", 400, generate(headers={"x-goog-api-key": "bad"}), STRICT
    ),
    Provocation("API key expired. Please renew the API key.", 400, generate(), fault=Fault(status="API_KEY_EXPIRED")),
    Provocation(
        f"Request had invalid authentication credentials. {EXPECTED}",
        401,
        request("GET", "/v1beta/tunedModels", headers=USER),
        STRICT,
    ),
    Provocation(
        f"Request had invalid authentication credentials. {EXPECTED}",
        401,
        generate(headers=USER),
        fault=Fault(status="ACCESS_TOKEN_TYPE_UNSUPPORTED"),
    ),
    Provocation(
        f"Request had invalid authentication credentials. {EXPECTED}",
        401,
        tuning(JOB),
        STRICT,
    ),
    Provocation(f"Request is missing required authentication credential. {EXPECTED}", 401, tuning(JOB, NOBODY)),
    Provocation(NO_KEYS, 401, request("POST", "/v1beta/tunedModels/x/permissions", {})),
    Provocation(
        NO_KEYS,
        401,
        request("POST", "/v1beta1/publishers/google/models/gemini-2.0-flash:generateContent", turn("x")),
        fault=Fault(status="CREDENTIALS_MISSING"),
    ),
    Provocation(
        "Resource has been exhausted (e.g. check quota).",
        429,
        request("POST", "/v1beta/tunedModels/numbers:generateContent", {}),
        fault=Fault(status=429),
    ),
    Provocation(SCOPES, 403, generate(headers=USER), fault=Fault(status=403), untold=ERROR_INFO_DOMAIN),
    Provocation(SCOPES, 403, request("GET", "/v1beta/tunedModels", headers=USER), fault=Fault(status=403)),
    Provocation(SCOPES, 403, request("GET", "/v1beta/models", headers=USER), fault=Fault(status=403)),
    Provocation(
        "Requests from referer <empty> are blocked.",
        403,
        generate(headers=of_project("000000000000")),
        fault=Fault(status="API_KEY_HTTP_REFERRER_BLOCKED"),
    ),
    Provocation(
        "Requests to this API generativelanguage.googleapis.com method "
        "google.ai.generativelanguage.v1beta.GenerativeService.GenerateContent are blocked.",
        403,
        generate(headers=of_project("000000000000")),
        fault=Fault(status="API_KEY_SERVICE_BLOCKED"),
    ),
    Provocation(
        DISABLED.format(
            title="Generative Language API", service="generativelanguage.googleapis.com", project="12345678"
        ),
        403,
        generate(headers=of_project("12345678")),
        fault=Fault(status="SERVICE_DISABLED"),
    ),
    Provocation(
        DISABLED.format(title="Vertex AI API", service="aiplatform.googleapis.com", project="720070608347"),
        403,
        tuning(JOB, of_project("720070608347")),
        fault=Fault(status="SERVICE_DISABLED"),
    ),
    Provocation(
        USER_PROJECT, 403, generate(headers=of_project("my-project")), fault=Fault(status="USER_PROJECT_DENIED")
    ),
    Provocation(
        "Permission denied on resource project my-project.",
        403,
        generate(headers=of_project("my-project")),
        fault=Fault(status="CONSUMER_INVALID"),
    ),
    Provocation(
        "Permission denied on resource project X.",
        403,
        tuning(JOB, of_project("X")),
        fault=Fault(status="CONSUMER_INVALID"),
    ),
    Provocation(
        "Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/"
        "test-project-id-1234/locations/us-central1/publishers/google/models/gemini-1.5-flash' (or it may not exist).",
        403,
        request(
            "POST",
            "/v1/projects/test-project-id-1234/locations/us-central1/publishers/google/models/gemini-1.5-flash:generateContent",
            turn("x"),
            USER,
        ),
        fault=Fault(status="IAM_PERMISSION_DENIED"),
    ),
    Provocation(
        "Permission denied on 'locations/me-central2' (or it may not exist).",
        403,
        request("GET", "/v1/projects/stkl-kody-mullins/locations/me-central2/tuningJobs", headers=USER),
    ),
    # Rates, and where the caller is.
    Provocation(
        "Quota exceeded for quota metric 'Generate Content API requests per minute' and limit 'GenerateContent request "
        "limit per minute for a region' of service 'generativelanguage.googleapis.com' for consumer "
        "'project_number:348715329010'.",
        429,
        generate(headers=of_project("348715329010")),
        fault=Fault(status="RATE_LIMIT_EXCEEDED"),
        untold=frozenset({"quota_location"}),
    ),
    *(
        Provocation(
            "Quota exceeded for aiplatform.googleapis.com/generate_content_requests_per_minute_per_project_per_base_model "
            f"with base model: {model}. Please submit a quota increase request. "
            "https://cloud.google.com/vertex-ai/docs/generative-ai/quotas-genai.",
            429,
            on_vertex(model),
            fault=Fault(status="RATE_LIMIT_EXCEEDED"),
        )
        for model in ("gemini-pro", "gemini-1.0-pro")
    ),
    Provocation(
        "Resource exhausted. Please try again later. Please refer to "
        "https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details.",
        429,
        on_vertex("gemini-2.5-flash"),
        fault=Fault(status=429),
    ),
    Provocation(
        "User location is not supported for the API use.",
        400,
        generate(),
        fault=Fault(status="USER_LOCATION_UNSUPPORTED"),
    ),
    # Outages.
    Provocation("Request contains an invalid argument.", 400, generate(), fault=Fault(status=400)),
    Provocation(
        "An internal error has occurred. Please retry or report in "
        "https://developers.generativeai.google/guide/troubleshooting",
        500,
        generate(),
        fault=Fault(status=500),
    ),
    Provocation("Internal error encountered.", 500, on_vertex("gemini-2.5-flash"), fault=Fault(status=500)),
    Provocation("The model is overloaded. Please try again later.", 503, generate(), fault=Fault(status=503)),
    Provocation(
        "This model is currently experiencing high demand. Spikes in demand are usually temporary. "
        "Please try again later.",
        503,
        generate(),
        Settings(seed=1, as_of=date(2026, 3, 1)),
        fault=Fault(status=503),
    ),
    Provocation("Deadline expired before operation could complete.", 504, generate(), fault=Fault(status=504)),
    Provocation("The operation was cancelled.", 499, generate(), fault=Fault(status=499)),
)
