"""The filters and orders of list methods (AIP-160 as far as Vertex AI documents it, and AIP-132).

    labels.tune-type:*      labels."a key"=v      labels:key      display_name="x" AND base_model_name=y
    schema_title="system.ExperimentRun" AND parent_contexts:"projects/..."

A filter is compiled against a view: a plain resource, as the caller will see it. Fields may be spelled
in snake_case or lowerCamelCase.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from mockserver.limits import FILTER_DEPTH
from mockserver.protojson.scalars import InvalidValue
from mockserver.protojson.schema import json_name
from mockserver.protojson.well_known import parse_timestamp
from mockserver.rpc.errors import ApiError, Code
from mockserver.rpc.paging import Value

T = TypeVar("T")

Json = dict[str, Any]
Test = Callable[[Json], bool]
Compare = Callable[[object], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<mark><=|>=|!=|[=<>:(),])|(?P<word>[^\s"'=<>!:(),]+))"""
)

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")


def filtered(resources: Iterable[T], text: str, *, facts: Callable[[T], Json]) -> list[T]:
    """The resources that fit. An empty text fits all; one that is no filter raises the 400.

    `facts` tells what a filter may ask of a resource, where that is more than its members.
    google-genai appends `&filter=labels.tune-type:*` to a user's own filter, inside the value.
    """
    if not text.strip():
        return list(resources)
    test = _Parser(text.replace("&filter=", " AND ")).whole()
    return [resource for resource in resources if test(facts(resource))]


class Order:
    """The order a caller asks for: `display_name, create_time desc`. Raises ApiError for a field not in `allowed`.

    `view` gives the members of a resource by its name: nothing is put into words that the order does not ask for.
    """

    def __init__(self, text: str, allowed: Sequence[str], view: Callable[[str], Json]) -> None:
        self._view = view
        self._parts: list[tuple[str, bool]] = []
        for part in (part.split() for part in text.split(",") if part.strip()):
            field = json_name(part[0])
            if field not in allowed or part[1:] not in ([], ["asc"], ["desc"]):
                raise ApiError(Code.INVALID_ARGUMENT, f"Invalid order_by: {text}")  # our choice: not seen
            self._parts.append((field, part[1:] == ["desc"]))

    def values(self, name: str) -> tuple[Value, ...]:
        """What the resource of that name is ordered by."""
        return tuple(self._view(name).get(field) or "" for field, _ in self._parts)

    @property
    def length(self) -> int:
        """How many members the order is by."""
        return len(self._parts)

    def key(self, values: tuple[Value, ...]) -> tuple[Any, ...]:
        """What sorts resources of these values."""
        pairs = zip(values, self._parts, strict=True)
        return tuple(_Descending(_sortable(value)) if descends else _sortable(value) for value, (_, descends) in pairs)

    def sort(self, names: Iterable[str], rank: Callable[[str], int]) -> list[str]:
        """The names in this order, those alike by rank and name."""
        return sorted(names, key=lambda name: (self.key(self.values(name)), rank(name), name))


class _Descending:
    """A key that sorts the other way round."""

    __slots__ = ("key",)

    def __init__(self, key: tuple[int, str]) -> None:
        self.key = key

    def __lt__(self, other: "_Descending") -> bool:
        return other.key < self.key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)


def masked(resource: Json, paths: Sequence[str]) -> Json:
    """The members a read mask names, and the name; all without one. Paths into members show them whole."""
    if not paths or "*" in paths:
        return resource
    wanted = {"name", *(json_name(path.partition(".")[0]) for path in paths)}
    return {member: value for member, value in resource.items() if member in wanted}


def _sortable(value: object) -> tuple[int, str]:
    return (value, "") if isinstance(value, int) else (0, str(value or ""))


class _Parser:
    """Reads `term (AND|OR term)*`, OR binding tighter, as AIP-160 has it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split(text)
        self._at = 0
        if sum(token in {"(", "NOT", "-"} for token in self._tokens) > FILTER_DEPTH:  # reading one takes a stack
            raise self._invalid()

    def whole(self) -> Test:
        """The test the whole text stands for."""
        test = self._conjunction()
        if self._at < len(self._tokens):
            raise self._invalid()
        return test

    def _conjunction(self) -> Test:
        tests = [self._disjunction()]
        while self._at < len(self._tokens) and self._peek() != ")":
            if self._peek() == "AND":
                self._next()
            tests.append(self._disjunction())
        return lambda resource: all(test(resource) for test in tests)

    def _disjunction(self) -> Test:
        tests = [self._term()]
        while self._peek() == "OR":
            self._next()
            tests.append(self._term())
        return lambda resource: any(test(resource) for test in tests)

    def _term(self) -> Test:
        token = self._next()
        if token == "(":
            test = self._conjunction()
            if self._next() != ")":
                raise self._invalid()
            return test
        if token in {"NOT", "-"}:
            negated = self._term()
            return lambda resource: not negated(resource)
        if self._peek() == "(":
            return self._function(token)
        return self._restriction(self._path(token))

    def _function(self, name: str) -> Test:
        """`in_context("...")` of metadata filters: nothing of ours lies in a context."""
        while self._next() != ")":
            pass
        if name != "in_context":
            raise self._invalid()
        return lambda _: False

    def _path(self, token: str) -> tuple[str, ...]:
        steps = tuple(token.removesuffix(".").split("."))
        return (*steps, _unquoted(self._next())) if token.endswith(".") else steps

    def _restriction(self, path: tuple[str, ...]) -> Test:
        if self._peek() not in {"=", "!=", ":", "<", ">", "<=", ">="}:
            raise self._invalid()
        mark, values = self._next(), [self._value()]
        while self._peek() == ",":
            self._next()
            values.append(self._value())
        return lambda resource: any(_holds(_read(resource, path), mark, value) for value in values)

    def _value(self) -> str:
        return _unquoted(self._next())

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise self._invalid()
        self._at += 1
        return token

    def _split(self, text: str) -> list[str]:
        tokens: list[str] = []
        at = 0
        stripped = text.rstrip()
        while at < len(stripped):
            found = _TOKEN.match(stripped, at)
            if found is None:
                raise self._invalid()
            tokens.append(found["quoted"] or found["mark"] or found["word"])
            at = found.end()
        return tokens

    def _invalid(self) -> ApiError:
        return ApiError(Code.INVALID_ARGUMENT, f"Invalid filter: {self._text}")  # our choice: not seen


def _read(resource: Json, path: tuple[str, ...]) -> object:
    """What lies there: a member under either spelling of its name, an entry of a map under its key."""
    value: object = resource
    for step in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step, value.get(json_name(step)))
    return value


def _unquoted(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1]) if token[0] in "\"'" else token


def _holds(value: object, mark: str, wanted: str) -> bool:
    """Whether a field's value stands in that relation to a text."""
    match mark:
        case ":":
            return _has(value, wanted)
        case "=":
            return _equal(value, wanted)
        case "!=":
            return not _equal(value, wanted)
        case _:
            return value is not None and _compared(value, mark, wanted)


def _has(value: object, wanted: str) -> bool:
    """`:` - has the key, has the element, has the word; `:*` - is there at all."""
    if wanted == "*":
        return value not in (None, "", {}, [])
    if isinstance(value, Mapping | list):
        return wanted in value
    return wanted in str(value or "")


def _equal(value: object, wanted: str) -> bool:
    if isinstance(value, bool):
        return wanted.lower() == str(value).lower()
    if isinstance(value, int | float):
        return value == _number(wanted)
    text = "" if value is None else str(value)
    if "*" in wanted:
        return _fits(text, wanted)
    return text == wanted


def _fits(text: str, pattern: str) -> bool:
    """Whether a text is the pattern, in which each star stands for any text: the leftmost place for a part will do."""
    first, *middle, last = pattern.split("*")
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _compared(value: object, mark: str, wanted: str) -> bool:
    if isinstance(value, int | float):
        number = _number(wanted)
        if number is None:
            return False
        less, same = value < number, value == number
    else:
        less, same = str(value) < wanted, str(value) == wanted
    return {"<": less, "<=": less or same, ">": not less and not same, ">=": not less}[mark]


def _number(text: str) -> float | None:
    """A number, or a time in nanoseconds, as resources hold them; None for any other text."""
    try:
        return float(text) if _NUMBER.fullmatch(text) else parse_timestamp(text)
    except InvalidValue:
        return None
