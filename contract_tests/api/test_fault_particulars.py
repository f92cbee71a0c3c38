"""An injected error quotes the request that it strikes: its model, project, method, resource and metric.

In both services, over HTTP and over gRPC alike. additions.md, "Generating: shapes", its last two lines.
"""

from datetime import date
from typing import Any

import pytest

from contract_tests.api.aiplatform import Vertex, turn
from contract_tests.targets import Client, in_process
from mockserver.grpc.codec import encode
from mockserver.grpc.face import GrpcFace, GrpcRequest
from mockserver.inspection.services import route_table
from mockserver.rpc.errors import ApiError
from mockserver.scripting.faults import Fault
from mockserver.scripting.scenario import Scenario
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World, Worlds

Json = dict[str, Any]

DEVELOPER, VERTEX = "/v1beta/", "/v1/projects/my-project/locations/us-central1/"
FLASH, LITE = "models/gemini-2.5-flash", "models/gemini-2.5-flash-lite"
CANNOT = "You do not have permission to access tuned model"
GL, VX = "google.ai.generativelanguage.v1beta", "google.cloud.aiplatform.v1"
PLACE = "projects/my-project/locations/us-central1"
SEEN = "Permission '{}' denied on resource '//aiplatform.googleapis.com/{}' (or it may not exist)."

CASES: list[tuple[str, str, Json, str | int, str]] = [
    (f"{GL}.GenerativeService.GenerateContent", f"{DEVELOPER}{FLASH}:generateContent", {"model": FLASH}, 429, "model: gemini-2.5-flash\n"),
    (f"{GL}.GenerativeService.GenerateContent", f"{DEVELOPER}{LITE}:generateContent", {"model": LITE}, 429, "model: gemini-2.5-flash-lite\n"),
    (f"{GL}.GenerativeService.GenerateContent", f"{DEVELOPER}{FLASH}:generateContent", {"model": FLASH}, 429, "generate_content_free_tier_requests"),
    (f"{GL}.GenerativeService.EmbedContent", f"{DEVELOPER}models/gemini-embedding-001:embedContent", {"model": "models/gemini-embedding-001"}, 429, "embed_content_free_tier_requests, limit: 15, model: gemini-embedding-001\n"),
    (f"{GL}.ModelService.GetTunedModel", f"{DEVELOPER}tunedModels/mine", {"name": "tunedModels/mine"}, 403, f"{CANNOT} mine"),
    (f"{GL}.GenerativeService.GenerateContent", f"{DEVELOPER}tunedModels/mine:generateContent", {"model": "tunedModels/mine"}, 403, f"{CANNOT} tunedModels/mine"),
    (f"{GL}.ModelService.GetTunedModel", f"{DEVELOPER}tunedModels/mine", {"name": "tunedModels/mine"}, 404, "Tuned model tunedModels/mine does not exist."),
    (f"{GL}.ModelService.GetModel", f"{DEVELOPER}{FLASH}", {"name": FLASH}, 404, f"Model is not found: {FLASH} for api version v1beta"),
    (f"{GL}.GenerativeService.GenerateContent", f"{DEVELOPER}{FLASH}:generateContent", {"model": FLASH}, 404, f"{FLASH} is not found for API version v1beta, or is not supported for generateContent."),
    (f"{GL}.CacheService.GetCachedContent", f"{DEVELOPER}cachedContents/x", {"name": "cachedContents/x"}, 403, "CachedContent not found (or permission denied)"),
    (f"{VX}.GenAiCacheService.GetCachedContent", f"{VERTEX}cachedContents/7", {"name": f"{PLACE}/cachedContents/7"}, 404, "Cached content 7 is not found."),
    (f"{GL}.ModelService.GetTunedModel", f"{DEVELOPER}tunedModels/mine", {"name": "tunedModels/mine"}, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "Request had insufficient authentication scopes."),
    (f"{VX}.PredictionService.GenerateContent", f"{VERTEX}publishers/google/{FLASH}:generateContent", {"model": f"{PLACE}/publishers/google/{FLASH}"}, "RATE_LIMIT_EXCEEDED", "with base model: gemini-2.5-flash."),
    (f"{VX}.PredictionService.GenerateContent", f"{VERTEX}publishers/google/{LITE}:generateContent", {"model": f"{PLACE}/publishers/google/{LITE}"}, "IAM_PERMISSION_DENIED", SEEN.format("aiplatform.endpoints.predict", f"{PLACE}/publishers/google/{LITE}")),
    (f"{VX}.GenAiTuningService.GetTuningJob", f"{VERTEX}tuningJobs/7", {"name": f"{PLACE}/tuningJobs/7"}, 404, "The TuningJob does not exist."),
    (f"{VX}.GenAiTuningService.GetTuningJob", f"{VERTEX}tuningJobs/7", {"name": f"{PLACE}/tuningJobs/7"}, "CONSUMER_INVALID", "Permission denied on resource project my-project."),
    (f"{VX}.GenAiTuningService.GetTuningJob", f"{VERTEX}tuningJobs/7", {"name": f"{PLACE}/tuningJobs/7"}, "SERVICE_DISABLED", "has not been used in project my-project before"),
    (f"{VX}.GenAiTuningService.CreateTuningJob", f"{VERTEX}tuningJobs", {"parent": PLACE}, 429, "Quota exceeded for aiplatform.googleapis.com/global_concurrent_tuning_jobs. Please submit"),
    (f"{VX}.PredictionService.GenerateContent", f"{VERTEX}publishers/google/{FLASH}:generateContent", {"model": f"{PLACE}/publishers/google/{FLASH}"}, 404, f"Publisher Model `{PLACE}/publishers/google/{FLASH}` not found."),
]  # fmt: skip


def broken(status: str | int, as_of: date | None = None) -> World:
    """A world whose next call gets this error."""
    world = World(ManualClock(), Settings(seed=1, as_of=as_of))
    Scenario(world.store).add_fault(Fault(status=status), world.clock.now())
    return world


@pytest.mark.parametrize(("rpc", "path", "message", "status", "words"), CASES)
def test_an_error_quotes_its_request(rpc: str, path: str, message: Json, status: str | int, words: str) -> None:
    """Over HTTP and over gRPC the same sentence, with what this request has in it."""
    with in_process(broken(status)) as client:
        del client.headers["x-goog-api-key"]
        client.headers["authorization"] = "Bearer token"
        posts = ":" in path or path.endswith("tuningJobs")
        answer = client.post(path, json={}) if posts else client.get(path)
    service, _, method = rpc.rpartition(".")
    request = next(route for route in route_table().routes if route.rpc == rpc).request
    metadata = {"authorization": "Bearer token"}
    reply = GrpcFace(Worlds(broken(status)), route_table()).answer(
        GrpcRequest(f"/{service}/{method}", tuple(metadata.items()), encode(request, message))
    )
    with pytest.raises(ApiError) as caught:
        list(reply.pieces)

    said = answer.json()["error"]
    assert words in said["message"]
    assert said["message"] == caught.value.message
    assert said.get("details", []) == list(caught.value.status.get("details", []))


def test_quotas_of_2026_are_listed_line_by_line() -> None:
    """additions.md: several lines, repeats included, each naming the model that was asked."""
    with in_process(broken(429, date(2026, 5, 1))) as client:
        error = client.post(f"{DEVELOPER}{FLASH}:generateContent", json={}).json()["error"]
    lines = [line for line in error["message"].splitlines() if line.startswith("* Quota exceeded for metric: ")]
    violations = error["details"][1]["violations"]

    assert len(lines) == len(violations) == 3
    assert len(set(lines)) < len(lines)
    assert all(line.endswith("model: gemini-2.5-flash") for line in lines)
    assert {"gemini-2.5-flash"} == {violation["quotaDimensions"]["model"] for violation in violations}


def test_a_quota_of_an_endpoint_names_its_base_model(client: Client) -> None:
    """Not the number of the endpoint."""
    vertex = Vertex(client)
    endpoint = vertex.tuned("gemini-2.5-pro")["tunedModel"]["endpoint"]
    Scenario(client.world.store).add_fault(Fault(status="RATE_LIMIT_EXCEEDED"), client.world.clock.now())

    error = vertex.refused("POST", f"{endpoint}:generateContent", json=turn())

    assert "with base model: gemini-2.5-pro." in error["message"]
