"""Requests as Google's front end reads them: path, query and body bound into one message.

What comes out is a dict of natural values by JSON names (see writing.py for the way back). What cannot be
bound is refused with all that is wrong at once, in the order it was met; text that is no JSON only if
nothing before the error was wrong [measured on Sheets and Firestore, and 3.21].
"""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from mockserver.protojson import schema, strict
from mockserver.protojson.binding import Binder
from mockserver.protojson.lenient import MAX_DEPTH, Listener, MalformedJson, read, too_deep
from mockserver.protojson.message_encoder import Violations
from mockserver.protojson.query import Bindings, Weaver, bindings, parse_form
from mockserver.protojson.scalars import Scalar
from mockserver.protojson.schema import Kind
from mockserver.protojson.strict import Doubt
from mockserver.protojson.well_known import parse_duration, parse_timestamp
from mockserver.rpc.errors import invalid_argument, invalid_json, unbindable

__all__ = ["bind_known", "bind_tree", "is_form", "parse_duration", "parse_timestamp", "read_body", "read_request"]

Json = dict[str, Any]

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_body(message: str, body: bytes, *, body_field: str = "*") -> Json:
    """The message of that type a JSON body stands for; `body_field` says which field of it, "*" for all.

    Raises ApiError INVALID_ARGUMENT.
    """
    return read_request(message, body=body, body_field=body_field, path={}, query=())


def read_request(
    message: str,
    *,
    body: bytes | None,
    body_field: str,
    path: Mapping[str, str],
    query: Sequence[tuple[str, str]],
    content_type: str | None = JSON,
) -> Json:
    """The request message bound from all its parts. Raises ApiError INVALID_ARGUMENT.

    `path` maps proto field paths such as "tuned_model.name" to what the URL says; over a plain field of the
    body the URL wins, of an `optional` one it may not say anything the body has said. `query` holds decoded
    parameters without the system ones. A body sent as a form, or without saying as what, is taken for
    parameters [seen]; any other type is read as JSON [our choice: not seen]. No body, or an empty one, is an
    empty message [measured].
    """
    if body and is_form(content_type):
        query, body = [*query, *parse_form(body)], None
    body = body.removeprefix(_BYTE_ORDER_MARK) if body else b""  # the mark is skipped [measured]
    violations: Violations = []
    bound = bindings(message, path, query, violations)
    if not violations:
        try:
            return _bound_plainly(message, body, body_field, bound)
        except Doubt:
            pass
    request: Json = _bound_exactly(message, body, body_field, bound, violations)
    return request


def bind_tree(message: str, tree: Any) -> Any:
    """The message of that type a JSON tree stands for: what files and the control API hold.

    By the same rules as a body. Raises ApiError INVALID_ARGUMENT; TypeError for what is not JSON.
    """
    try:
        return strict.bind(message, tree)
    except Doubt:
        pass
    binder = Binder(message, [], [])
    try:
        _tell(binder, tree)
    except MalformedJson as error:
        _refuse(binder.violations, error)
    return _result(binder)


def bind_known(message: str, tree: Any) -> Json:
    """What of a JSON tree is a message of that type: recordings may be of a newer service, or of another."""
    binder = Binder(message, [], [])
    try:
        _tell(binder, tree)
    except MalformedJson:
        return {}
    for finish in binder.ending:
        finish()
    known: Json = binder.result.get() or {}
    return known


def is_form(content_type: str | None) -> bool:
    """Whether a body is taken for parameters: as a form, or sent without saying as what [both seen]."""
    return content_type is None or content_type.partition(";")[0].strip().lower() == FORM


def _bound_plainly(message: str, body: bytes, body_field: str, bound: Bindings) -> Json:
    """The result for a body as serializers write it, and parameters that meet nothing there. Raises Doubt."""
    values: Json = {}
    if body and body_field not in ("", "*"):
        field = schema.message(message).by_name[body_field]
        values[field.json_name] = strict.bind(field.type_name, strict.loads(body))
    elif body:
        values = strict.bind(message, strict.loads(body))
    _add(bound, values)
    return values


def _add(bound: Bindings, values: Json) -> None:
    """Add what path and query say. Raises Doubt where that is more than putting a value in an empty place."""
    for field, text in bound.values:
        merged = field.kind is Kind.MESSAGE and field.json_name in values  # a mask said twice names what both do
        if field.repeated or field.oneof or merged:
            raise Doubt
        values[field.json_name] = strict.bind_text(field, text)
    for field, inner in bound.messages.values():
        if field.repeated or field.oneof or field.type_name.startswith("google.protobuf."):
            raise Doubt
        _add(inner, values.setdefault(field.json_name, {}))


def _bound_exactly(message: str, body: bytes, body_field: str, bound: Bindings, violations: Violations) -> Any:
    """The result for any body, as the C++ gets it."""
    binder = Binder(message, violations, [])
    listener = Weaver(bound, binder) if bound else binder
    try:
        if body and body_field == "*":
            read(body, listener)
        else:
            listener.start_object("")
            if body and body_field:
                read(body, _Under(body_field, listener))
            listener.end_object()
    except MalformedJson as error:
        _refuse(violations, error)
    return _result(binder)


class _Under:
    """Gives the root of a text the name of the field it is the value of."""

    def __init__(self, field: str, listener: Listener) -> None:
        self.field = field
        self.listener = listener
        self.depth = 0

    def start_object(self, name: str) -> None:
        self.listener.start_object(name if self.depth else self.field)
        self.depth += 1

    def end_object(self) -> None:
        self.depth -= 1
        self.listener.end_object()

    def start_list(self, name: str) -> None:
        self.listener.start_list(name if self.depth else self.field)
        self.depth += 1

    def end_list(self) -> None:
        self.depth -= 1
        self.listener.end_list()

    def render(self, name: str, value: Scalar) -> None:
        self.listener.render(name if self.depth else self.field, value)


def _tell(listener: Listener, tree: Any, name: str = "", objects: int = 0, lists: int = 0) -> None:
    """Tell `listener` of a JSON tree as if it were read. Raises MalformedJson, TypeError."""
    if isinstance(tree, Mapping):
        listener.start_object(name)
        _check_depth(objects, name)
        for key, member in tree.items():
            _tell(listener, member, str(key), objects + 1, lists)
        listener.end_object()
    elif isinstance(tree, list | tuple):
        listener.start_list(name)
        _check_depth(lists, name)
        for element in tree:
            _tell(listener, element, "", objects, lists + 1)
        listener.end_list()
    else:
        listener.render(name, _scalar(tree))


def _check_depth(depth: int, name: str) -> None:
    if depth >= MAX_DEPTH:
        raise too_deep(name)


def _scalar(value: Any) -> Scalar:
    """`value` as a reader would have told of it: an integer beyond 64 bits is a double."""
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        try:
            return float(value)
        except OverflowError:
            raise MalformedJson("Number exceeds the range of double.") from None
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"{value!r} is not JSON")


def _result(binder: Binder) -> Any:
    """What was bound. Raises ApiError when something was wrong."""
    if binder.violations:
        raise unbindable(binder.violations)
    for finish in binder.ending:
        finish()
    return binder.result.get()


def _refuse(violations: Violations, error: MalformedJson) -> NoReturn:
    """Say what is wrong with a text: what was found before the error hides it."""
    if violations:
        raise unbindable(violations) from error
    raise (invalid_argument() if error.what is None else invalid_json(error.what)) from error
