"""Hints for calls without a route name the right call."""

import pytest

from mockserver.dispatch.diagnostics import diagnose_unrouted
from mockserver.inspection.services import route_table
from mockserver.settings import Settings


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
    ],
)
def test_near_miss_is_corrected(verb: str, path: str, meant: str) -> None:
    """Another spelling, an action that is the verb, a slash or a version too many."""
    assert f"did you mean {meant}" == diagnose_unrouted(route_table(), verb, path, Settings())


@pytest.mark.parametrize("path", ["/v1beta/openai/chat/completions", "/v1beta/openai/models"])
def test_compatible_api_is_known_by_its_name(path: str) -> None:
    """The OpenAI client sends there what has a call of another name here."""
    assert "models/MODEL:generateContent" in diagnose_unrouted(route_table(), "POST", path, Settings())


@pytest.mark.parametrize("path", ["/", "", "/favicon.ico", "/v1beta", "/v1beta/files", "/v1/:", "/v1beta/models:x"])
def test_far_misses_are_not_corrected(path: str) -> None:
    """Nothing is made up."""
    assert "did you mean" not in diagnose_unrouted(route_table(), "GET", path, Settings())
