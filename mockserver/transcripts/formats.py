"""Finds exchanges in parsed data, in the formats of several recorders.

These are vcrpy, Ruby's VCR, Google's recorders for js-genai and python-genai, our own, and lists that people write
by hand: `{"request": {...} or "GET /v1/x", "status": 404, "body": {...}}`, where the members of the request or of the
response may also stand in the outer object.
"""

import base64
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mockserver.transcripts.exchange import (
    Exchange,
    Headers,
    RecordedRequest,
    RecordedResponse,
    UnreadableFile,
    lower_names,
    parse_date,
)

Json = dict[str, Any]

_LINE = re.compile(r"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (https?://\S+|/\S+)\s*(.*)", re.DOTALL)
_HEADER = re.compile(r"(?<![a-z-])(x-goog-[a-z-]+|authorization|content-type): ((?:Bearer )?[^\s<>]+)", re.IGNORECASE)
_ABBREVIATED = re.compile(r"\.\.\.|…|<(?![A-Z_]+>)")
_NO_CREDENTIALS = re.compile(r"\((?:no key|no credentials)[^()]*\)")


class ExchangeFinder:
    """Finds exchanges in the data of one file, and counts responses without a request."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.source = ""
        self.lone_responses = 0
        self.described: list[str] = []
        """Requests that are described in words and cannot be sent."""

    def find(self, tree: Any) -> Iterator[Exchange]:
        """Yield every exchange, in the order of the file."""
        if isinstance(tree, list):
            for item in tree:
                yield from self.find(item)
        elif isinstance(tree, dict):
            self.source = self.source or str(tree.get("source") or tree.get("_source") or "")
            exchange = self._exchange(tree)
            if exchange is not None:
                yield exchange
            elif not self._count_lone_response(tree):
                for item in tree.values():
                    yield from self.find(item)

    def _exchange(self, node: Json) -> Exchange | None:
        request = self._request(node)
        response = self._response(node)
        if request is None or response is None:
            return None
        source = node.get("source") or node.get("recordID") or self.source
        return Exchange(request, response, str(source), parse_date(response.headers) or _parse_moment(node.get("date")))

    def _count_lone_response(self, node: Json) -> bool:
        """Return whether this is a response without a request, and count it."""
        bodies = (node.get("body"), node.get("response"), node.get("body_segments"))
        if _status(node) is None or not ("headers" in node or any(isinstance(body, dict | list) for body in bodies)):
            return False
        self.lone_responses += 1
        return True

    def _request(self, node: Json) -> RecordedRequest | None:
        inner = node.get("request")
        if isinstance(inner, str):
            return self._parse_line(inner, str(node.get("host", "")))
        holder = inner if isinstance(inner, dict) else node
        method, url = holder.get("method"), holder.get("url") or holder.get("uri")
        if not isinstance(method, str) or not isinstance(url, str):
            # httplib2 adds the URL to the headers of its responses, and nothing else about the request.
            names_and_values = _headers(node.get("headers"))
            location = next((value for name, value in names_and_values if name == "content-location"), "")
            return RecordedRequest("GET", location) if location.startswith("https://") else None
        if url.startswith("/"):
            url = f"https://{holder.get('serverAddress') or holder.get('host') or 'localhost'}{url}"
        if not _is_url(url):
            return None
        headers = _headers(holder.get("headers"))
        body = _body(holder, headers) if holder is inner else None
        return RecordedRequest(method.upper(), url, headers, None if body is None else body[0])

    def _parse_line(self, text: str, host: str) -> RecordedRequest | None:
        """Parse a request line with optional headers and body. With any other words after it, it is a description."""
        match = _LINE.fullmatch(text.strip())
        if match is None or _ABBREVIATED.search(match[2]):
            self.described.append(text)
            return None
        method, url, rest = match.groups()
        headers = tuple(_HEADER.findall(rest))
        rest = _NO_CREDENTIALS.sub("", _HEADER.sub("", rest)).strip()
        body = rest.encode() if rest and _is_json(rest) else None
        url = url if url.startswith("http") else f"https://{host or 'localhost'}{url}"
        if (rest and body is None) or not _is_url(url):
            self.described.append(text)
            return None
        return RecordedRequest(method, url, lower_names(headers), body)

    def _response(self, node: Json) -> RecordedResponse | None:
        inner = node.get("response")
        holder = inner if isinstance(inner, dict) and _status(inner) is not None else node
        status = _status(holder)
        headers = _headers(holder.get("headers"))
        body = _body(holder, headers) or _file_body(holder, self._folder)
        if body is None and holder is node and isinstance(inner, dict | list):
            body = _from_tree(inner)
        if body is None or (status is None and not isinstance(node.get("request"), str)):
            return None
        return RecordedResponse(status or _status_in_body(body[0]), headers, *body, pauses=_pauses(holder))


def _pauses(node: Json) -> tuple[float, ...]:
    """Return the seconds before each event; a list of anything else is not ours."""
    pauses = node.get("pauses")
    if not isinstance(pauses, list) or not all(type(each) in {int, float} and 0 <= each <= 3600 for each in pauses):
        return ()
    return tuple(map(float, pauses))


def _status_in_body(body: bytes) -> int:
    """Return the status of a response of which only the body was recorded: that of its error, else 200."""
    error = re.search(rb'"error": *\{\s*"code": *(\d{3})', body)
    return int(error[1]) if error else 200


def _is_url(text: str) -> bool:
    try:
        return urlsplit(text).port != 0
    except ValueError:  # an unclosed bracket, or a port that is not a number
        return False


def _status(node: Json) -> int | None:
    headers = node.get("headers")
    in_headers = headers.get("status") if isinstance(headers, dict) else None  # httplib2 writes it there
    names = ("status", "statusCode", "status_code", "http")
    status = next((node[name] for name in names if name in node), in_headers)
    if isinstance(status, dict):
        status = status.get("code")
    if isinstance(status, str) and status.isdigit():
        status = int(status)
    return status if isinstance(status, int) and 100 <= status < 600 else None


def _headers(table: Any) -> Headers:
    if not isinstance(table, dict):
        return ()
    pairs = ((name, value if isinstance(value, list) else [value]) for name, value in table.items())
    return lower_names((name, str(value)) for name, values in pairs for value in values)


def _body(holder: Json, headers: Headers) -> tuple[bytes, bool] | None:
    """Return the body and whether its bytes are exact; None if there is none."""
    for name in ("bodySegments", "body_segments"):
        if isinstance(segments := holder.get(name), list):
            return _from_segments(segments, headers)
    if "parsed_body" in holder:
        return _from_tree(holder["parsed_body"])
    if "body" not in holder:
        return None
    body = holder["body"]
    if isinstance(body, dict) and body.keys() & {"string", "base64_string"}:
        body = _decode_base64(body["base64_string"]) if "base64_string" in body else body["string"]
    if body is None:
        return b"", True
    if isinstance(body, dict | list):
        return _from_tree(body)
    raw = body if isinstance(body, bytes) else str(body).encode()
    return decompress(raw), True


def _decode_base64(text: Any) -> bytes:
    try:
        return base64.b64decode(text)
    except (TypeError, ValueError):
        raise UnreadableFile("a body is not valid base64") from None


def decompress(raw: bytes) -> bytes:
    """Decompress a gzip body; return any other unchanged. Raises UnreadableFile."""
    try:
        return gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw
    except (EOFError, OSError, zlib.error):
        raise UnreadableFile("a truncated or broken gzip body") from None


def _file_body(holder: Json, folder: Path) -> tuple[bytes, bool] | None:
    """Return a body that is in a file of its own, beside the recording."""
    name = holder.get("raw_file")
    if not isinstance(name, str) or Path(name).name != name or not (folder / name).is_file():
        return None
    return (folder / name).read_bytes(), True


def _from_tree(tree: Any) -> tuple[bytes, bool]:
    return _json(tree, indent=2), False


def _json(tree: Any, indent: int | None = None) -> bytes:
    return json.dumps(tree, indent=indent, ensure_ascii=False, default=_text).encode("utf-8", "replace")


def _text(value: Any) -> str:
    """Convert the dates and bytes that YAML creates from texts that look like them."""
    if isinstance(value, date):
        return value.isoformat().replace("+00:00", "Z")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _from_segments(segments: list[Any], headers: Headers) -> tuple[bytes, bool]:
    """Return the body from segments of js-genai: the events of a stream, or one value."""
    errors = [segment for segment in segments if isinstance(segment, dict) and "error" in segment]
    events = any(name == "content-type" and "event-stream" in value for name, value in headers)
    if events and not errors:
        return b"".join(b"data: %b\r\n\r\n" % _json(segment) for segment in segments), False
    return _from_tree(segments[0]) if len(segments) == 1 else _from_tree(segments) if segments else (b"", True)


def _parse_moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
