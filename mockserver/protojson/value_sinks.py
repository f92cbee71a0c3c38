"""Value sinks: where the parser's values go while a message is bound, so that the result is natural Python.

A sink receives the members of one element: a scalar, a child message, the elements of a list. It treats a second
occurrence as the protobuf parser behind the front end does: a scalar is replaced, a message is merged, a list grows,
another arm of a oneof clears the first. Struct, Value and ListValue become plain JSON at once. Times, masks and
wrappers may arrive in parts ({"seconds": 1}); `Finalizers` converts them once everything is read.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol

from mockserver.protojson import schema
from mockserver.protojson.formatting import SECOND
from mockserver.protojson.schema import Field, FieldType
from mockserver.protojson.well_known import FIRST_SECOND, LAST_SECOND, MAX_DURATION_SECONDS

Json = dict[str, Any]
Finalizers = list[Callable[[], None]]
"""Functions to call, in this order, once everything is read."""


class Sink(Protocol):
    """Receives the members of one element."""

    def put(self, field: Field, value: Any) -> None:
        """Store a scalar."""

    def child(self, field: Field) -> "Sink":
        """Return the sink of a message: a new one for each element of a repeated field, else the same one."""

    def children(self, field: Field) -> "Sink":
        """Return the sink for the elements of a repeated field."""


class Slot:
    """One value of a container: a member of a dict, an element of a list, the whole result."""

    __slots__ = ("container", "key")

    def __init__(self, container: Any, key: Any) -> None:
        self.container = container
        self.key = key

    @classmethod
    def append_to(cls, items: list[Any]) -> "Slot":
        """Append an element to `items` and return its slot."""
        items.append(None)
        return cls(items, len(items) - 1)

    def get(self) -> Any:
        """Return the value; None if none was set."""
        return self.container.get(self.key) if isinstance(self.container, dict) else self.container[self.key]

    def set(self, value: Any) -> None:
        """Replace the value."""
        self.container[self.key] = value

    def get_or_create(self, type_: type) -> Any:
        """Return the value if it has exactly this type, else set a new one and return that."""
        value = self.get()
        if type(value) is not type_:
            value = type_()
            self.set(value)
        return value


def message_sink(message: str, slot: Slot, finalizers: Finalizers) -> Sink:
    """Return the sink for a message of that type whose value belongs into `slot`."""
    match message:
        case "google.protobuf.Value":
            return _JsonValueSink(slot, finalizers)
        case "google.protobuf.Struct":
            slot.get_or_create(dict)
            return _StructSink(slot, finalizers)
        case "google.protobuf.ListValue":
            slot.get_or_create(list)
            return _ListValueSink(slot, finalizers)
        case "google.protobuf.Any":
            return AnySink(slot, finalizers)
    if message not in _CONVERTERS:
        return _MessageSink(message, slot.get_or_create(dict), finalizers)
    if type(slot.get()) is not _PartialValue:
        finalizers.append(lambda: _convert_partial(message, slot))
    return PartialValueSink(message, slot.get_or_create(_PartialValue), finalizers)


class _DiscardingSink:
    """Drops everything: there is an error already, or the field is not one of this message.

    An empty name inside an element of a repeated field names that field again; C++ then writes its number
    into a message that has another field there. We drop it.
    """

    def put(self, field: Field, value: Any) -> None:
        pass

    def child(self, field: Field) -> Sink:  # noqa: ARG002 - the protocol's signature
        return self

    def children(self, field: Field) -> Sink:  # noqa: ARG002 - the protocol's signature
        return self


class _SlotSink(_DiscardingSink):
    """Fills one slot; subclasses override what their type accepts."""

    def __init__(self, slot: Slot, finalizers: Finalizers) -> None:
        self.slot = slot
        self.finalizers = finalizers


class _MessageSink(_DiscardingSink):
    """An ordinary message: a dict by JSON names."""

    def __init__(self, message: str, values: Json, finalizers: Finalizers) -> None:
        self.message = message
        self.values = values
        self.finalizers = finalizers

    def put(self, field: Field, value: Any) -> None:
        if not self._accepts(field):
            return
        if field.repeated:
            self.values.setdefault(field.json_name, []).append(value)
        else:
            self.values[field.json_name] = value

    def child(self, field: Field) -> Sink:
        if not self._accepts(field):
            return _DiscardingSink()
        if field.repeated:
            slot = Slot.append_to(self.values.setdefault(field.json_name, []))
        else:
            slot = Slot(self.values, field.json_name)
        return message_sink(field.type_name, slot, self.finalizers)

    def children(self, field: Field) -> Sink:
        if not self._accepts(field):
            return _DiscardingSink()
        slot = Slot(self.values, field.json_name)
        if field.map:
            slot.get_or_create(dict)
            return _MapSink(slot, self.finalizers)
        return _ListSink(slot, self.finalizers)

    def _accepts(self, field: Field) -> bool:
        """Return whether this message has the field; if so, clear the other arms of its oneof."""
        if field.oneof:
            for other in _arms(self.message, field.oneof):
                if other is not field:
                    self.values.pop(other.json_name, None)
        return schema.message(self.message).by_name.get(field.name) is field


@cache
def _arms(message: str, oneof: str) -> tuple[Field, ...]:
    return tuple(field for field in schema.message(message).fields if field.oneof == oneof)


class _ListSink(_SlotSink):
    """The elements of a repeated field. The list is created with its first element."""

    def put(self, field: Field, value: Any) -> None:  # noqa: ARG002 - the protocol's signature
        self.slot.get_or_create(list).append(value)

    def child(self, field: Field) -> Sink:
        return message_sink(field.type_name, Slot.append_to(self.slot.get_or_create(list)), self.finalizers)

    def children(self, field: Field) -> Sink:  # noqa: ARG002 - a list in a list is the same list
        return self


class _MapSink(_SlotSink):
    """The entries of a map."""

    def child(self, field: Field) -> Sink:  # noqa: ARG002 - the protocol's signature
        return _MapEntrySink(self.slot, self.finalizers)


class _MapEntrySink(_SlotSink):
    """One entry of a map; its key arrives first."""

    key: Any = None

    def put(self, field: Field, value: Any) -> None:
        if field.name == "key":
            self.key = value
        else:
            self.slot.get()[self.key] = value

    def child(self, field: Field) -> Sink:
        entries = self.slot.get()
        entries.pop(self.key, None)  # an entry replaces an earlier one of the same key
        if field.kind is not FieldType.MESSAGE:
            entries[self.key] = "" if field.kind is FieldType.STRING else 0  # an empty object is read as nothing [3.21]
            return _DiscardingSink()
        return message_sink(field.type_name, Slot(entries, self.key), self.finalizers)


class _JsonValueSink(_SlotSink):
    """A google.protobuf.Value: any JSON."""

    def put(self, field: Field, value: Any) -> None:
        self.slot.set(None if field.name == "null_value" else value)

    def child(self, field: Field) -> Sink:
        return message_sink(field.type_name, self.slot, self.finalizers)


class _StructSink(_SlotSink):
    """A google.protobuf.Struct, whose only field is its entries."""

    def children(self, field: Field) -> Sink:  # noqa: ARG002 - the protocol's signature
        return _MapSink(self.slot, self.finalizers)


class _ListValueSink(_SlotSink):
    """A google.protobuf.ListValue, whose only field is its elements."""

    def children(self, field: Field) -> Sink:  # noqa: ARG002 - the protocol's signature
        return _ListSink(self.slot, self.finalizers)


class AnySink(_SlotSink):
    """A google.protobuf.Any: empty until its content is bound."""

    def __init__(self, slot: Slot, finalizers: Finalizers) -> None:
        super().__init__(slot, finalizers)
        slot.set({})

    def pack(self, type_url: str, content: Slot, *, as_value: bool) -> None:
        """Once everything is read, fill the slot with the members in `content`, or with `content` as "value"."""
        slot = self.slot

        def fill() -> None:
            members = {"value": content.get()} if as_value else content.get()
            slot.set({"@type": type_url, **members})

        self.finalizers.append(fill)


class _PartialValue(Json):
    """The members read so far of a time, a mask or a wrapper; replaced by its natural value in the end."""


class PartialValueSink(_MessageSink):
    """A time, a mask or a wrapper."""

    def problem(self) -> str | None:
        """Return what is wrong with the parts together, as a sentence. A parsed text never has such values."""
        # our choice: not seen; the front end passes them on, and what a service says to them is not known
        total = _total_nanos(self.values)
        if self.message == "google.protobuf.Timestamp" and not (
            FIRST_SECOND * SECOND <= total < (LAST_SECOND + 1) * SECOND
        ):
            return "Timestamp value exceeds limits"
        if self.message == "google.protobuf.Duration" and abs(total) > MAX_DURATION_SECONDS * SECOND:
            return "Duration value exceeds limits"
        return None


def _total_nanos(parts: Json) -> int:
    return int(parts.get("seconds", 0)) * SECOND + int(parts.get("nanos", 0))


def _convert_partial(message: str, slot: Slot) -> None:
    parts = slot.get()
    if type(parts) is _PartialValue:
        slot.set(_CONVERTERS[message](parts))


def _unwrap(default: Any) -> Callable[[Json], Any]:
    return lambda parts: parts.get("value", default)


_CONVERTERS: Mapping[str, Callable[[Json], Any]] = {
    "google.protobuf.Timestamp": _total_nanos,
    "google.protobuf.Duration": _total_nanos,
    "google.protobuf.FieldMask": lambda parts: parts.get("paths", []),
    "google.protobuf.DoubleValue": _unwrap(0.0),
    "google.protobuf.FloatValue": _unwrap(0.0),
    "google.protobuf.Int64Value": _unwrap(0),
    "google.protobuf.UInt64Value": _unwrap(0),
    "google.protobuf.Int32Value": _unwrap(0),
    "google.protobuf.UInt32Value": _unwrap(0),
    "google.protobuf.BoolValue": _unwrap(default=False),
    "google.protobuf.StringValue": _unwrap(""),
    "google.protobuf.BytesValue": _unwrap(b""),
}
