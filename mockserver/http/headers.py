"""Response headers, in the order of HTTP/1.1 recordings.

1180 recordings have no Cache-Control, no ETag and no request id. Names are lower case, as ASGI requires; the lists are
ready for `http.response.start`.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple

from mockserver.http.error_pages import CONTENT_TYPE as HTML
from mockserver.state.clock import SECOND, Nanos

Headers = list[tuple[bytes, bytes]]

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


class ReplyHead(NamedTuple):  # a key of the cache below
    """The values on which the headers of all answers to a request depend.

    Only some services set `timing_ms`. `origin` is the request's. `tiered_since` is the day from which on the method
    has a service tier, None if it has none.
    """

    server: str = DEFAULT_SERVER
    timing_ms: int | None = None
    origin: str | None = None
    gzip: bool = False
    tiered_since: date | None = None

    def success(
        self, now: Nanos, length: int | None = None, content_type: str = JSON, tier: str | None = None
    ) -> Headers:
        """Return the headers of a unary answer, or of a stream sent as a JSON array. `now` is the time in nanoseconds.

        If `length` is None, the body is chunked. Only some methods have a service tier.
        """
        size = _CHUNKED if length is None else (b"content-length", b"%d" % length)
        return [*_success(self, now // SECOND, content_type, tier), size]

    def error(
        self,
        now: Nanos,
        length: int | None = None,
        content_type: str = JSON,
        tier: str | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> Headers:
        """Return the headers of an error: Vary comes before Content-Type [seen].

        That `extra` comes first is our choice: not seen.
        """
        return [
            *((name.lower().encode(), text.encode()) for name, text in (extra or {}).items()),
            *_tier(tier),
            *_VARY,
            _content_type(content_type),
            *_dated(self, now // SECOND),
            _CHUNKED if length is None else (b"content-length", b"%d" % length),
        ]

    def events(self, now: Nanos) -> Headers:
        """Return the headers of a stream of events: chunked, never compressed, and an attachment [seen]."""
        disposition = (b"content-disposition", b"attachment")
        dated = _dated(self._replace(gzip=False), now // SECOND)
        return [_content_type(EVENTS), disposition, *_VARY, _CHUNKED, *dated]

    def page(self, now: Nanos, length: int) -> Headers:
        """Return the headers of a page of the outermost server."""
        return [
            _content_type(HTML),
            (b"referrer-policy", b"no-referrer"),
            (b"content-length", b"%d" % length),
            (b"date", http_date(now // SECOND)),
            _ALT_SVC,
        ]

    def preflight(self, now: Nanos, requested: str) -> tuple[int, Headers]:
        """Return status and headers for OPTIONS; `requested` is Access-Control-Request-Headers as sent.

        A name that is not allowed gets 403 without any Access-Control header, which browsers report as a CORS failure
        [seen].
        """
        vary: Headers = [(b"vary", b"origin"), (b"vary", b"referer"), (b"vary", b"x-origin")]
        end: Headers = [
            (b"date", http_date(now // SECOND)),
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


@lru_cache(maxsize=64)
def _success(head: ReplyHead, second: int, content_type: str, tier: str | None) -> Fixed:
    """Return all but the length, which alone differs in the answers of a second."""
    return (*_tier(tier), _content_type(content_type), *_VARY, *_dated(head, second))


@lru_cache(maxsize=64)
def _dated(head: ReplyHead, second: int) -> Fixed:
    """Return the date of a second, and what is around it: the same for all answers of a second."""
    encoding = [_GZIPPED] if head.gzip else []
    cors: Headers = []
    if head.origin:
        allow = (b"access-control-allow-origin", head.origin.encode("latin-1"))
        cors = [allow, (b"access-control-expose-headers", _EXPOSED)]
    timing = [] if head.timing_ms is None else [(b"server-timing", b"gfet4t7; dur=%d" % head.timing_ms)]
    date, server = (b"date", http_date(second)), (b"server", head.server.encode())
    return (*encoding, date, server, *_SHIELD, *cors, *timing, _ALT_SVC)


def _tier(tier: str | None) -> Headers:
    return [(b"x-gemini-service-tier", tier.encode())] if tier else []


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


def _content_type(text: str) -> tuple[bytes, bytes]:
    return b"content-type", text.encode()
