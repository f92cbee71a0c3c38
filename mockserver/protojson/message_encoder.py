"""Builds a message from parser events: which fields it has, which element is open, which oneofs are set.

A port of protobuf 3.21's proto_writer.cc. Every error is collected with its location, and what stands below it is
ignored. binding.py extends this class by the messages whose JSON is not an object of their fields.
"""

from mockserver.limits import VIOLATIONS
from mockserver.protojson import schema
from mockserver.protojson.scalars import InvalidValue, Scalar, converter, quote_value
from mockserver.protojson.schema import Field, FieldType, Message
from mockserver.protojson.value_sinks import Finalizers, PartialValueSink, Sink, Slot, message_sink

Violations = list[tuple[str | None, str]]
"""(location, sentence) of every error, in the order found; the root has no location."""

MAX_VIOLATIONS = VIOLATIONS
"""How many are collected: an answer to megabytes of nonsense needs no more. Our choice: not seen."""


class Element:
    """An open element: the root, a message or a list (3.21's ProtoElement)."""

    __slots__ = ("count", "field", "message", "parent", "set_oneofs", "sink")

    def __init__(
        self,
        parent: "Element | None",
        field: Field | None,
        message: Message,
        sink: Sink,
        *,
        is_list: bool = False,
    ) -> None:
        self.parent = parent
        self.field = field
        self.message = message
        self.sink = sink
        self.set_oneofs: set[str] = set()
        # How many elements a list has so far, -1 for a message. A null is not an element, a list in a list neither.
        self.count = 0 if is_list else -1
        if not is_list and field is not None and field.repeated and parent is not None and parent.count >= 0:
            parent.count += 1

    def location(self) -> str:
        """Return the proto names from the root down: `tuned_model.examples[1]`; "" at the root."""
        steps = []
        element = self
        while element.parent is not None and element.field is not None:
            field, parent = element.field, element.parent
            if field.repeated and element.count > 0:
                steps.append(f"[{element.count - 1}]")
            if not field.repeated or parent.field is not field:
                steps.append(f".{field.name}")
            element = parent
        return "".join(reversed(steps)).removeprefix(".")


class MessageEncoder:
    """Builds one message. Several of the same request may share `violations` and `finalizers`."""

    def __init__(self, message: str, violations: Violations, finalizers: Finalizers) -> None:
        self.message = schema.message(message)
        self.violations = violations
        self.finalizers = finalizers
        self.result = Slot([None], 0)
        self.element: Element | None = None
        self.ignored_depth = 0
        """How many objects and lists are open below the last error (3.21's invalid_depth)."""

    def invalid_name(self, name: str, problem: str) -> None:
        """Record that `name` is not valid in the open element."""
        self._add_violation(f'Invalid JSON payload received. Unknown name "{name}"', f": {problem}")

    def invalid_value(self, type_label: str, value: str) -> None:
        """Record that the value of the open element is not a `type_label`."""
        self._add_violation("Invalid value", f" ({type_label}), {value}")

    def _add_violation(self, before: str, after: str) -> None:
        """Record a sentence that has the location, if there is one, in its middle."""
        if len(self.violations) < MAX_VIOLATIONS:
            location = self.element.location() if self.element else ""
            self.violations.append((location or None, before + (f" at '{location}'" if location else "") + after))

    def write_object(self, name: str) -> None:
        """Open the message of the field `name`, or the root."""
        parent = self.element
        if parent is None:
            if name:
                self.invalid_name(name, "Root element should not be named.")
            sink = message_sink(self.message.full_name, self.result, self.finalizers)
            self.element = Element(None, None, self.message, sink)
            return
        field = self.find_container(name, is_list=False)
        if field is not None and self._open_oneof(field, name):
            self.element = Element(parent, field, _element_type(field, parent), parent.sink.child(field))

    def write_list(self, name: str) -> None:
        """Open the list of the field `name`."""
        field = self.find_container(name, is_list=True)
        parent = self.element
        if field is not None and parent is not None and self._open_oneof(field, name):
            sink = parent.sink.children(field)
            self.element = Element(parent, field, _element_type(field, parent), sink, is_list=True)

    def write_end(self) -> None:
        """Close the element opened last."""
        if self.ignored_depth:
            self.ignored_depth -= 1
        elif self.element is not None:
            if isinstance(self.element.sink, PartialValueSink) and (problem := self.element.sink.problem()):
                self.invalid_value(f"type.googleapis.com/{self.element.message.full_name}", problem)
            self.element = self.element.parent

    def write_scalar(self, name: str, value: Scalar) -> None:
        """Store a scalar in the field `name`."""
        if self.ignored_depth:
            return
        field = self.find_field(name)
        if field is None or self.element is None or not self._set_oneof(field, name):
            return
        if field.kind is FieldType.MESSAGE:
            self._refuse_scalar(field, quote_value(value))
            return
        try:
            natural = converter(field)(value)
        except InvalidValue as error:
            self._refuse_scalar(field, str(error))
        else:
            self.element.sink.put(field, natural)
            if field.repeated and self.element.count >= 0:
                self.element.count += 1

    def _refuse_scalar(self, field: Field, value: str) -> None:
        """Record an invalid scalar at the location that it would have as an element."""
        parent = self.element
        if parent is not None:
            self.element = Element(parent, field, parent.message, parent.sink)
        self.invalid_value(field.type_label, value)
        self.element = parent

    def _open_oneof(self, field: Field, name: str) -> bool:
        opened = self._set_oneof(field, name)
        self.ignored_depth += not opened
        return opened

    def _set_oneof(self, field: Field, name: str) -> bool:
        """Mark the oneof of `field` as set. An `optional` field is the only arm of one, so it may come once."""
        if field.oneof is None or self.element is None:
            return True
        if field.oneof in self.element.set_oneofs:
            self.invalid_value("oneof", f"oneof field '{field.oneof}' is already set. Cannot set '{name}'")
            return False
        self.element.set_oneofs.add(field.oneof)
        return True

    def find_container(self, name: str, *, is_list: bool) -> Field | None:
        """Find the field for an object or a list; without one, everything in it is ignored."""
        if self.ignored_depth:
            self.ignored_depth += 1
            return None
        field = self.find_field(name)
        if field is not None and is_list and not field.repeated:
            self.invalid_name(name, "Proto field is not repeating, cannot start list.")
            field = None
        self.ignored_depth += field is None
        return field

    def find_field(self, name: str) -> Field | None:
        """Find the field of that name in the open element, or record that there is none."""
        if self.element is None:
            self.invalid_name(name, "Root element must be a message.")
            return None
        if not name:  # elements of a list, and empty keys, have the field they are in
            field = self.element.field
            if field is not None and field.repeated:
                return field
            self.invalid_name(name, "Proto fields must have a name.")
            return None
        field = self.element.message.by_name.get(name)
        if field is None:
            self.invalid_name(name, "Cannot find field.")
        return field


def _element_type(field: Field, parent: Element) -> Message:
    """Return the message type of an element. A list of scalars has its parent's, where nothing is looked up.

    An object for the scalar of a map's entry is read as a message, as 3.21 does.
    """
    if field.kind is FieldType.MESSAGE:
        return schema.message(field.type_name)
    # our choice: not seen; 3.21 takes the fields of the entry and writes bytes no message can be read from
    return parent.message if field.repeated else schema.message("google.protobuf.Empty")
