"""Requests that Google's own tests of google-genai (3.6.1, 2026-10) expect to be refused, and some that are not."""

from typing import Any

import pytest

from contract_tests.api.aiplatform import Vertex, turn
from contract_tests.api.generativelanguage import Gemini
from contract_tests.targets import Client

Json = dict[str, Any]

SEARCH: Json = {"googleSearch": {}}
FUNCTION: Json = {"functionDeclarations": [{"name": "get_stock_price"}]}
WORDS: Json = {"type": "STRING", "enum": ["piano", "flute"]}
VOICE: Json = {"prebuiltVoiceConfig": {"voiceName": "kore"}}
SPEAKERS: Json = {"speakerVoiceConfigs": [{"speaker": "Alice", "voiceConfig": VOICE}]}
FILE_OF_GEMINI = "https://generativelanguage.googleapis.com/v1beta/files/864z7ft4m14h"
VERTEX_CACHES = "projects/test/locations/us-central1/cachedContents"


def turn_of(*parts: Json) -> Json:
    """A prompt of these parts."""
    return {"contents": [{"role": "user", "parts": list(parts)}]}


def status(client: Client, service: str, request: Json, model: str = "gemini-2.5-flash") -> tuple[int, str]:
    """The status of the answer and its message."""
    surface = Gemini(client) if service == "gemini" else Vertex(client)
    place = f"models/{model}" if service == "gemini" else f"publishers/google/models/{model}"
    answer = surface.ask("POST", f"{place}:generateContent", json=turn("x") | request)
    return answer.status_code, answer.json().get("error", {}).get("message", "")


BOTH: list[tuple[Json, str]] = [
    (turn_of({"text": "x"}, {"inlineData": {"mimeType": "image/png"}}), "data"),
    (
        {"generationConfig": {"responseMimeType": "text/x.enum", "responseSchema": {"type": "ARRAY", "items": WORDS}}},
        "enum",
    ),
    (
        {"generationConfig": {"speechConfig": {"voiceConfig": VOICE, "multiSpeakerVoiceConfig": SPEAKERS}}},
        "mutually exclusive",
    ),
    ({"tools": [SEARCH, FUNCTION]}, "tool"),
    ({"cachedContent": "batchPredictionJobs/123"}, "cache"),
]


@pytest.mark.parametrize("service", ["gemini", "vertex"])
@pytest.mark.parametrize(("request_", "words"), BOTH)
def test_both_services_refuse(client: Client, service: str, request_: Json, words: str) -> None:
    """400 with what is wrong."""
    code, message = status(client, service, request_)

    assert 400 == code
    assert words in message.lower()


def uri(text: str) -> Json:
    """A prompt with a file of that URI."""
    return turn_of({"text": "What is this?"}, {"fileData": {"fileUri": text, "mimeType": "image/png"}})


@pytest.mark.parametrize(
    ("service", "request_", "code"),
    [
        ("gemini", uri("gs://bucket/scones.jpg"), 400),
        ("gemini", uri("https://storage.googleapis.com/bucket/scones.jpg"), 400),
        ("gemini", uri(FILE_OF_GEMINI), 200),
        ("vertex", uri("gs://bucket/scones.jpg"), 200),
        ("vertex", uri(FILE_OF_GEMINI), 403),
        ("gemini", {"cachedContent": "cachedContents/8163416782997028864"}, 403),
        ("gemini", {"cachedContent": f"{VERTEX_CACHES}/8163416782997028864"}, 400),
        ("vertex", {"cachedContent": f"{VERTEX_CACHES}/idv6zldt3p2f"}, 404),
        ("vertex", {"tools": [{}, FUNCTION]}, 400),
        ("gemini", {"tools": [{}, FUNCTION]}, 200),
        ("gemini", {"tools": [SEARCH]}, 200),
        ("gemini", {"tools": [SEARCH, FUNCTION], "toolConfig": {"includeServerSideToolInvocations": True}}, 200),
        ("gemini", {"generationConfig": {"responseMimeType": "text/x.enum", "responseSchema": WORDS}}, 200),
        ("gemini", turn_of({"text": "x"}, {"inlineData": {"mimeType": "image/png", "data": "eA=="}}), 200),
    ],
)
def test_each_service_takes_its_own_files_and_caches(client: Client, service: str, request_: Json, code: int) -> None:
    """Names of the other service, malformed names and empty tools are refused, good ones are not."""
    assert code == status(client, service, request_)[0]


def test_an_image_model_takes_no_instruction(client: Client) -> None:
    """On the Developer API."""
    instruction = {"systemInstruction": {"parts": [{"text": "Make the sky blue."}]}}

    assert (400, "Developer instruction is not enabled for models/gemini-2.5-flash-image") == status(
        client, "gemini", instruction, "gemini-2.5-flash-image"
    )
    assert 200 == status(client, "gemini", instruction)[0]
