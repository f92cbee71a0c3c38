"""List responses: one page of resources, and the token of the next page."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from mockserver.dispatch.routing import Call, Json
from mockserver.rpc.paging import Order, page, page_walk
from mockserver.state.store import Position

T = TypeVar("T")

_ORDINAL_BITS = 64
_ORDINAL = (1 << _ORDINAL_BITS) - 1


def pack_position(position: Position) -> int:
    """Return a position in a descending index as the rank in a page token."""
    return (position.rank << _ORDINAL_BITS) + int(position.tie)


def unpack_position(after: tuple[int, str] | None) -> Position | None:
    """Return the position in a descending index of the rank and the name in a page token."""
    return None if after is None else Position(-(-after[0] >> _ORDINAL_BITS), -(-after[0] & _ORDINAL))


def list_response(  # noqa: PLR0913 - all but the list are given by name
    call: Call,
    member: str,
    items: Sequence[T],
    *,
    show: Callable[[T], Json],
    key: Callable[[T], str],
    rank: Callable[[T], int] | None = None,
    order: Order | None = None,
    default: int,
    maximum: int,
    scope: str,
) -> Json:
    """Return the page that the call asks for of items that are at hand; `member` holds what `show` makes of each.

    The other arguments are those of `rpc.paging.page`.
    """
    items, token = page(
        items,
        key=key,
        rank=rank,
        order=order,
        page_size=call.message.get("pageSize"),
        page_token=call.message.get("pageToken"),
        default=default,
        maximum=maximum,
        scope=scope,
    )
    return list_message(member, map(show, items), token)


def list_index_response(  # noqa: PLR0913 - all but the list are given by name
    call: Call,
    member: str,
    walk: Callable[[Position | None], Iterable[T]],
    *,
    show: Callable[[T], Json],
    key: Callable[[T], str],
    rank: Callable[[T], int],
    default: int,
    maximum: int,
    scope: str,
) -> Json:
    """Return the page that the call asks for of items that `walk` reads from an index, from a position on.

    The other arguments are those of `rpc.paging.page_walk`.
    """
    items, token = page_walk(
        lambda after: walk(None if after is None else Position(*after)),
        key=key,
        rank=rank,
        page_size=call.message.get("pageSize"),
        page_token=call.message.get("pageToken"),
        default=default,
        maximum=maximum,
        scope=scope,
    )
    return list_message(member, map(show, items), token)


def list_message(member: str, resources: Iterable[Json], token: str | None) -> Json:
    """Return the message of a list method; the last page has no token."""
    response: Json = {member: list(resources)}
    return response | ({"nextPageToken": token} if token else {})
