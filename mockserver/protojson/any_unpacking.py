"""The content of an Any while its type is not known, and then (3.21's AnyWriter)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from mockserver.protojson import schema
from mockserver.protojson.renderers import RENDERERS
from mockserver.protojson.scalars import Refused, Scalar, text_of
from mockserver.protojson.value_sinks import Packed, place
from mockserver.protojson.well_known import ANY, STRUCT

if TYPE_CHECKING:
    from mockserver.protojson.binding import Binder

_TYPE_URL = "type.googleapis.com/"
_TYPE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,200}")


class Unpacker:
    """The inside of an Any (3.21's AnyWriter): what comes before "@type" waits until the type is known."""

    def __init__(self, parent: Binder, packed: Packed) -> None:
        self.parent = parent
        self.packed = packed
        self.content: Binder | None = None
        self.type_url = ""
        self.special = False
        """The type has a JSON of its own, which then stands under "value"."""
        self.refused = False
        self.depth = 0
        self.waiting: list[Callable[[], object]] = []

    def start_object(self, name: str) -> None:
        """Hear that an object begins."""
        self.depth += 1
        if self.content is None:
            self.waiting.append(lambda: self.start_object(name))
        elif self.special and self.depth == 1:
            self._expect_value(name)
            self.content.start_object("")
        else:
            self.content.start_object(name)

    def end_object(self) -> bool:
        """Hear that an object is complete; False when it is the Any itself."""
        self.depth -= 1
        if self.content is None:
            if self.depth >= 0:
                self.waiting.append(self.end_object)
        elif self.depth >= 0 or not self.special:
            self.content.end_object()
        if self.depth >= 0:
            return True
        self._pack()
        return False

    def start_list(self, name: str) -> None:
        """Hear that a list begins."""
        self.depth += 1
        if self.content is None:
            self.waiting.append(lambda: self.start_list(name))
        elif self.special and self.depth == 1:
            self._expect_value(name)
            self.content.start_list("")
        else:
            self.content.start_list(name)

    def end_list(self) -> None:
        """Hear that the list last begun is complete."""
        self.depth -= 1
        if self.content is None:
            self.waiting.append(self.end_list)
        else:
            self.content.end_list()

    def render(self, name: str, value: Scalar) -> None:
        """Hear of a scalar."""
        if self.content is None:
            if self.depth == 0 and name == "@type":
                self._start(value)
            else:
                self.waiting.append(lambda: self.render(name, value))
        elif self.special and self.depth == 0:
            self._render_special(self.content, name, value)
        else:
            self.content.render(name, value)

    def _render_special(self, content: Binder, name: str, value: Scalar) -> None:
        self._expect_value(name)
        renderer = RENDERERS.get(content.message.full_name)
        if renderer is not None:
            content.write_object("")
            content.render_special(renderer, "Any", "", value)
            content.write_end()
        elif value is not None:
            self._refuse("Any", "Expect a JSON object.")

    def _expect_value(self, name: str) -> None:
        if name != "value":
            self._refuse("Any", 'Expect a "value" field for well-known types.')

    def _refuse(self, kind: str, problem: str) -> None:
        """Say what is wrong, once."""
        if not self.refused:
            self.parent.invalid_value(kind, problem)
        self.refused = True

    def _start(self, type_url: Scalar) -> None:
        """Learn the type, and hear what was waiting for it."""
        try:
            name = _resolve(type_url)
        except Refused as refused:
            self.parent.invalid_value("Any" if isinstance(type_url, str) else "String", str(refused))
            self.refused = True
            return
        self.type_url = str(type_url)
        self.special = name in RENDERERS or name in {ANY, STRUCT}
        self.content = self.parent.another(name)
        if not self.special:
            self.content.start_object("")
        for event in self.waiting:
            event()

    def _pack(self) -> None:
        content = self.content
        if content is not None:
            if content.result.get() is None:  # nothing but a type
                place(content.message.full_name, content.result, content.ending)
            self.packed.pack(self.type_url, content.result, as_value=self.special)
        elif self.waiting:
            self._refuse("Any", f"Missing @type for any field in {self.parent.message.full_name}")


def _resolve(type_url: Scalar) -> str:
    """The name of the message type `type_url` stands for. Raises Refused."""
    if not isinstance(type_url, str):
        raise Refused(text_of(type_url))
    name = type_url.removeprefix(_TYPE_URL)
    if name == type_url:
        form = "type URLs must be of the form 'type.googleapis.com/<typename>'"
        raise Refused(f"Invalid type URL, {form}, got: {type_url}")
    try:
        if _TYPE_NAME.fullmatch(name):
            return schema.message(name).full_name
    except KeyError:
        pass
    raise Refused(f"Invalid type URL, unknown type: {name}")
