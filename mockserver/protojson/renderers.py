"""Renderers: they write the fields of messages whose JSON may be a scalar: times, masks, wrappers, Value.

Ported from protobuf 3.21's protostream_objectwriter.cc. They raise InvalidValue with the text that follows
"Field 'createTime', ".
"""

from collections.abc import Callable, Mapping

from mockserver.protojson.formatting import SECOND
from mockserver.protojson.message_encoder import MessageEncoder
from mockserver.protojson.scalars import InvalidValue, Scalar, quote_value
from mockserver.protojson.well_known import VALUE, WRAPPERS, parse_duration, parse_field_mask, parse_timestamp

Renderer = Callable[[MessageEncoder, Scalar], None]


def _time_renderer(type_name: str, parse: Callable[[str], int]) -> Renderer:
    def render(encoder: MessageEncoder, value: Scalar) -> None:
        if value is None:
            return
        if not isinstance(value, str):
            raise InvalidValue(f"Invalid data type for {type_name}, value is {quote_value(value)}")
        seconds, nanos = divmod(parse(value), SECOND)
        encoder.write_scalar("seconds", seconds)
        encoder.write_scalar("nanos", nanos)

    return render


def _render_field_mask(encoder: MessageEncoder, value: Scalar) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise InvalidValue(f"Invalid data type for field mask, value is {quote_value(value)}")
    for path in parse_field_mask(value):
        encoder.write_scalar("paths", path)


def _render_wrapper(encoder: MessageEncoder, value: Scalar) -> None:
    if value is not None:
        encoder.write_scalar("value", value)


def _render_value(encoder: MessageEncoder, value: Scalar) -> None:
    if value is None:
        kind = "null"
    elif isinstance(value, str):
        kind = "string"
    else:
        kind = "bool" if isinstance(value, bool) else "number"
    encoder.write_scalar(f"{kind}_value", value)


RENDERERS: Mapping[str, Renderer] = dict.fromkeys(WRAPPERS, _render_wrapper) | {
    "google.protobuf.Timestamp": _time_renderer("timestamp", parse_timestamp),
    "google.protobuf.Duration": _time_renderer("duration", parse_duration),
    "google.protobuf.FieldMask": _render_field_mask,
    VALUE: _render_value,
}
