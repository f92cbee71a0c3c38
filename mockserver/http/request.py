"""An HTTP request, as a door has read it, and what its head says whatever the world."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, unquote_plus

from mockserver.http.headers import ReplyHead, accepts_gzip
from mockserver.http.parameters import NO_PARAMETERS, InvalidParameters, SystemParameters, parse_query, split_query
from mockserver.protojson.reading import is_form
from mockserver.rpc.hosts import host_without_port
from mockserver.rpc.redaction import find_real_secret

# The verbs that a POST may name in X-HTTP-Method-Override, for URLs too long for GET (Google's HTTP guidelines).
OVERRIDES = frozenset({"GET", "PUT", "PATCH", "DELETE"})

Pairs = list[tuple[str, str]]

UNRECORDED = "mockserver.unrecorded"
"""The ASGI extension of a request that a library made by itself: answered, but not recorded, without faults."""

NO_EVENT_LOOP = "mockserver.no_event_loop"
"""The ASGI extension of a door without an event loop: the app may block, and cannot await a thread.

It is a function that waits for so many of the machine's seconds.
"""


@dataclass(slots=True, eq=False)
class HttpHead:
    """The head of an HTTP request, and what it says. Apart from `route` nobody changes it.

    Header names are lower case; path and query are as on the wire. `form` is the part of the query that a GET sent as
    POST has in its body, as google-api-python-client sends it. `is_sized` says whether the client has announced the
    size of the body, or that it comes in chunks.
    """

    sent_verb: str
    path: str
    query: str
    headers: Mapping[str, str]
    is_sized: bool
    form: str = ""
    verb: str = field(init=False)
    """The verb on the wire, or the one that X-HTTP-Method-Override names."""
    has_form: bool = field(init=False)
    """Whether the body is a part of the query."""
    host: str = field(init=False)
    """The host that the client called, in lower case and without a port."""
    texts: tuple[str, ...] = field(init=False)
    """The texts that identify the client, and so may contain a world's name or a secret."""
    secret: str = field(init=False)
    """What in the head looks like a real credential: "an API key", ...; "" if nothing does."""
    pairs: Pairs = field(init=False)
    """The query, decoded."""
    own_pairs: Pairs = field(init=False)
    """The part of it that is the method's own."""
    parameters: SystemParameters = field(init=False)
    """The rest of it, as far as it is valid."""
    error: InvalidParameters | None = field(init=False)
    """The error, if the rest is not valid."""
    mask: str | None = field(init=False)
    """The field mask of the answer that the client requests, if any."""
    reply: ReplyHead = field(init=False)
    """The head of a reply that no service has answered."""
    route: Any = field(init=False, default=None)
    """What the HTTP face has found for it last, and by what."""

    def __post_init__(self) -> None:
        text = self.headers.get
        self.verb, self.has_form = self.sent_verb, False
        if self.sent_verb == "POST" and "x-http-method-override" in self.headers:
            override = self.headers["x-http-method-override"].upper()
            self.verb = override if override in OVERRIDES else self.sent_verb
            self.has_form = self.verb == "GET" and is_form(text("content-type"))
        self.host = host_without_port(text("host", ""))
        whole_query = "&".join(filter(None, (self.query, self.form)))
        self.texts = (
            text("authorization", ""),
            text("x-goog-api-key", ""),
            text("x-goog-user-project", ""),
            self.path,
            whole_query,
        )
        self.secret = find_real_secret("\n".join([self.sent_verb, *self.texts, *self.headers.values()]))
        if not self.secret and ("%" in self.path or "%" in whole_query or "+" in whole_query):
            self.secret = find_real_secret(f"{unquote(self.path)}\n{unquote_plus(whole_query)}")
        self.pairs = self.own_pairs = parse_query(whole_query)
        self.parameters, self.error = NO_PARAMETERS, None
        if self.pairs:
            try:
                self.parameters, self.own_pairs = split_query(self.pairs, verb=self.verb)
            except InvalidParameters as error:
                self.parameters, self.error = error.parameters, error.with_traceback(None)
        self.mask = self.parameters.fields or text("x-goog-fieldmask")
        self.reply = ReplyHead(origin=text("origin"), gzip=accepts_gzip(text("accept-encoding", "")))

    @property
    def target(self) -> str:
        """Return path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path


@dataclass(slots=True)
class HttpRequest:
    """An HTTP request. What is unrecorded was made by a library itself: see `UNRECORDED`."""

    head: HttpHead
    body: bytes
    is_unrecorded: bool = False


def new_request(sent_verb: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> HttpRequest:
    """Return a request that did not come by a door."""
    is_sized = "content-length" in headers or "transfer-encoding" in headers
    return _with_form(HttpRequest(HttpHead(sent_verb, path, query, headers, is_sized), body))


def _with_form(request: HttpRequest) -> HttpRequest:
    head = request.head
    if not head.has_form:
        return request
    form = request.body.decode("latin-1")
    whole = HttpHead(head.sent_verb, head.path, head.query, head.headers, head.is_sized, form)
    return HttpRequest(whole, request.body)


RawHeaders = Sequence[tuple[bytes, bytes]]

KEPT_HEADS = 256
KEPT_BYTES = 4096
"""How many heads are kept, and how long they may be."""


class RequestReader:
    """Reads requests, and keeps what the last heads say: a client sends the same one again and again.

    Polls have the same head, and so have requests that differ in their bodies: Content-Length, which differs with them,
    is not a part of it. A head with what looks like a real secret is not kept.
    """

    def __init__(self) -> None:
        self._heads: dict[tuple[Any, ...], HttpHead] = {}

    def __len__(self) -> int:
        """Return how many heads are kept."""
        return len(self._heads)

    def read(self, verb: str, path: bytes, query: bytes, raw_headers: RawHeaders, body: bytes) -> HttpRequest:
        """Return a request. `path` is as on the wire, names of headers are lower case."""
        headers = tuple([header for header in raw_headers if header[0] != b"content-length"])
        has_length = len(headers) < len(raw_headers)
        key = (verb, path, query, headers, has_length)
        head = self._heads.get(key)
        if head is None:
            head = _read_head(verb, path, query, headers, has_length=has_length)
            size = len(path) + len(query) + sum(len(name) + len(value) for name, value in headers)
            if size <= KEPT_BYTES and not head.secret:
                if len(self._heads) >= KEPT_HEADS:
                    self._heads.clear()
                self._heads[key] = head
        request = HttpRequest(head, body)
        return _with_form(request) if head.has_form else request


def _read_head(verb: str, path: bytes, query: bytes, raw_headers: RawHeaders, *, has_length: bool) -> HttpHead:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw_headers}
    is_sized = has_length or "transfer-encoding" in headers
    return HttpHead(verb, path.partition(b"?")[0].decode("latin-1"), query.decode("latin-1"), headers, is_sized)
