"""Reads requests as Google's front end does: path, query and body are bound into one message.

The result is a dict of natural values by JSON names (writing.py is the inverse). An error names everything that
cannot be bound, in the order found. Malformed JSON is reported only if nothing before it was wrong [measured on
Sheets and Firestore, and 3.21].
"""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NoReturn

from mockserver.limits import REPEATED_BYTES, REPEATED_REQUESTS
from mockserver.protojson import fast_reader, schema
from mockserver.protojson.binding import Binder
from mockserver.protojson.exact_reader import MAX_DEPTH, EventHandler, MalformedJson, read, too_deep_error
from mockserver.protojson.fast_reader import Fallback
from mockserver.protojson.memoized import MemoizedMessage, Repetitions
from mockserver.protojson.message_encoder import Violations
from mockserver.protojson.query import Bindings, ParameterMerger, bind_parameters, parse_form
from mockserver.protojson.scalars import Scalar
from mockserver.protojson.schema import Field, FieldType
from mockserver.rpc.errors import invalid_argument, invalid_json, unbindable

Json = dict[str, Any]

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
HTTP_BODY = "google.api.HttpBody"
"""A message whose bytes are the body of a request or an answer, whatever their type."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_body(message: str, body: bytes, *, body_field: str = "*") -> Json:
    """Bind a JSON body to a message of that type; `body_field` names the field it is the value of, "*" the whole.

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
    may_keep: bool = False,
) -> Json:
    """Bind all parts of a request to its message. Raises ApiError INVALID_ARGUMENT.

    `path` maps proto field paths such as "tuned_model.name" to their values in the URL. The URL overrides a plain
    field of the body; an `optional` field set in both is an error. `query` holds decoded parameters without the
    system ones. A body sent as a form, or without a content type, is parsed as parameters [seen]; any other type
    is read as JSON [our choice: not seen]. No body, or an empty one, is an empty message [measured].

    The requests of a test suite come again and again. With `may_keep` the message of a small body that comes again is
    kept, and returned each time, so nobody may change it. What comes only once is not kept: that would take time.
    """
    parts = (message, body, body_field, tuple(path.items()), tuple(query), content_type)
    is_kept = may_keep and body and len(body) <= REPEATED_BYTES and _repetitions.comes_again(parts)
    return _read_once(*parts) if is_kept else _read(*parts)


_repetitions = Repetitions()


@lru_cache(maxsize=REPEATED_REQUESTS)
def _read_once(*parts: Any) -> MemoizedMessage:
    return MemoizedMessage(_read(*parts))


def _read(
    message: str,
    body: bytes | None,
    body_field: str,
    path: tuple[tuple[str, str], ...],
    query: Sequence[tuple[str, str]],
    content_type: str | None,
) -> Json:
    raw_field = _raw_body_field(message) if body and body_field == "*" else None
    if raw_field is not None and body is not None and not _is_member(raw_field, body):
        raw = {"contentType": content_type or "", "data": body}
        return _read(message, None, "", path, query, JSON) | {raw_field.json_name: raw}
    if body and is_form(content_type):
        query, body = [*query, *parse_form(body)], None
    body = body.removeprefix(_BYTE_ORDER_MARK) if body else b""  # the mark is skipped [measured]
    violations: Violations = []
    parameters = bind_parameters(message, dict(path), query, violations)
    if not violations:
        try:
            return _bind_fast(message, body, body_field, parameters)
        except Fallback:
            pass
    request: Json = _bind_exact(message, body, body_field, parameters, violations)
    return request


def bind_tree(message: str, tree: Any) -> Any:
    """Bind a JSON tree, from a file or the control API, to a message of that type by the rules for a body.

    Raises ApiError INVALID_ARGUMENT; TypeError for what is not JSON.
    """
    try:
        return fast_reader.bind(message, tree)
    except Fallback:
        pass
    binder = Binder(message, [], [])
    try:
        _emit_tree(binder, tree)
    except MalformedJson as error:
        _raise_malformed(binder.violations, error)
    return _finish_binding(binder)


def bind_defined(message: str, tree: Any) -> Json:
    """Bind the part of a JSON tree that the type defines: recordings may be of a newer service, or of another."""
    binder = Binder(message, [], [])
    try:
        _emit_tree(binder, tree)
    except MalformedJson:
        return {}
    for finish in binder.finalizers:
        finish()
    values: Json = binder.result.get() or {}
    return values


@cache
def _raw_body_field(message: str) -> Field | None:
    """Return the top-level field that takes the body as it is, if there is one [documented in httpbody.proto]."""
    return next((field for field in schema.message(message).fields if field.type_name == HTTP_BODY), None)


def _is_member(field: Field, body: bytes) -> bool:
    """Return whether a body is the JSON of a message with that field, as generated clients send it."""
    start = body[:100].lstrip().removeprefix(b"{").lstrip().decode("latin-1")
    return start.startswith((f'"{field.json_name}"', f'"{field.name}"'))


def is_form(content_type: str | None) -> bool:
    """Return whether a body is parsed as parameters: a form, or one without a content type [both seen]."""
    return content_type is None or content_type.partition(";")[0].strip().lower() == FORM


def _bind_fast(message: str, body: bytes, body_field: str, parameters: Bindings) -> Json:
    """Bind a body as serializers write it, and parameters that do not overlap with it. Raises Fallback."""
    values: Json = {}
    if body and body_field not in ("", "*"):
        field = schema.message(message).by_name[body_field]
        values[field.json_name] = fast_reader.bind(field.type_name, fast_reader.loads(body))
    elif body:
        values = fast_reader.bind(message, fast_reader.loads(body))
    _add(parameters, values)
    return values


def _add(parameters: Bindings, values: Json) -> None:
    """Add the parameters. Raises Fallback where that is more than setting an unset field."""
    for field, text in parameters.values:
        is_mask = field.kind is FieldType.MESSAGE and field.json_name in values  # two masks are merged
        if field.repeated or field.oneof or is_mask:
            raise Fallback
        values[field.json_name] = fast_reader.bind_text(field, text)
    for field, inner in parameters.messages.values():
        if field.repeated or field.oneof or field.type_name.startswith("google.protobuf."):
            raise Fallback
        _add(inner, values.setdefault(field.json_name, {}))


def _bind_exact(message: str, body: bytes, body_field: str, parameters: Bindings, violations: Violations) -> Any:
    """Bind any body, as the C++ does."""
    binder = Binder(message, violations, [])
    handler = ParameterMerger(parameters, binder) if parameters else binder
    try:
        if body and body_field == "*":
            read(body, handler)
        else:
            handler.start_object("")
            if body and body_field:
                read(body, handler, name=body_field)
            handler.end_object()
    except MalformedJson as error:
        _raise_malformed(violations, error)
    return _finish_binding(binder)


def _emit_tree(handler: EventHandler, tree: Any, name: str = "", objects: int = 0, lists: int = 0) -> None:
    """Emit the parser events of a JSON tree. Raises MalformedJson, TypeError."""
    if isinstance(tree, Mapping):
        handler.start_object(name)
        if objects >= MAX_DEPTH:
            raise too_deep_error(name)
        for key, member in tree.items():
            _emit_tree(handler, member, str(key), objects + 1, lists)
        handler.end_object()
    elif isinstance(tree, list | tuple):
        handler.start_list(name)
        if lists >= MAX_DEPTH:
            raise too_deep_error(name)
        for element in tree:
            _emit_tree(handler, element, "", objects, lists + 1)
        handler.end_list()
    else:
        handler.render(name, _scalar(tree))


def _scalar(value: Any) -> Scalar:
    """Return `value` as the parser would emit it: an integer beyond 64 bits becomes a double."""
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        try:
            return float(value)
        except OverflowError:
            raise MalformedJson("Number exceeds the range of double.") from None
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"{value!r} is not JSON")


def _finish_binding(binder: Binder) -> Any:
    """Return the bound message. Raises ApiError if there were violations."""
    if binder.violations:
        raise unbindable(binder.violations)
    for finish in binder.finalizers:
        finish()
    return binder.result.get()


def _raise_malformed(violations: Violations, error: MalformedJson) -> NoReturn:
    """Raise the ApiError for malformed JSON, or for the violations found before it."""
    if violations:
        raise unbindable(violations) from error
    if error.sentence is None:
        raise invalid_argument().with_hint(_UNQUOTABLE) from error
    raise invalid_json(error.sentence) from error


_UNQUOTABLE = "the body is not valid JSON; the service gives no reason if the text around the mistake would cut a character in two"
