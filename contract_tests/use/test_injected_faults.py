"""A fault counts as injected if it has happened; one that can happen nowhere is refused, with what to do."""

import json
from collections.abc import Iterator

import httpx
import pytest

from mockserver import Answer, Fault, MockServer
from mockserver.inspection.services import job_creations

GEMINI = "https://generativelanguage.googleapis.com/v1beta"
STORAGE = "https://storage.googleapis.com"
BODY = {"contents": [{"parts": [{"text": "x"}]}]}


@pytest.fixture
def server() -> Iterator[MockServer]:
    """A server whose models answer with three chunks."""
    with MockServer().intercepting() as server:
        server.answer(Answer(chunks=["one ", "two ", "three"]))
        yield server


def get() -> httpx.Response:
    """Get a model."""
    return httpx.get(f"{GEMINI}/models/gemini-2.0-flash?key=any-key")


def stream(alt: str = "sse", model: str = "gemini-2.0-flash") -> tuple[list[str], str]:
    """Return the lines of a streamed answer, and the name of the error at the end."""
    url = f"{GEMINI}/models/{model}:streamGenerateContent?alt={alt}&key=any-key"
    text, error = "", ""
    try:
        with httpx.stream("POST", url, json=BODY) as answer:
            for piece in answer.iter_text():
                text += piece
    except httpx.HTTPError as caught:
        error = type(caught).__name__
    return [line for line in text.splitlines() if line], error


def counts(server: MockServer) -> list[tuple[int, int]]:
    """Return how often each fault matched, and was injected."""
    return [(record.matched, record.injected) for record in server.faults]


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault("models.get", status=503, after_chunks=1), "after_chunks: 'models.get' answers with no stream; use"),
        (Fault("models.get", cut_after_chunks=1), "cut_after_chunks: 'models.get' answers with no stream"),
        (Fault("models.*Content", cut_after_chunks=1), ""),
        (Fault("storage.*", chunk_delay_seconds=1), "chunk_delay_seconds: .* answers with no stream"),
        (
            Fault("models.get", latency_seconds=1, fail_at_step=1),
            "fail_at_step: 'models.get' creates no job; use 'tuned",
        ),
        (Fault("models.*", never_finish=True, stall_at_step=1), "stall_at_step and never_finish: 'models.*' creates"),
        (Fault("*.create", never_finish=True), ""),
        *((Fault(method, fail_at_step=1), "") for method in job_creations()),
    ],
)
def test_an_effect_that_can_happen_nowhere_is_refused(server: MockServer, fault: Fault, sentence: str) -> None:
    """When it is given; then none is added."""
    if sentence:
        with pytest.raises(ValueError, match=sentence):
            server.fault(Fault(status=503), fault)
        assert not server.faults
    else:
        server.fault(fault)


def test_what_cannot_happen_in_a_call_waits_for_one_in_which_it_can(server: MockServer) -> None:
    """It is no part of that call in the log, and stays due."""
    server.fault(Fault(cut_after_chunks=1, times=1), Fault(fail_at_step=1, times=1))
    assert get().is_success
    assert not server.calls[-1].fault
    assert [(1, 0), (1, 0)] == counts(server)
    assert 2 == len(server.leftovers.faults)

    assert 1 == len(stream()[0])
    assert 3 == len(stream()[0])
    assert [(3, 1), (2, 0)] == counts(server)


@pytest.mark.parametrize(
    "fault", [Fault(status=503, after_chunks=50), Fault(status=503, after_chunks=3), Fault(cut_after_chunks=4)]
)
def test_a_stream_that_ends_before_is_not_counted(server: MockServer, fault: Fault) -> None:
    """The fault is left over, and the log has none."""
    server.fault(fault)

    assert (3, "") == (len(stream()[0]), stream()[1])
    assert [(2, 0)] == counts(server)
    assert ["", ""] == [call.fault for call in server.calls]
    assert "status=503" in str(server.leftovers) or "cut_after_chunks" in str(server.leftovers)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=503, after_chunks=2),
        Fault(cut_after_chunks=3),
        Fault(cut_after_chunks=0),
        Fault(chunk_delay_seconds=1),
    ],
)
def test_a_stream_in_which_it_happens_is_counted(server: MockServer, fault: Fault) -> None:
    """Also one that is cut after its last chunk."""
    server.fault(fault)
    stream()

    assert [(1, 1)] == counts(server)
    assert server.calls[0].fault


def test_a_refused_call_has_neither_chunks_nor_a_job(server: MockServer) -> None:
    """Its fault is injected into the next one."""
    server.fault(
        Fault("*.streamGenerateContent", cut_after_chunks=0, times=1), Fault("tunedModels.create", fail_at_step=1)
    )
    refused = httpx.post(f"{GEMINI}/tunedModels?key=any-key", json={"baseModel": "models/unknown"})
    assert refused.is_client_error
    assert not stream(model="unknown")[1]
    assert [(1, 0), (1, 0)] == counts(server)

    assert stream()[1]
    assert [(2, 1), (1, 0)] == counts(server)


@pytest.mark.parametrize("alt", ["sse", "json"])
def test_streams_are_truncated_and_garbled(server: MockServer, alt: str) -> None:
    """In the middle of the first message, and in all of them."""
    whole = stream(alt)[0]
    server.fault(Fault(truncate=True, times=1), Fault(garble=True, times=2))

    lines, error = stream(alt)
    assert "RemoteProtocolError" == error
    assert "".join(whole).startswith("".join(lines))
    assert 0 < len("".join(lines)) < len("".join(whole)) / 3

    garbled, error = stream(alt)
    assert "" == error
    for text in [line.removeprefix("data: ") for line in garbled] if alt == "sse" else ["".join(garbled)]:
        with pytest.raises(json.JSONDecodeError):
            json.loads(text)
    with pytest.raises(json.JSONDecodeError):
        json.loads("".join(stream(alt, model="unknown")[0]).removeprefix("data: "))
    assert [(3, 1), (2, 2)] == counts(server)


@pytest.mark.parametrize("body", ["media", "json"])
def test_storage_truncates_and_garbles(server: MockServer, body: str) -> None:
    """Objects and what describes them."""
    content = b"0123456789" * 10
    server.objects["gs://bucket/name"] = content
    url = f"{STORAGE}/storage/v1/b/bucket/o/name?alt={body}"
    whole = httpx.get(url).content
    server.fault(Fault("storage.objects.get", truncate=True, times=1), Fault(garble=True))

    with pytest.raises(httpx.RemoteProtocolError, match=f"received {len(whole) // 2} bytes, expected {len(whole)}"):
        httpx.get(url)
    garbled = httpx.get(url).content
    assert len(whole) == len(garbled)
    assert whole != garbled
