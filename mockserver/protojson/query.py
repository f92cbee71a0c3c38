"""Parameters of a method in a URL: which fields they name, and how they are woven into the body.

Names are JSON or proto names, dotted for fields of messages (`mask.field_paths`, measured). Sentences about
what cannot be bound were seen on generativelanguage and Firestore.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from mockserver.protojson import schema
from mockserver.protojson.binding import Binder
from mockserver.protojson.message_encoder import MOST_VIOLATIONS, Violations
from mockserver.protojson.renderers import RENDERERS
from mockserver.protojson.scalars import Scalar
from mockserver.protojson.schema import Field, Kind
from mockserver.protojson.well_known import VALUE

Parameters = Iterable[tuple[str, str]]


def parse_form(body: bytes) -> list[tuple[str, str]]:
    """A form-encoded body as parameters: what curl -d sends unless told otherwise [seen]."""
    return parse_qsl(body.decode(errors="replace"), keep_blank_values=True)


@dataclass(slots=True)
class Bindings:
    """Texts for fields of one message, in a tree as deep as the paths that name them."""

    values: list[tuple[Field, str]] = field(default_factory=list)
    messages: dict[str, tuple[Field, "Bindings"]] = field(default_factory=dict)
    """By proto name."""

    def __bool__(self) -> bool:
        return bool(self.values or self.messages)

    def bind(self, path: tuple[Field, ...], value: str) -> None:
        """Add one text for the field at `path`."""
        node = self
        for step in path[:-1]:
            node = node.messages.setdefault(step.name, (step, Bindings()))[1]
        node.values.append((path[-1], value))


def bindings(message: str, path: Mapping[str, str], query: Parameters, violations: Violations) -> Bindings:
    """What path and query say of a request of that type; names it does not have go to `violations`.

    The values of the query come by name and those of one name in their order, so that the last one wins: of
    `transaction=AAAA&readTime=...`, arms of one oneof, `transaction` was refused (recorded on Firestore). The
    path comes last and wins over both.
    """
    tree = Bindings()
    found = []
    for name, value in query:
        try:
            found.append((name, _fields(message, name), value))
        except _Unbindable as error:
            if len(violations) < MOST_VIOLATIONS:
                violations.append((None, f'Invalid JSON payload received. Unknown name "{name}": {error}'))
    for _, fields, value in sorted(found, key=lambda parameter: parameter[0]):
        tree.bind(fields, value)
    for name, value in path.items():
        tree.bind(_fields(message, name), value)
    return tree


class _Unbindable(ValueError):
    """A name that leads to no field that takes a text."""


def _fields(message: str, name: str) -> tuple[Field, ...]:
    """The fields `name` leads through."""
    fields: list[Field] = []
    for segment in name.split("."):
        kind = fields[-1].type_name if fields and fields[-1].kind is Kind.MESSAGE else ""
        known = schema.message(kind or message).by_name if kind or not fields else {}
        if segment not in known:
            # Of `mask.bogus` production names the first segment it does not find (measured for the first).
            raise _Unbindable(f"Cannot bind query parameter. Field '{segment}' could not be found in request message.")
        fields.append(known[segment])
    last = fields[-1]
    if last.kind is Kind.MESSAGE and (last.type_name not in RENDERERS or last.type_name == VALUE):
        raise _Unbindable(
            f"Cannot bind query parameter. '{segment}' is a message type. "
            "Parameters can only be bound to primitive types."
        )
    return tuple(fields)


class Weaver:
    """Stands between a reader and a binder and adds the bindings where their messages end in the body.

    What a message is bound to comes when the body has said all it has to say of it, so it wins over a plain
    field of the body and is refused for an `optional` one the body has set [seen: PATCH cachedContents with
    a name in the body].
    """

    def __init__(self, tree: Bindings, binder: Binder) -> None:
        self.binder = binder
        self.open: list[Bindings | None] = []
        self.root = tree

    def start_object(self, name: str) -> None:
        """Hear that an object begins."""
        self.binder.start_object(name)
        if not self.open:
            self.open.append(self.root)
            return
        around = self.open[-1]
        self.open.append(_taken(around, name) if around else None)

    def end_object(self) -> None:
        """Hear that the object last begun is complete."""
        bound = self.open.pop()
        if bound:
            self._weave(bound)
        self.binder.end_object()

    def start_list(self, name: str) -> None:
        """Hear that a list begins."""
        self.open.append(None)
        self.binder.start_list(name)

    def end_list(self) -> None:
        """Hear that the list last begun is complete."""
        self.open.pop()
        self.binder.end_list()

    def render(self, name: str, value: Scalar) -> None:
        """Hear of a scalar."""
        self.binder.render(name, value)

    def _weave(self, bound: Bindings) -> None:
        for target, text in bound.values:
            self.binder.render(target.name, text)
        for step, inner in bound.messages.values():
            self.binder.start_object(step.name)
            self._weave(inner)
            self.binder.end_object()


def _taken(around: Bindings, name: str) -> Bindings | None:
    """The bindings for the message `name`, in either spelling, which are then nobody else's."""
    for key, (step, inner) in around.messages.items():
        if name in (step.name, step.json_name):
            del around.messages[key]
            return inner
    return None
