"""Parameters of a URL: which fields of the request they name, and how they are merged into the body.

Names are JSON or proto names, with dots for fields of messages (`mask.field_paths`, measured). The error sentences
were seen on generativelanguage and Firestore.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import parse_qsl

from mockserver.protojson import schema
from mockserver.protojson.binding import Binder
from mockserver.protojson.message_encoder import MAX_VIOLATIONS, Violations
from mockserver.protojson.renderers import RENDERERS
from mockserver.protojson.scalars import Scalar
from mockserver.protojson.schema import Field, FieldType
from mockserver.protojson.well_known import VALUE

Parameters = Iterable[tuple[str, str]]


def parse_form(body: bytes) -> list[tuple[str, str]]:
    """Parse a form-encoded body, the default of curl -d, into parameters [seen]."""
    return parse_qsl(body.decode(errors="replace"), keep_blank_values=True)


@dataclass(slots=True)
class Bindings:
    """Texts bound to the fields of one message, as a tree of messages."""

    values: list[tuple[Field, str]] = field(default_factory=list)
    messages: dict[str, tuple[Field, "Bindings"]] = field(default_factory=dict)
    """By proto name."""

    def __bool__(self) -> bool:
        return bool(self.values or self.messages)

    def bind(self, path: tuple[Field, ...], value: str) -> None:
        """Add a text for the field at `path`."""
        node = self
        for step in path[:-1]:
            node = node.messages.setdefault(step.name, (step, Bindings()))[1]
        node.values.append((path[-1], value))


def bind_parameters(message: str, path: Mapping[str, str], query: Parameters, violations: Violations) -> Bindings:
    """Bind path and query to a request of that type; names that it does not have are added to `violations`.

    Query parameters are sorted by name; those of one name keep their order, so the last one wins: of
    `transaction=AAAA&readTime=...`, arms of one oneof, `transaction` was refused (recorded on Firestore). The
    path comes last and overrides the query.
    """
    tree = Bindings()
    targets = []
    for name, value in query:
        try:
            targets.append((name, _resolve_path(message, name), value))
        except _UnbindableParameter as error:
            if len(violations) < MAX_VIOLATIONS:
                violations.append((None, f'Invalid JSON payload received. Unknown name "{name}": {error}'))
    for _, fields, value in sorted(targets, key=lambda parameter: parameter[0]):
        tree.bind(fields, value)
    for name, value in path.items():
        tree.bind(_resolve_path(message, name), value)
    return tree


class _UnbindableParameter(ValueError):
    """A name of no field, or of one that no text can be bound to."""


@lru_cache(maxsize=1024)
def _resolve_path(message: str, name: str) -> tuple[Field, ...]:
    """Return the fields that the dotted `name` goes through."""
    fields: list[Field] = []
    for segment in name.split("."):
        parent = message if not fields else fields[-1].type_name if fields[-1].kind is FieldType.MESSAGE else ""
        by_name = schema.message(parent).by_name if parent else {}
        if segment not in by_name:
            # Of `mask.bogus` production names the first segment it does not find (measured for the first).
            raise _UnbindableParameter(
                f"Cannot bind query parameter. Field '{segment}' could not be found in request message."
            )
        fields.append(by_name[segment])
    last = fields[-1]
    if last.kind is FieldType.MESSAGE and (last.type_name not in RENDERERS or last.type_name == VALUE):
        raise _UnbindableParameter(
            f"Cannot bind query parameter. '{segment}' is a message type. "
            "Parameters can only be bound to primitive types."
        )
    return tuple(fields)


class ParameterMerger:
    """Passes parser events on to a binder and adds the parameters of a message where that message ends in the body.

    So a parameter overrides a plain field of the body, and is refused for an `optional` field that the body has
    set [seen: PATCH cachedContents with a name in the body].
    """

    def __init__(self, tree: Bindings, binder: Binder) -> None:
        self.binder = binder
        self.open: list[Bindings | None] = []
        self.root = tree

    def start_object(self, name: str) -> None:
        """Handle the start of an object."""
        self.binder.start_object(name)
        if not self.open:
            self.open.append(self.root)
            return
        parent = self.open[-1]
        self.open.append(_pop_bindings(parent, name) if parent else None)

    def end_object(self) -> None:
        """Handle the end of the object started last."""
        parameters = self.open.pop()
        if parameters:
            self._merge(parameters)
        self.binder.end_object()

    def start_list(self, name: str) -> None:
        """Handle the start of a list."""
        self.open.append(None)
        self.binder.start_list(name)

    def end_list(self) -> None:
        """Handle the end of the list started last."""
        self.open.pop()
        self.binder.end_list()

    def render(self, name: str, value: Scalar) -> None:
        """Handle a scalar."""
        self.binder.render(name, value)

    def _merge(self, parameters: Bindings) -> None:
        for target, text in parameters.values:
            self.binder.render(target.name, text)
        for step, inner in parameters.messages.values():
            self.binder.start_object(step.name)
            self._merge(inner)
            self.binder.end_object()


def _pop_bindings(parent: Bindings, name: str) -> Bindings | None:
    """Remove and return the bindings of the message `name`, in either spelling."""
    for key, (step, inner) in parent.messages.items():
        if name in (step.name, step.json_name):
            del parent.messages[key]
            return inner
    return None
