"""Pages of a list, and the tokens between them.

A token is base64 of a protobuf message whose field 1 is the last resource name of the page before, as
ListModels was seen to make them: `Ch9tb2RlbHMvdmVvLTMuMS1nZW5lcmF0ZS1wcmV2aWV3` is
models/veo-3.1-generate-preview. Where members may vanish between two pages, field 2 says where the last
one stood in the order; where the list has arguments, field 3 is their fingerprint. Both are ours.
"""

from base64 import b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar
from zlib import crc32

from mockserver.rpc.errors import ApiError, invalid_argument

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Token:
    """Where a page ended: the last name, its rank if the list is ranked, its arguments' fingerprint."""

    name: str
    rank: int | None = None
    arguments: int | None = None


def page(  # noqa: PLR0913 - all but the list are given by name
    items: Sequence[T],
    *,
    key: Callable[[T], str],
    page_size: int | None,
    page_token: str | None,
    default: int,
    maximum: int,
    scope: str,
    rank: Callable[[T], int] | None = None,
) -> tuple[list[T], str | None]:
    """The page after `page_token`, and the token of the next one or None.

    `key` is an item's resource name. `scope` is what is listed, the collection and after a "?" the
    arguments, such as "tunedModels?filter=owner:me": a token of another list is refused. With `rank`,
    by which items must ascend (ties by name), a page goes on where it was though its last member is
    gone. A size of None or 0 is `default`, one over `maximum` is `maximum` (AIP-158).

    Raises ApiError INVALID_ARGUMENT for a negative size and for a token that is none of ours.
    """
    if page_size is not None and page_size < 0:
        raise invalid_argument("Page size must be nonnegative.")  # measured on Firestore; our choice here: not seen
    size = min(page_size or default, maximum)
    arguments = _fingerprint(scope)
    start = 0
    if page_token:
        token = parse_token(page_token)
        if token is None or token.arguments != arguments or not token.name.startswith(_collection(scope)):
            raise _bad_token()
        start = _after(token, items, key, rank)
    taken = list(islice(items, start, start + size))
    if start + size >= len(items):
        return taken, None
    last = taken[-1]
    return taken, mint_token(Token(key(last), rank(last) if rank else None, arguments))


def _after(token: Token, items: Sequence[T], key: Callable[[T], str], rank: Callable[[T], int] | None) -> int:
    """The index of the first item behind the token's."""
    if rank is None:
        index = next((index for index, item in enumerate(items) if key(item) == token.name), None)
        if index is None:
            raise _bad_token()
        return index + 1
    if token.rank is None:
        raise _bad_token()
    return bisect_right(items, (token.rank, token.name), key=lambda item: (rank(item), key(item)))


def _bad_token() -> ApiError:
    return invalid_argument("Invalid page token.")  # measured on Firestore; our choice here: not seen


def _collection(scope: str) -> str:
    return scope.partition("?")[0].rstrip("/") + "/"


def _fingerprint(scope: str) -> int | None:
    arguments = scope.partition("?")[2]
    return crc32(arguments.encode()) if arguments else None


def mint_token(token: Token) -> str:
    """The token as text: URL-safe base64 with its padding [padding seen]."""
    name = token.name.encode()
    message = b"\x0a" + _varint(len(name)) + name
    if token.rank is not None:
        message += b"\x10" + _varint(token.rank * 2 if token.rank >= 0 else -token.rank * 2 - 1)  # zigzag
    if token.arguments is not None:
        message += b"\x18" + _varint(token.arguments)
    return urlsafe_b64encode(message).decode()


def parse_token(text: str) -> Token | None:
    """What a token says, or None if it is no token. Padding and either base64 alphabet are accepted."""
    try:
        bare = text.rstrip("=").replace("+", "-").replace("/", "_")
        fields = _fields(b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True))
        name = fields.pop(1)
        rank, arguments = fields.pop(2, None), fields.pop(3, None)
        if fields or not isinstance(name, bytes) or isinstance(rank, bytes) or isinstance(arguments, bytes):
            return None
        return Token(name.decode(), None if rank is None else (rank >> 1) ^ -(rank & 1), arguments)
    except (ValueError, LookupError):  # not base64, not UTF-8; cut short, no name
        return None


def _fields(raw: bytes) -> dict[int, int | bytes]:
    """The fields of a message of varints and strings. IndexError when it is cut short."""
    fields: dict[int, int | bytes] = {}
    position = 0
    while position < len(raw):
        tag, position = _read_varint(raw, position)
        number, kind = tag >> 3, tag & 7
        value, position = _read_varint(raw, position)
        if kind == 2:
            if position + value > len(raw):
                raise IndexError(position)
            fields[number] = raw[position : position + value]
            position += value
        elif kind == 0:
            fields[number] = value
        else:
            raise ValueError(kind)
    return fields


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(raw: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
        shift += 7
