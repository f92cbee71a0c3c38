"""Turns a form of a page into a request to the control API."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

Json = dict[str, Any]

TEXTS = frozenset({"answer", "message", "method", "model", "name", "regex", "resource", "text"})
"""Members that are texts, whatever is typed; other members are numbers if they look like one."""


@dataclass(frozen=True, slots=True)
class Action:
    """An operation of the control API with its body, and the page to return to."""

    verb: str
    path: str
    body: bytes
    back: str


def read_action(fields: Mapping[str, str]) -> Action:
    """Read a form: `_verb`, `_path`, `_body` with fixed members, `_back`, and inputs.

    The name of an input is the path of a member, such as "faults.0.status", or "{name}" for a part of the path. An
    empty input says nothing. Raises ValueError for a form that no page of ours has.
    """
    body = orjson.loads(fields.get("_body") or "{}")
    path = fields.get("_path", "")
    for name, text in fields.items():
        value = text.strip()
        if name.startswith("_") or not value:
            continue
        if name.startswith("{"):
            path = path.replace(name, quote(value, safe=""))
        else:
            _set_member(body, name.split("."), value)
    back = fields.get("_back", "")
    # A path on this server, and never another site's: `//host` and `/\host` are such for a browser.
    return Action(fields.get("_verb", "POST"), path, orjson.dumps(body), back if re.match(r"/(?![/\\])", back) else "/")


def _set_member(body: Any, steps: list[str], text: str) -> None:
    """Set a member by its path; a number in the path is a place in a list of one element."""
    *parents, last = steps
    for step, following in zip(parents, [*parents[1:], last], strict=True):
        empty: Any = [{}] if following == "0" else {}
        body = body[0] if step == "0" else body.setdefault(step, empty)
    body[last] = text if last in TEXTS else _number(text)


def _number(text: str) -> float | str:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
