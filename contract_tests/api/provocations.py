"""How to make the server say each sentence of refusal that the real services were recorded saying."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from contract_tests.api.aiplatform import turn
from contract_tests.api.generativelanguage import say
from contract_tests.targets import Client
from mockserver.scripting.faults import Fault
from mockserver.state.world import Settings

Json = dict[str, Any]
Ask = Callable[[Client], httpx.Response]

FLASH = "/v1beta/models/gemini-2.5-flash:generateContent"
VERTEX = "/v1/projects/fake-project/locations/us-central1"
GOOGLE = f"{VERTEX}/publishers/google/models"
USER: dict[str, str] = {"authorization": "Bearer alice@example.com", "x-goog-api-key": ""}
NOBODY: dict[str, str] = {"x-goog-api-key": ""}
STRICT = Settings(seed=1, auth="strict", accepted_credentials=frozenset({"good"}))


@dataclass(frozen=True)
class Provocation:
    """A request that is refused with `message`, in a world with these settings and this fault.

    `untold` are members of details that recordings of the same refusal have or have not; `numbers` that are
    ours, in the sentence, are not compared.
    """

    message: str
    status: int
    ask: Ask
    settings: Settings = field(default_factory=lambda: Settings(seed=1))
    fault: Fault | None = None
    untold: frozenset[str] = frozenset()
    numbers: bool = False


def request(verb: str, path: str, body: Any = None, headers: Json | None = None, **params: str) -> Ask:
    """A request with a JSON body, or bytes."""
    content = {"content": body, "headers": {"content-type": "application/json"}} if isinstance(body, bytes) else {}
    options: Json = content or ({} if body is None else {"json": body})
    options["headers"] = options.get("headers", {}) | (headers or {})
    return lambda client: client.request(verb, path, params=params, **options)


def generate(body: Any = None, headers: Json | None = None, **params: str) -> Ask:
    """Ask a base model of the Developer API."""
    return request("POST", FLASH, say("x") if body is None else body, headers, **params)


def on_vertex(name: str, body: Any = None, headers: Json | None = None) -> Ask:
    """Ask one of Google's models on Vertex AI."""
    return request("POST", f"{GOOGLE}/{name}:generateContent", body or turn("x"), headers or USER)


def tuning(body: Json, headers: Json | None = None) -> Ask:
    """Create a tuning job."""
    return request("POST", f"{VERTEX}/tuningJobs", body, headers or USER)


JOB = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": {"trainingDatasetUri": "gs://bucket/train.jsonl"}}
