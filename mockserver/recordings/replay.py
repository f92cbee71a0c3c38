"""Replays a transcript in a world of its own, whose clock follows the recorded dates."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from mockserver.app import create_app
from mockserver.dispatch.route_table import Match
from mockserver.doors.inprocess import AppRequest, send_request
from mockserver.inspection.services import route_table
from mockserver.protojson import schema
from mockserver.protojson.scalars import InvalidValue
from mockserver.protojson.well_known import parse_timestamp
from mockserver.recordings.answer_extraction import extract_answer
from mockserver.recordings.comparison import ABSENT, Difference, Grade, compare, grade, parse_messages
from mockserver.recordings.credentials import substitute_credentials
from mockserver.recordings.id_mapping import IdMapping
from mockserver.recordings.preconditions import LAST_MOMENT, Preconditions, find_preconditions
from mockserver.scripting.answers import Rule
from mockserver.scripting.scenario import Scenario
from mockserver.state.clock import SECOND, ManualClock, Nanos, to_datetime, to_nanos
from mockserver.state.world import Settings, World
from mockserver.transcripts.exchange import Exchange, RecordedRequest, RecordedResponse, Transcript, lower_names

# For transcripts without a date. Any date works, because all eras are served at once.
DEFAULT_START = datetime(2025, 1, 1, tzinfo=UTC)

# The Date header has whole seconds. Without a fraction our times would have fewer digits than recorded ones.
_FRACTION: Nanos = 123_456_789

# Jobs take different times: a GET that finds another state is repeated at these multiples of the elapsed time, and, as
# a Date header has whole seconds, this much later: a job can be created and got in one second.
_TIME_FACTORS = (0.9, 1.1, 0.75, 1.33, 0.5, 2.0, 0.25, 4.0)
_SECONDS_LATER = (0.1, 0.5, 1.0, 2.0)

# The days on which an exchange without a date is tried, the newest first: sentences changed.
_OTHER_DAYS = tuple(datetime(year, 11, 1, tzinfo=UTC) for year in (2026, 2025, 2024, 2023))

_OUTAGES = frozenset({429, 499, 500, 502, 503, 504})
_HOP_BY_HOP = frozenset({"accept-encoding", "connection", "content-length", "host", "transfer-encoding"})
_SERVICE_HOSTS = re.compile(
    r"generativelanguage\.googleapis\.com|(?:[\w-]+-)?aiplatform\.googleapis\.com|localhost|127\.0\.0\.1|\[::1\]"
)
_TOKEN_COUNT = re.compile(rb"input token count \((\d+)\) exceeds")
_PLACEHOLDER = re.compile(r"(?:<|%3C)([A-Z_]+)(?:>|%3E)")
_LOCATION = re.compile(r"/locations/(?!(?:[a-z]+-[a-z]+\d+|global|us|eu)(?=[/:]|$))[^/:]+")
_ASSIGNED_ID = re.compile(r"/(?:tunedModels|tuningJobs|endpoints|operations|batches|cachedContents|contexts)/([\w-]+)")
_TIME = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"')
_REFUSED_CREDENTIALS = re.compile(
    rb"API_KEY_INVALID|API key not valid|invalid authentication credentials|ACCESS_TOKEN_"
)


@dataclass(frozen=True, slots=True)
class ReplayOutcome:
    """The outcome of one exchange: compared, or skipped for a reason. `method` is its id, or verb and path."""

    number: int
    method: str
    skipped: str = ""
    differences: tuple[Difference, ...] = ()
    seconds_off: float = 0.0
    """How much later (or earlier) than recorded our request was sent, to find the same state."""

    @property
    def grade(self) -> Grade:
        """How well our response agrees."""
        worst = grade(list(self.differences))
        return max(worst, Grade.SHAPE) if self.seconds_off else worst


class Replay:
    """Replays one transcript in a new world."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        resources = find_preconditions(transcript.exchanges)
        moments = [moment for exchange in transcript.exchanges if (moment := _exchange_time(exchange)) is not None]
        moments += [resource.created for resource in resources]
        self._start = min(moments, default=to_nanos(DEFAULT_START) + _FRACTION)
        self._world = World(ManualClock(to_datetime(self._start)), Settings(seed=1, safety_ratings="real"))
        self._ids = IdMapping()
        self._existing: set[str] = set()
        """Words of responses whose status was ours too: the resources that they name exist."""
        self._preconditions = Preconditions(self._world, self._ids, lambda request: _send(self._world, request))
        self._preconditions.schedule(resources)

    def outcomes(self) -> Iterator[ReplayOutcome]:
        """Replay each exchange, in order."""
        for number, exchange in enumerate(self._transcript.exchanges, 1):
            yield self._replay(number, exchange)

    def _replay(self, number: int, exchange: Exchange) -> ReplayOutcome:
        parts = exchange.request.parts
        match = route_table().match(exchange.request.method, _fill_placeholders(parts.path))
        method = match.route.id if match else f"{exchange.request.method} {_mask_ids(parts.path)}"
        if reason := _reason_to_skip(exchange, match):
            return ReplayOutcome(number, method, reason)
        moment = _exchange_time(exchange)
        self._preconditions.prepare(moment)
        self._existing |= {name.rpartition("/")[2] for name in self._preconditions.created_names}
        if moment is not None:
            self._world.clock.advance_to(moment)
        self._ids.keep_client_words(
            f"{parts.path}?{parts.query} {(exchange.request.body or b'').decode('utf-8', 'replace')}"
        )
        request = self._request(exchange, match)
        ours = self._send_as_recorded(self._world, exchange, request, match)
        if reason := self._missing_precondition(exchange, match):
            return ReplayOutcome(number, method, reason)
        differences = _forgive_unpublished(compare(exchange.response, ours, self._ids))
        if ours.status == exchange.response.status:
            self._existing |= _words(exchange.response.body)
        if grade(differences) is Grade.DIFFERS and moment is None and exchange.response.status >= 400:
            differences = self._retry_on_other_days(differences, exchange, request, match)
        if grade(differences) is Grade.DIFFERS and request.method == "GET":
            return self._retry_at_other_times(ReplayOutcome(number, method, "", tuple(differences)), exchange, request)
        return ReplayOutcome(number, method, "", tuple(differences))

    def _retry_at_other_times(
        self, outcome: ReplayOutcome, exchange: Exchange, request: RecordedRequest
    ) -> ReplayOutcome:
        """Send the request earlier and later; return the outcome if the job then has the recorded state."""
        now = self._world.clock.now()
        moments = [self._start + round((now - self._start) * factor) for factor in _TIME_FACTORS]
        moments += [now + round(seconds * SECOND) for seconds in _SECONDS_LATER]
        for moment in moments:
            copy = self._world.fork("retry")
            copy.clock.restore(moment)
            ours = self._send_as_recorded(copy, exchange, request, None)
            differences = _forgive_unpublished(compare(exchange.response, ours, self._ids))
            if grade(differences) < Grade.DIFFERS:
                return replace(outcome, differences=tuple(differences), seconds_off=(moment - now) / SECOND)
        return outcome

    def _retry_on_other_days(
        self, differences: list[Difference], exchange: Exchange, request: RecordedRequest, match: Match | None
    ) -> list[Difference]:
        """Send a request without a date on other days; return the differences of the first day with these words."""
        for day in _OTHER_DAYS:
            copy = self._world.fork("retry")
            copy.clock.restore(to_nanos(day))
            others = compare(exchange.response, self._send_as_recorded(copy, exchange, request, match), self._ids)
            if grade(others) < Grade.DIFFERS:
                return others
        return differences

    def _request(self, exchange: Exchange, match: Match | None) -> RecordedRequest:
        """Return the recorded request with our ids, and with substitutes for removed credentials."""
        request = exchange.request
        target = self._ids.translate(_fill_placeholders(request.parts.path))
        query = self._ids.translate(request.parts.query)
        text = _default_body(match) if request.body is None else request.body.decode("utf-8", "replace")
        body = b"" if request.method in {"GET", "HEAD"} else self._ids.translate(text).encode()
        url = f"http://{request.parts.hostname or 'localhost'}{target}" + (f"?{query}" if query else "")
        headers = [(name, value) for name, value in request.headers if name not in _HOP_BY_HOP]
        if body and not any(name == "content-type" for name, _ in headers):
            headers.append(("content-type", "application/json"))
        return RecordedRequest(request.method, url, (*headers, *substitute_credentials(exchange)), body)

    def _send_as_recorded(
        self, world: World, exchange: Exchange, request: RecordedRequest, match: Match | None
    ) -> RecordedResponse:
        """Return our response, from a world that gives the recorded answer and refuses what was refused."""
        ratings: Literal["always", "real"] = "always" if b'"safetyRatings"' in exchange.response.body else "real"
        world.settings = replace(world.settings, safety_ratings=ratings)
        if (
            match
            and exchange.response.status == 200
            and (answer := extract_answer(exchange.response, match.route.response))
        ):
            Scenario(world.store).replace_rules([Rule(answer)])
        if exchange.response.status in {400, 401} and _REFUSED_CREDENTIALS.search(exchange.response.body):
            world = world.fork("strict")
            world.settings = replace(world.settings, auth="strict", accepted_credentials=frozenset({"another"}))
        return _send(world, request)

    def _missing_precondition(self, exchange: Exchange, match: Match | None) -> str:
        """Return why the exchange depends on unknown resources from before the recording; "" if it does not."""
        if exchange.response.status != 200 or match is None:
            return ""
        if unknown := _assigned_ids(exchange.request.parts.path) - self._existing:
            return f"needs {', '.join(sorted(unknown))}, created before the recording"
        if match.route.id.endswith(".list") and _listed_ids(exchange.response) - self._existing:
            return "lists resources created before the recording"
        return ""


def _forgive_unpublished(differences: list[Difference]) -> list[Difference]:
    """Grade recorded members that no published message has as a shape: nobody can know them from the API."""
    return [
        replace(difference, grade=Grade.SHAPE)
        if difference.ours == ABSENT and difference.where.rpartition(".")[2] not in schema.field_names() | {"error"}
        else difference
        for difference in differences
    ]


def _exchange_time(exchange: Exchange) -> Nanos | None:
    """Return when the response was made: no time in it is later. None if unknown."""
    times = map(_parse_time, _TIME.findall(exchange.response.body.decode("utf-8", "replace")))
    past = [time for time in times if 0 < time <= LAST_MOMENT]
    if exchange.date is None:
        return max(past, default=None)
    second = to_nanos(exchange.date)
    return max([second + _FRACTION, *(time for time in past if second <= time < second + SECOND)])


def _is_cut(exchange: Exchange) -> bool:
    """Return whether the recorder cut the request: the response counts more tokens than it has characters."""
    usage = _TOKEN_COUNT.search(exchange.response.body)
    return usage is not None and int(usage[1]) > len(exchange.request.body or b"")


def _parse_time(text: str) -> Nanos:
    """Parse a time; 0 if it is invalid."""
    try:
        return parse_timestamp(text)
    except InvalidValue:
        return 0


def _send(world: World, request: RecordedRequest) -> RecordedResponse:
    body = request.body or b""
    length = [("content-length", str(len(body)))] if request.method not in {"GET", "HEAD"} else []
    reply = send_request(create_app(world), AppRequest(request.method, request.url, [*request.headers, *length], body))
    return RecordedResponse(reply.status, lower_names(reply.headers), b"".join(reply.pieces))


def _reason_to_skip(exchange: Exchange, match: Match | None) -> str:
    """Return why an exchange cannot be compared with the mock server; "" if it can."""
    request, status = exchange.request, exchange.response.status
    if not _SERVICE_HOSTS.fullmatch(request.parts.hostname or ""):
        return f"{request.parts.hostname} is not one of the two services"
    if status in _OUTAGES:
        return f"an outage of the real service ({status}), which the mock server has only on request"
    if 300 <= status < 400:
        return f"a redirection ({status}), which the mock server never sends"
    if request.parts.path == "/$discovery/rest":
        return "a discovery document"
    if match is None:
        return "" if status in {404, 405} else "a method that is not served"
    if _is_cut(exchange):
        return "its recorder cut the request, whose length was the point"
    if match.route.body and request.body is None and status < 400 and not _has_path_fields_only(match):
        return "the body of its request was not recorded"
    return ""


def _has_path_fields_only(match: Match) -> bool:
    """Return whether every field of the method's request is in the path."""
    names = {name.partition(".")[0] for name in match.path}
    return all(field.name in names for field in schema.message(match.route.request).fields)


def _fill_placeholders(path: str) -> str:
    """Replace the placeholders of recorders in a path by values."""
    return _LOCATION.sub("/locations/us-central1", _PLACEHOLDER.sub(lambda match: match[1].lower(), path))


def _words(text: bytes) -> set[str]:
    """Return the words in a text that may be ids."""
    return set(re.findall(r"[\w-]{4,}", text.decode("utf-8", "replace")))


def _assigned_ids(path: str) -> set[str]:
    """Return the ids in a path that the service assigned."""
    return {*_ASSIGNED_ID.findall(path), *re.findall(r"/models/(\d+)", path)}


def _listed_ids(response: RecordedResponse) -> set[str]:
    """Return the assigned ids of the items in a list response."""
    messages = [message for message in parse_messages(response) or () if isinstance(message, dict)]
    lists = [value for message in messages for value in message.values() if isinstance(value, list)]
    names = [str(item.get("name", "")) for rows in lists for item in rows if isinstance(item, dict)]
    return {id_ for name in names for id_ in _assigned_ids(f"/{name}")}


def _mask_ids(path: str) -> str:
    """Replace the ids in a path: `/v1/projects/*/locations/*/customJobs`."""
    version, *segments = path.strip("/").split("/")
    action = segments[-1].partition(":") if segments else ("", "", "")
    words = [segment if index % 2 == 0 else "*" for index, segment in enumerate(segments)]
    suffix = f":{action[2]}" if action[1] and words and words[-1] == "*" else ""
    return "/" + "/".join([version, *words]) + suffix


def _default_body(match: Match | None) -> str:
    """Return a valid body for a request whose body was not recorded."""
    if match and "contents" in schema.message(match.route.request).by_name:
        return '{"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}'
    return ""
