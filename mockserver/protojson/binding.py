"""Binds a request to its message, exactly as the front end's C++ does.

A port of protobuf 3.21's protostream_objectwriter.cc, which knows the messages whose JSON is not an object
of their fields: maps, Struct, Any, times. It has a stack of its own beside that of message_encoder.py. After an
error the two may disagree (when a time is refused because its oneof is set, say); what follows is then read as C++
reads it. Errors are collected, not raised; the caller reports them all.
"""

from mockserver.protojson.any_unpacking import AnyUnpacker, ContentBinder
from mockserver.protojson.message_encoder import Violations
from mockserver.protojson.renderers import RENDERERS, Renderer
from mockserver.protojson.scalars import InvalidValue, Scalar
from mockserver.protojson.schema import Field, FieldType
from mockserver.protojson.value_sinks import AnySink, Finalizers
from mockserver.protojson.well_known import ANY, LIST_VALUE, NULLABLE, STRUCT, VALUE


class _Item:
    """An open element of `Binder` (3.21's Item)."""

    __slots__ = ("any", "keys", "parent", "placeholder")

    def __init__(self, parent: "_Item | None" = None, *, placeholder: bool = False) -> None:
        self.parent = parent
        self.placeholder = placeholder
        """Whether it is closed together with its parent: the fields of a Struct, the value of a map's entry."""
        self.keys: set[str] | None = None
        """The keys read so far, if it is a map."""
        self.any: AnyUnpacker | None = None


class Binder(ContentBinder):
    """Handles the parser events of a JSON text and builds one message."""

    def __init__(self, message: str, violations: Violations, finalizers: Finalizers) -> None:
        super().__init__(message, violations, finalizers)
        self.current: _Item | None = None

    def create_content_binder(self, message: str) -> "Binder":
        """Return a binder for the content of an Any; it has its own root and adds its errors to ours."""
        return Binder(message, self.violations, self.finalizers)

    def start_object(self, name: str) -> None:
        """Handle the start of an object."""
        if self.ignored_depth:
            self.ignored_depth += 1
        elif self.current is None:
            self._start_root_object(name)
        elif self.current.any:
            self.current.any.start_object(name)
        elif self.current.keys is not None:
            self._start_object_in_map(name)
        else:
            field = self.find_container(name, is_list=False)
            if field is not None:
                self._start_object_field(field, name)

    def _start_root_object(self, name: str) -> None:
        self.write_object(name)
        self.current = _Item()
        type_name = self.message.full_name
        if type_name == ANY:
            self._open_any()
        elif type_name == LIST_VALUE:
            self.invalid_value(LIST_VALUE, "Cannot start root message with ListValue.")
        else:
            self._push_content(type_name)

    def _start_object_in_map(self, name: str) -> None:
        if not self._add_key(name):
            self.ignored_depth += 1
            return
        value = self._push_entry(name)
        if value is None:
            return
        self.push("value", placeholder=True, is_any=value.type_name == ANY)
        if not self.ignored_depth:
            self._push_content(value.type_name)

    def _start_object_field(self, field: Field, name: str) -> None:
        if field.map:
            self.push(name, is_list=True, is_map=True)
        elif field.kind is not FieldType.MESSAGE:
            self.ignored_depth += 1
            self.invalid_value(field.name, "Starting an object on a scalar field")
        else:
            self.push(name, is_any=field.type_name == ANY)
            self._push_content(field.type_name)

    def _push_content(self, type_name: str) -> None:
        """Open the fields that hold an object in a message that stands for any object."""
        if type_name == VALUE:
            self.push("struct_value", placeholder=True)
        if type_name in {VALUE, STRUCT}:
            self.push("fields", placeholder=True, is_list=True, is_map=True)

    def end_object(self) -> None:
        """Handle the end of the object started last."""
        if self.ignored_depth:
            self.ignored_depth -= 1
        elif self.current is not None and not (self.current.any and self.current.any.end_object()):
            self.pop()

    def start_list(self, name: str) -> None:
        """Handle the start of a list."""
        if self.ignored_depth:
            self.ignored_depth += 1
        elif self.current is None:
            self._start_root_list(name)
        elif self.current.any:
            self.current.any.start_list(name)
        elif self.current.keys is not None:
            self._start_list_in_map(name)
        elif name:
            self._start_list_field(name)
        else:
            self._start_list_in_list()

    def _start_root_list(self, name: str) -> None:
        type_name = self.message.full_name
        if name:
            self.invalid_name(name, "Root element should not be named.")
            self.ignored_depth += 1
        elif type_name in {VALUE, LIST_VALUE}:
            self.write_object("")
            self.current = _Item()
            self._push_values(type_name)
        else:
            self.write_list("")  # records the error
            self.current = _Item()

    def _start_list_in_map(self, name: str) -> None:
        if not self._add_key(name):
            self.ignored_depth += 1
            return
        value = self._push_entry(name)
        self.push("value", placeholder=True)
        if self.ignored_depth or value is None:
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

    def _start_list_field(self, name: str) -> None:
        field = self.find_field(name)
        if field is None:
            self.ignored_depth += 1
        elif field.map:
            self.invalid_value("Map", f"Cannot bind a list to map for field '{name}'.")
            self.ignored_depth += 1
        elif field.repeated:
            self.push(name, is_list=True)
        elif field.type_name in {VALUE, LIST_VALUE}:
            self.push(name)
            self._push_values(field.type_name)
        else:
            self.ignored_depth += 1
            self.invalid_name(name, "Proto field is not repeating, cannot start list.")

    def _push_values(self, type_name: str) -> None:
        """Open the fields that hold a list in a message that stands for any list."""
        if type_name == VALUE:
            self.push("list_value", placeholder=True)
        self.push("values", placeholder=True, is_list=True)

    def end_list(self) -> None:
        """Handle the end of the list started last."""
        if self.ignored_depth:
            self.ignored_depth -= 1
        elif self.current is not None and self.current.any:
            self.current.any.end_list()
        elif self.current is not None:
            self.pop()

    def render(self, name: str, value: Scalar) -> None:
        """Handle a scalar."""
        if self.ignored_depth:
            return
        if self.current is None:
            self._render_root(name, value)
        elif self.current.any:
            self.current.any.render(name, value)
        elif self.current.keys is not None:
            self._render_in_map(name, value)
        else:
            field = self.find_field(name)
            if field is not None and (value is not None or field.type_name in NULLABLE):
                self._render_field(field, name, value)

    def _render_root(self, name: str, value: Scalar) -> None:
        renderer = RENDERERS.get(self.message.full_name)
        if renderer is None:
            self.invalid_name(name, "Root element must be a message.")
            return
        self.write_object(name)
        self.render_special(renderer, self.message.full_name, f"Field '{name}', ", value)
        self.write_end()

    def _render_in_map(self, name: str, value: Scalar) -> None:
        if not self._add_key(name):
            return
        field = self._map_value_field()
        if field is None:
            return
        if value is None and field.type_name not in NULLABLE:
            # A null entry counts in locations and has no value; the null of a Struct is one.
            self._push_entry(name)
            self.pop()
            return
        self._push_entry(name)
        renderer = RENDERERS.get(field.type_name)
        if renderer is None:
            self.write_scalar("value", value)
        else:
            self.push("value", placeholder=True)
            self.render_special(renderer, field.type_label, f"Field '{name}', ", value)
        self.pop()

    def _render_field(self, field: Field, name: str, value: Scalar) -> None:
        renderer = RENDERERS.get(field.type_name)
        if renderer is None:
            self.write_scalar(name, value)
            return
        self.push(name)
        self.render_special(renderer, field.type_label, f"Field '{name}', ", value)
        self.pop()

    def render_special(self, renderer: Renderer, type_label: str, prefix: str, value: Scalar) -> None:
        """Write `value` to a message with a text form, or record why that is not possible."""
        try:
            renderer(self, value)
        except InvalidValue as error:
            self.invalid_value(type_label, f"{prefix}{error}")

    def _add_key(self, key: str) -> bool:
        """Add `key` to the open map; return False, and record an error, if the map already has it."""
        keys = self.current.keys if self.current else None
        if keys is not None and key in keys:
            self.invalid_name(key, f"Repeated map key: '{key}' is already set.")
            return False
        if keys is not None:
            keys.add(key)
        return True

    def _map_value_field(self) -> Field | None:
        """Return the value field of the open map's entries."""
        return self.element.message.by_name["value"] if self.element else None

    def _push_entry(self, key: str) -> Field | None:
        """Open an entry of the open map and write its key; return the field of its value."""
        value = self._map_value_field()
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
        """Open an element; nothing is opened if that is an error."""
        if is_list:
            self.write_list(name)
        else:
            self.write_object(name)
        if self.ignored_depth:
            return
        self.current = _Item(self.current, placeholder=placeholder)
        if is_map:
            self.current.keys = set()
        if is_any:
            self._open_any()

    def _open_any(self) -> None:
        if self.current and self.element and isinstance(self.element.sink, AnySink):
            self.current.any = AnyUnpacker(self, self.element.sink)

    def pop(self) -> None:
        """Close the element opened last, and the placeholders in it."""
        while self.current is not None:
            placeholder = self.current.placeholder
            self.write_end()
            self.current = self.current.parent
            if not placeholder:
                return
