"""Exchanges in data, however the recorder called its members.

Read are the forms of vcrpy and of Ruby's VCR, of Google's recorders for js-genai and python-genai, of our own, and of lists that people
keep by hand: `{"request": {...} or "GET /v1/x", "status": 404, "body": {...}}`, with the members of a request or
of a reply beside one another where there is nothing around them.
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

from mockserver.recordings.exchange import Exchange, Headers, Request, Response, Unreadable, date_of, lower

Json = dict[str, Any]

_LINE = re.compile(r"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (https?://\S+|/\S+)\s*(.*)", re.DOTALL)
_HEADER = re.compile(r"(?<![a-z-])(x-goog-[a-z-]+|authorization|content-type): ((?:Bearer )?[^\s<>]+)", re.IGNORECASE)
_ABBREVIATED = re.compile(r"\.\.\.|…|<(?![A-Z_]+>)")
_NO_CREDENTIALS = re.compile(r"\((?:no key|no credentials)[^()]*\)")


class Finder:
    """Finds exchanges in the data of one file, and counts what is the half of one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.source = ""
        self.replies_alone = 0
        self.described: list[str] = []
        """Requests told in words, which cannot be sent."""

    def find(self, tree: Any) -> Iterator[Exchange]:
        """Every exchange, in the order of the file."""
        if isinstance(tree, list):
            for item in tree:
                yield from self.find(item)
        elif isinstance(tree, dict):
            self.source = self.source or str(tree.get("source") or tree.get("_source") or "")
            exchange = self._exchange(tree)
            if exchange is not None:
                yield exchange
            elif not self._half(tree):
                for item in tree.values():
                    yield from self.find(item)

    def _exchange(self, node: Json) -> Exchange | None:
        request = self._request(node)
        response = self._response(node)
        if request is None or response is None:
            return None
        source = node.get("source") or node.get("recordID") or self.source
        return Exchange(request, response, str(source), date_of(response.headers) or _moment(node.get("date")))

    def _half(self, node: Json) -> bool:
        """Whether this is a reply without a request, which is counted."""
        replies = (node.get("body"), node.get("response"), node.get("body_segments"))
        if _status(node) is None or not ("headers" in node or any(isinstance(reply, dict | list) for reply in replies)):
            return False
        self.replies_alone += 1
        return True

    def _request(self, node: Json) -> Request | None:
        said = node.get("request")
        if isinstance(said, str):
            return self._told(said, str(node.get("host", "")))
        told = said if isinstance(said, dict) else node
        method, url = told.get("method"), told.get("url") or told.get("uri")
        if not isinstance(method, str) or not isinstance(url, str):
            return _located(_headers(node.get("headers")))
        if url.startswith("/"):
            url = f"https://{told.get('serverAddress') or told.get('host') or 'localhost'}{url}"
        if not _is_url(url):
            return None
        headers = _headers(told.get("headers"))
        body = _body(told, headers) if told is said else None
        return Request(method.upper(), url, headers, None if body is None else body[0])

    def _told(self, text: str, host: str) -> Request | None:
        """A request line, perhaps with headers or a body behind it. Words behind it make it a story."""
        found = _LINE.fullmatch(text.strip())
        if found is None or _ABBREVIATED.search(found[2]):
            self.described.append(text)
            return None
        method, url, rest = found.groups()
        headers = tuple(_HEADER.findall(rest))
        rest = _NO_CREDENTIALS.sub("", _HEADER.sub("", rest)).strip()
        body = rest.encode() if rest and _is_json(rest) else None
        url = url if url.startswith("http") else f"https://{host or 'localhost'}{url}"
        if (rest and body is None) or not _is_url(url):
            self.described.append(text)
            return None
        return Request(method, url, lower(headers), body)

    def _response(self, node: Json) -> Response | None:
        said = node.get("response")
        told = said if isinstance(said, dict) and _status(said) is not None else node
        status = _status(told)
        headers = _headers(told.get("headers"))
        body = _body(told, headers) or _file_body(told, self._folder)
        if body is None and told is node and isinstance(said, dict | list):
            body = _from_tree(said)
        if body is None or (status is None and not isinstance(node.get("request"), str)):
            return None
        return Response(status or _code(body[0]), headers, *body)


def _located(headers: Headers) -> Request | None:
    """The request of a reply that says where it was found: httplib2 adds that to what it gets, and to nothing else."""
    url = next((value for name, value in headers if name == "content-location"), "")
    return Request("GET", url) if url.startswith("https://") else None


def _code(body: bytes) -> int:
    """The status of a reply of which only the body was kept: what its error says, else 200."""
    error = re.search(rb'"error": *\{\s*"code": *(\d{3})', body)
    return int(error[1]) if error else 200


def _is_url(text: str) -> bool:
    try:
        return urlsplit(text).port != 0
    except ValueError:  # a bracket that nothing closes, a port that is no number
        return False


def _status(node: Json) -> int | None:
    headers = node.get("headers")
    kept = headers.get("status") if isinstance(headers, dict) else None  # httplib2 keeps it among the headers
    names = ("status", "statusCode", "status_code", "http")
    said = next((node[name] for name in names if name in node), kept)
    if isinstance(said, dict):
        said = said.get("code")
    if isinstance(said, str) and said.isdigit():
        said = int(said)
    return said if isinstance(said, int) and 100 <= said < 600 else None


def _headers(said: Any) -> Headers:
    if not isinstance(said, dict):
        return ()
    pairs = ((name, value if isinstance(value, list) else [value]) for name, value in said.items())
    return lower((name, str(value)) for name, values in pairs for value in values)


def _body(told: Json, headers: Headers) -> tuple[bytes, bool] | None:
    """The body and whether these are its bytes; None if nothing is said of it."""
    for name in ("bodySegments", "body_segments"):
        if isinstance(segments := told.get(name), list):
            return _from_segments(segments, headers)
    if "parsed_body" in told:
        return _from_tree(told["parsed_body"])
    if "body" not in told:
        return None
    body = told["body"]
    if isinstance(body, dict) and body.keys() & {"string", "base64_string"}:
        body = _decoded(body["base64_string"]) if "base64_string" in body else body["string"]
    if body is None:
        return b"", True
    if isinstance(body, dict | list):
        return _from_tree(body)
    raw = body if isinstance(body, bytes) else str(body).encode()
    return unzipped(raw), True


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text)
    except (TypeError, ValueError):
        raise Unreadable("a body that should be base64 and is not") from None


def unzipped(raw: bytes) -> bytes:
    """A body as it is, or as it was before it was zipped. Raises Unreadable."""
    try:
        return gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw
    except (EOFError, OSError, zlib.error):
        raise Unreadable("a zipped body that is cut off or broken") from None


def _file_body(told: Json, folder: Path) -> tuple[bytes, bool] | None:
    """A body that is in a file of its own, beside this one."""
    name = told.get("raw_file")
    if not isinstance(name, str) or Path(name).name != name or not (folder / name).is_file():
        return None
    return (folder / name).read_bytes(), True


def _from_tree(tree: Any) -> tuple[bytes, bool]:
    return _json(tree, indent=2), False


def _json(tree: Any, indent: int | None = None) -> bytes:
    return json.dumps(tree, indent=indent, ensure_ascii=False, default=_text).encode("utf-8", "replace")


def _text(value: Any) -> str:
    """Bytes and dates, which YAML makes of texts that look like them."""
    if isinstance(value, date):
        return value.isoformat().replace("+00:00", "Z")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _from_segments(segments: list[Any], headers: Headers) -> tuple[bytes, bool]:
    """Of js-genai: the events of a stream, or the one value of a body."""
    errors = [segment for segment in segments if isinstance(segment, dict) and "error" in segment]
    events = any(name == "content-type" and "event-stream" in value for name, value in headers)
    if events and not errors:
        return b"".join(b"data: %b\r\n\r\n" % _json(segment) for segment in segments), False
    return _from_tree(segments[0]) if len(segments) == 1 else _from_tree(segments) if segments else (b"", True)


def _moment(said: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(said)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
