"""Response headers, in the order of HTTP/1.1 recordings.

1180 recordings have no Cache-Control, no ETag and no request id. Names are lower case, as ASGI requires; the lists are
ready for `http.response.start`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache

from mockserver.http.error_pages import CONTENT_TYPE as HTML

Headers = list[tuple[bytes, bytes]]
Nanos = int

JSON = "application/json; charset=UTF-8"
EVENTS = "text/event-stream"  # no charset [seen]
SCRIPT = "text/javascript; charset=UTF-8"  # of a body with `callback=` [measured]

DEFAULT_SERVER = "scaffolding on HTTPServer2"

# The parts that do not change are made once: a reply needs about a dozen headers.
Fixed = tuple[tuple[bytes, bytes], ...]

_VARY: Fixed = ((b"vary", b"Origin"), (b"vary", b"X-Origin"), (b"vary", b"Referer"))
_SHIELD: Fixed = (
    (b"x-xss-protection", b"0"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"x-content-type-options", b"nosniff"),
)
_ALT_SVC = (b"alt-svc", b'h3=":443"; ma=2592000,h3-29=":443"; ma=2592000')
_CHUNKED = (b"transfer-encoding", b"chunked")
_GZIPPED = (b"content-encoding", b"gzip")
_EXPOSED = b"vary,vary,vary,content-encoding,date,server,content-length"

# The headers that a browser may announce. Content-Type and x-goog-* were seen accepted, x-stainless-* and api-revision
# refused; the others are what Google's own browser client may send. # our choice: not seen
_BROWSER_NAMES = (
    "content-type accept accept-language authorization cache-control content-encoding content-language "
    "content-length content-range if-match if-modified-since if-none-match if-unmodified-since origin pragma range "
    "x-client-data x-client-version x-http-method-override x-javascript-user-agent x-origin x-referer "
    "x-requested-with x-server-timeout x-upload-content-length x-upload-content-type"
)
_ALLOWED = frozenset(_BROWSER_NAMES.split())
_ALLOWED_PREFIXES = ("x-goog-", "x-firebase-")

_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", re.IGNORECASE)


@dataclass(slots=True)  # frozen would cost more than the headers do
class Head:
    """The values on which the headers of an answer depend.

    `now` is the time in nanoseconds. Only some services set `timing_ms` and `tier`. `origin` is the request's. If
    `length` is None, the body is chunked.
    """

    now: Nanos
    server: str = DEFAULT_SERVER
    timing_ms: int | None = None
    tier: str | None = None
    origin: str | None = None
    gzip: bool = False
    length: int | None = None

    def success(self, content_type: str = JSON) -> Headers:
        """Return the headers of a unary answer, or of a stream sent as a JSON array."""
        return [*self._tier(), _content_type(content_type), *_VARY, *self._rest()]

    def error(self, content_type: str = JSON, extra: Mapping[str, str] | None = None) -> Headers:
        """Return the headers of an error: Vary comes before Content-Type [seen].

        That `extra` comes first is our choice: not seen.
        """
        headers = [(name.lower().encode(), text.encode()) for name, text in (extra or {}).items()]
        return [
            *headers,
            *self._tier(),
            *_VARY,
            _content_type(content_type),
            *self._rest(),
        ]

    def events(self) -> Headers:
        """Return the headers of a stream of events: chunked, never compressed, and an attachment [seen]."""
        disposition = (b"content-disposition", b"attachment")
        return [*self._tier(), _content_type(EVENTS), disposition, *_VARY, _CHUNKED, *self._dated()]

    def page(self) -> Headers:
        """Return the headers of a page of the outermost server."""
        size = str(self.length or 0).encode()
        return [
            _content_type(HTML),
            (b"referrer-policy", b"no-referrer"),
            (b"content-length", size),
            self._date(),
            _ALT_SVC,
        ]

    def preflight(self, requested: str) -> tuple[int, Headers]:
        """Return status and headers for OPTIONS; `requested` is Access-Control-Request-Headers as sent.

        A name that is not allowed gets 403 without any Access-Control header, which browsers report as a CORS failure
        [seen].
        """
        vary: Headers = [(b"vary", b"origin"), (b"vary", b"referer"), (b"vary", b"x-origin")]
        end: Headers = [
            self._date(),
            (b"server", self.server.encode()),
            *_SHIELD,
            _ALT_SVC,
            _content_type("text/html"),
            (b"content-length", b"0"),
        ]
        names = [name.strip().lower() for name in requested.split(",") if name.strip()]
        if not all(name in _ALLOWED or name.startswith(_ALLOWED_PREFIXES) for name in names):
            return 403, [*vary, *end]
        headers: Headers = [
            (b"access-control-allow-origin", (self.origin or "*").encode("latin-1")),
            *vary,
            (b"access-control-allow-methods", b"DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT"),
            (b"access-control-allow-headers", requested.encode("latin-1")),
            (b"access-control-max-age", b"3600"),
        ]
        return 200, [*headers, *end]

    def _rest(self) -> Headers:
        size = _CHUNKED if self.length is None else (b"content-length", b"%d" % self.length)
        return [_GZIPPED, *self._dated(), size] if self.gzip else [*self._dated(), size]

    def _dated(self) -> Fixed:
        return _dated(self.now // 1_000_000_000, self.server, self.timing_ms, self.origin)

    def _date(self) -> tuple[bytes, bytes]:
        return b"date", http_date(self.now // 1_000_000_000)

    def _tier(self) -> Headers:
        return [(b"x-gemini-service-tier", self.tier.encode())] if self.tier else []


@lru_cache(maxsize=64)
def _dated(second: int, server: str, timing_ms: int | None, origin: str | None) -> Fixed:
    """Return the date of a second, and what follows it: the same for all answers of a second."""
    cors: Headers = []
    if origin:
        allow = (b"access-control-allow-origin", origin.encode("latin-1"))
        cors = [allow, (b"access-control-expose-headers", _EXPOSED)]
    timing = [] if timing_ms is None else [(b"server-timing", b"gfet4t7; dur=%d" % timing_ms)]
    return (b"date", http_date(second)), (b"server", server.encode()), *_SHIELD, *cors, *timing, _ALT_SVC


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether the client accepts gzip, with any weight but 0 (RFC 9110)."""
    return _GZIP.search(accept_encoding) is not None


def retry_after_seconds(headers: Iterable[tuple[str, str]]) -> float:
    """Return the seconds that Retry-After requests, as a number or as a time after Date; 0 without a valid one."""
    texts = {name.lower(): value for name, value in headers}
    text = texts.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - parsedate_to_datetime(texts.get("date", ""))).total_seconds())
    except (TypeError, ValueError):  # of two dates only one has a time zone; not a date
        return 0.0


@lru_cache(maxsize=64)
def http_date(seconds: int) -> bytes:
    """Format seconds since the epoch as `Wed, 19 Aug 2026 14:38:10 GMT`."""
    return formatdate(seconds, usegmt=True).encode()


@lru_cache(maxsize=16)
def _content_type(text: str) -> tuple[bytes, bytes]:
    return b"content-type", text.encode()
