"""Pages of a list, and the tokens between them.

A token is base64 of a protobuf message whose field 1 is the last resource name of the page before, as
ListModels was seen to make them: `Ch9tb2RlbHMvdmVvLTMuMS1nZW5lcmF0ZS1wcmV2aWV3` is
models/veo-3.1-generate-preview. The other fields are ours. Field 2 says where that resource stood in the order, so
that a list goes on behind it though it is gone; lists of constants do without. Field 3 is the fingerprint of the
list's arguments, field 4 holds the values of the members that the caller wanted the list ordered by, field 5 the
moment at which the first page was read, field 6 the ordinals of what was changed at this very moment before it was
read.
"""

import itertools
from base64 import b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeVar
from zlib import crc32

from mockserver.rpc.errors import ApiError, invalid_argument
from mockserver.rpc.varint import decode_varint, encode_varint

T = TypeVar("T")

Value = int | str


@dataclass(frozen=True, slots=True)
class Token:
    """Where a page ended: the last name, its rank, the fingerprint of the arguments, its values.

    `moment` is that of the first page, `changed` what was changed at this moment, but before.
    """

    name: str
    rank: int | None = None
    arguments: int | None = None
    values: tuple[Value, ...] = ()
    moment: int | None = None
    changed: tuple[int, ...] = ()


class Order(Protocol):
    """An order that a caller asks for, by `length` members of a resource."""

    @property
    def length(self) -> int:
        """How many values there are to a resource."""

    def values(self, resource: Any) -> tuple[Value, ...]:
        """Return what a resource is ordered by."""

    def key(self, values: tuple[Value, ...]) -> tuple[Any, ...]:
        """Return what sorts resources of these values."""


@dataclass(frozen=True, slots=True)
class Paging:
    """What a request says of the page it wants: how long, and behind what. `moment` is when the first one was read."""

    size: int
    after: Token | None
    arguments: int | None
    moment: int | None = None

    def cut(
        self,
        items: Iterable[T],
        *,
        key: Callable[[T], str],
        rank: Callable[[T], int] | None = None,
        order: Order | None = None,
        changed: tuple[int, ...] = (),
    ) -> tuple[list[T], str | None]:
        """Return the page, from items that begin where it does, and the token of the next one or None."""
        first_items = list(islice(items, self.size + 1))
        if len(first_items) <= self.size:
            return first_items, None
        del first_items[-1]
        last = first_items[-1]
        values = order.values(last) if order else ()
        token = Token(key(last), rank(last) if rank else None, self.arguments, values, self.moment, changed)
        return first_items, mint_token(token)


def paging(
    *, page_size: int | None, page_token: str | None, default: int, maximum: int, scope: str, moment: int | None = None
) -> Paging:
    """Return what a request says of the page it wants.

    `scope` is what is listed, the collection and after a "?" the arguments, such as "tunedModels?filter=owner:me": a
    token of another list is refused. A size of None or 0 is `default`, one over `maximum` is `maximum` (AIP-158).
    `moment` is now, for a list whose order depends on the time: its first page settles that.

    Raises ApiError INVALID_ARGUMENT for a negative size and for a token that is none of ours.
    """
    if page_size is not None and page_size < 0:
        raise invalid_argument("Page size must be nonnegative.")  # measured on Firestore; our choice here: not seen
    size = min(page_size or default, maximum)
    arguments = _fingerprint(scope)
    if not page_token:
        return Paging(size, None, arguments, moment)
    token = parse_token(page_token)
    if token is None or token.arguments != arguments or not token.name.startswith(_collection(scope)):
        raise _bad_token()
    if (token.moment is None) is not (moment is None):
        raise _bad_token()
    return Paging(size, token, arguments, token.moment)


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
    order: Order | None = None,
) -> tuple[list[T], str | None]:
    """Return the page after `page_token` of a list that is at hand, and the token of the next one or None.

    `key` is an item's resource name. Items must ascend by `order`, those of the same values by `rank`, those of the
    same rank by name; without `rank` they are constants, in any order. The rest is as for `paging`.
    """
    its_page = paging(page_size=page_size, page_token=page_token, default=default, maximum=maximum, scope=scope)
    start = 0 if its_page.after is None else _after(its_page.after, items, key, rank, order)
    return its_page.cut(islice(items, start, None), key=key, rank=rank, order=order)


def page_walk(  # noqa: PLR0913 - all but the list are given by name
    walk: Callable[[tuple[int, str] | None], Iterable[T]],
    *,
    key: Callable[[T], str],
    rank: Callable[[T], int],
    page_size: int | None,
    page_token: str | None,
    default: int,
    maximum: int,
    scope: str,
) -> tuple[list[T], str | None]:
    """Return the same of a list that is read from an index: `walk` gives what comes behind a rank and a name."""
    its_page = paging(page_size=page_size, page_token=page_token, default=default, maximum=maximum, scope=scope)
    return its_page.cut(walk(ranked(its_page.after)), key=key, rank=rank)


def ranked(after: Token | None) -> tuple[int, str] | None:
    """Rank and name of a token. Raises ApiError INVALID_ARGUMENT for one without a rank."""
    if after is None:
        return None
    if after.rank is None:
        raise _bad_token()
    return after.rank, after.name


def _after(
    token: Token,
    items: Sequence[T],
    key: Callable[[T], str],
    rank: Callable[[T], int] | None,
    order: Order | None,
) -> int:
    """Return the index of the first item behind the token's."""
    if rank is None:
        index = next((index for index, item in enumerate(items) if key(item) == token.name), None)
        if index is None:
            raise _bad_token()
        return index + 1
    if token.rank is None:
        raise _bad_token()
    if order is None:
        return bisect_right(items, (token.rank, token.name), key=lambda item: (rank(item), key(item)))
    behind = (order.key(check_values(token, order)), token.rank, token.name)
    return bisect_right(items, behind, key=lambda item: (order.key(order.values(item)), rank(item), key(item)))


def check_values(token: Token, order: Order) -> tuple[Value, ...]:
    """Return the values of a token.

    Raises ApiError INVALID_ARGUMENT unless there are as many as the order has members.
    """
    if len(token.values) != order.length:
        raise _bad_token()
    return token.values


def _bad_token() -> ApiError:
    return invalid_argument("Invalid page token.")  # measured on Firestore; our choice here: not seen


def _collection(scope: str) -> str:
    return scope.partition("?")[0].rstrip("/") + "/"


def _fingerprint(scope: str) -> int | None:
    arguments = scope.partition("?")[2]
    return crc32(arguments.encode()) if arguments else None


def mint_token(token: Token) -> str:
    """Return the token as text: URL-safe base64 with its padding [padding seen]."""
    name = token.name.encode()
    message = b"\x0a" + encode_varint(len(name)) + name
    if token.rank is not None:
        message += b"\x10" + encode_varint(_zigzag(token.rank))
    if token.arguments is not None:
        message += b"\x18" + encode_varint(token.arguments)
    if token.values:
        values = b"".join(itertools.starmap(_value, enumerate(token.values, 1)))
        message += b"\x22" + encode_varint(len(values)) + values
    if token.moment is not None:
        message += b"\x28" + encode_varint(token.moment)
    if token.changed:
        ordinals = b"".join(map(encode_varint, token.changed))
        message += b"\x32" + encode_varint(len(ordinals)) + ordinals
    return urlsafe_b64encode(message).decode()


def parse_token(text: str) -> Token | None:
    """Return what a token says, or None if it is no token. Padding and either base64 alphabet are accepted."""
    try:
        bare = text.rstrip("=").replace("+", "-").replace("/", "_")
        fields = _fields(b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True))
        name = fields.pop(1)
        rank, arguments, moment = fields.pop(2, None), fields.pop(3, None), fields.pop(5, None)
        values, changed = fields.pop(4, b""), fields.pop(6, b"")
        if fields or not isinstance(name, bytes) or not isinstance(values, bytes) or not isinstance(changed, bytes):
            return None
        if isinstance(rank, bytes) or isinstance(arguments, bytes) or isinstance(moment, bytes):
            return None
        pairs = sorted(_fields(values).items())
        return Token(
            name.decode(),
            None if rank is None else _unzigzag(rank),
            arguments,
            tuple(value.decode() if isinstance(value, bytes) else _unzigzag(value) for _, value in pairs),
            moment,
            tuple(_varints(changed)),
        )
    except (ValueError, LookupError):  # not base64, not UTF-8; cut short, no name
        return None


def _varints(raw: bytes) -> Iterator[int]:
    position = 0
    while position < len(raw):
        value, position = decode_varint(raw, position)
        yield value


def _fields(raw: bytes) -> dict[int, int | bytes]:
    """Return the fields of a message of varints and strings. IndexError when it is cut short."""
    fields: dict[int, int | bytes] = {}
    position = 0
    while position < len(raw):
        tag, position = decode_varint(raw, position)
        number, kind = tag >> 3, tag & 7
        value, position = decode_varint(raw, position)
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


def _value(number: int, value: Value) -> bytes:
    if isinstance(value, int):
        return encode_varint(number << 3) + encode_varint(_zigzag(value))
    text = value.encode()
    return encode_varint(number << 3 | 2) + encode_varint(len(text)) + text


def _zigzag(value: int) -> int:
    return value * 2 if value >= 0 else -value * 2 - 1


def _unzigzag(value: int) -> int:
    return (value >> 1) ^ -(value & 1)
