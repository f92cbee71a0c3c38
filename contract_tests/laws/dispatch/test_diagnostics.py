"""Hints for calls that no method answers."""

import pytest

from mockserver.dispatch.diagnostics import diagnose_unrouted, explain
from mockserver.inspection.services import route_table
from mockserver.rpc.errors import ApiError, Code
from mockserver.state.world import Settings

PROJECT = "/v1/projects/p/locations/us-central1"


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/v1beta/files", "Files"),
        ("/upload/v1beta/files", "Files"),
        ("/v1beta/cachedContents/x", "Context caching"),
        ("/v1beta/corpora/x/documents/y", "Corpora, documents and chunks; file search stores"),
        ("/v1beta/models/chat-bison-001:generateMessage", "PaLM chat and PaLM embeddings"),
        ("/v1beta/models/veo:predictLongRunning", "Imagen and Veo"),
        ("/v1beta/auth_tokens", "Live sessions"),
        (f"{PROJECT}/models:upload", "Uploading, copying and exporting models"),
        (f"{PROJECT}/models/1/evaluations", "Model evaluations and explanations"),
        (f"{PROJECT}/endpoints/1:explain", "Model evaluations and explanations"),
        (f"{PROJECT}/metadataStores", "Metadata stores as such, and lineage"),
        (f"{PROJECT}/customJobs/1/operations/2", "Operations of services that are not served"),
    ],
)
def test_what_is_not_served_on_purpose_is_said_so(path: str, what: str) -> None:
    """With the reason of the page of methods."""
    hint = diagnose_unrouted(route_table(), "GET", path, Settings())

    assert hint.startswith(f"not supported on purpose: {what}: ")


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/v1beta/tunedModel/corpora", "no method has a path like it; docs/methods.md lists all"),
        (f"{PROJECT}/tuningJob", "no method has a path like it; docs/methods.md lists all"),
        (f"{PROJECT}/tensorboards/1/experimentz", "no method has a path like it; docs/methods.md lists all"),
        ("nothing", "no method has a path like it; docs/methods.md lists all"),
    ],
)
def test_a_typo_is_not_taken_for_it(path: str, hint: str) -> None:
    """Names of resources are not words of an API."""
    assert hint in diagnose_unrouted(route_table(), "GET", path, Settings())


@pytest.mark.parametrize(
    ("verb", "hint"), [("GET", "a browser sees the dashboard"), ("POST", "google-genai sends `POST /` when")]
)
def test_root_is_for_browsers_and_for_clients_that_lost_their_path(verb: str, hint: str) -> None:
    """A person looks at the address, a client posts to it."""
    assert hint in diagnose_unrouted(route_table(), verb, "/", Settings())


def test_a_reason_is_one_short_line_without_secrets() -> None:
    """Whatever a client sent that the error quotes."""
    key = "AIza" + "x" * 35
    error = ApiError(Code.INVALID_ARGUMENT, f"Unknown name\n{key}\r" + "long " * 1000)
    reason = explain(error, "a hint")

    assert (1, 300, False) == (len(reason.splitlines()), len(reason), key in reason)
