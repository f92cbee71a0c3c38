"""Recorded answers: a request that was recorded gets the recorded answer, byte for byte, before anybody else answers.

Requests match by method, resource and message as the method reads them, so that spelling and order of members do not
count. If none is equal, one matches that differs in ids, times, projects and buckets alone. Repeated requests get the
answers in the order in which they were recorded, then the last one again.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from mockserver.dispatch.route_table import Match, RouteTable
from mockserver.dispatch.routing import Json, Pause, Route
from mockserver.http.headers import EVENTS, JSON, Headers, http_date
from mockserver.http.reply import HttpReply, Piece, Pieces
from mockserver.http.request import HttpRequest, new_request
from mockserver.protojson.reading import bind_defined, read_request
from mockserver.rpc.errors import ApiError
from mockserver.state.clock import SECOND, Clock, Nanos
from mockserver.state.store import Store
from mockserver.state.world import World
from mockserver.transcripts.exchange import Exchange, NothingToReplay, RecordedResponse, UnreadableFile

log = logging.getLogger("mockserver")

_OWN_HEADERS = frozenset(
    {"connection", "content-encoding", "content-length", "date", "keep-alive", "transfer-encoding"}
)
"""Headers that describe how the recorded answer was sent; ours has its own."""

_VOLATILE = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)?"), "TIME"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "ID"),
    (re.compile(r"\b(?=[a-f]*+\d)[0-9a-f]{6,}+\b"), "ID"),
    (re.compile(r"\d{6,}+"), "ID"),
    (re.compile(r"\bprojects/[^/]+"), "projects/PROJECT"),
    (re.compile(r"\bgs://[^/]+"), "gs://BUCKET"),
)
_WORDS = frozenset({"text"})
"""Members that hold what people and models say: numbers in them are no ids."""

_EVENT_END = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class RecordingKeys:
    """What a request is known by: with its message, with its volatile parts masked, and without its body.

    `method` is the id of its method; of one that is not served here, verb and path. `message` is None if it cannot be
    read. `response` is the type of the answer, "" if it is unknown.
    """

    method: str
    message: Any
    response: str
    exact: str
    masked: str
    bodiless: str

    @property
    def method_id(self) -> str:
        """Return the id of the method; "" for one that is not served here."""
        return "" if " " in self.method else self.method


@dataclass(frozen=True, slots=True)
class Recordings:
    """The exchanges of a directory, by what their requests are known by."""

    folder: Path
    by_key: dict[str, list[Exchange]] = field(default_factory=dict)
    methods: dict[str, int] = field(default_factory=dict)

    def add(self, exchange: Exchange, keys: RecordingKeys) -> None:
        """Add an exchange. One whose body was not recorded matches whatever the body is."""
        self.methods[keys.method] = self.methods.get(keys.method, 0) + 1
        request_keys = {keys.bodiless} if exchange.request.body is None else {keys.exact, keys.masked}
        for key in request_keys:
            self.by_key.setdefault(key, []).append(exchange)

    def find_answer(self, keys: RecordingKeys, store: Store) -> RecordedResponse | None:
        """Return the next answer to a request, if it was recorded; the store counts how often it was asked for."""
        for key in (keys.exact, keys.masked, keys.bodiless):
            if exchanges := self.by_key.get(key):
                number = store.count(f"recordings {sha256(key.encode()).hexdigest()}")
                return exchanges[min(number, len(exchanges) - 1)].response
        return None

    def describe_missing(self, keys: RecordingKeys) -> str:
        """Return why a request has no recorded answer."""
        count = self.methods.get(keys.method, 0)
        others = f"{count} requests for other resources or with other messages" if count else "nothing"
        return f"{keys.method} is not recorded like this: the recordings in {self.folder} have {others} of it"


_loaded: WeakKeyDictionary[Store, Recordings] = WeakKeyDictionary()


def recordings_of(world: World, folder: Path, table: RouteTable) -> Recordings:
    """Return the recordings of a world, which are read when its first request comes."""
    from mockserver.transcripts.reading import find_files  # noqa: PLC0415 - few worlds need YAML

    loaded = _loaded.get(world.store.origin)
    if loaded is None or loaded.folder != folder:
        state = tuple((path, path.stat().st_mtime_ns) for path in find_files(folder))
        loaded = _loaded[world.store.origin] = _load(folder, state, table)
    return loaded


@lru_cache(maxsize=16)
def _load(folder: Path, files: tuple[tuple[Path, int], ...], table: RouteTable) -> Recordings:
    """Read the exchanges of these files. A file that cannot be read is logged and left out."""
    from mockserver.transcripts.reading import read  # noqa: PLC0415 - as above

    recordings = Recordings(folder)
    for path, _ in files:
        try:
            exchanges = read(path).exchanges
        except NothingToReplay:
            continue
        except UnreadableFile as error:
            log.warning("%s is not used as a recording: %s", path, error)
            continue
        for exchange in exchanges:
            request, parts = exchange.request, exchange.request.parts
            headers = dict(request.headers)
            its_request = new_request(request.method, parts.path, parts.query, headers, request.body or b"")
            recordings.add(exchange, identify(its_request, table))
    if not recordings.methods:
        log.warning("%s has no recordings", folder)
    return recordings


def identify(http: HttpRequest, table: RouteTable) -> RecordingKeys:
    """Return what a request is known by."""
    head = http.head
    parameters, query = head.parameters, head.own_pairs
    match = table.match(head.verb, head.path, lenient=True)
    if match is not None and (message := _bind(http, match, query)) is not None:
        return identify_message(match.route, parameters.alt, match.path, message)
    method = f"{head.verb} {_mask(head.path)}" if match is None else match.route.id
    resource = {"path": head.path} if match is None else match.path
    response = "" if match is None else match.route.response
    return _make_keys(method, parameters.alt, resource, [query, _read_body(http.body)], response)


def identify_message(route: Route, alt: str, resource: Mapping[str, str], message: Json) -> RecordingKeys:
    """Return what a request is known by: the format of its answer, the variables of its path, its message."""
    return replace(_make_keys(route.id, alt, resource, message, route.response), message=message)


def _make_keys(method: str, alt: str, resource: Mapping[str, str], content: Any, response: str) -> RecordingKeys:
    whole = [method, alt, dict(resource), content]
    bodiless = ["bodiless", method, alt, _mask(dict(resource))]
    return RecordingKeys(method, None, response, _dump(whole), _dump(["masked", *_mask(whole)]), _dump(bodiless))


def _bind(http: HttpRequest, match: Match, query: list[tuple[str, str]]) -> Json | None:
    """Return the message as the method reads it; None if it cannot."""
    try:
        return read_request(
            match.route.request,
            body=http.body if match.route.body else None,
            body_field=match.route.body,
            path=match.path,
            query=query,
            content_type=http.head.headers.get("content-type", JSON),
        )
    except ApiError:
        return None


def _read_body(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def _dump(tree: Any) -> str:
    return json.dumps(tree, sort_keys=True, default=repr)


def _mask(tree: Any) -> Any:
    """Return the tree without ids, times, projects and buckets in its texts."""
    if isinstance(tree, dict):
        return {name: value if name in _WORDS else _mask(value) for name, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_mask(item) for item in tree]
    if isinstance(tree, str):
        for pattern, word in _VOLATILE:
            tree = pattern.sub(word, tree)
    return tree


def print_recorded(response: RecordedResponse, now: Nanos, clock: Clock) -> HttpReply:
    """Return the recorded answer, with today's date. The events of a stream come after the recorded pauses."""
    is_events = response.body.startswith(b"data:")
    headers: Headers = [
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in response.headers
        if name not in _OWN_HEADERS
    ]
    if not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", (EVENTS if is_events else JSON).encode()))
    headers.append((b"date", http_date(now // SECOND)))
    if response.pauses:
        return HttpReply(
            response.status, [*headers, (b"transfer-encoding", b"chunked")], Pieces(_paced(response)), clock
        )
    return HttpReply(
        response.status, [*headers, (b"content-length", str(len(response.body)).encode())], response.body, clock
    )


def _paced(response: RecordedResponse) -> Iterator[Piece]:
    start = 0
    pauses = iter(response.pauses)
    for end in [*(match.end() for match in _EVENT_END.finditer(response.body)), len(response.body)]:
        if end == start:
            continue
        if seconds := next(pauses, 0.0):
            yield Pause(seconds)
        yield response.body[start:end]
        start = end


def describe_response(response: RecordedResponse, message: str) -> Any:
    """Return what the log of calls keeps of an answer: a message of that type, a list of a stream's, or an error.

    Members that the type does not define are left out. Without a type, as of a method that is not served, it is the
    JSON.
    """
    text = response.body.decode("utf-8", "replace").strip()
    if text.startswith("data:"):
        events = re.split(r"\r?\n\r?\n", text)
        return [_message(message, _read_body(event.removeprefix("data:").encode())) for event in events]
    tree = _read_body(response.body)
    if isinstance(tree, list):
        return [_message(message, each) for each in tree]
    if response.status >= 400:
        error = tree.get("error") if isinstance(tree, dict) else None
        return error if isinstance(error, dict) else {}
    return _message(message, tree)


def _message(message: str, tree: Any) -> Any:
    if not isinstance(tree, dict):
        return {}
    return bind_defined(message, tree) if message else tree
