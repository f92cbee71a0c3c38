"""Authored exchanges: what is asked, what is answered, how sure that is, and how exactly we have to agree.

`fixtures/exchanges/*.json` are lists of steps. A step either lets time pass (`advance`, in seconds), or says

    about       what it shows
    agreement   exactly (every byte), shape (members, order, types), about (numbers `within` a fraction),
                error (status, words)
    certainty   seen, oracle, doc, derived or our choice, as in mockserver/inspection/evidence.json
    source      where that is from
    only        members that are compared, if not all

`<word>` in an expected text stands for what only the server knows: the first time it may be anything without a slash, a
quote or a space, from then on it is that, in requests too.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from contract_tests.environment import ROOT

Json = dict[str, Any]

EXCHANGES = ROOT / "fixtures" / "exchanges"
AGREEMENTS = ("exactly", "shape", "about", "error")
CERTAINTIES = ("seen", "oracle", "derived", "doc", "our choice")

_WORD = re.compile(r"<(\w+)>")


def conversations() -> list[Path]:
    """The files."""
    return sorted(EXCHANGES.glob("*.json"))


def steps(path: Path) -> list[Json]:
    """The steps of a file."""
    found: list[Json] = json.loads(path.read_text(encoding="utf-8"))
    return found


class Conversation:
    """What the words of a file have come to stand for."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def ask(self, client: httpx.Client, request: Json) -> httpx.Response:
        """The answer to a step's request. A body that is a text is sent as it stands."""
        body = request.get("body")
        content = body if isinstance(body, str) or body is None else json.dumps(body)
        headers = {"x-goog-api-key": "", "content-type": "application/json", **request["headers"]}
        path = _WORD.sub(lambda word: self._known[word[1]], request["path"])
        return client.request(request["method"], path, content=content, headers=headers)

    def agrees(self, step: Json, answer: httpx.Response) -> None:
        """AssertionError unless the answer agrees as the step says."""
        expected = step["response"]
        assert expected["status"] == answer.status_code, answer.text
        match step["agreement"]:
            case "exactly":
                self.texts_agree(json.dumps(expected["body"], indent=2, ensure_ascii=False) + "\n", answer.text)
            case "shape":
                assert shape(expected["body"]) == shape(answer.json()), answer.text
            case "about":
                self._about(expected["body"], selected(answer.json(), step), step.get("within", 0.0))
            case "error":
                self._error(expected["body"]["error"], answer.json()["error"])
            case other:
                raise ValueError(other)

    def texts_agree(self, expected: str, actual: str) -> None:
        """AssertionError unless the texts are the same but for words not known yet, which are known from now on."""
        seen: set[str] = set()

        def fitting(word: re.Match[str]) -> str:
            name = word[1]
            if name in self._known:
                return re.escape(self._known[name])
            if name in seen:
                return f"(?P={name})"
            seen.add(name)
            return rf'(?P<{name}>[^/"\s]+)'

        parts = _WORD.split(expected)
        pattern = "".join(re.escape(text) for text in parts[:1])
        for name, text in zip(parts[1::2], parts[2::2], strict=True):
            pattern += _WORD.sub(fitting, f"<{name}>") + re.escape(text)
        found = re.fullmatch(pattern, actual)
        assert found, f"{self._filled(expected)}\nis not\n{actual}"
        self._known |= found.groupdict()

    def _error(self, expected: Json, actual: Json) -> None:
        assert (expected["code"], expected["status"]) == (actual["code"], actual["status"])
        self.texts_agree(expected["message"], actual["message"])

    def _about(self, expected: Any, actual: Any, within: float) -> None:
        if isinstance(expected, dict):
            assert list(expected) == list(actual)
            for name, value in expected.items():
                self._about(value, actual[name], within)
        elif isinstance(expected, list):
            for one, other in zip(expected, actual, strict=True):
                self._about(one, other, within)
        elif isinstance(expected, str):
            self.texts_agree(expected, actual)
        else:
            assert abs(expected - actual) <= within * abs(expected)

    def _filled(self, text: str) -> str:
        return _WORD.sub(lambda word: self._known.get(word[1], word[0]), text)


def selected(tree: Json, step: Mapping[str, Any]) -> Json:
    """The members that a step is about."""
    only = step.get("only")
    return {name: value for name, value in tree.items() if only is None or name in only}


def shape(tree: Any) -> Any:
    """Members in their order and types, of lists the first element's; a whole number is as good as any."""
    if isinstance(tree, dict):
        return [(name, shape(value)) for name, value in tree.items()]
    if isinstance(tree, list):
        return [shape(item) for item in tree[:1]]
    return "number" if isinstance(tree, int | float) and not isinstance(tree, bool) else type(tree).__name__
