"""Where the values of a message being bound go, so that what comes out is natural Python.

A place takes what one element of the message is told: a scalar for a field, a child, a list of children.
It does what the protobuf parser behind the front end does with two occurrences: a scalar is replaced, a
message is merged, a list grows, another arm of a oneof pushes the first out. Struct, Value and ListValue
become plain JSON at once. Times, masks and wrappers may come in pieces ({"seconds": 1}) and become what
they stand for when all is read, by what `Ending` collects.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol

from mockserver.protojson import schema
from mockserver.protojson.formatting import SECOND
from mockserver.protojson.schema import Field, Kind
from mockserver.protojson.well_known import FIRST_SECOND, LAST_SECOND, LONGEST

Json = dict[str, Any]
Ending = list[Callable[[], None]]
"""What is left to do when all is read, in this order."""


class Place(Protocol):
    """Where the members of one element go."""

    def put(self, field: Field, value: Any) -> None:
        """Take a scalar."""

    def child(self, field: Field) -> "Place":
        """Make room for a message: another one of a repeated field, the same one of any other."""

    def children(self, field: Field) -> "Place":
        """Make room for the elements of a repeated field."""


class Slot:
    """One value of a container: a member of a dict, an element of a list, the whole result."""

    __slots__ = ("container", "key")

    def __init__(self, container: Any, key: Any) -> None:
        self.container = container
        self.key = key

    @classmethod
    def after(cls, items: list[Any]) -> "Slot":
        """A new last element."""
        items.append(None)
        return cls(items, len(items) - 1)

    def get(self) -> Any:
        """What is there, None before anything is."""
        return self.container.get(self.key) if isinstance(self.container, dict) else self.container[self.key]

    def set(self, value: Any) -> None:
        """Put it there, whatever was before."""
        self.container[self.key] = value

    def merged(self, kind: type) -> Any:
        """What is there if it is of that kind, else a new one put there."""
        value = self.get()
        if type(value) is not kind:
            value = kind()
            self.set(value)
        return value


def place(message: str, slot: Slot, ending: Ending) -> Place:
    """Make the place of a message of that type in `slot`."""
    match message:
        case "google.protobuf.Value":
            return _Value(slot, ending)
        case "google.protobuf.Struct":
            slot.merged(dict)
            return _Struct(slot, ending)
        case "google.protobuf.ListValue":
            slot.merged(list)
            return _ListValue(slot, ending)
        case "google.protobuf.Any":
            return Packed(slot, ending)
    if message not in _STANDS_FOR:
        return _Members(message, slot.merged(dict), ending)
    if type(slot.get()) is not _Parts:
        ending.append(lambda: _finish(message, slot))
    return Pieces(message, slot.merged(_Parts), ending)


class _Nowhere:
    """What nobody will read: there is an error already, or the field is none of this message's.

    An empty name inside an element of a repeated field names that field again; C++ then writes its number
    into a message that has another field there. We drop it.
    """

    def put(self, field: Field, value: Any) -> None:
        pass

    def child(self, field: Field) -> Place:  # noqa: ARG002 - as every place
        return self

    def children(self, field: Field) -> Place:  # noqa: ARG002 - as every place
        return self


class _Somewhere(_Nowhere):
    """What the other places have in common: a slot or a container of their own, and an ending to add to."""

    def __init__(self, slot: Slot, ending: Ending) -> None:
        self.slot = slot
        self.ending = ending


class _Members(_Nowhere):
    """An ordinary message: a dict by JSON names."""

    def __init__(self, message: str, values: Json, ending: Ending) -> None:
        self.message = message
        self.values = values
        self.ending = ending

    def put(self, field: Field, value: Any) -> None:
        if not self._admits(field):
            return
        if field.repeated:
            self.values.setdefault(field.json_name, []).append(value)
        else:
            self.values[field.json_name] = value

    def child(self, field: Field) -> Place:
        if not self._admits(field):
            return _Nowhere()
        if field.repeated:
            slot = Slot.after(self.values.setdefault(field.json_name, []))
        else:
            slot = Slot(self.values, field.json_name)
        return place(field.type_name, slot, self.ending)

    def children(self, field: Field) -> Place:
        if not self._admits(field):
            return _Nowhere()
        slot = Slot(self.values, field.json_name)
        if field.map:
            slot.merged(dict)
            return _Entries(slot, self.ending)
        return _Items(slot, self.ending)

    def _admits(self, field: Field) -> bool:
        """Whether it is a field of this message; if so the other arms of its oneof go."""
        if field.oneof:
            for other in _arms(self.message, field.oneof):
                if other is not field:
                    self.values.pop(other.json_name, None)
        return schema.message(self.message).by_name.get(field.name) is field


@cache
def _arms(message: str, oneof: str) -> tuple[Field, ...]:
    return tuple(field for field in schema.message(message).fields if field.oneof == oneof)


class _Items(_Somewhere):
    """The elements of a repeated field. There is no list before there is an element."""

    def put(self, field: Field, value: Any) -> None:  # noqa: ARG002 - as every place
        self.slot.merged(list).append(value)

    def child(self, field: Field) -> Place:
        return place(field.type_name, Slot.after(self.slot.merged(list)), self.ending)

    def children(self, field: Field) -> Place:  # noqa: ARG002 - a list in a list is the same list
        return self


class _Entries(_Somewhere):
    """The entries of a map."""

    def child(self, field: Field) -> Place:  # noqa: ARG002 - as every place
        return _Entry(self.slot, self.ending)


class _Entry(_Somewhere):
    """One entry of a map, told its key first."""

    key: Any = None

    def put(self, field: Field, value: Any) -> None:
        if field.name == "key":
            self.key = value
        else:
            self.slot.get()[self.key] = value

    def child(self, field: Field) -> Place:
        entries = self.slot.get()
        entries.pop(self.key, None)  # an entry replaces an earlier one of the same key
        if field.kind is not Kind.MESSAGE:
            entries[self.key] = "" if field.kind is Kind.STRING else 0  # an empty object is read as nothing [3.21]
            return _Nowhere()
        return place(field.type_name, Slot(entries, self.key), self.ending)


class _Value(_Somewhere):
    """A google.protobuf.Value: any JSON."""

    def put(self, field: Field, value: Any) -> None:
        self.slot.set(None if field.name == "null_value" else value)

    def child(self, field: Field) -> Place:
        return place(field.type_name, self.slot, self.ending)


class _Struct(_Somewhere):
    """A google.protobuf.Struct, whose only field is its entries."""

    def children(self, field: Field) -> Place:  # noqa: ARG002 - as every place
        return _Entries(self.slot, self.ending)


class _ListValue(_Somewhere):
    """A google.protobuf.ListValue, whose only field is its elements."""

    def children(self, field: Field) -> Place:  # noqa: ARG002 - as every place
        return _Items(self.slot, self.ending)


class Packed(_Somewhere):
    """A google.protobuf.Any: empty until its content is known."""

    def __init__(self, slot: Slot, ending: Ending) -> None:
        super().__init__(slot, ending)
        slot.set({})

    def pack(self, type_url: str, content: Slot, *, as_value: bool) -> None:
        """Fill it, when all is read, with the members found in `content` or with that as its "value"."""
        slot = self.slot

        def unpack() -> None:
            members = {"value": content.get()} if as_value else content.get()
            slot.set({"@type": type_url, **members})

        self.ending.append(unpack)


class _Parts(Json):
    """The members of a message that stands for something simpler, as long as it is being read."""


class Pieces(_Members):
    """A time, a mask or a wrapper."""

    def problem(self) -> str | None:
        """What is wrong with the pieces together, as a sentence. Texts never get here with such values."""
        # our choice: not seen; the front end passes them on, and what a service says to them is not known
        whole = _whole(self.values)
        if self.message == "google.protobuf.Timestamp" and not (
            FIRST_SECOND * SECOND <= whole < (LAST_SECOND + 1) * SECOND
        ):
            return "Timestamp value exceeds limits"
        if self.message == "google.protobuf.Duration" and abs(whole) > LONGEST * SECOND:
            return "Duration value exceeds limits"
        return None


def _whole(parts: Json) -> int:
    return int(parts.get("seconds", 0)) * SECOND + int(parts.get("nanos", 0))


def _finish(message: str, slot: Slot) -> None:
    parts = slot.get()
    if type(parts) is _Parts:
        slot.set(_STANDS_FOR[message](parts))


def _wrapped(default: Any) -> Callable[[Json], Any]:
    return lambda parts: parts.get("value", default)


_STANDS_FOR: Mapping[str, Callable[[Json], Any]] = {
    "google.protobuf.Timestamp": _whole,
    "google.protobuf.Duration": _whole,
    "google.protobuf.FieldMask": lambda parts: parts.get("paths", []),
    "google.protobuf.DoubleValue": _wrapped(0.0),
    "google.protobuf.FloatValue": _wrapped(0.0),
    "google.protobuf.Int64Value": _wrapped(0),
    "google.protobuf.UInt64Value": _wrapped(0),
    "google.protobuf.Int32Value": _wrapped(0),
    "google.protobuf.UInt32Value": _wrapped(0),
    "google.protobuf.BoolValue": _wrapped(default=False),
    "google.protobuf.StringValue": _wrapped(""),
    "google.protobuf.BytesValue": _wrapped(b""),
}
