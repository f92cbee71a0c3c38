"""The `filter`, `order_by` and `read_mask` of list methods (AIP-160 as far as Vertex AI documents it, and AIP-132).

    labels.tune-type:*      labels."a key"=v      labels:key      display_name="x" AND base_model_name=y
    schema_title="system.ExperimentRun" AND parent_contexts:"projects/..."

A filter is compiled to a test of a resource as the caller will see it. Fields may be spelled in snake_case
or lowerCamelCase.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mockserver.dispatch.lists import list_message
from mockserver.dispatch.routing import Call
from mockserver.limits import FILTER_DEPTH
from mockserver.protojson.scalars import InvalidValue
from mockserver.protojson.schema import json_name
from mockserver.protojson.well_known import parse_timestamp
from mockserver.rpc.errors import ApiError, invalid_argument
from mockserver.rpc.method_ids import fits_pieces
from mockserver.rpc.paging import Token, Value, check_values, paging, ranked

Json = dict[str, Any]
Test = Callable[[Json], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<mark><=|>=|!=|[=<>:(),])|(?P<word>[^\s"'=<>!:(),]+))"""
)

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")


ORDERS = ("displayName", "createTime", "updateTime")


@dataclass
class ListRow:
    """A resource in a list, by its name and rank. It is made on first use.

    `facts` adds to the resource what a filter may name beside its members: by default nothing.
    """

    name: str
    rank: int
    show: Callable[[], Json]
    facts: Callable[[Json], Json] = dict

    @cached_property
    def resource(self) -> Json:
        """The resource."""
        return self.show()


def list_resources(
    call: Call,
    member: str,
    walk: Callable[[tuple[int, str] | None], Iterable[ListRow]],
    *,
    scope: str,
    orders: Sequence[str] = ORDERS,
    default: int = 100,  # our choice: not seen
    maximum: int = 1000,  # our choice: not seen
) -> Json:
    """List resources: those that fit the call's filter, in its order or by rank, with the members of its mask.

    `walk` reads them by rank and name, behind a rank and a name or from the start. Only an order reads all of them; it
    may be by the members in `orders`.
    """
    text, order = call.message.get("filter", ""), call.message.get("orderBy", "")
    test, order_by = compile_filter(text), OrderBy(order, orders)
    its_page = paging(
        page_size=call.message.get("pageSize"),
        page_token=call.message.get("pageToken"),
        default=default,
        maximum=maximum,
        scope=f"{scope}?{text}&{order}",
    )
    after = ranked(its_page.after)
    rows: Iterable[ListRow] = walk(None if order_by.length else after)
    if test:
        rows = (row for row in rows if test(row.facts(row.resource)))
    if order_by.length:
        rows = order_by.sort(rows, its_page.after)
    page, token = its_page.cut(rows, key=lambda row: row.name, rank=lambda row: row.rank, order=order_by)
    mask = call.message.get("readMask", [])
    return list_message(member, (apply_read_mask(row.resource, mask) for row in page), token)


def compile_filter(text: str) -> Test | None:
    """Return the test of a filter, None for an empty one. An invalid one raises 400.

    google-genai appends `&filter=labels.tune-type:*` to a user's own filter, inside the value.
    """
    return _Parser(text.replace("&filter=", " AND ")).parse() if text.strip() else None


class OrderBy:
    """An `order_by`, such as `display_name, create_time desc`. Raises ApiError for a field that is not in `allowed`."""

    def __init__(self, text: str, allowed: Sequence[str]) -> None:
        self._parts: list[tuple[str, bool]] = []
        for part in (part.split() for part in text.split(",") if part.strip()):
            field = json_name(part[0])
            if field not in allowed or part[1:] not in ([], ["asc"], ["desc"]):
                raise invalid_argument(f"Invalid order_by: {text}")  # our choice: not seen
            self._parts.append((field, part[1:] == ["desc"]))

    def values(self, row: ListRow) -> tuple[Value, ...]:
        """Return the values of the order's fields for a resource."""
        return tuple(row.resource.get(field) or "" for field, _ in self._parts)

    @property
    def length(self) -> int:
        """The number of fields."""
        return len(self._parts)

    def key(self, values: tuple[Value, ...]) -> tuple[Any, ...]:
        """Return the sort key of a resource with these values."""
        pairs = zip(values, self._parts, strict=True)
        return tuple(_Descending(_sortable(value)) if descends else _sortable(value) for value, (_, descends) in pairs)

    def sort(self, rows: Iterable[ListRow], after: Token | None) -> list[ListRow]:
        """Sort rows by this order, then by rank and name; return those behind a token."""
        keys = [((self.key(self.values(row)), row.rank, row.name), row) for row in rows]
        if after is not None:
            behind = (self.key(check_values(after, self)), after.rank, after.name)
            keys = [(key, row) for key, row in keys if key > behind]
        return [row for _, row in sorted(keys, key=lambda pair: pair[0])]


class _Descending:
    """A sort key in descending order."""

    __slots__ = ("key",)

    def __init__(self, key: tuple[int, str]) -> None:
        self.key = key

    def __lt__(self, other: "_Descending") -> bool:
        return other.key < self.key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)


def apply_read_mask(resource: Json, paths: Sequence[str]) -> Json:
    """Return the members that a read mask names, and the name; all without a mask.

    A path into a member gives all of it.
    """
    if not paths or "*" in paths:
        return resource
    members = {"name", *(json_name(path.partition(".")[0]) for path in paths)}
    return {member: value for member, value in resource.items() if member in members}


def _sortable(value: object) -> tuple[int, str]:
    return (value, "") if isinstance(value, int) else (0, str(value or ""))


class _Parser:
    """Parses `term (AND|OR term)*`; OR binds tighter (AIP-160)."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split(text)
        self._at = 0
        depth = sum(token in {"(", "NOT"} or len(token) - len(token.lstrip("-")) for token in self._tokens)
        if depth > FILTER_DEPTH:  # reading one takes a stack
            raise self._invalid()

    def parse(self) -> Test:
        """Return the test of the whole text."""
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
        if token.startswith("-") and token != "-":  # as in -labels.a=b
            self._at -= 1
            self._tokens[self._at], token = token[1:], "-"
        if token in {"NOT", "-"}:
            negated = self._term()
            return lambda resource: not negated(resource)
        if self._peek() == "(":
            return self._function(token)
        return self._restriction(self._path(token))

    def _function(self, name: str) -> Test:
        """`in_context("...")` of metadata filters: no resource here is in a context."""
        while self._next() != ")":
            pass
        if name != "in_context":
            raise self._invalid()
        return lambda _: False

    def _path(self, token: str) -> tuple[str, ...]:
        """Return the names in a path: words between dots, and after a dot one in quotes."""
        names = token.removesuffix(".").split(".")
        while token.endswith("."):
            names.append(_unquoted(self._next()))
            token = self._next() if self._peek().startswith(".") else ""
            names += filter(None, token.split("."))
        return tuple(names)

    def _restriction(self, path: tuple[str, ...]) -> Test:
        if self._peek() not in {"=", "!=", ":", "<", ">", "<=", ">="}:
            raise self._invalid()
        mark, values = self._next(), [self._value()]
        while self._peek() == ",":
            self._next()
            values.append(self._value())
        return lambda resource: any(_compare(_find_value(resource, path), mark, value) for value in values)

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
            token = _TOKEN.match(stripped, at)
            if token is None:
                raise self._invalid()
            tokens.append(token["quoted"] or token["mark"] or token["word"])
            at = token.end()
        return tokens

    def _invalid(self) -> ApiError:
        return invalid_argument(f"Invalid filter: {self._text}")  # our choice: not seen


def _find_value(resource: Json, path: tuple[str, ...]) -> object:
    """Return the value at a path: a member under either spelling of its name, an entry of a map under its key.

    A value of a Struct may be followed by its kind: `metadata.field_1.number_value` (metadata_service.proto).
    """
    value: object = resource
    for step in path:
        if type(value) in _VALUE_KINDS.get(step, ()):
            continue
        if not isinstance(value, Mapping):
            return None
        value = value.get(step, value.get(json_name(step)))
    return value


_VALUE_KINDS: Mapping[str, tuple[type, ...]] = {
    spelling: types
    for kind, types in (("number_value", (int, float)), ("string_value", (str,)), ("bool_value", (bool,)))
    for spelling in (kind, json_name(kind))
}


def _unquoted(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1]) if token[0] in "\"'" else token


def _compare(value: object, mark: str, text: str) -> bool:
    """Return whether a comparison of a field's value with a text is true."""
    match mark:
        case ":":
            return _contains(value, text)
        case "=":
            return _equals(value, text)
        case "!=":
            return not _equals(value, text)
        case _:
            return value is not None and _is_ordered(value, mark, text)


def _contains(value: object, text: str) -> bool:
    """`:` - contains the key, the element, the word; `:*` - is present."""
    if text == "*":
        return value not in (None, "", {}, [])
    if isinstance(value, Mapping | list):
        return text in value
    return text in str(value or "")


def _equals(value: object, text: str) -> bool:
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    if isinstance(value, int | float):
        return value == _number(text)
    string = "" if value is None else str(value)
    return fits_pieces(string, text.split("*"))


def _is_ordered(value: object, mark: str, text: str) -> bool:
    if isinstance(value, int | float):
        number = _number(text)
        if number is None:
            return False
        less, same = value < number, value == number
    else:
        less, same = str(value) < text, str(value) == text
    return {"<": less, "<=": less or same, ">": not less and not same, ">=": not less}[mark]


def _number(text: str) -> float | None:
    """Return a number, or a time in nanoseconds, as resources hold them; None for any other text."""
    try:
        return float(text) if _NUMBER.fullmatch(text) else parse_timestamp(text)
    except InvalidValue:
        return None
