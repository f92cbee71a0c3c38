"""Compares a recorded response with ours: the same, of the same shape, or different.

Same: equal except for what nobody can predict: ids, times, tokens, measured numbers, the model's text.
Shape: the same members in the same order and of the same types, but other numbers or lengths differ.
Differs: anything else, such as the status, the content type, a member that one side lacks, the order of members, a
type, an enum value like a state, the text of an error.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import zip_longest
from typing import Any

from mockserver.recordings.id_mapping import IdMapping
from mockserver.transcripts.exchange import RecordedResponse


class Grade(IntEnum):
    """How well two responses agree; a higher number is worse."""

    SAME = 0
    SHAPE = 1
    DIFFERS = 2


ABSENT = "(absent)"

# The model's text, and opaque values.
_UNPREDICTABLE = frozenset({"text", "responseId", "etag", "thoughtSignature", "token", "turnToken"})
_PAGE_TOKENS = frozenset({"nextPageToken"})
# What is counted or measured during a run: the recorded run is not ours.
_MEASURED = re.compile(
    r"(?:[tT]okenCount|[tT]okens|BillableCharacters|[lL]oss|[lL]ogprobs|[lL]ogProbability|Score|Percent|tokenId)$"
    r"|^(?:values|completedSteps|completedEpochs|epoch|step)$"
)
# Sentences that contain numbers: of tokens, of seconds to wait.
_SENTENCES = frozenset({"message", "detail"})
# Enum values that depend on the model's text, or on the load of the service.
_RATINGS = frozenset({"probability", "severity", "trafficType"})
# Members that two recordings of one kind disagree on: of jobs that failed or were cancelled one has a tuned model or an
# experiment and another has none.
_DISPUTED = frozenset({"tunedModel", "experiment"})
_UNFINISHED = frozenset({"JOB_STATE_FAILED", "JOB_STATE_CANCELLED"})

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?Z")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DIGITS = re.compile(r"\d+(?:\.\d+)?")
_EMPTY_LIST = re.compile(r',\s*"\w+": \[\]')
_SCALAR = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[\w.+-]*|true|false|null')


@dataclass(frozen=True, slots=True)
class Difference:
    """A position in which two responses differ: a path such as `error.message`, and both values."""

    where: str
    grade: Grade
    recorded: Any
    ours: Any


def compare(recorded: RecordedResponse, ours: RecordedResponse, ids: IdMapping) -> list[Difference]:
    """Return the differences that matter, in the order of the response. `ids` learns which of our ids is which."""
    differences = [*_compare_heads(recorded, ours)]
    old, new = parse_messages(recorded), parse_messages(ours)
    if old is None or new is None:
        return differences + _compare_texts(recorded.body, ours.body, ids)
    counts = len(old), len(new)
    if min(counts) == 1 < max(counts):
        # The same stream in one message and in several: what the whole says counts, and the last message ends it.
        old, new = [merge_messages(old)], [merge_messages(new)]
    elif min(counts) > 1:
        # How many messages of a stream lie between the first and the last is random.
        old, new = [old[0], old[-1]], [new[0], new[-1]]
    comparison = _Comparison(ids, ordered=recorded.exact)
    for number, (first, second) in enumerate(zip(old, new, strict=False)):
        differences += comparison.values(f"[{number}]" if len(old) > 1 else "", first, second)
    if min(counts) != max(counts) and min(counts) <= 1:
        differences.append(Difference("number of messages", Grade.SHAPE, *counts))
    if recorded.exact and ours.exact and not differences and _layout(recorded.body) != _layout(ours.body):
        differences.append(Difference("layout", Grade.DIFFERS, _layout(recorded.body), _layout(ours.body)))
    return differences


def merge_messages(messages: Sequence[Any]) -> Any:
    """Merge the messages of a stream into one: texts are joined, of anything else the last value counts."""
    result: Any = {}
    for message in messages:
        result = _merge(result, message)
    return result


def _merge(old: Any, new: Any, name: str = "") -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _merge(old[key], value, key) if key in old else value for key, value in new.items()}}
    if isinstance(old, list) and isinstance(new, list) and name == "candidates":
        pairs = zip_longest(old, new)
        return [_merge(first, second) if first and second else first or second for first, second in pairs]
    if isinstance(old, list) and isinstance(new, list) and name == "parts":
        texts = [part for part in (*old, *new) if isinstance(part, dict) and part.keys() == {"text"}]
        others = [part for part in (*old, *new) if part not in texts]
        return [*others, *([{"text": "".join(part["text"] for part in texts)}] if texts else [])]
    return new


def grade(differences: list[Difference]) -> Grade:
    """Return the worst grade; SAME without differences."""
    return max((difference.grade for difference in differences), default=Grade.SAME)


def parse_messages(response: RecordedResponse) -> list[Any] | None:
    """Return the messages of a response: one, or those of a stream in either form. None if it is not JSON."""
    text = response.body.decode("utf-8", "replace").strip()
    if text.startswith("data:"):
        events = [event.removeprefix("data:") for event in re.split(r"\r?\n\r?\n", text) if event.strip()]
        return _parse_all(events)
    whole = _parse_all([text])
    return whole[0] if whole and isinstance(whole[0], list) else whole


def _parse_all(texts: list[str]) -> list[Any] | None:
    try:
        return [json.loads(text) for text in texts]
    except ValueError:
        return None


def _compare_heads(recorded: RecordedResponse, ours: RecordedResponse) -> Iterator[Difference]:
    if recorded.status != ours.status:
        yield Difference("status", Grade.DIFFERS, recorded.status, ours.status)
    for name in ("content-type", "content-disposition"):
        old, new = recorded.header(name).lower().replace(" ", ""), ours.header(name).lower().replace(" ", "")
        if old and old != new:
            yield Difference(name, Grade.DIFFERS, recorded.header(name), ours.header(name) or ABSENT)


def _compare_texts(recorded: bytes, ours: bytes, ids: IdMapping) -> list[Difference]:
    """Compare responses that are not both JSON: pages and broken text."""
    old, new = ids.translate(recorded.decode("utf-8", "replace")).strip(), ours.decode("utf-8", "replace").strip()
    if old == new:
        return []
    both_pages = old[:9].lower() == new[:9].lower() == "<!doctype"
    return [Difference("body", Grade.SHAPE if both_pages else Grade.DIFFERS, old, new)]


def _layout(body: bytes) -> str:
    """Return the first message of a body with every scalar masked, and the separator after it.

    The end of the text and its line ends are ignored: recorders change them.
    """
    text = _EMPTY_LIST.sub("", body.decode("utf-8", "replace")).replace("\r\n", "\n").strip()
    first, *between = re.split(r"(\n\n|\n,\n)", text, maxsplit=1)[:2]
    return _SCALAR.sub("x", first) + "".join(between)


class _Comparison:
    """Compares JSON values; the name of a member decides how strictly."""

    def __init__(self, ids: IdMapping, *, ordered: bool) -> None:
        self._names = ids
        self._ordered = ordered

    def values(self, where: str, old: Any, new: Any) -> Iterator[Difference]:
        """Yield the differences between two values in the same position."""
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
        public = {key: _drop_debug_info(value) for key, value in old.items()}
        # Google never writes an empty list: one is left where all its items were debug information.
        expected = self._translate_keys({key: value for key, value in public.items() if key in new or value != []}, new)
        for key, value in expected.items():
            path = f"{where}.{key}".lstrip(".")
            if key in new:
                yield from self.values(path, value, new[key])
            else:
                yield Difference(path, _grade_absence(key, old), value, ABSENT)
        for key in (key for key in new if key not in expected):
            yield Difference(f"{where}.{key}".lstrip("."), _grade_absence(key, new), ABSENT, new[key])
        recorded_order = [key for key in expected if key in new]
        our_order = [key for key in new if key in expected]
        if self._ordered and recorded_order != our_order:
            yield Difference(f"{where} order".strip(), Grade.DIFFERS, " ".join(recorded_order), " ".join(our_order))

    def _translate_keys(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
        """Return the recorded members by our keys: a key may be an id, as in `trafficSplit`."""
        old_ids = [key for key in old if key not in new and key.isdigit()]
        new_ids = [key for key in new if key not in old and key.isdigit()]
        for first, second in zip(old_ids, new_ids, strict=False):
            self._names.learn(first, second)
        return {self._names.translate(key) if key.isdigit() else key: value for key, value in old.items()}

    def _lists(self, where: str, name: str, old: list[Any], new: list[Any]) -> Iterator[Difference]:
        if len(old) != len(new) and not _MEASURED.search(name):
            yield Difference(f"{where} length", Grade.SHAPE if old and new else Grade.DIFFERS, len(old), len(new))
        for number, (first, second) in enumerate(zip(old, new, strict=False)):
            yield from self.values(f"{where}[{number}]", first, second)

    def _strings(self, where: str, name: str, old: str, new: str) -> Iterator[Difference]:
        if name in _UNPREDICTABLE or old == new:
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
            similar = name in _RATINGS or (
                name in _SENTENCES and _DIGITS.sub("0", translated) == _DIGITS.sub("0", plain)
            )
            yield Difference(where, Grade.SHAPE if similar else Grade.DIFFERS, old, new)


def _grade_absence(key: str, owner: Mapping[str, Any]) -> Grade:
    """Grade a member that one side lacks: a shape if recordings of one kind disagree on it."""
    is_disputed = key in _DISPUTED and owner.get("state") in _UNFINISHED
    return Grade.SHAPE if is_disputed else Grade.DIFFERS


def _drop_debug_info(value: Any) -> Any:
    """Drop the details that only Google's own staff sees from a recorded list."""
    if not isinstance(value, list):
        return value
    return [item for item in value if not (isinstance(item, dict) and str(item.get("@type")).endswith("DebugInfo"))]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
