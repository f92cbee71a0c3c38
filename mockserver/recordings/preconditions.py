"""Preconditions of a recording: tuned models and jobs that it shows but does not create.

They are created in the replay's world with the create methods, at the recorded time and from the recorded members,
and their runs are set to the recorded course. Their training data is not known, only its size.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from mockserver.inspection import run_control
from mockserver.inspection.services import route_table
from mockserver.protojson import schema
from mockserver.protojson.reading import bind_defined
from mockserver.protojson.writing import write
from mockserver.recordings.comparison import parse_messages
from mockserver.recordings.credentials import recorded_credentials, substitute_credentials
from mockserver.recordings.id_mapping import IdMapping
from mockserver.simulation.tuning import SECOND, Failure, Pace, Run
from mockserver.state.clock import Nanos, to_nanos
from mockserver.state.world import World
from mockserver.transcripts.exchange import Exchange, Headers, RecordedRequest, RecordedResponse

Json = dict[str, Any]

# A later time is an example that somebody wrote.
LAST_MOMENT: Nanos = to_nanos(datetime(2999, 1, 1, tzinfo=UTC))

# The number of examples in the quickstarts, for when the steps do not determine it.
DEFAULT_EXAMPLES = 20
MAX_EXAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Resource:
    """A tuned model or a tuning job as first recorded, with the API version and the caller of that request.

    `members` holds the members that our schema defines, in natural values.
    """

    members: Json
    message: str
    version: str
    caller: Headers = ()
    parent: str = ""

    @property
    def name(self) -> str:
        """Its resource name."""
        return str(self.members["name"])

    @property
    def is_job(self) -> bool:
        """Whether it is a tuning job of Vertex AI."""
        return self.message.endswith(".TuningJob")

    def time(self, member: str) -> Nanos | None:
        """Return a time, from the resource or its tuning task; None if there is none."""
        time: Nanos = self.members.get(member) or self.members.get("tuningTask", {}).get(member) or 0
        return time if 0 < time <= LAST_MOMENT else None

    @property
    def created(self) -> Nanos:
        """When it was created; 0 if unknown."""
        return self.time("createTime") or 0

    @property
    def ended(self) -> Nanos | None:
        """When its run ended; None if it had not."""
        return self.time("endTime") or self.time("completeTime")


def find_preconditions(exchanges: Sequence[Exchange]) -> list[Resource]:
    """Return the resources that a response shows and no earlier request created, oldest first."""
    projects = _project_ids(exchanges)
    created: set[str] = set()
    resources: dict[str, Resource] = {}
    for exchange in exchanges:
        match = route_table().match(exchange.request.method, exchange.request.parts.path)
        if match is None or exchange.response.status != 200:
            continue
        for item in _named_items(exchange.response):
            if match.route.id.endswith(".create"):
                if exchange.request.body is not None:
                    created.add(item["name"])
            elif match.route.id.endswith(("tunedModels.get", "tunedModels.list", "tuningJobs.get", "tuningJobs.list")):
                caller = (*recorded_credentials(exchange), *substitute_credentials(exchange))
                message = _resource_type(match.route.response)
                parent = re.sub(
                    r"^projects/(\d+)",
                    lambda number: f"projects/{projects.get(number[1], number[1])}",
                    item["name"].rpartition("/tuningJobs/")[0],
                )
                resource = Resource(bind_defined(message, item), message, match.route.version, caller, parent)
                if item["name"] not in created and resource.created:
                    resources.setdefault(item["name"], resource)
    return sorted(resources.values(), key=lambda resource: resource.created)


def _named_items(response: RecordedResponse) -> Iterator[Json]:
    """Yield the named resources that a response is, lists, or has started to create."""
    for message in parse_messages(response) or ():
        if isinstance(message, dict):
            lists = [value for value in message.values() if isinstance(value, list)]
            items = [message, *(item for rows in lists for item in rows if isinstance(item, dict))]
            yield from (item for item in items if isinstance(item.get("name"), str))
            match message.get("metadata"):
                case {"tunedModel": str(name)}:
                    yield {"name": name}


def _project_ids(exchanges: Sequence[Exchange]) -> dict[str, str]:
    """Return the ids of projects by number: clients write the id, the service answers with the number."""
    ids: dict[str, str] = {}
    for exchange in exchanges:
        in_path = re.search(r"/projects/([^/]+)/", exchange.request.parts.path)
        in_body = re.search(rb'"projects/(\d+)/', exchange.response.body)
        if in_path and in_body and not in_path[1].isdigit():
            ids.setdefault(in_body[1].decode(), in_path[1])
    return ids


def _resource_type(response: str) -> str:
    """Return the message type of the resource that a response is or lists."""
    lists = [field.type_name for field in schema.message(response).fields if field.repeated and field.type_name]
    return lists[0] if response.rpartition(".")[2].startswith("List") else response


class Preconditions:
    """Creates resources in a world, each at its recorded time."""

    def __init__(self, world: World, ids: IdMapping, send: Callable[[RecordedRequest], RecordedResponse]) -> None:
        self._world = world
        self._names = ids
        self._send = send
        self._events: list[tuple[Nanos, Callable[[], None]]] = []
        self._ours: dict[str, str] = {}

    def schedule(self, resources: Sequence[Resource]) -> None:
        """Schedule the creation of resources and the ends of their runs."""
        for resource in resources:
            self._events.append((resource.created, partial(self._create, resource)))
            if resource.ended is not None:
                self._events.append((resource.ended, partial(self._end, resource)))
        self._events.sort(key=lambda event: event[0])

    def prepare(self, until: Nanos | None) -> None:
        """Execute all events up to a time; every event if the time is unknown."""
        while self._events and (until is None or self._events[0][0] <= until):
            moment, execute = self._events.pop(0)
            self._world.clock.advance_to(moment)
            execute()

    @property
    def created_names(self) -> set[str]:
        """The recorded names of the resources created so far."""
        return set(self._ours)

    def _create(self, resource: Resource) -> None:
        body = _settable(resource.message, resource.members)
        if resource.is_job:
            path = f"/{resource.version}/{resource.parent}/tuningJobs"
        else:
            body["tuningTask"] = {**body.get("tuningTask", {}), "trainingData": _examples(resource)}
            id_ = resource.name.removeprefix("tunedModels/")
            path = f"/{resource.version}/tunedModels?tunedModelId={id_}"
        headers = (("content-type", "application/json"), *resource.caller)
        request = RecordedRequest("POST", f"http://localhost{path}", headers, write(resource.message, body))
        items = list(_named_items(self._send(request)))
        if items:
            name = str(items[-1]["name"])
            self._names.learn(resource.name, name)
            self._ours[resource.name] = name
            self._edit(name, lambda run: replace(run, pace=_pace(run.pace, resource)))

    def _end(self, resource: Resource) -> None:
        if name := self._ours.get(resource.name):
            self._edit(name, lambda run: _end_run(run, resource))

    def _edit(self, name: str, edit: Callable[[Run], Run]) -> None:
        stored_run = run_control.find_run(self._world, name)
        self._world.store.change(stored_run.kind, stored_run.name, lambda record: replace(record, run=edit(record.run)))


def _settable(message: str, members: Json) -> Json:
    """Return a resource without its output-only members."""
    fields = schema.message(message).by_name
    settable = {}
    for name, value in members.items():
        field = fields[name]
        if field.output_only:
            continue
        is_message = isinstance(value, dict) and field.type_name and not field.map
        settable[name] = _settable(field.type_name, value) if is_message else value
    return settable


def _examples(resource: Resource) -> Json:
    """Return training data of the size that gives the recorded number of steps."""
    task = resource.members.get("tuningTask", {})
    parameters, steps = task.get("hyperparameters", {}), len(task.get("snapshots", ()))
    epochs, batch = parameters.get("epochCount", 0), parameters.get("batchSize", 0)
    count = DEFAULT_EXAMPLES
    if steps and resource.ended and epochs > 0 and batch > 0:
        count = min(max(1, steps * batch // epochs), MAX_EXAMPLES)
    return {"examples": {"examples": [{"textInput": str(n), "output": str(n + 1)} for n in range(count)]}}


def _pace(pace: Pace, resource: Resource) -> Pace:
    """Return the pace that gives the recorded times, as far as there are any."""
    start, end = resource.time("startTime"), resource.ended
    if start is None and end is not None:  # it ended before it started
        return replace(pace, start_seconds=(end - resource.created) / SECOND + 1)
    if start is None:
        return pace
    pace = replace(pace, start_seconds=(start - resource.created) / SECOND)
    snapshots = resource.members.get("tuningTask", {}).get("snapshots", ())
    steps: list[Nanos] = sorted(
        moment for step in snapshots if start <= (moment := step.get("computeTime", 0)) <= LAST_MOMENT
    )
    if steps:
        interval = (steps[-1] - steps[0]) / max(1, len(steps) - 1) / SECOND
        pace = replace(pace, first_step_seconds=(steps[0] - start) / SECOND, step_seconds=interval)
    if steps and end:
        pace = replace(pace, finish_seconds=max(0.0, (end - steps[-1]) / SECOND))
    return pace


def _end_run(run: Run, resource: Resource) -> Run:
    """Return the run, ended as recorded."""
    end, state = resource.ended, str(resource.members.get("state", ""))
    error: Json = resource.members.get("error", {})
    if state.endswith("CANCELLED") and end is not None:
        # A job without a model was cancelled within a second of its start, and took the rest of the time to end.
        requested = end if "tunedModel" in resource.members else min(end, (resource.time("startTime") or end) + SECOND)
        seconds = (end - requested) / SECOND
        return replace(
            run, cancelled=requested, pace=replace(run.pace, cancel_seconds=seconds, early_cancel_seconds=0.0)
        )
    if state.endswith("FAILED"):
        failure = Failure(error["code"], error["message"]) if error.keys() >= {"code", "message"} else None
        return replace(run, failed=end, failure=failure)
    return replace(run, finished=end)
