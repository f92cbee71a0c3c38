"""A recorded reply held against ours: the same, of the same shape, or different.

Same: equal but for what nobody can predict: ids, times, tokens, measured numbers, what a model says.
Shape: the same members in the same order and of the same types, while other numbers or lengths differ.
Differs: anything else. The status, the content type, a member that one side lacks, the order of members, a type,
a word such as a state, the words of an error.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from mockserver.recordings.exchange import Response
from mockserver.recordings.id_mapping import Names


class Grade(IntEnum):
    """How well two replies agree; a higher number is worse."""

    SAME = 0
    SHAPE = 1
    DIFFERS = 2


ABSENT = "(absent)"

# What a model says, or what nobody else can read.
_FREE_TEXTS = frozenset({"text", "responseId", "etag", "thoughtSignature", "token", "turnToken"})
_PAGE_TOKENS = frozenset({"nextPageToken"})
# What is counted or measured in a run that is not ours.
_MEASURED = re.compile(
    r"(?:[tT]okenCount|[tT]okens|BillableCharacters|[lL]oss|[lL]ogprobs|[lL]ogProbability|Score|Percent|tokenId)$"
    r"|^(?:values|completedSteps|completedEpochs|epoch|step)$"
)
# Sentences that quote numbers: of tokens, of seconds to wait.
_SENTENCES = frozenset({"message", "detail"})
# Words that depend on what was said.
_JUDGED = frozenset({"probability", "severity"})

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?Z")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DIGITS = re.compile(r"\d+(?:\.\d+)?")
_EMPTIED = re.compile(r',\s*"\w+": \[\]')
_SCALAR = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[\w.+-]*|true|false|null')


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two replies are not equal: a path such as `error.message`, and both values."""

    where: str
    grade: Grade
    recorded: Any
    ours: Any


def compare(recorded: Response, ours: Response, names: Names) -> list[Difference]:
    """All differences that matter, in the order of the reply. `names` learns which of our ids stands for which."""
    found = [*_heads(recorded, ours)]
    old, new = documents(recorded), documents(ours)
    if old is None or new is None:
        return found + _texts(recorded.body, ours.body, names)
    if len(old) > 1 or len(new) > 1:
        old, new = _ends(old), _ends(new)
    comparison = _Comparison(names, ordered=recorded.exact)
    for number, (first, second) in enumerate(zip(old, new, strict=False)):
        found += comparison.values(f"[{number}]" if len(old) > 1 else "", first, second)
    if len(old) != len(new):
        found.append(Difference("number of messages", Grade.SHAPE, len(old), len(new)))
    if recorded.exact and ours.exact and not found and _layout(recorded.body) != _layout(ours.body):
        found.append(Difference("layout", Grade.DIFFERS, _layout(recorded.body), _layout(ours.body)))
    return found


def grade(differences: list[Difference]) -> Grade:
    """The worst of them; the same if there are none."""
    return max((difference.grade for difference in differences), default=Grade.SAME)


def documents(response: Response) -> list[Any] | None:
    """The messages of a reply: one, or those of a stream in either form. None if it is no JSON."""
    text = response.body.decode("utf-8", "replace").strip()
    if text.startswith("data:"):
        events = [event.removeprefix("data:") for event in re.split(r"\r?\n\r?\n", text) if event.strip()]
        return _parsed(events)
    whole = _parsed([text])
    return whole[0] if whole and isinstance(whole[0], list) else whole


def _parsed(texts: list[str]) -> list[Any] | None:
    try:
        return [json.loads(text) for text in texts]
    except ValueError:
        return None


def _ends(messages: list[Any]) -> list[Any]:
    """The first and the last message of a stream: how many lie between is a matter of chance."""
    return messages if len(messages) < 2 else [messages[0], messages[-1]]


def _heads(recorded: Response, ours: Response) -> Iterator[Difference]:
    if recorded.status != ours.status:
        yield Difference("status", Grade.DIFFERS, recorded.status, ours.status)
    for name in ("content-type", "content-disposition"):
        old, new = recorded.header(name).lower().replace(" ", ""), ours.header(name).lower().replace(" ", "")
        if old and old != new:
            yield Difference(name, Grade.DIFFERS, recorded.header(name), ours.header(name) or ABSENT)


def _texts(recorded: bytes, ours: bytes, names: Names) -> list[Difference]:
    """Of replies that are not both JSON: pages and broken text."""
    old, new = names.translate(recorded.decode("utf-8", "replace")).strip(), ours.decode("utf-8", "replace").strip()
    if old == new:
        return []
    both_pages = old[:9].lower() == new[:9].lower() == "<!doctype"
    return [Difference("body", Grade.SHAPE if both_pages else Grade.DIFFERS, old, new)]


def _layout(body: bytes) -> str:
    """The first message of a body with every scalar masked, and what follows it: white space, brackets and commas.

    The end of the text, and which line ends it has, are the recorder's affair.
    """
    text = _EMPTIED.sub("", body.decode("utf-8", "replace")).replace("\r\n", "\n").strip()
    first, *between = re.split(r"(\n\n|\n,\n)", text, maxsplit=1)[:2]
    return _SCALAR.sub("x", first) + "".join(between)


class _Comparison:
    """Compares values by what they are called."""

    def __init__(self, names: Names, *, ordered: bool) -> None:
        self._names = names
        self._ordered = ordered

    def values(self, where: str, old: Any, new: Any) -> Iterator[Difference]:
        """The differences between two values in the same place."""
        name = re.sub(r"\[\d*\]$", "", where).rpartition(".")[2]
        if isinstance(old, dict) and isinstance(new, dict):
            yield from self._objects(where, old, new)
        elif isinstance(old, list) and isinstance(new, list):
            yield from self._lists(where, name, old, new)
        elif isinstance(old, str) and isinstance(new, str):
            yield from self._strings(where, name, old, new)
        elif _is_number(old) and _is_number(new):
            if old != new and not _MEASURED.search(name):
                yield Difference(where, Grade.SHAPE, old, new)
        elif old != new:
            yield Difference(where, Grade.DIFFERS, old, new)

    def _objects(self, where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
        told = {key: _told(value) for key, value in old.items()}
        kept = {key: value for key, value in told.items() if key in new or value != []}
        renamed = self._keys(kept, new)
        for key, value in renamed.items():
            place = f"{where}.{key}".lstrip(".")
            if key in new:
                yield from self.values(place, value, new[key])
            else:
                yield Difference(place, Grade.DIFFERS, value, ABSENT)
        for key in (key for key in new if key not in renamed):
            yield Difference(f"{where}.{key}".lstrip("."), Grade.DIFFERS, ABSENT, new[key])
        common = [key for key in renamed if key in new]
        other = [key for key in new if key in renamed]
        if self._ordered and common != other:
            yield Difference(f"{where} order".strip(), Grade.DIFFERS, " ".join(common), " ".join(other))

    def _keys(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
        """The recorded members by our names: a key may be an id, as in `trafficSplit`."""
        strange = [key for key in old if key not in new and key.isdigit()]
        unknown = [key for key in new if key not in old and key.isdigit()]
        for first, second in zip(strange, unknown, strict=False):
            self._names.learn(first, second)
        return {self._names.translate(key) if key.isdigit() else key: value for key, value in old.items()}

    def _lists(self, where: str, name: str, old: list[Any], new: list[Any]) -> Iterator[Difference]:
        if len(old) != len(new) and not _MEASURED.search(name):
            yield Difference(f"{where} length", Grade.SHAPE if old and new else Grade.DIFFERS, len(old), len(new))
        for number, (first, second) in enumerate(zip(old, new, strict=False)):
            yield from self.values(f"{where}[{number}]", first, second)

    def _strings(self, where: str, name: str, old: str, new: str) -> Iterator[Difference]:
        if name in _FREE_TEXTS or old == new:
            return
        if name in _PAGE_TOKENS:
            self._names.equate(old, new)
            return
        times = _TIME.fullmatch(old), _TIME.fullmatch(new)
        if times[0] and times[1]:
            digits = [len(time[1] or "") for time in times if time]
            if digits[0] != digits[1]:
                yield Difference(where, Grade.SHAPE, old, new)
            return
        self._names.learn_from_texts(old, new)
        self._names.learn(old, new)
        translated = _UUID.sub("uuid", self._names.translate(old))
        plain = _UUID.sub("uuid", new)
        if translated != plain:
            alike = name in _JUDGED or (name in _SENTENCES and _DIGITS.sub("0", translated) == _DIGITS.sub("0", plain))
            yield Difference(where, Grade.SHAPE if alike else Grade.DIFFERS, old, new)


def _told(value: Any) -> Any:
    """A recorded value without what only Google's own people are shown.

    A list of nothing else is empty then, and Google never writes an empty list: the recorder emptied it.
    """
    if not isinstance(value, list):
        return value
    return [item for item in value if not (isinstance(item, dict) and str(item.get("@type")).endswith("DebugInfo"))]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
