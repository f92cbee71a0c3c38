"""Recorded exchanges (a request and its response), and our transcript file.

A transcript file is a JSON list, in chronological order:

    [{"request": {"method": "GET", "url": "https://...", "headers": {...}, "body": ""},
      "response": {"status": 200, "headers": {...}, "body": "{...}", "pauses": [0.8, 0.1]},
      "source": "recorded by mockserver 1.0", "date": "2026-10-01T19:43:49Z"}]

Header names are lower case; a header that occurs several times has a list of values. `pauses` are the seconds before
each event of a stream, if it is one of events.
"""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

Json = dict[str, Any]
Headers = tuple[tuple[str, str], ...]


class NothingToReplay(Exception):
    """The file is valid and has no request with its response; the message says what it contains."""


class UnreadableFile(Exception):
    """The file cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request. The URL is absolute; the body is None if the recorder did not keep it."""

    method: str
    url: str
    headers: Headers = ()
    body: bytes | None = b""

    @property
    def parts(self) -> SplitResult:
        """The URL in its parts."""
        return urlsplit(self.url)


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """A response. If it is not `exact`, the recorder kept data: the bytes and the order of members are lost.

    `pauses` are the seconds before each event of a stream, as far as they were recorded.
    """

    status: int
    headers: Headers = ()
    body: bytes = b""
    exact: bool = True
    pauses: tuple[float, ...] = ()

    def header(self, name: str) -> str:
        """Return the first value of a header; "" if there is none."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its response, with their source and date."""

    request: RecordedRequest
    response: RecordedResponse
    source: str = ""
    date: datetime | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """The exchanges of one file, in order, and remarks about what was not an exchange."""

    name: str
    exchanges: tuple[Exchange, ...] = ()
    remarks: tuple[str, ...] = field(default=())


def lower_names(headers: Iterable[tuple[str, str]]) -> Headers:
    """Return the headers with names in lower case, in order."""
    return tuple((name.lower(), value) for name, value in headers)


def parse_date(headers: Headers) -> datetime | None:
    """Return the time of the Date header; None if it is missing or invalid."""
    text = next((value for name, value in headers if name == "date"), "")
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def write(path: Path, exchanges: Sequence[Exchange]) -> None:
    """Write a transcript file that only its owner may read: scrubbed or not, it has prompts and answers in it.

    FileExistsError rather than write over one.
    """
    text = json.dumps([_row(exchange) for exchange in exchanges], indent=1, ensure_ascii=False)
    with open(path, "x", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text + "\n")


def _row(exchange: Exchange) -> Json:
    request, response = exchange.request, exchange.response
    return {
        "request": {
            "method": request.method,
            "url": request.url,
            "headers": _table(request.headers),
            "body": (request.body or b"").decode("utf-8", "replace"),
        },
        "response": {
            "status": response.status,
            "headers": _table(response.headers),
            "body": response.body.decode("utf-8", "replace"),
            **({"pauses": list(response.pauses)} if response.pauses else {}),
        },
        "source": exchange.source,
        "date": exchange.date.isoformat().replace("+00:00", "Z") if exchange.date else None,
    }


def _table(headers: Headers) -> dict[str, str | list[str]]:
    table: dict[str, str | list[str]] = {}
    for name, value in headers:
        if name not in table:
            table[name] = value
        elif isinstance(earlier := table[name], list):
            earlier.append(value)
        else:
            table[name] = [earlier, value]
    return table
