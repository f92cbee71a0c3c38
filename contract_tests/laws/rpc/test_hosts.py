"""Names of hosts: in URLs, in headers, and at the beginning of a path."""

import httpx
import pytest

from mockserver import MockServer
from mockserver.rpc.hosts import without_host


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/aiplatform.googleapis.com/v1/projects/p", "/v1/projects/p"),
        ("/europe-west4-aiplatform.googleapis.com/v1", "/v1"),
        ("/aiplatform.googleapis.com", ""),
        ("/v1/projects/p", "/v1/projects/p"),
        ("/v1/aiplatform.googleapis.com/x", "/v1/aiplatform.googleapis.com/x"),
        ("/googleapis.com.example.org/v1", "/googleapis.com.example.org/v1"),
        ("", ""),
    ],
)
def test_a_path_may_begin_with_a_host(path: str, expected: str) -> None:
    """Only one of Google's is left out, and only at the beginning."""
    assert expected == without_host(path)


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/aiplatform.googleapis.com/v1beta1/projects/p/locations/us-central1/tuningJobs", "tuningJobs.list"),
        ("/generativelanguage.googleapis.com/v1beta/tunedModels?pageSize=5", "tunedModels.list"),
    ],
)
def test_a_base_url_may_end_with_a_host(path: str, method: str) -> None:
    """A server on a socket answers as without it; a host of Google's has no such path."""
    with MockServer().live() as server:
        answer = httpx.get(f"{server.url}{path}", headers={"Authorization": "Bearer any-token"})
        assert (200, True) == (answer.status_code, server.calls[-1].method.endswith(method))
    with server.intercepting():
        host = path.split("/")[1]
        assert 404 == httpx.get(f"https://{host}{path}", headers={"Authorization": "Bearer any-token"}).status_code
