"""Attacks that ask for much with little: answers many times as large as their requests, and work out of all proportion.

Nothing that a client asks for is larger than a few requests may be; what would be is refused or shortened. What takes
long is not done on the event loop.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from contract_tests.attacks.tally import Tally
from contract_tests.environment import HANGS
from mockserver.app import create_app
from mockserver.dispatch.dispatcher import WouldBlock
from mockserver.doors.inprocess import AppRequest, send_request
from mockserver.http.face import HttpFace
from mockserver.http.request import new_request
from mockserver.inspection.services import route_table
from mockserver.limits import LIMITS, QUICK_BYTES
from mockserver.state.clock import ManualClock
from mockserver.state.world import World, Worlds
from mockserver.testing.mock_server import MockServer

Json = dict[str, Any]

GEMINI = "/v1beta/models/gemini-2.5-flash"
VERTEX = "/v1beta1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-flash"
REWARD = "/v1beta1/projects/p/locations/us-central1/tuningJobs:validateReinforcementTuningReward"

LARGEST = 10 * 2**20
"""An answer to any of these requests, in bytes; the largest is one of many log probabilities."""


def asking(text: str, **config: Any) -> Json:
    """A generate request."""
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], "generationConfig": config}


def shaped(schema: Json, **config: Any) -> Json:
    """A generate request for an answer that fits a schema."""
    return asking("x", responseMimeType="application/json", responseJsonSchema=schema, **config)


def rewarded(expression: str, response: str, count: int = 1, **parsing: Any) -> Json:
    """A request to try rewards for what an expression finds."""
    scorer = {"stringMatchExpression": {"matchOperation": "REGEX_CONTAINS", "expression": expression}}
    config = {"rewardConfig": {"stringMatchRewardScorer": scorer, **parsing}}
    return {
        "example": {"references": {"long": "x" * 10_000}},
        "sampleResponse": {"parts": [{"text": response}]},
        "compositeRewardConfig": {"weightedRewardConfigs": [config] * count},
    }


def parsing(expression: str) -> Json:
    """The extraction of a part of a response."""
    return {"parseResponseConfig": {"parseType": "REGEX_EXTRACT", "regexExtractExpression": expression}}


def requests(size: int) -> Iterator[tuple[str, str, Json]]:
    """What is asked, where and with which body; `size` is the characters of a long text."""
    words = "a b c d " * (size // 8)
    long_text = {"type": "string", "minLength": 100_000}
    yield "schema of long texts", GEMINI, shaped({"type": "array", "minItems": 80, "items": long_text})
    yield "schema of eight candidates", GEMINI, shaped(long_text, candidateCount=8)
    yield "schema of many texts", GEMINI, shaped({"type": "array", "minItems": 9_000, "items": long_text})
    yield "schema of lists of lists", GEMINI, shaped(nested(4))
    yield "schema of many references", GEMINI, shaped(referring({"const": "x" * size}))
    yield "schema of many long names", GEMINI, shaped(referring({"type": "object", "required": ["x" * size]}))
    yield "schema of many members", GEMINI, shaped(referring({"properties": {f"a{n}": {} for n in range(size // 10)}}))
    enums = [{"enum": [f"{letter}{n}" for n in range(size // 10)]} for letter in "ab"]
    yield "schema of two enums", GEMINI, shaped({"allOf": enums})
    yield "log probabilities", VERTEX, asking(f"[mock: text={words}]", responseLogprobs=True, logprobs=20)
    yield (
        "log probabilities of candidates",
        VERTEX,
        asking(f"[mock: text={words[:8000]}]", responseLogprobs=True, logprobs=20, candidateCount=8),
    )
    yield (
        "stop sequences",
        GEMINI,
        asking(f"[mock: text={'a' * size}]", stopSequences=["a" * n + "b" for n in range(2000)]),
    )
    names = [f"g{n}" for n in range(size // 10)]
    yield (
        "functions",
        GEMINI,
        asking("x")
        | {
            "tools": [{"functionDeclarations": [{"name": f"f{n}"} for n in range(size // 10)]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": names}},
        },
    )
    yield (
        "safety settings",
        GEMINI,
        asking("x") | {"safetySettings": [{"category": "HARM_CATEGORY_VIOLENCE"}] * (size // 50)},
    )
    yield "empty parts", GEMINI, {"contents": [{"parts": [{"text": "\n"}] * (size // 10)}]}
    yield "parts without data", GEMINI, {"contents": [{"parts": [{}]}] * (size // 20)}
    batch = [{"request": shaped(long_text)}] * 300
    yield "batch", f"{GEMINI}:batchGenerateContent", {"batch": {"inputConfig": {"requests": {"requests": batch}}}}
    yield "tokens", f"{VERTEX}:computeTokens", {"contents": asking(words)["contents"]}
    yield "reward (a+)+b|c", REWARD, rewarded("x", "a" * 24, **parsing("(a+)+b|c"))
    yield "reward of many places", REWARD, rewarded("(.{40}){40}z", "a" * size)
    yield "reward of large counts", REWARD, rewarded("(.{1000}){1000}", "a")
    yield "reward of nothing, often", REWARD, rewarded("x", "a", **parsing("(?:){1000000}"))
    yield "many rewards", REWARD, rewarded("(.{40}){40}z", "a" * 1000, count=1000)
    yield "hundred rewards", REWARD, rewarded("(.{40}){40}z", "a" * 1000, count=100)
    yield "hundred parts", REWARD, rewarded("z", "a" * 1000, count=100, **parsing("(.{40}){40}z"))
    yield "reward of many references", REWARD, rewarded("{{references.long}}" * 500, "a")


def nested(depth: int) -> Json:
    """Lists of ten lists of ten lists."""
    return {"type": "array", "minItems": 10, "items": nested(depth - 1) if depth else {"type": "string"}}


def referring(schema: Json) -> Json:
    """A list that refers to one schema very often."""
    return {"$defs": {"a": schema}, "type": "array", "minItems": 5_000, "items": {"$ref": "#/$defs/a"}}


def ask(path: str, body: Json) -> tuple[int, int]:
    """Status and size of an answer."""
    content = json.dumps(body).encode()
    url = f"http://mock{path}" if ":" in path else f"http://mock{path}:generateContent"
    headers = [
        ("authorization", "Bearer a"),
        ("content-type", "application/json"),
        ("content-length", str(len(content))),
    ]
    answer = send_request(create_app(World(ManualClock())), AppRequest("POST", url, headers, content))
    return answer.status, sum(map(len, answer.pieces))


def attack(tally: Tally, *, long: bool) -> None:
    """Ask for all of it; then see that others have their answer while somebody's body is read."""
    for name, path, body in requests(400_000 if long else 80_000):

        def asked() -> int:
            status, size = ask(path, body)  # noqa: B023 - called at once
            assert status in {200, 400}, status
            assert size <= LARGEST, f"{size} bytes"
            return status

        tally.status(name, asked)
    tally.act("long work leaves the loop", lambda: leave_the_loop(2_000_000 if long else 200_000))
    tally.act("limits are declared where they are used", check_limits)


def leave_the_loop(size: int) -> None:
    """A body in hand-written JSON takes long to read: meanwhile the server answers others."""
    body = b"{contents:[" + b"{parts:[{text:'a'}]}," * (size // 21) + b"]}"
    request = new_request("POST", f"{GEMINI}:generateContent", "key=k", {"content-length": str(len(body))}, body)
    try:
        HttpFace(Worlds(World(ManualClock())), route_table()).answer(request, may_block=False)
    except WouldBlock:
        pass
    else:
        raise AssertionError("a long body is read on the event loop")
    with (
        MockServer().live() as server,
        httpx.Client(base_url=server.url, timeout=HANGS) as client,
        ThreadPoolExecutor(1) as other,
    ):
        client.get("/v1beta/models?key=k")
        url, kind = f"{server.url}{GEMINI}:generateContent?key=k", {"content-type": "application/json"}
        long = other.submit(httpx.post, url, content=body, headers=kind, timeout=HANGS)
        answered = 0
        while not long.done():
            assert 200 == client.get("/v1beta/models/gemini-2.5-flash?key=k").status_code
            answered += 1
        assert 200 == long.result().status_code
        assert answered > 3, f"{answered} others were answered meanwhile"


def check_limits() -> None:
    """Each limit is imported by the modules that are said to enforce it."""
    from importlib import import_module  # noqa: PLC0415 - of every module that is named

    assert QUICK_BYTES < LIMITS["REQUEST_BYTES"].value
    for name, limit in LIMITS.items():
        for module in limit.modules.split(", "):
            assert getattr(import_module(module), name) == limit.value, (name, module)
