"""The elements of a message being bound: which fields there are, where we are, which oneofs are taken.

A port of protobuf 3.21's proto_writer.cc. What is wrong is collected with its location and what belongs to
it is ignored; binding.py, on top of this, knows the messages whose JSON is not the plain one.
"""

from collections.abc import Callable

from mockserver.limits import VIOLATIONS
from mockserver.protojson import schema
from mockserver.protojson.scalars import Refused, Scalar, converter, text_of
from mockserver.protojson.schema import Field, Kind, Message
from mockserver.protojson.value_sinks import Ending, Pieces, Place, Slot, place

Violations = list[tuple[str | None, str]]
"""(location, sentence) of everything wrong, in the order it was met; at the root there is no location."""

MOST_VIOLATIONS = VIOLATIONS
"""How many are kept: megabytes of nonsense need no longer answer than that. Our choice: not seen."""


class Element:
    """What is open: the root, a message, a list (3.21's ProtoElement)."""

    __slots__ = ("count", "field", "message", "parent", "place", "taken")

    def __init__(
        self,
        parent: "Element | None",
        field: Field | None,
        message: Message,
        where: Place,
        *,
        is_list: bool = False,
    ) -> None:
        self.parent = parent
        self.field = field
        self.message = message
        self.place = where
        self.taken: set[str] = set()
        # Elements so far in a list, -1 for a message. A scalar counts only when it is wrong, as in C++: the
        # third of three is [0] if it is the first bad one.
        self.count = 0 if is_list else -1
        if not is_list and field is not None and field.repeated and parent is not None and parent.count >= 0:
            parent.count += 1

    def location(self) -> str:
        """Proto names from the root down: `tuned_model.examples[1]`, "" at the root."""
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


class Elements:
    """One message under construction. `violations` and `ending` may be shared with others of the same request."""

    def __init__(self, message: str, violations: Violations, ending: Ending) -> None:
        self.message = schema.message(message)
        self.violations = violations
        self.ending = ending
        self.result = Slot([None], 0)
        self.element: Element | None = None
        self.ignored = 0
        """How many objects and lists are open since something was wrong (3.21's invalid_depth)."""

    def invalid_name(self, name: str, problem: str) -> None:
        """Note that `name` has no place where we are."""
        self._note(lambda at: f'Invalid JSON payload received. Unknown name "{name}"{at}: {problem}')

    def invalid_value(self, kind: str, value: str) -> None:
        """Note that what stands where we are is none of `kind`."""
        self._note(lambda at: f"Invalid value{at} ({kind}), {value}")

    def _note(self, sentence: Callable[[str], str]) -> None:
        if len(self.violations) < MOST_VIOLATIONS:
            location = self.element.location() if self.element else ""
            self.violations.append((location or None, sentence(f" at '{location}'" if location else "")))

    def write_object(self, name: str) -> None:
        """Begin the message of the field `name`, or the root."""
        parent = self.element
        if parent is None:
            if name:
                self.invalid_name(name, "Root element should not be named.")
            where = place(self.message.full_name, self.result, self.ending)
            self.element = Element(None, None, self.message, where)
            return
        field = self.begin(name, is_list=False)
        if field is not None and self._opens(field, name):
            self.element = Element(parent, field, _type_of(field, parent), parent.place.child(field))

    def write_list(self, name: str) -> None:
        """Begin the list of the field `name`."""
        field = self.begin(name, is_list=True)
        parent = self.element
        if field is not None and parent is not None and self._opens(field, name):
            where = parent.place.children(field)
            self.element = Element(parent, field, _type_of(field, parent), where, is_list=True)

    def write_end(self) -> None:
        """End what was begun last."""
        if self.ignored:
            self.ignored -= 1
        elif self.element is not None:
            if isinstance(self.element.place, Pieces) and (problem := self.element.place.problem()):
                self.invalid_value(f"type.googleapis.com/{self.element.message.full_name}", problem)
            self.element = self.element.parent

    def write_scalar(self, name: str, value: Scalar) -> None:
        """Take a scalar for the field `name`."""
        if self.ignored:
            return
        field = self.lookup(name)
        if field is None or self.element is None or not self._takes_oneof(field, name):
            return
        if field.kind is Kind.MESSAGE:
            self._refuse(field, text_of(value))
            return
        try:
            natural = converter(field)(value)
        except Refused as refused:
            self._refuse(field, str(refused))
        else:
            self.element.place.put(field, natural)

    def _refuse(self, field: Field, value: str) -> None:
        """Refuse a value at the location it would have as an element."""
        parent = self.element
        if parent is not None:
            self.element = Element(parent, field, parent.message, parent.place)
        self.invalid_value(field.type_label, value)
        self.element = parent

    def _opens(self, field: Field, name: str) -> bool:
        taken = self._takes_oneof(field, name)
        self.ignored += not taken
        return taken

    def _takes_oneof(self, field: Field, name: str) -> bool:
        """Take the oneof of `field`. An `optional` field is the only arm of one, so it may come once."""
        if field.oneof is None or self.element is None:
            return True
        if field.oneof in self.element.taken:
            self.invalid_value("oneof", f"oneof field '{field.oneof}' is already set. Cannot set '{name}'")
            return False
        self.element.taken.add(field.oneof)
        return True

    def begin(self, name: str, *, is_list: bool) -> Field | None:
        """Find the field an object or a list is begun for; without one, all that is in it is ignored."""
        if self.ignored:
            self.ignored += 1
            return None
        field = self.lookup(name)
        if field is not None and is_list and not field.repeated:
            self.invalid_name(name, "Proto field is not repeating, cannot start list.")
            field = None
        self.ignored += field is None
        return field

    def lookup(self, name: str) -> Field | None:
        """Find the field of that name where we are, or note that there is none."""
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


def _type_of(field: Field, parent: Element) -> Message:
    """The type of an element. A scalar's list has its parent's, where nothing will be looked up.

    An object for the scalar of a map's entry is read as a message, as 3.21 does.
    """
    if field.kind is Kind.MESSAGE:
        return schema.message(field.type_name)
    # our choice: not seen; 3.21 takes the fields of the entry and writes bytes no message can be read from
    return parent.message if field.repeated else schema.message("google.protobuf.Empty")
