"""What was there before a recording began: tuned models and jobs it shows and does not create.

They are made in the replaying world by their own methods, at the recorded time and out of what the recording
shows of them, and their runs are given the recorded course. What trained them is not known: only how much it was.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from mockserver.app import surfaces
from mockserver.inspection import run_control
from mockserver.protojson import schema
from mockserver.protojson.reading import bind_known
from mockserver.protojson.writing import write
from mockserver.recordings.callers import recorded, supplied
from mockserver.recordings.comparing import documents
from mockserver.recordings.exchange import Exchange, Headers, Request, Response
from mockserver.recordings.id_mapping import Names
from mockserver.simulation.tuning import SECOND, Failure, Pace, Run
from mockserver.state.clock import Nanos, to_nanos
from mockserver.state.world import World

Json = dict[str, Any]

# A moment of a time to come is somebody's example and not a recording's.
LAST: Nanos = to_nanos(datetime(2999, 1, 1, tzinfo=UTC))

# As many examples as the quickstarts have, where the number of steps does not tell.
SOME_EXAMPLES = 20
MOST_EXAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Resource:
    """A tuned model or a tuning job as a recording first shows it; the version it was asked of, and by whom.

    `shown` holds what of it our schema knows, in natural values.
    """

    shown: Json
    message: str
    version: str
    caller: Headers = ()
    parent: str = ""

    @property
    def name(self) -> str:
        """Its resource name."""
        return str(self.shown["name"])

    @property
    def is_job(self) -> bool:
        """Whether it is Vertex AI's."""
        return self.message.endswith(".TuningJob")

    def time(self, member: str) -> Nanos | None:
        """One of its times, wherever it stands."""
        said: Nanos = self.shown.get(member) or self.shown.get("tuningTask", {}).get(member) or 0
        return said if 0 < said <= LAST else None

    @property
    def created(self) -> Nanos:
        """When it was made; 0 if it does not say."""
        return self.time("createTime") or 0

    @property
    def ended(self) -> Nanos | None:
        """When its run ended, if it had."""
        return self.time("endTime") or self.time("completeTime")


def from_before(exchanges: Sequence[Exchange]) -> list[Resource]:
    """The resources that some reply shows and no earlier one created, oldest first."""
    projects = _projects(exchanges)
    made: set[str] = set()
    found: dict[str, Resource] = {}
    for exchange in exchanges:
        match = surfaces().match(exchange.request.method, exchange.request.parts.path)
        if match is None or exchange.response.status != 200:
            continue
        for shown in _resources(exchange.response):
            if match.route.id.endswith(".create"):
                if exchange.request.body is not None:
                    made.add(shown["name"])
            elif match.route.id.endswith(("tunedModels.get", "tunedModels.list", "tuningJobs.get", "tuningJobs.list")):
                caller = (*recorded(exchange), *supplied(exchange))
                message = _message(match.route.response)
                place = shown["name"].rpartition("/tuningJobs/")[0]
                parent = re.sub(r"^projects/(\d+)", lambda found: f"projects/{projects.get(found[1], found[1])}", place)
                resource = Resource(bind_known(message, shown), message, match.route.version, caller, parent)
                if shown["name"] not in made and resource.created:
                    found.setdefault(shown["name"], resource)
    return sorted(found.values(), key=lambda resource: resource.created)


def _resources(response: Response) -> Iterator[Json]:
    """The named things a reply is, holds in a list, or is making."""
    for message in documents(response) or ():
        if isinstance(message, dict):
            lists = [value for value in message.values() if isinstance(value, list)]
            held = [message, *(item for rows in lists for item in rows if isinstance(item, dict))]
            yield from (item for item in held if isinstance(item.get("name"), str))
            match message.get("metadata"):
                case {"tunedModel": str(made)}:
                    yield {"name": made}


def _projects(exchanges: Sequence[Exchange]) -> dict[str, str]:
    """The ids of projects by their numbers: a client writes the one, the service answers with the other."""
    found: dict[str, str] = {}
    for exchange in exchanges:
        asked = re.search(r"/projects/([^/]+)/", exchange.request.parts.path)
        told = re.search(rb'"projects/(\d+)/', exchange.response.body)
        if asked and told and not asked[1].isdigit():
            found.setdefault(told[1].decode(), asked[1])
    return found


def _message(response: str) -> str:
    """The resource's own message, of a method that answers it or a list of it."""
    lists = [field.type_name for field in schema.message(response).fields if field.repeated and field.type_name]
    return lists[0] if response.rpartition(".")[2].startswith("List") else response


class Gardener:
    """Puts resources into a world, each at its time."""

    def __init__(self, world: World, names: Names, ask: Callable[[Request], Response]) -> None:
        self._world = world
        self._names = names
        self._ask = ask
        self._events: list[tuple[Nanos, Callable[[], None]]] = []
        self._ours: dict[str, str] = {}

    def expect(self, resources: Sequence[Resource]) -> None:
        """Know what is to be made, and what of it is to end."""
        for resource in resources:
            self._events.append((resource.created, partial(self._create, resource)))
            if resource.ended is not None:
                self._events.append((resource.ended, partial(self._end, resource)))
        self._events.sort(key=lambda event: event[0])

    def tend(self, until: Nanos | None) -> None:
        """Let everything happen that had happened by a moment; all there is, if nobody knows the moment."""
        while self._events and (until is None or self._events[0][0] <= until):
            moment, act = self._events.pop(0)
            self._world.clock.advance_to(moment)
            act()

    @property
    def planted(self) -> set[str]:
        """The recorded names of what has been made."""
        return set(self._ours)

    def _create(self, resource: Resource) -> None:
        body = _settable(resource.message, resource.shown)
        if resource.is_job:
            path = f"/{resource.version}/{resource.parent}/tuningJobs"
        else:
            body["tuningTask"] = {**body.get("tuningTask", {}), "trainingData": _examples(resource)}
            own = resource.name.removeprefix("tunedModels/")
            path = f"/{resource.version}/tunedModels?tunedModelId={own}"
        headers = (("content-type", "application/json"), *resource.caller)
        request = Request("POST", f"http://localhost{path}", headers, write(resource.message, body))
        made = list(_resources(self._ask(request)))
        if made:
            name = str(made[-1]["name"])
            self._names.learn(resource.name, name)
            self._ours[resource.name] = name
            self._edit(name, lambda run: replace(run, pace=_pace(run.pace, resource)))

    def _end(self, resource: Resource) -> None:
        if name := self._ours.get(resource.name):
            self._edit(name, lambda run: _ended(run, resource))

    def _edit(self, name: str, edit: Callable[[Run], Run]) -> None:
        held = run_control.find(self._world, name)
        self._world.store.change(held.kind, held.name, lambda record: replace(record, run=edit(record.run)))


def _settable(message: str, shown: Json) -> Json:
    """A resource without what only the service writes."""
    fields = schema.message(message).by_name
    settable = {}
    for name, value in shown.items():
        field = fields[name]
        if field.output_only:
            continue
        nested = isinstance(value, dict) and field.type_name and not field.map
        settable[name] = _settable(field.type_name, value) if nested else value
    return settable


def _examples(resource: Resource) -> Json:
    """Training data of the size that makes the recorded number of steps."""
    task = resource.shown.get("tuningTask", {})
    parameters, steps = task.get("hyperparameters", {}), len(task.get("snapshots", ()))
    epochs, batch = parameters.get("epochCount", 0), parameters.get("batchSize", 0)
    count = SOME_EXAMPLES
    if steps and resource.ended and epochs > 0 and batch > 0:
        count = min(max(1, steps * batch // epochs), MOST_EXAMPLES)
    return {"examples": {"examples": [{"textInput": str(n), "output": str(n + 1)} for n in range(count)]}}


def _pace(pace: Pace, resource: Resource) -> Pace:
    """The pace at which the recorded times come about, as far as there are any."""
    started, ended = resource.time("startTime"), resource.ended
    if started is None and ended is not None:  # it ended before it began
        return replace(pace, start_seconds=(ended - resource.created) / SECOND + 1)
    if started is None:
        return pace
    pace = replace(pace, start_seconds=(started - resource.created) / SECOND)
    shown = resource.shown.get("tuningTask", {}).get("snapshots", ())
    steps: list[Nanos] = sorted(moment for step in shown if started <= (moment := step.get("computeTime", 0)) <= LAST)
    if steps:
        apart = (steps[-1] - steps[0]) / max(1, len(steps) - 1) / SECOND
        pace = replace(pace, first_step_seconds=(steps[0] - started) / SECOND, step_seconds=apart)
    if steps and ended:
        pace = replace(pace, finish_seconds=max(0.0, (ended - steps[-1]) / SECOND))
    return pace


def _ended(run: Run, resource: Resource) -> Run:
    """The run, ended as recorded."""
    ended, state = resource.ended, str(resource.shown.get("state", ""))
    error: Json = resource.shown.get("error", {})
    if state.endswith("CANCELLED") and ended is not None:
        # One that left nothing behind was cancelled before there was anything, and took the rest of the time to end.
        asked = ended if "tunedModel" in resource.shown else min(ended, (resource.time("startTime") or ended) + SECOND)
        took = (ended - asked) / SECOND
        return replace(run, cancelled=asked, pace=replace(run.pace, cancel_seconds=took, early_cancel_seconds=0.0))
    if state.endswith("FAILED"):
        failure = Failure(error["code"], error["message"]) if error.keys() >= {"code", "message"} else None
        return replace(run, failed=ended, failure=failure)
    return replace(run, finished=ended)
