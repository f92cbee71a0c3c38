"""Writes a recorded call as a curl command and as a pytest test that scripts this very exchange."""

import re
import shlex
from collections.abc import Mapping
from pprint import pformat
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from mockserver.control.calls import Call
from mockserver.dispatch.routing import Route, path_variables
from mockserver.state.world import WorldCredentials

Json = dict[str, Any]


_TUNED_MODEL = re.compile(r"/tunedModels/([^/:]+)")
_NUMBERED = re.compile(r"/(tuningJobs|endpoints|operations|batches|projects/[^/]+/locations/[^/]+/models)/")
"""Resources whose names the server makes."""


def write_curl(call: Call, route: Route, url: str, credentials: WorldCredentials) -> str:
    """Return the command that sends this request again, with a made-up key."""
    target, body = _request(call, route)
    words = ["curl", "-X", call.verb, f"{url}{target}"]
    for name, value in _credentials(call, credentials.api_key, credentials.token, credentials.project).items():
        words += ["-H", f"{name}: {value}"]
    if body is not None:
        words += ["-H", "content-type: application/json", "-d", orjson.dumps(body).decode()]
    return shlex.join(words)


def write_test(call: Call, route: Route) -> str:
    """Return a test for the fixture `mockserver` that sets up the answer, sends the request and compares.

    It is "" for a call to a resource that a test cannot put there under the same name.
    """
    if call.status == 200 and _NUMBERED.search(call.path):
        return ""
    target, body = _request(call, route)
    texts = _credentials(call, "{credentials.api_key}", "{credentials.token}", "{credentials.project}")
    headers = ", ".join(f'"{name}": f"{value}"' for name, value in texts.items())
    lines = [
        "import json",
        "import urllib.error",
        "import urllib.request",
        "",
        "from mockserver import Answer, Fault",
        "",
        "",
        "def test_this_exchange(mockserver):",
        f'    """{call.method} answers {call.status}."""',
        *_setup(call),
        f"    body = {_literal(body)}",
        "    credentials = mockserver.credentials",
        f"    headers = {{{headers}}}",
        "    request = urllib.request.Request(",
        f'        "https://{route.service}{target}",',
        f"        method={call.verb!r},",
        "        data=None if body is None else json.dumps(body).encode(),",
        '        headers={"content-type": "application/json", **headers},',
        "    )",
        "    try:",
        "        with urllib.request.urlopen(request) as reply:",
        "            status, answer = reply.status, json.load(reply)",
        "    except urllib.error.HTTPError as error:",
        '        status, answer = error.code, json.load(error)["error"]',
        "",
        f"    assert status == {call.status}",
        *_expectations(call),
    ]
    return "\n".join(lines) + "\n"


def _credentials(call: Call, key: str, token: str, project: str) -> Mapping[str, str]:
    """Return the headers of a caller of the same kind: one with an API key, or with a token."""
    if call.caller.startswith("key:"):
        return {"x-goog-api-key": key}
    return {"authorization": f"Bearer {token}", "x-goog-user-project": project}


def _request(call: Call, route: Route) -> tuple[str, Json | None]:
    """Return path and query, and the body if the method has one."""
    message = dict(call.request or {})
    body: Json | None = None
    if route.body not in {"", "*"}:
        body = message.pop(_json_name(route.body), {})
    for member, _ in path_variables(route.path):
        message.pop(_json_name(member[0]), None)
    if route.body == "*":
        body, message = message, {}
    query = urlencode({name: _text(value) for name, value in message.items()})
    path = quote(call.path, safe="/:@")
    return (f"{path}?{query}" if query else path), body


def _json_name(member: str) -> str:
    first, *others = member.split("_")
    return first + "".join(map(str.capitalize, others))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _setup(call: Call) -> list[str]:
    """Return the lines that make the server answer so."""
    if call.status != 200:
        status = call.response if isinstance(call.response, Mapping) else {}
        return [
            f"    mockserver.fault(Fault({call.method!r}, status={call.status}, message={status.get('message', '')!r}))"
        ]
    text = _answer_text(call)
    model = _TUNED_MODEL.search(call.path)
    return [
        *([f"    mockserver.add_tuned_model({model[1]!r})"] if model else []),
        *([f"    mockserver.answer(Answer({text!r}), times=1)"] if text is not None else []),
    ]


def _expectations(call: Call) -> list[str]:
    if call.status != 200:
        status = call.response if isinstance(call.response, Mapping) else {}
        return [f'    assert answer["message"] == {status.get("message", "")!r}']
    text = _answer_text(call)
    if text is None:
        return ["    assert isinstance(answer, dict)"]
    return ['    parts = answer["candidates"][0]["content"]["parts"]', f'    assert parts[0]["text"] == {text!r}']


def _answer_text(call: Call) -> str | None:
    """Return the text of a whole answer to a prompt."""
    try:
        return str(call.response["candidates"][0]["content"]["parts"][0]["text"])
    except (LookupError, TypeError):
        return None


def _literal(value: Any) -> str:
    return pformat(value, width=96, sort_dicts=False).replace("\n", "\n    ")
