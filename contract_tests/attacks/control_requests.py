"""Attacks on the control API: its own operations with what fits them half, and what fits nothing.

Whatever is asked: no 5xx, and a request that is refused has changed nothing.
"""

import string
from typing import Any

import orjson
from hypothesis import strategies as st

from contract_tests.attacks.tally import Tally
from contract_tests.laws.protojson.shapes import json_values
from mockserver.app import create_app
from mockserver.control.openapi import document
from mockserver.control.table import OPERATIONS
from mockserver.doors.inprocess import App, AppRequest, send_request
from mockserver.state.clock import ManualClock
from mockserver.state.world import World

Json = dict[str, Any]
Said = tuple[int, bytes]

DOCUMENT = document(OPERATIONS)
READ = [path for path, verbs in DOCUMENT["paths"].items() if "get" in verbs and "{" not in path]

# Names that there are, or may be; words that settings, rules and faults take.
NAMES = st.sampled_from(["default", "mine", "a", "tunedModels/x", "", "..", "%00", "a" * 101])
WORDS = st.sampled_from(
    [
        "answer",
        "text",
        "regex",
        "parts",
        "chunks",
        "delays",
        "status",
        "method",
        "times",
        "seed",
        "auth",
        "default_user",
    ]
)
NUMBERS = st.sampled_from([0, 1, -1, 0.5, 1e308, 2**53, 10**30, 503])
VALUES = NAMES | NUMBERS | json_values | st.just("2024-03-14T15:09:26Z") | st.just("(a+)+b") | st.just("a(?=b)")
ENTRIES = st.dictionaries(WORDS | st.text(max_size=5), VALUES | st.dictionaries(WORDS, VALUES, max_size=3), max_size=4)


MODEL_URL = "http://mock/v1beta/tunedModels?tunedModelId=x&key=key-one"
MODEL = orjson.dumps(
    {
        "displayName": "x",
        "baseModel": "models/gemini-1.5-flash-001-tuning",
        "tuningTask": {"trainingData": {"examples": {"examples": [{"textInput": "1", "output": "2"}]}}},
    }
)
MODEL_HEADERS = [("content-type", "application/json"), ("content-length", str(len(MODEL)))]


class Server:
    """A server of its own, and what can be seen of it."""

    def __init__(self) -> None:
        self.app: App = create_app(World(ManualClock()))
        made = send_request(self.app, AppRequest("POST", MODEL_URL, MODEL_HEADERS, MODEL))
        assert made.status == 200, b"".join(made.pieces)

    def ask(self, verb: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Said:
        """Status and body of an answer."""
        said = {"host": "127.0.0.1", "content-length": str(len(body))} | (headers or {})
        answer = send_request(self.app, AppRequest(verb, f"http://mock/_mock{path}", [*said.items()], body))
        return answer.status, b"".join(answer.pieces)

    def seen(self) -> list[Said]:
        """Everything that can be read. AssertionError for what cannot be any more."""
        answers = [self.ask("GET", path) for path in READ]
        assert {200} == {status for status, _ in answers}, answers
        return answers


def values(schema: Json) -> st.SearchStrategy[Any]:
    """Values that fit a schema of the document more or less."""
    if "$ref" in schema:
        return values(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return st.one_of(*map(values, schema["anyOf"]))
    match schema.get("type"):
        case "object" if "properties" in schema:
            members = {name: values(member) | VALUES for name, member in schema["properties"].items()}
            return st.fixed_dictionaries({}, optional=members)
        case "object":
            return ENTRIES
        case "array":
            return st.lists(values(schema["items"]), max_size=3)
        case "string":
            return NAMES | st.just("2024-03-14T15:09:26Z") | st.text(max_size=5)
        case "number" | "integer":
            return NUMBERS
    return VALUES


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, bytes]:
    """An operation of the document, with a body and parameters."""
    path, verbs = draw(st.sampled_from(sorted(DOCUMENT["paths"].items())))
    verb, operation = draw(st.sampled_from(sorted(verbs.items())))
    query = []
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", draw(st.sampled_from(["default", "mine", "a-b", "%5B"])))
        elif draw(st.integers(0, 3)) == 0:
            query.append(
                f"{parameter['name']}={draw(st.sampled_from(['default', 'mine', '*', '1', '-1', '1e400', '%FF', '[']))}"
            )
    body = b""
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        body = draw(values(schema).map(_as_json) | st.binary(max_size=20))
    return verb.upper(), f"{path}?{'&'.join(query)}", body


def _as_json(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # a number or a text that JSON cannot hold
        return b"{"


def check(server: Server, verb: str, path: str, body: bytes, headers: dict[str, str] | None = None) -> int:
    """Ask, and see that it is no 5xx, and has changed nothing if it was refused."""
    before = server.seen()
    status, said = server.ask(verb, path, body, headers)
    assert status < 500, (verb, path, body, headers, said)
    after = server.seen()
    assert status < 400 or before == after, (verb, path, body, headers, said)
    return status


def garbage() -> list[tuple[str, str, bytes, dict[str, str]]]:
    """Requests that no operation has in mind."""
    deep = b'{"answers": [{"answer": {"parts": [' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"]}}]}"
    deeper = b'{"settings": {"a": ' + b"[" * 2000 + b"]" * 2000 + b"}}"
    hosts = ["[", "[::1", "]", "a]b", "[::1]:x", "127.0.0.1:99999999", "\xff", "@", "//", "[v1.a]", "localhost@evil"]
    return [
        *(("GET", "/clock", b"", {"host": host}) for host in hosts),
        *(("GET", "/clock", b"", {"origin": f"http://{host}"}) for host in hosts),
        *((verb, "/answers", body, {}) for verb in ("POST", "PUT") for body in (deep, deeper, b"[" * 100_000)),
        ("PATCH", "/settings", deeper, {}),
        ("POST", "/worlds", deeper, {}),
        *((verb, "/answers", b"{}", {}) for verb in ("BREW", "HEAD", "OPTIONS", "post")),
        *(("GET", f"/{character}", b"", {}) for character in string.punctuation if character not in "#?"),
        ("GET", "/clock?world=%00", b"", {}),
        ("GET", "/calls?last=1e400&last=2", b"", {}),
        ("GET", "/calls?resource=" + "*a" * 10_000 + "b", b"", {}),
    ]


def attack(tally: Tally, *, long: bool) -> None:
    """Garbage of every kind, then operations that fit half."""
    for verb, path, body, headers in garbage():
        tally.status(f"{verb} {path[:60]}", lambda: check(Server(), verb, path, body, headers))  # noqa: B023 - called at once
    tally.hypothesis(requests(), lambda request: check(Server(), *request), examples=5_000 if long else 60)
