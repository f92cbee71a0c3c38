"""A transcript asked again, of a world of its own whose clock goes by the recorded dates."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from mockserver.app import create_app, surfaces
from mockserver.dispatch.routing import Match
from mockserver.doors.inprocess import Asked, ask
from mockserver.protojson import schema
from mockserver.protojson.scalars import Refused
from mockserver.protojson.well_known import parse_timestamp
from mockserver.recordings.answer_extraction import heard
from mockserver.recordings.callers import supplied
from mockserver.recordings.comparing import Difference, Grade, compare, documents, grade
from mockserver.recordings.exchange import Exchange, Request, Response, Transcript, lower
from mockserver.recordings.id_mapping import Names
from mockserver.recordings.preconditions import LAST, Gardener, from_before
from mockserver.scripting.answers import Rule
from mockserver.scripting.scenario import Scenario
from mockserver.state.clock import SECOND, ManualClock, Nanos, to_datetime, to_nanos
from mockserver.state.world import Settings, World

# Where nothing says when. Any day will do: all eras are served at once.
SOME_DAY = datetime(2025, 1, 1, tzinfo=UTC)

# The Date header knows whole seconds; times that end in zeros would be written shorter than recorded ones are.
_WITHIN_THE_SECOND: Nanos = 123_456_789

# Jobs do not take equally long: a read that finds another state is tried at these multiples of the time passed so far.
_OTHER_PACES = (0.9, 1.1, 0.75, 1.33, 0.5, 2.0, 0.25, 4.0)

_OUTAGES = frozenset({429, 499, 500, 502, 503, 504})
_OF_THE_CONNECTION = frozenset({"accept-encoding", "connection", "content-length", "host", "transfer-encoding"})
_SERVICES = re.compile(
    r"generativelanguage\.googleapis\.com|(?:[\w-]+-)?aiplatform\.googleapis\.com|localhost|127\.0\.0\.1|\[::1\]"
)
_PLACEHOLDER = re.compile(r"(?:<|%3C)([A-Z_]+)(?:>|%3E)")
_LOCATION = re.compile(r"/locations/(?!(?:[a-z]+-[a-z]+\d+|global|us|eu)(?=[/:]|$))[^/:]+")
_TIME = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"')
_NOT_ACCEPTED = re.compile(rb"API_KEY_INVALID|API key not valid|invalid authentication credentials|ACCESS_TOKEN_")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one exchange: compared, or not asked for a reason. `method` is the id, or verb and path."""

    number: int
    method: str
    skipped: str = ""
    differences: tuple[Difference, ...] = ()
    seconds_off: float = 0.0
    """How much later (or earlier) ours was asked than the recorded one, to find it in the same state."""

    @property
    def grade(self) -> Grade:
        """How well ours agrees."""
        worst = grade(list(self.differences))
        return max(worst, Grade.SHAPE) if self.seconds_off else worst


class Replay:
    """One transcript on its way through a fresh world."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        before = from_before(transcript.exchanges)
        moments = [moment for exchange in transcript.exchanges if (moment := _moment(exchange)) is not None]
        moments += [resource.created for resource in before]
        self._start = min(moments, default=to_nanos(SOME_DAY) + _WITHIN_THE_SECOND)
        self._world = World(ManualClock(to_datetime(self._start)), Settings(seed=1, safety_ratings="real"))
        self._names = Names()
        self._known: set[str] = set()
        """Words of replies that ours agreed to: what they name is there."""
        self._gardener = Gardener(self._world, self._names, lambda request: _answered(self._world, request))
        self._gardener.expect(before)

    def outcomes(self) -> Iterator[Outcome]:
        """What became of each exchange, in order."""
        for number, exchange in enumerate(self._transcript.exchanges, 1):
            yield self._outcome(number, exchange)

    def _outcome(self, number: int, exchange: Exchange) -> Outcome:
        parts = exchange.request.parts
        match = surfaces().match(exchange.request.method, _mended(parts.path))
        method = match.route.id if match else f"{exchange.request.method} {_masked(parts.path)}"
        if reason := _unaskable(exchange, match):
            return Outcome(number, method, reason)
        self._wait_for(exchange)
        self._names.give(f"{parts.path}?{parts.query} {(exchange.request.body or b'').decode('utf-8', 'replace')}")
        request = self._request(exchange, match)
        ours = self._ask(self._world, exchange, request, match)
        if reason := self._unknown(exchange, match):
            return Outcome(number, method, reason)
        differences = compare(exchange.response, ours, self._names)
        if ours.status == exchange.response.status:
            self._known |= _words(exchange.response.body)
        if grade(differences) is Grade.DIFFERS and request.method == "GET":
            return self._at_another_pace(Outcome(number, method, "", tuple(differences)), exchange, request)
        return Outcome(number, method, "", tuple(differences))

    def _wait_for(self, exchange: Exchange) -> None:
        """Let time pass until the exchange, and what else happened in it happen."""
        moment = _moment(exchange)
        self._gardener.tend(moment)
        self._known |= {name.rpartition("/")[2] for name in self._gardener.planted}
        if moment is not None:
            self._world.clock.advance_to(moment)

    def _at_another_pace(self, outcome: Outcome, exchange: Exchange, request: Request) -> Outcome:
        """The outcome of asking earlier or later, if the same job is then found in the recorded state."""
        now = self._world.clock.now()
        for pace in _OTHER_PACES:
            moment = self._start + round((now - self._start) * pace)
            twin = self._world.fork("otherwhen")
            twin.clock.restore(moment)
            differences = compare(exchange.response, self._ask(twin, exchange, request, None), self._names)
            if grade(differences) < Grade.DIFFERS:
                return replace(outcome, differences=tuple(differences), seconds_off=(moment - now) / SECOND)
        return outcome

    def _request(self, exchange: Exchange, match: Match | None) -> Request:
        """The recorded request with our names in it, and with the credentials its recorder took out."""
        request = exchange.request
        target = self._names.translate(_mended(request.parts.path))
        query = self._names.translate(request.parts.query)
        recorded = _stand_in(match) if request.body is None else request.body.decode("utf-8", "replace")
        body = b"" if request.method in {"GET", "HEAD"} else self._names.translate(recorded).encode()
        url = f"http://{request.parts.hostname or 'localhost'}{target}" + (f"?{query}" if query else "")
        headers = [(name, value) for name, value in request.headers if name not in _OF_THE_CONNECTION]
        if body and not any(name == "content-type" for name, _ in headers):
            headers.append(("content-type", "application/json"))
        return Request(request.method, url, (*headers, *supplied(exchange)), body)

    def _ask(self, world: World, exchange: Exchange, request: Request, match: Match | None) -> Response:
        """Our reply, in a world where the model says what it said and what was not accepted is not."""
        rated: Literal["always", "real"] = "always" if b'"safetyRatings"' in exchange.response.body else "real"
        world.settings = replace(world.settings, safety_ratings=rated)
        if match and exchange.response.status == 200 and (answer := heard(exchange.response, match.route.response)):
            Scenario(world.store).replace([Rule(answer)])
        if exchange.response.status in {400, 401} and _NOT_ACCEPTED.search(exchange.response.body):
            world = world.fork("strict")
            world.settings = replace(world.settings, auth="strict", accepted_credentials=frozenset({"another"}))
        return _answered(world, request)

    def _unknown(self, exchange: Exchange, match: Match | None) -> str:
        """Why an exchange cannot be compared that is about things made before the recording began; "" if it can."""
        if exchange.response.status != 200 or match is None:
            return ""
        if strange := _ids(exchange.request.parts.path) - self._known:
            return f"asks for {', '.join(sorted(strange))}, made before the recording began"
        if match.route.id.endswith(".list") and _listed(exchange.response) - self._known:
            return "lists what was made before the recording began"
        return ""


def _moment(exchange: Exchange) -> Nanos | None:
    """When the reply was made, as nearly as it says: nothing is told before it has happened."""
    said = map(_read, _TIME.findall(exchange.response.body.decode("utf-8", "replace")))
    told = [time for time in said if 0 < time <= LAST]
    if exchange.date is None:
        return max(told, default=None)
    second = to_nanos(exchange.date)
    return max([second + _WITHIN_THE_SECOND, *(time for time in told if second <= time < second + SECOND)])


def _read(text: str) -> Nanos:
    """A time that a reply tells; 0 for what only looks like one."""
    try:
        return parse_timestamp(text)
    except Refused:
        return 0


def _answered(world: World, request: Request) -> Response:
    body = request.body or b""
    length = [("content-length", str(len(body)))] if request.method not in {"GET", "HEAD"} else []
    answered = ask(create_app(world), Asked(request.method, request.url, [*request.headers, *length], body))
    return Response(answered.status, lower(answered.headers), b"".join(answered.pieces))


def _unaskable(exchange: Exchange, match: Match | None) -> str:
    """Why an exchange says nothing about the mock server; "" if it does."""
    request, status = exchange.request, exchange.response.status
    if not _SERVICES.fullmatch(request.parts.hostname or ""):
        return f"{request.parts.hostname} is not one of the two services"
    if status in _OUTAGES:
        return f"an outage of the real service ({status}), which the mock server has only when told to"
    if 300 <= status < 400:
        return f"a redirection ({status}), which the mock server never answers"
    if request.parts.path == "/$discovery/rest":
        return "a discovery document"
    if match is None:
        return "" if status in {404, 405} else "a method that is not served"
    if match.route.body and request.body is None and status < 400 and not _is_bare(match):
        return "the body of its request was not recorded"
    return ""


def _is_bare(match: Match) -> bool:
    """Whether the method's request holds nothing but what the path says."""
    names = {name.partition(".")[0] for name in match.path}
    return all(field.name in names for field in schema.message(match.route.request).fields)


def _mended(path: str) -> str:
    """A path with a value for each placeholder a recorder put into it."""
    return _LOCATION.sub("/locations/us-central1", _PLACEHOLDER.sub(lambda found: found[1].lower(), path))


def _words(text: bytes) -> set[str]:
    """The ids in a text."""
    return set(re.findall(r"[\w-]{4,}", text.decode("utf-8", "replace")))


def _ids(path: str) -> set[str]:
    """The ids in a path that only the service can have given."""
    return set(re.findall(r"/(?:tunedModels|tuningJobs|endpoints|operations|batches|contexts)/([\w-]+)", path)) | set(
        re.findall(r"/models/(\d+)", path)
    )


def _listed(response: Response) -> set[str]:
    """The ids of what is in a list, where they are the service's."""
    messages = [message for message in documents(response) or () if isinstance(message, dict)]
    lists = [value for message in messages for value in message.values() if isinstance(value, list)]
    names = [str(item.get("name", "")) for rows in lists for item in rows if isinstance(item, dict)]
    return {id_ for name in names for id_ in _ids(f"/{name}")}


def _masked(path: str) -> str:
    """A path without its ids: `/v1/projects/*/locations/*/customJobs`."""
    version, *segments = path.strip("/").split("/")
    action = segments[-1].partition(":") if segments else ("", "", "")
    masked = [segment if place % 2 == 0 else "*" for place, segment in enumerate(segments)]
    suffix = f":{action[2]}" if action[1] and masked and masked[-1] == "*" else ""
    return "/" + "/".join([version, *masked]) + suffix


def _stand_in(match: Match | None) -> str:
    """A body for a request whose own was not recorded: one that nothing can be said against."""
    if match and "contents" in schema.message(match.route.request).by_name:
        return '{"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}'
    return ""
