"""What the log says of a call without a route: what is left out on purpose, and the call that was meant."""

import pytest

from contract_tests.official import GEMINI, VERTEX, not_supported, published, served, shape
from mockserver.dispatch.diagnostics import diagnose_rpc, diagnose_unrouted, explain
from mockserver.inspection.services import route_table
from mockserver.rpc.errors import ApiError, Code
from mockserver.state.world import Settings

PROJECT = "/v1/projects/p/locations/us-central1"


def hint(verb: str, path: str) -> str:
    """What the log says of a request on a host of our own."""
    return diagnose_unrouted(route_table(), verb, path, Settings())


@pytest.mark.parametrize(
    ("verb", "path", "what"),
    [
        ("POST", "/v1beta/openai/chat/completions", "The OpenAI-compatible path"),
        ("GET", "/v1beta/openai/models", "The OpenAI-compatible path"),
        ("POST", f"{PROJECT}/endpoints/openapi/chat/completions", "The OpenAI-compatible path"),
        ("POST", "/v1beta/interactions", "Interactions, agents and webhooks"),
        ("GET", "/v1beta/files/abc", "Files"),
        ("POST", "/upload/v1beta/files", "Files"),
        ("POST", f"{PROJECT}/batchPredictionJobs", "Batch prediction"),
        ("POST", f"{PROJECT}/interactions", "Interactions"),
        ("POST", "/v1beta/models/veo-3.0-generate-001:predictLongRunning", "Imagen and Veo"),
        ("POST", "/v1beta/models/imagen-4.0-generate-001:predict", "Imagen and Veo"),
        (
            "POST",
            f"{PROJECT}/publishers/google/models/veo-3.0-generate-001:predictLongRunning",
            "Prediction for models",
        ),
        ("GET", f"{PROJECT}/customJobs/1/operations/2", "Operations of services that are not served"),
        ("POST", "/v1alpha/auth_tokens", "Live sessions"),
    ],
)
def test_what_is_left_out_on_purpose_is_said_so(verb: str, path: str, what: str) -> None:
    """With what it is, and why, instead of the nearest method."""
    said = hint(verb, path)

    assert said.startswith("not supported by this server, on purpose: ")
    assert what in said


def test_every_published_path_that_is_not_served_is_explained() -> None:
    """Each belongs to what is left out, or is near to a method that is served: nobody is left without a word."""
    shapes = {rule.shape for rule in served(route_table().routes)}
    missing = {rule for rule in published() if rule.path and rule.shape not in shapes}
    paths = {(rule.verb, shape(rule.path).replace("{}", "x")) for rule in missing}

    assert [] == sorted(path for verb, path in paths if "path like it" in hint(verb, path))


@pytest.mark.parametrize(
    ("rpc", "what"),
    [
        ("JobService.ListCustomJobs", "Operations of services that are not served"),
        ("JobService.CreateBatchPredictionJob", "Batch prediction"),
        ("PipelineService.CreatePipelineJob", "Operations of services that are not served"),
        ("SessionService.ListSessions", "Interactions and agent engines"),
        ("TensorboardService.CreateTensorboard", "Operations of metadata stores and tensorboards"),
    ],
)
def test_an_rpc_of_a_service_that_is_left_out_is_said_so(rpc: str, what: str) -> None:
    """Over gRPC as over REST, where a word of the path shows it."""
    said = diagnose_rpc(route_table(), f"google.cloud.aiplatform.v1.{rpc}", Settings(), "aiplatform.googleapis.com")

    assert said.startswith(f"not supported by this server, on purpose: {what}. ")


@pytest.mark.parametrize("service", [GEMINI, VERTEX])
def test_a_word_of_what_is_left_out_shows_one_thing(service: str) -> None:
    """No word stands in two rows, and each row says what it is and why."""
    rows = not_supported(service)
    words = [word for row in rows for word in row.get("requests", ())]

    assert len(set(words)) == len(words)
    assert all(row["what"] and row["reason"].endswith(".") for row in rows)


@pytest.mark.parametrize(
    ("path", "words"),
    [("/v1beta/somethingElse", "no method has a path like it"), ("/v2/tunedModels/x", "nearest: tunedModels.get")],
)
def test_what_is_misspelt_is_not_taken_for_left_out(path: str, words: str) -> None:
    """The nearest methods, or that there is none."""
    assert words in hint("GET", path)


@pytest.mark.parametrize(
    ("verb", "path", "meant"),
    [
        ("POST", "/v1beta/tunedModels:create", "POST /v1beta/tunedModels? That is tunedModels.create"),
        ("GET", "/v1beta/tunedModels:list", "GET /v1beta/tunedModels? That is tunedModels.list"),
        ("POST", "/v1beta/tunedModels/x:delete", "DELETE /v1beta/tunedModels/x? That is tunedModels.delete"),
        ("GET", "/v1beta/tuned_models", "GET /v1beta/tunedModels? That is tunedModels.list"),
        ("GET", "/v1beta/tunedmodels/x", "GET /v1beta/tunedModels/x? That is tunedModels.get"),
        ("GET", "/v1beta/tunedModel/x", "GET /v1beta/tunedModels/x? That is tunedModels.get"),
        ("GET", "/v1beta/tunedModels/", "GET /v1beta/tunedModels? That is tunedModels.list"),
        ("GET", "//v1beta/tunedModels", "GET /v1beta/tunedModels? That is tunedModels.list"),
        ("GET", "/v1beta/v1beta/models", "GET /v1beta/models? That is models.list"),
        ("GET", "/v1/v1beta/models", "GET /v1/models? That is models.list"),
        (
            "POST",
            "/v1beta/models/m:generate_content",
            "POST /v1beta/models/m:generateContent? That is models.generateContent",
        ),
        (
            "POST",
            "/v1/projects/p/locations/l/tuning_jobs",
            "POST /v1/projects/p/locations/l/tuningJobs? That is projects.locations.tuningJobs.create",
        ),
        (
            "POST",
            "/v1/projects/p/locations/l/tuningJobs/1:Cancel",
            "POST /v1/projects/p/locations/l/tuningJobs/1:cancel? That is projects.locations.tuningJobs.cancel",
        ),
        (
            "POST",
            "/v1/projects/p/locations/l/tuningJobs/1:cancle",
            "POST /v1/projects/p/locations/l/tuningJobs/1:cancel? That is projects.locations.tuningJobs.cancel",
        ),
    ],
)
def test_near_miss_is_corrected(verb: str, path: str, meant: str) -> None:
    """Another spelling, an action that is the verb, a slash or a version too many."""
    assert f"did you mean {meant}" == diagnose_unrouted(route_table(), verb, path, Settings())


@pytest.mark.parametrize("path", ["/", "", "/favicon.ico", "/v1beta", "/v1beta/files", "/v1/:", "/v1beta/models:x"])
def test_far_misses_are_not_corrected(path: str) -> None:
    """Nothing is made up."""
    assert "did you mean" not in diagnose_unrouted(route_table(), "GET", path, Settings())


@pytest.mark.parametrize(
    ("verb", "agent", "is_client"),
    [
        ("GET", "curl/8.5.0", False),
        ("GET", "", False),
        ("GET", "google-genai-sdk/1.30.0 gl-python/3.11.7", True),
        ("GET", "google-genai-sdk/1.30.0 gl-node/v20.1.0", False),
        ("POST", "google-genai-sdk/1.30.0 gl-python/3.11.7", True),
        ("POST", "", True),
    ],
)
def test_root_is_for_people_and_for_clients_that_lost_their_path(verb: str, agent: str, *, is_client: bool) -> None:
    """A person's look at the address is no miss; google-genai asks for it in place of a path of Vertex AI."""
    said = diagnose_unrouted(route_table(), verb, "/", Settings(), agent=agent)

    assert is_client == ("pass project= and location= to genai.Client, or start the program with `mockserver" in said)
    assert is_client == bool(said)


def test_a_reason_is_one_short_line_without_secrets() -> None:
    """Whatever a client sent that the error quotes."""
    key = "AIza" + "x" * 35
    error = ApiError(Code.INVALID_ARGUMENT, f"Unknown name\n{key}\r" + "long " * 1000)
    reason = explain(error, "a hint")

    assert (1, 300, False) == (len(reason.splitlines()), len(reason), key in reason)


def test_number_of_a_tuning_job_without_its_collection_is_completed() -> None:
    """google-genai puts project and location before whatever name it is given."""
    parent = "/v1beta1/projects/p/locations/us-central1"
    hint = diagnose_unrouted(route_table(), "GET", f"{parent}/43", Settings())

    assert hint.startswith(f"did you mean {parent}/tuningJobs/43? ")
