"""Binding a request to its message, exactly as the front end's C++ does.

A port of protobuf 3.21's protostream_objectwriter.cc, which knows the messages whose JSON is not an object
of their fields: maps, Struct, Any, times. It keeps books of its own beside those of elements.py, and where
the two disagree after an error (a time refused because its oneof is taken, say) what follows is read as C++
reads it. What is wrong is collected, not raised; all of it is the caller's to report.
"""

from mockserver.protojson.any_unpacking import Unpacker
from mockserver.protojson.message_encoder import Elements, Violations
from mockserver.protojson.renderers import RENDERERS, Renderer
from mockserver.protojson.scalars import Refused, Scalar
from mockserver.protojson.schema import Field, Kind
from mockserver.protojson.value_sinks import Ending, Packed
from mockserver.protojson.well_known import ANY, LIST_VALUE, NULLABLE, STRUCT, VALUE


class _Item:
    """What `Binder` has open."""

    __slots__ = ("any", "is_list", "keys", "parent", "placeholder")

    def __init__(self, parent: "_Item | None" = None, *, placeholder: bool = False, is_list: bool = False) -> None:
        self.parent = parent
        self.placeholder = placeholder
        """Closed together with the one below it: the fields of a Struct, the value of a map's entry."""
        self.is_list = is_list
        self.keys: set[str] | None = None
        """The keys so far, if it is a map."""
        self.any: Unpacker | None = None


class Binder(Elements):
    """Takes what a reader tells of a JSON text into one message."""

    def __init__(self, message: str, violations: Violations, ending: Ending) -> None:
        super().__init__(message, violations, ending)
        self.current: _Item | None = None

    def another(self, message: str) -> "Binder":
        """Make one for the content of an Any, with a root of its own and its errors among ours."""
        return Binder(message, self.violations, self.ending)

    def start_object(self, name: str) -> None:
        """Hear that an object begins."""
        if self.ignored:
            self.ignored += 1
        elif self.current is None:
            self._start_root_object(name)
        elif self.current.any:
            self.current.any.start_object(name)
        elif self.current.keys is not None:
            self._start_object_in_map(name)
        else:
            field = self.begin(name, is_list=False)
            if field is not None:
                self._start_object_of(field, name)

    def _start_root_object(self, name: str) -> None:
        self.write_object(name)
        self.current = _Item()
        kind = self.message.full_name
        if kind == ANY:
            self._open_any()
        elif kind == LIST_VALUE:
            self.invalid_value(LIST_VALUE, "Cannot start root message with ListValue.")
        else:
            self._push_content(kind)

    def _start_object_in_map(self, name: str) -> None:
        if not self._takes_key(name):
            self.ignored += 1
            return
        value = self._push_entry(name)
        if value is None:
            return
        self.push("value", placeholder=True, is_any=value.type_name == ANY)
        if not self.ignored:
            self._push_content(value.type_name)

    def _start_object_of(self, field: Field, name: str) -> None:
        if field.map:
            self.push(name, is_list=True, is_map=True)
        elif field.kind is not Kind.MESSAGE:
            self.ignored += 1
            self.invalid_value(field.name, "Starting an object on a scalar field")
        else:
            self.push(name, is_any=field.type_name == ANY)
            self._push_content(field.type_name)

    def _push_content(self, kind: str) -> None:
        """Begin what an object is in a message that stands for any object."""
        if kind == VALUE:
            self.push("struct_value", placeholder=True)
        if kind in {VALUE, STRUCT}:
            self.push("fields", placeholder=True, is_list=True, is_map=True)

    def end_object(self) -> None:
        """Hear that the object last begun is complete."""
        if self.ignored:
            self.ignored -= 1
        elif self.current is not None and not (self.current.any and self.current.any.end_object()):
            self.pop()

    def start_list(self, name: str) -> None:
        """Hear that a list begins."""
        if self.ignored:
            self.ignored += 1
        elif self.current is None:
            self._start_root_list(name)
        elif self.current.any:
            self.current.any.start_list(name)
        elif self.current.keys is not None:
            self._start_list_in_map(name)
        elif name:
            self._start_list_of(name)
        else:
            self._start_list_in_list()

    def _start_root_list(self, name: str) -> None:
        kind = self.message.full_name
        if name:
            self.invalid_name(name, "Root element should not be named.")
            self.ignored += 1
        elif kind in {VALUE, LIST_VALUE}:
            self.write_object("")
            self.current = _Item()
            self._push_values(kind)
        else:
            self.write_list("")  # which says what is wrong with that
            self.current = _Item(is_list=True)

    def _start_list_in_map(self, name: str) -> None:
        if not self._takes_key(name):
            self.ignored += 1
            return
        value = self._push_entry(name)
        self.push("value", placeholder=True)
        if self.ignored or value is None:
            return
        if value.type_name in {VALUE, LIST_VALUE}:
            self._push_values(value.type_name)
        else:
            self.invalid_value("Map", f"Cannot have repeated items ('{name}') within a map.")

    def _start_list_in_list(self) -> None:
        field = self.element.field if self.element else None
        if field is not None and field.type_name in {VALUE, LIST_VALUE}:
            self.push("")
            self._push_values(field.type_name)
        else:
            self.push("", is_list=True)

    def _start_list_of(self, name: str) -> None:
        field = self.lookup(name)
        if field is None:
            self.ignored += 1
        elif field.map:
            self.invalid_value("Map", f"Cannot bind a list to map for field '{name}'.")
            self.ignored += 1
        elif field.repeated:
            self.push(name, is_list=True)
        elif field.type_name in {VALUE, LIST_VALUE}:
            self.push(name)
            self._push_values(field.type_name)
        else:
            self.ignored += 1
            self.invalid_name(name, "Proto field is not repeating, cannot start list.")

    def _push_values(self, kind: str) -> None:
        """Begin what a list is in a message that stands for any list."""
        if kind == VALUE:
            self.push("list_value", placeholder=True)
        self.push("values", placeholder=True, is_list=True)

    def end_list(self) -> None:
        """Hear that the list last begun is complete."""
        if self.ignored:
            self.ignored -= 1
        elif self.current is not None and self.current.any:
            self.current.any.end_list()
        elif self.current is not None:
            self.pop()

    def render(self, name: str, value: Scalar) -> None:
        """Hear of a scalar."""
        if self.ignored:
            return
        if self.current is None:
            self._render_root(name, value)
        elif self.current.any:
            self.current.any.render(name, value)
        elif self.current.keys is not None:
            self._render_in_map(name, value)
        else:
            field = self.lookup(name)
            if field is not None and (value is not None or field.type_name in NULLABLE):
                self._render_of(field, name, value)

    def _render_root(self, name: str, value: Scalar) -> None:
        renderer = RENDERERS.get(self.message.full_name)
        if renderer is None:
            self.invalid_name(name, "Root element must be a message.")
            return
        self.write_object(name)
        self.render_special(renderer, self.message.full_name, f"Field '{name}', ", value)
        self.write_end()

    def _render_in_map(self, name: str, value: Scalar) -> None:
        if not self._takes_key(name):
            return
        field = self._entry_value()
        # A null entry is no entry (3.21's ignore_null_value_map_entry), but the null of a Struct is a value.
        if field is None or (value is None and field.type_name not in NULLABLE):
            return
        self._push_entry(name)
        renderer = RENDERERS.get(field.type_name)
        if renderer is None:
            self.write_scalar("value", value)
        else:
            self.push("value", placeholder=True)
            self.render_special(renderer, field.type_label, f"Field '{name}', ", value)
        self.pop()

    def _render_of(self, field: Field, name: str, value: Scalar) -> None:
        renderer = RENDERERS.get(field.type_name)
        if renderer is None:
            self.write_scalar(name, value)
            return
        self.push(name)
        self.render_special(renderer, field.type_label, f"Field '{name}', ", value)
        self.pop()

    def render_special(self, renderer: Renderer, kind: str, prefix: str, value: Scalar) -> None:
        """Let a message with a text form take `value`, or note why it cannot."""
        try:
            renderer(self, value)
        except Refused as refused:
            self.invalid_value(kind, f"{prefix}{refused}")

    def _takes_key(self, key: str) -> bool:
        """Whether `key` is new to the map we are in."""
        keys = self.current.keys if self.current else None
        if keys is not None and key in keys:
            self.invalid_name(key, f"Repeated map key: '{key}' is already set.")
            return False
        if keys is not None:
            keys.add(key)
        return True

    def _entry_value(self) -> Field | None:
        """The field an entry of the map we are in keeps its value in."""
        return self.element.message.by_name["value"] if self.element else None

    def _push_entry(self, key: str) -> Field | None:
        """Begin an entry of the map we are in and say its key; its value is to follow."""
        value = self._entry_value()
        self.push("")
        self.write_scalar("key", key)
        return value

    def push(
        self,
        name: str,
        *,
        placeholder: bool = False,
        is_list: bool = False,
        is_map: bool = False,
        is_any: bool = False,
    ) -> None:
        """Begin an element; nothing is open if that was refused."""
        if is_list:
            self.write_list(name)
        else:
            self.write_object(name)
        if self.ignored:
            return
        self.current = _Item(self.current, placeholder=placeholder, is_list=is_list)
        if is_map:
            self.current.keys = set()
        if is_any:
            self._open_any()

    def _open_any(self) -> None:
        if self.current and self.element and isinstance(self.element.place, Packed):
            self.current.any = Unpacker(self, self.element.place)

    def pop(self) -> None:
        """Close what was begun last, and the placeholders in it."""
        while self.current is not None:
            placeholder = self.current.placeholder
            self.write_end()
            self.current = self.current.parent
            if not placeholder:
                return
