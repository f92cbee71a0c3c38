"""Messages whose JSON may be a scalar: times, masks, wrappers, Value. A renderer writes their fields.

Ported from the renderers of protobuf 3.21's protostream_objectwriter.cc. They raise Refused with what comes
behind "Field 'createTime', ".
"""

from collections.abc import Callable, Mapping

from mockserver.protojson.formatting import SECOND
from mockserver.protojson.message_encoder import Elements
from mockserver.protojson.scalars import Refused, Scalar, text_of
from mockserver.protojson.well_known import VALUE, WRAPPERS, parse_duration, parse_field_mask, parse_timestamp

Renderer = Callable[[Elements, Scalar], None]


def _timed(word: str, parse: Callable[[str], int]) -> Renderer:
    def render(elements: Elements, value: Scalar) -> None:
        if value is None:
            return
        if not isinstance(value, str):
            raise Refused(f"Invalid data type for {word}, value is {text_of(value)}")
        seconds, nanos = divmod(parse(value), SECOND)
        elements.write_scalar("seconds", seconds)
        elements.write_scalar("nanos", nanos)

    return render


def _field_mask(elements: Elements, value: Scalar) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise Refused(f"Invalid data type for field mask, value is {text_of(value)}")
    for path in parse_field_mask(value):
        elements.write_scalar("paths", path)


def _wrapped(elements: Elements, value: Scalar) -> None:
    if value is not None:
        elements.write_scalar("value", value)


def _value(elements: Elements, value: Scalar) -> None:
    if value is None:
        kind = "null"
    elif isinstance(value, str):
        kind = "string"
    else:
        kind = "bool" if isinstance(value, bool) else "number"
    elements.write_scalar(f"{kind}_value", value)


RENDERERS: Mapping[str, Renderer] = dict.fromkeys(WRAPPERS, _wrapped) | {
    "google.protobuf.Timestamp": _timed("timestamp", parse_timestamp),
    "google.protobuf.Duration": _timed("duration", parse_duration),
    "google.protobuf.FieldMask": _field_mask,
    VALUE: _value,
}
