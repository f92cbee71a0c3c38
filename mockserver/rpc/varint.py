"""Varints, the variable-length integers of protobuf's binary format."""


def encode_varint(value: int) -> bytes:
    """Return a natural number as a varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode_varint(raw: bytes, position: int) -> tuple[int, int]:
    """Return the number that begins at a position, and the position after it. Raises IndexError if it is cut short."""
    value = shift = 0
    while True:
        byte = raw[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
        shift += 7
