"""The requests that are measured, and the models and jobs that they are about."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Send = Callable[[str, str, bytes], bytes]
"""Sends a request: verb, path, body. Returns the body of the answer."""

LOCATION = "/v1/projects/p/locations/us-central1"
PROMPT = "Explain to a colleague who has never seen it how this works, and what to do when it does not. " * 3


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request, and the ratio to reach on a socket. `weight` is how many usual requests one of it takes."""

    name: str
    verb: str
    path: str
    body: bytes = b""
    goal: float | None = None
    weight: int = 1


EXAMPLES = {f"in {number}": f"out {number}" for number in range(500)}
STORY = {"Tell a story.": "once " * 950}
"""The answer is streamed in 20 chunks."""


def creation(outputs: Mapping[str, str]) -> bytes:
    """Return a create request with these examples. With `EXAMPLES` it has 23 KB, and its run 38 steps."""
    examples = [{"textInput": text, "output": output} for text, output in outputs.items()]
    task = {"hyperparameters": {"batchSize": 66, "epochCount": 5}, "trainingData": {"examples": {"examples": examples}}}
    model = {"displayName": "bench", "baseModel": "models/gemini-1.5-flash-001-tuning", "tuningTask": task}
    return json.dumps(model).encode()


def generation(text: str) -> bytes:
    """Return a generate request."""
    return json.dumps({"contents": [{"role": "user", "parts": [{"text": text}]}]}).encode()


def prepare(send: Send) -> list[Kind]:
    """Create what the requests are about, and return them. The world has a manual clock."""

    def call(verb: str, path: str, body: bytes = b"") -> Any:
        return json.loads(send(verb, path, body))

    story = call("POST", "/v1beta/tunedModels", creation(STORY))
    ended = call("POST", "/v1beta/tunedModels", creation(EXAMPLES))
    job_body = json.dumps(
        {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": {"trainingDatasetUri": "gs://b/t.jsonl"}}
    )
    job = call("POST", f"{LOCATION}/tuningJobs", job_body.encode())
    call("POST", "/_mock/clock/advance", b'{"hours": 2}')
    running = call("POST", "/v1beta/tunedModels", creation(EXAMPLES))
    call("POST", "/_mock/clock/advance", b'{"seconds": 150}')
    endpoint = call("GET", f"/v1/{job['name']}")["tunedModel"]["endpoint"]
    model = f"/v1beta/{ended['metadata']['tunedModel']}"
    generate, untrained = f"{model}:generateContent", "/v1beta/models/gemini-2.0-flash:generateContent"
    stream = f"/v1beta/{story['metadata']['tunedModel']}:streamGenerateContent?alt=sse"
    commas = creation(EXAMPLES).replace(b'"}', b'",}').replace(b"}]", b"},]")
    return [
        Kind("generateContent, untrained prompt, 300 B", "POST", untrained, generation(PROMPT), 2.3),
        Kind("generateContent, trained prompt", "POST", generate, generation("in 7"), 2.2),
        Kind("tunedModels.get, 38 snapshots", "GET", model, b"", 1.8),
        Kind("poll of an operation, running", "GET", f"/v1beta/{running['name']}", b"", 2.0),
        Kind("poll of an operation, done", "GET", f"/v1beta/{ended['name']}", b"", 2.0),
        Kind("tunedModels.create, 500 examples", "POST", "/v1beta/tunedModels", creation(EXAMPLES), 6, weight=10),
        Kind("  with a comma in every object", "POST", "/v1beta/tunedModels", commas, 10, weight=10),
        Kind(STREAM, "POST", stream, generation(*STORY)),
        Kind("tuningJobs.create", "POST", f"{LOCATION}/tuningJobs", job_body.encode(), 6, weight=10),
        Kind("tuningJobs.get, done", "GET", f"/v1/{job['name']}", b"", 3),
        Kind("endpoints.generateContent", "POST", f"/v1/{endpoint}:generateContent", generation(PROMPT), 3),
    ]


STREAM = "streamGenerateContent, SSE of 20 chunks"
