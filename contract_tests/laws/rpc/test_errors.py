"""Errors: the envelope, and every recorded body of the front end reproduced by its constructor."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mockserver.http import parameters
from mockserver.http.error_body import error_body
from mockserver.http.error_pages import length_required_page, malformed_request_page, not_found_page
from mockserver.protojson.layout import dumps
from mockserver.rpc import errors, outages, paging
from mockserver.rpc.errors import ApiError, Code

GL = "generativelanguage.googleapis.com"
VX = "aiplatform.googleapis.com"
GENERATE = "google.ai.generativelanguage.v1beta.GenerativeService.GenerateContent"
PREDICT = "google.cloud.aiplatform.v1beta1.PredictionService.GenerateContent"
FLASH = "publishers/google/models/gemini-1.5-flash"

# By the record's id: the error it shows, raised by the constructor of its condition.
MADE: dict[str, Callable[[], ApiError]] = {
    "no-credentials-post-generate": errors.unregistered_caller,
    "api-key-invalid": lambda: errors.invalid_api_key(GL),
    "api-key-expired": lambda: errors.expired_api_key(GL),
    "vertex-no-oauth-without-debuginfo": lambda: errors.api_keys_not_supported(PREDICT, VX),
    "gl-permissions-with-api-key": lambda: errors.api_keys_not_supported(
        "google.ai.generativelanguage.v1beta.PermissionService.CreatePermission", GL
    ),
    "bearer-invalid": errors.invalid_bearer,
    "bearer-wrong-type": lambda: errors.unsupported_token(GENERATE, GL),
    "scope-insufficient-generate": lambda: errors.insufficient_scopes(GENERATE, GL, domain=None),
    "scope-insufficient-list-tuned-models": lambda: errors.insufficient_scopes(
        "google.ai.generativelanguage.v1beta.ModelService.ListTunedModels", GL
    ),
    "referrer-blocked": lambda: errors.referrer_blocked(GL, "projects/000000000000"),
    "api-key-service-blocked": lambda: errors.api_key_blocked(GENERATE, GL, "projects/000000000000"),
    "service-disabled": lambda: errors.service_disabled("Generative Language API", GL, "12345678"),
    "vertex-iam-denied": lambda: errors.iam_denied(
        "aiplatform.endpoints.predict", f"projects/test-project-id-1234/locations/us-central1/{FLASH}", VX
    ),
    "user-project-denied": lambda: errors.user_project_denied("my-project", GL),
    "quota-exceeded": lambda: outages.quota_exceeded(
        [
            (
                f"{GL}/generate_content_paid_tier_input_token_count",
                "GenerateContentPaidTierInputTokensPerModelPerMinute",
                1_000_000,
            )
        ],
        model="gemini-2.5-flash",
        retry_delay="48.939935699s",
    ),
    "quota-rate-limit-old": lambda: outages.rate_limit_exceeded(GL, "348715329010", location="us-east2"),
    "vertex-quota-1": lambda: outages.base_model_quota_exceeded(
        f"{VX}/generate_content_requests_per_minute_per_project_per_base_model", "gemini-1.0-pro"
    ),
    "vertex-quota-2": lambda: outages.resource_exhausted(outages.EXHAUSTED_VERTEX),
    "invalid-argument-generic": errors.invalid_argument,
    "payload-too-large": lambda: errors.payload_too_large(4_194_304),
    "internal": lambda: outages.internal_error(outages.INTERNAL_DEVELOPER),
    "vertex-internal": outages.internal_error,
    "overloaded": outages.overloaded,
    "deadline": outages.deadline_exceeded,
    "cancelled": outages.cancelled,
    "alt-unknown": lambda: refused_query("alt=sse?key=..."),
    "xgafv-bad": lambda: refused_query("$.xgafv=9"),
    "unknown-field-root": lambda: errors.unbindable(
        [(None, 'Invalid JSON payload received. Unknown name "stream": Cannot find field.')]
    ),
    "unknown-field-nested": lambda: errors.unbindable(
        [
            (
                "generation_config",
                "Invalid JSON payload received. Unknown name \"cached_content\" at 'generation_config': Cannot find field.",
            )
        ]
    ),
    "malformed-json-truncated": lambda: errors.invalid_json(
        "Unexpected end of string. Expected , or } after key:value pair.\n\n^"
    ),
}

READER = "said while a body or a query is bound: see test_reading.py"
RESOURCE = "said by a resource, not by the front end"
INSIDE = "carries a DebugInfo detail, which only callers inside Google are shown"
NOT_MADE = {
    "vertex-no-oauth": INSIDE,
    "user-location": INSIDE,
    "model-not-found-2024": INSIDE,
    "unknown-error-302": "a redirect to the download host; nothing is downloaded here",
    "consumer-invalid": "assembled without the Help link that whole bodies of this error have",
    "fields-bad": "made by the mask itself: see test_fieldmask.py",
    "vertex-bad-location-html": "a page: see below",
    "html-411": "a page, of which the record keeps one sentence: see below",
    "html-get-with-body": "a page, of which the record keeps one sentence: see below",
    "enum-list": READER,
    "int32-fraction": READER,
    "body-field-prefix": READER,
    "malformed-json-android": READER,
    "malformed-json-token": READER,
    "form-body": READER,
    "unknown-query-param": READER,
    "query-int-bad": READER,
    "query-timestamp-bad": READER,
    "inline-data-bad-base64": READER,
    "vertex-token-count": RESOURCE,
    "cached-content-not-found": RESOURCE,
    "cached-content-bad-name": RESOURCE,
    "cached-content-model-mismatch": RESOURCE,
    "model-not-found-2026": RESOURCE,
    "vertex-publisher-model-not-found": RESOURCE,
    "vertex-invalid-role": RESOURCE,
    "vertex-invalid-temperature": RESOURCE,
    "tuned-model-permission": RESOURCE,
    "tuned-model-not-found": RESOURCE,
    "contents-missing": RESOURCE,
    "parts-empty": RESOURCE,
    "part-without-data": RESOURCE,
    "vertex-field-validation": RESOURCE,
    "vertex-required-field": RESOURCE,
    "vertex-not-found": RESOURCE,
}


def refused_query(query: str) -> ApiError:
    """Return the error for an invalid query string."""
    with pytest.raises(ApiError) as caught:
        parameters.split_query(parameters.parse_query(query))
    return caught.value


def records(transcripts: Path) -> dict[str, dict[str, Any]]:
    """Return the recorded errors by id."""
    return {row["id"]: row for row in json.loads((transcripts / "wire-errors.json").read_text())}


def in_order_of(made: Any, recorded: Any) -> Any:
    """Return `recorded` with its metadata maps in the key order of `made`: a map has no order."""
    for one, other in zip(made["error"].get("details", []), recorded["error"].get("details", []), strict=True):
        if "metadata" in other:
            other["metadata"] = {key: other["metadata"][key] for key in one["metadata"] if key in other["metadata"]}
    return recorded


def test_every_record_is_made_or_has_its_reason(transcripts: Path) -> None:
    """Every recorded error has a constructor."""
    assert set(records(transcripts)) == set(MADE) | set(NOT_MADE)


@pytest.mark.parametrize("name", MADE)
def test_the_recorded_body_is_made_again(name: str, transcripts: Path) -> None:
    """Byte for byte; only the order of a metadata map may differ, as it does between recordings."""
    record, error = records(transcripts)[name], MADE[name]()
    body = error_body(error)
    # A recorder put its placeholder where "global" was.
    recorded = json.loads(record["body"].replace("<GOOGLE_CLOUD_LOCATION>", "global"))

    assert record["status"] == error.code.http
    assert recorded == json.loads(body)
    assert dumps(in_order_of(json.loads(body), recorded)) == body


def test_a_401_says_how_to_sign_in(transcripts: Path) -> None:
    """WWW-Authenticate: the realm alone, or with what was wrong."""
    known = records(transcripts)
    for name in ("vertex-no-oauth", "bearer-invalid", "bearer-wrong-type"):
        challenges = {key.lower(): values for key, values in known[name]["headers"].items()}["www-authenticate"]
        made = MADE[{"vertex-no-oauth": "vertex-no-oauth-without-debuginfo"}.get(name, name)]()

        assert challenges == [made.headers["WWW-Authenticate"]]


def test_codes_have_the_status_of_the_proto_file() -> None:
    """google/rpc/code.proto; FAILED_PRECONDITION is 400 and there is no 412, 413 or 422."""
    statuses = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401]

    assert statuses == [Code(number).http for number in range(17)]


def test_the_envelope_has_one_order_and_no_empty_details() -> None:
    """code, message, status, details."""
    bare = ApiError(Code.NOT_FOUND, "gone")
    full = ApiError(Code.NOT_FOUND, "gone", [errors.retry_info(1.9)])

    assert ["code", "message", "status"] == list(json.loads(error_body(bare))["error"])
    assert ["code", "message", "status", "details"] == list(json.loads(error_body(full))["error"])
    assert {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"} == full.details[0]


@pytest.mark.parametrize(
    ("error", "entry"),
    [
        (errors.invalid_argument("m"), {"message": "m", "domain": "global", "reason": "badRequest"}),
        (errors.invalid_json("m."), {"domain": "global", "reason": "parseError"}),
        (errors.unbindable([(None, "m")]), {"message": "m", "reason": "invalid"}),
        (ApiError(Code.NOT_FOUND, "m"), {"message": "m", "domain": "global", "reason": "notFound"}),
        (errors.unregistered_caller(), {"domain": "global", "reason": "forbidden"}),
        (outages.internal_error("m"), {"message": "m", "domain": "global", "reason": "backendError"}),
        (
            errors.invalid_bearer(),
            {
                "message": "Invalid Credentials",
                "domain": "global",
                "reason": "authError",
                "location": "Authorization",
                "locationType": "header",
            },
        ),
        (
            errors.missing_credential(PREDICT, VX),
            {
                "message": "Login Required.",
                "domain": "global",
                "reason": "required",
                "location": "Authorization",
                "locationType": "header",
            },
        ),
    ],
)
def test_the_older_envelope_is_given_on_request_only(error: ApiError, entry: dict[str, str]) -> None:
    """`$.xgafv=1` puts errors[] between message and status; 2 and nothing do not [measured on Sheets]."""
    asked = json.loads(error_body(error, "1"))["error"]

    assert ["code", "message", "errors", "status"] == list(asked)[:4]
    assert [{"message": error.message} | entry] == asked["errors"]
    assert list({"message": error.message} | entry) == list(asked["errors"][0])
    assert error_body(error) == error_body(error, "2")
    assert "errors" not in json.loads(error_body(error))["error"]


def test_an_operation_fails_with_the_rpc_code() -> None:
    """google.rpc.Status, not the HTTP envelope."""
    status = {"code": 13, "message": "Internal error encountered."}

    assert status == outages.internal_error().status


def test_violations_are_joined_line_by_line() -> None:
    """All violations are listed in order; one at the root has no field."""
    error = errors.unbindable([("a.b", "one"), (None, "two")])

    assert error.message == "one\ntwo"
    assert [{"field": "a.b", "description": "one"}, {"description": "two"}] == error.details[0]["fieldViolations"]


def test_a_suspended_consumer_is_named_with_its_project() -> None:
    """As in a body of 2026-02: the key or the number in containerInfo, and the sentence once more in the details."""
    error = errors.consumer_suspended("api_key:abc", "12", GL)
    info, localized = error.details

    assert "Permission denied: Consumer 'api_key:abc' has been suspended." == error.message == localized["message"]
    assert {"consumer": "projects/12", "service": GL, "containerInfo": "api_key:abc"} == info["metadata"]


def test_a_page_token_of_nobody_is_refused() -> None:
    """The sentence measured on Firestore."""
    with pytest.raises(ApiError, match="Invalid page token"):
        paging.page(["a/b"], key=str, page_size=1, page_token="X?key=K", default=1, maximum=1, scope="a")


def test_pages_of_the_outermost_server_are_the_recorded_one(transcripts: Path) -> None:
    """The 404 page byte for byte; the others are the same page around another sentence."""
    known = records(transcripts)
    path = "/v1beta/projects/my-project-id/locations/invalid-location/publishers/google/models/gemini-1.5-flash:generateContent"
    page = not_found_page(path).decode()

    assert known["vertex-bad-location-html"]["body"] == page
    for made, status in ((malformed_request_page(), 400), (length_required_page(), 411)):
        assert page.split("<title>")[0] == made.decode().split("<title>")[0]
        assert f"<title>Error {status} (" in made.decode()
    assert known["html-get-with-body"]["body"].partition(") ")[2].strip() in malformed_request_page().decode()
    assert "POST requests require a <code>Content-length</code> header." in length_required_page().decode()


def test_a_page_shows_the_target_as_sent_and_harmless() -> None:
    """The query is part of it, escaped for HTML [seen: `?alt=json&amp;prettyPrint=false`]."""
    page = not_found_page("/v1/a%2Fb?alt=json&prettyPrint=false&x=<b>").decode()

    assert "<code>/v1/a%2Fb?alt=json&amp;prettyPrint=false&amp;x=&lt;b&gt;</code>" in page
