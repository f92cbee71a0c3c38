"""The requests that are measured, and the models and jobs that they are about."""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Send = Callable[[str, str, bytes], bytes]
"""Sends a request: verb, path, body. Returns the body of the answer."""

LOCATION = "/v1/projects/p/locations/us-central1"
PROMPT = "Explain to a colleague who has never seen it how this works, and what to do when it does not. " * 3


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request, and the ratio to reach on a socket. `weight` is how many usual requests one of it takes.

    `body` is that of all requests, or a function of their number.
    """

    name: str
    verb: str
    path: str
    body: bytes | Callable[[int], bytes] = b""
    goal: float | None = None
    weight: int = 1
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def next_body(self) -> bytes:
        """Return the body of the next request."""
        return self.body if isinstance(self.body, bytes) else self.body(next(self._numbers))


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


def new_prompt(number: int) -> bytes:
    """Return a generate request whose prompt no other number has. All are equally long."""
    return _NUMBERED.replace(b"#" * 9, b"%09d" % number)


_NUMBERED = generation(f"{PROMPT}#########")


def trained_prompt(number: int) -> bytes:
    """Return a generate request whose prompt is one of the inputs of `EXAMPLES`."""
    return generation(f"in {number % len(EXAMPLES)}")


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
        Kind("generateContent, untrained prompt, 300 B", "POST", untrained, new_prompt, 2.3),
        Kind("  the same prompt again", "POST", untrained, generation(PROMPT), 2.3),
        Kind("generateContent, trained prompt", "POST", generate, trained_prompt, 2.2),
        Kind("tunedModels.get, 38 snapshots", "GET", model, b"", 1.8),
        Kind("poll of an operation, running", "GET", f"/v1beta/{running['name']}", b"", 2.0),
        Kind("poll of an operation, done", "GET", f"/v1beta/{ended['name']}", b"", 2.0),
        Kind("tunedModels.create, 500 examples", "POST", "/v1beta/tunedModels", creation(EXAMPLES), 6, weight=10),
        Kind("  with a comma in every object", "POST", "/v1beta/tunedModels", commas, 10, weight=10),
        Kind(STREAM, "POST", stream, generation(*STORY)),
        Kind("tuningJobs.create", "POST", f"{LOCATION}/tuningJobs", job_body.encode(), 6, weight=10),
        Kind("tuningJobs.get, done", "GET", f"/v1/{job['name']}", b"", 3),
        Kind("endpoints.generateContent", "POST", f"/v1/{endpoint}:generateContent", new_prompt, 3),
        Kind(
            "  the same prompt to an endpoint again", "POST", f"/v1/{endpoint}:generateContent", generation(PROMPT), 3
        ),
    ]


STREAM = "streamGenerateContent, SSE of 20 chunks"
