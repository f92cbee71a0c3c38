"""Pages of lists, which are ordered by name."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

from mockserver.cloud_storage import errors
from mockserver.cloud_storage.call import StorageCall

T = TypeVar("T")

MAX_RESULTS = 1000  # documented


def page(call: StorageCall, items: Iterable[T], name: Callable[[T], str]) -> tuple[list[T], str]:
    """Return the items of the page that the request asks for, and the token of the next one, "" if this is the last."""
    after = _read_token(call.query.get("pageToken", ""))
    size = min(call.number("maxResults") or MAX_RESULTS, MAX_RESULTS)
    selection = list(islice((item for item in items if name(item) > after), size + 1))
    token = urlsafe_b64encode(name(selection[size - 1]).encode()).decode() if len(selection) > size else ""
    return selection[:size], token


def _read_token(text: str) -> str:
    try:
        return urlsafe_b64decode(text).decode()
    except ValueError:
        raise errors.invalid(f"Invalid page token: {text}") from None
