"""Each limit of `mockserver.limits`: a request that keeps to it is answered, one just past it is told so."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from contract_tests.attacks.large_answers import GEMINI, REWARD, VERTEX, asking, parsing, rewarded, shaped
from mockserver import limits
from mockserver.app import create_app
from mockserver.doors.inprocess import AppRequest, send_request
from mockserver.state.clock import ManualClock
from mockserver.state.world import World

Json = dict[str, Any]

# Of PaLM no range of stop sequences is documented.
PALM = "/v1beta/models/text-bison-001:generateText"

LISTING = "/v1/projects/p/locations/us-central1/models?filter="


def send(verb: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    """Status and body of an answer of a fresh server."""
    headers = [("authorization", "Bearer a"), ("host", "127.0.0.1"), ("content-type", "application/json")]
    headers.append(("content-length", str(len(body))))
    answer = send_request(create_app(World(ManualClock())), AppRequest(verb, f"http://mock{path}", headers, body))
    return answer.status, b"".join(answer.pieces)


def post(path: str, body: Json) -> int:
    """The status of a POST."""
    return send("POST", path, orjson.dumps(body))[0]


def generate(body: Json, model: str = GEMINI) -> int:
    """The status of a generate request."""
    return post(f"{model}:generateContent", body)


def nested(depth: int) -> bytes:
    """An object in an object in an object."""
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


def tuned_model(**hyperparameters: int) -> Json:
    """A tuned model of 20 examples."""
    examples = [{"textInput": "1", "output": "2"}] * 20
    task = {"hyperparameters": hyperparameters, "trainingData": {"examples": {"examples": examples}}}
    return {"displayName": "steps", "baseModel": "models/gemini-1.5-flash-001-tuning", "tuningTask": task}


# Of each limit: the status of a request that asks for so much.
REQUESTS: dict[str, Callable[[int], int]] = {
    "CONTROL_BYTES": lambda size: send("POST", "/_mock/reset", b"{" + b" " * (size - 2) + b"}")[0],
    "TOKEN_BYTES": lambda size: send(
        "POST", "/token", b'{"grant_type": "refresh_token", "refresh_token": "' + b"x" * (size - 52) + b'"}'
    )[0],
    "CONTROL_DEPTH": lambda depth: send(
        "POST", "/_mock/answers", b'{"answers":[{"answer":{"parts":[' + nested(depth - 4) + b"]}}]}"
    )[0],
    "ANSWER_CHARACTERS": lambda size: generate(asking(f"[mock: text={'a' * (size // 8)}]", candidateCount=8)),
    "SHOWN_TOKENS": lambda count: post(f"{VERTEX}:computeTokens", {"contents": asking("a " * count)["contents"]}),
    "STOP_SEQUENCES": lambda count: post(PALM, {"prompt": {"text": "x"}, "stopSequences": ["a"] * count}),
    "LOGPROBS": lambda count: generate(
        asking(f"[mock: text={'a ' * (count // 20)}]", responseLogprobs=True, logprobs=19), VERTEX
    ),
    "EXPRESSION_PLACES": lambda count: post(REWARD, rewarded("x", "a", **parsing("a" * count))),
    "REWARDS": lambda count: post(REWARD, rewarded("x", "a", count=count)),
    "REWARD_EXPRESSION": lambda size: post(REWARD, rewarded("[" + "a" * (size - 2) + "]", "a")),
    "REWARD_RESPONSE": lambda size: post(REWARD, rewarded("x", "a" * size, **parsing("x"))),
    "FILTER_DEPTH": lambda depth: send("GET", f"{LISTING}{'(' * depth}a=b{')' * depth}")[0],
    "TUNING_STEPS": lambda steps: post("/v1beta/tunedModels", tuned_model(epochCount=steps, batchSize=20)),
}

# These count what a request only leads to, so that a request cannot ask for so much exactly.
ABOUT = {"ANSWER_CHARACTERS", "SHOWN_TOKENS", "LOGPROBS"}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_may_ask_for_so_much_and_no_more(name: str) -> None:
    """At the limit it is answered, past it refused."""
    limit, ask = limits.LIMITS[name].value, REQUESTS[name]
    within, past = (limit // 2, limit + 64) if name in ABOUT else (limit, limit + 1)

    assert [200, 400] == [ask(within), ask(past)]


def test_a_value_that_would_be_too_large_is_not_made() -> None:
    """The answer says so instead: a schema is no mistake of the client's."""
    text = {"type": "string", "minLength": 100}
    within, past = (
        send("POST", f"{GEMINI}:generateContent", orjson.dumps(shaped({"type": "array", "minItems": n, "items": text})))
        for n in (limits.SCHEMA_WORK // 200, limits.SCHEMA_WORK // 100 + 1)
    )

    assert (200, 200) == (within[0], past[0])
    assert len(within[1]) > limits.SCHEMA_WORK // 2
    assert b"it is too large" in past[1]
