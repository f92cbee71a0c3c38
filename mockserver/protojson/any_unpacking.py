"""Unpacks an Any while it is parsed: parser events are held back until "@type" names the type (3.21's AnyWriter)."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable

from mockserver.protojson import schema
from mockserver.protojson.exact_reader import EventHandler
from mockserver.protojson.message_encoder import MessageEncoder
from mockserver.protojson.renderers import RENDERERS, Renderer
from mockserver.protojson.scalars import InvalidValue, Scalar, quote_value
from mockserver.protojson.value_sinks import AnySink, message_sink
from mockserver.protojson.well_known import ANY, STRUCT

_TYPE_URL = "type.googleapis.com/"
_TYPE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,200}")


class ContentBinder(MessageEncoder, EventHandler):
    """Binds the content of an Any, and the message that holds it."""

    @abstractmethod
    def create_content_binder(self, message: str) -> ContentBinder:
        """Return a binder for the content of an Any; it has its own root and adds its errors to ours."""

    @abstractmethod
    def render_special(self, renderer: Renderer, type_label: str, prefix: str, value: Scalar) -> None:
        """Write `value` to a message with a text form, or record why that is not possible."""


class AnyUnpacker:
    """Handles the parser events inside an Any; what comes before "@type" is replayed once the type is known."""

    def __init__(self, parent: ContentBinder, sink: AnySink) -> None:
        self.parent = parent
        self.sink = sink
        self.content: ContentBinder | None = None
        self.type_url = ""
        self.special = False
        """Whether the type has a JSON form of its own, which then stands under "value"."""
        self.has_failed = False
        self.depth = 0
        self.pending: list[Callable[[], object]] = []

    def start_object(self, name: str) -> None:
        """Handle the start of an object."""
        self._start(name, is_list=False)

    def start_list(self, name: str) -> None:
        """Handle the start of a list."""
        self._start(name, is_list=True)

    def _start(self, name: str, *, is_list: bool) -> None:
        self.depth += 1
        if self.content is None:
            self.pending.append(lambda: self._start(name, is_list=is_list))
            return
        if self.special and self.depth == 1:
            self._require_value(name)
            name = ""
        if is_list:
            self.content.start_list(name)
        else:
            self.content.start_object(name)

    def end_object(self) -> bool:
        """Handle the end of an object; return False if it is the Any itself."""
        self.depth -= 1
        if self.content is None:
            if self.depth >= 0:
                self.pending.append(self.end_object)
        elif self.depth >= 0 or not self.special:
            self.content.end_object()
        if self.depth >= 0:
            return True
        self._pack()
        return False

    def end_list(self) -> None:
        """Handle the end of the list started last."""
        self.depth -= 1
        if self.content is None:
            self.pending.append(self.end_list)
        else:
            self.content.end_list()

    def render(self, name: str, value: Scalar) -> None:
        """Handle a scalar."""
        content = self.content
        if content is None:
            if self.depth == 0 and name == "@type":
                self._resolve(value)
            else:
                self.pending.append(lambda: self.render(name, value))
        elif not self.special or self.depth:
            content.render(name, value)
        else:
            self._require_value(name)
            renderer = RENDERERS.get(content.message.full_name)
            if renderer is not None:
                content.write_object("")
                content.render_special(renderer, "Any", "", value)
                content.write_end()
            elif value is not None:
                self._refuse("Any", "Expect a JSON object.")

    def _require_value(self, name: str) -> None:
        if name != "value":
            self._refuse("Any", 'Expect a "value" field for well-known types.')

    def _refuse(self, type_label: str, problem: str) -> None:
        """Record the first error; later ones follow from it."""
        if not self.has_failed:
            self.parent.invalid_value(type_label, problem)
        self.has_failed = True

    def _resolve(self, type_url: Scalar) -> None:
        """Bind the content to the named type, and replay the pending events."""
        try:
            name = _message_name(type_url)
        except InvalidValue as error:
            self.parent.invalid_value("Any" if isinstance(type_url, str) else "String", str(error))
            self.has_failed = True
            return
        self.type_url = str(type_url)
        self.special = name in RENDERERS or name in {ANY, STRUCT}
        self.content = self.parent.create_content_binder(name)
        if not self.special:
            self.content.start_object("")
        for replay in self.pending:
            replay()

    def _pack(self) -> None:
        content = self.content
        if content is not None:
            if content.result.get() is None:  # nothing but a type
                message_sink(content.message.full_name, content.result, content.finalizers)
            self.sink.pack(self.type_url, content.result, as_value=self.special)
        elif self.pending:
            self._refuse("Any", f"Missing @type for any field in {self.parent.message.full_name}")


def _message_name(type_url: Scalar) -> str:
    """Return the name of the message type that `type_url` stands for. Raises InvalidValue."""
    if not isinstance(type_url, str):
        raise InvalidValue(quote_value(type_url))
    name = type_url.removeprefix(_TYPE_URL)
    if name == type_url:
        form = "type URLs must be of the form 'type.googleapis.com/<typename>'"
        raise InvalidValue(f"Invalid type URL, {form}, got: {type_url}")
    try:
        if _TYPE_NAME.fullmatch(name):
            return schema.message(name).full_name
    except KeyError:
        pass
    raise InvalidValue(f"Invalid type URL, unknown type: {name}")
