"""The worlds of a server: settings, reset, forks and snapshots."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, Field, WithJsonSchema

from mockserver.control import time
from mockserver.control.operations import (
    Body,
    ControlRequest,
    Empty,
    Json,
    Operation,
    invalid_argument,
    not_found,
    translate_errors,
)
from mockserver.settings import FASTEST, BadOption, By, Settings, declarations, unknown_names
from mockserver.state.new_world import with_today
from mockserver.state.world import SETTINGS, World

NAME = "^[a-z0-9]{1,40}$"

MAX_SNAPSHOTS = 100


CHANGEABLE = declarations(Settings, by=By.CONTROL)

SettingsBody = Annotated[
    Json,
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                name: {**setting.kind.schema(), "description": setting.help} for name, setting in CHANGEABLE.items()
            },
        }
    ),
]


class ShownSettings(BaseModel):
    """How a world behaves: see `mockserver serve --help`."""

    settings: Json


class ChangedSettings(Body):
    """The settings to change; the others stay."""

    settings: SettingsBody


class NewWorld(Body):
    """The world to create. Without a name, one is generated."""

    name: str | None = Field(default=None, pattern=NAME)
    factor: float = Field(
        default=0, ge=0, le=FASTEST, description="the speed of its clock; a clock of speed 0 must be moved"
    )
    start_time: AwareDatetime | None = None
    settings: SettingsBody = Field(default_factory=dict)


class Fork(Body):
    """The name of the new world; without one, it is generated."""

    name: str | None = Field(default=None, pattern=NAME)


class WorldInfo(BaseModel):
    """A world, and the project, key and token that select it: a client sends any one of them."""

    name: str
    project: str
    api_key: str
    token: str
    clock: time.Time


class WorldList(BaseModel):
    """The worlds; the first serves the requests that select none."""

    worlds: list[WorldInfo]


class SnapshotList(BaseModel):
    """The names of a world's snapshots."""

    snapshots: list[str]


def get_settings(request: ControlRequest) -> ShownSettings:
    """How the world behaves."""
    return ShownSettings(settings=_plain(request.world.settings))


def patch_settings(request: ControlRequest) -> ShownSettings:
    """Change how the world behaves, from now on."""
    changes = request.body.settings
    request.world.store.change(SETTINGS, SETTINGS.name, lambda settings: _change_settings(settings, changes))
    return get_settings(request)


def reset_world(request: ControlRequest) -> Empty:
    """Delete all resources, answers, faults and calls; the clock goes on."""
    request.world.reset()
    return Empty()


def list_worlds(request: ControlRequest) -> WorldList:
    """Return every world."""
    return WorldList(worlds=[_describe_world(world) for world in request.worlds])


def create_world(request: ControlRequest) -> WorldInfo:
    """Create an empty world."""
    body: NewWorld = request.body
    settings = _change_settings(request.worlds.default.settings, body.settings)
    clock = time.create_clock(body.factor, body.start_time)
    name = _choose_name(request, body.name)
    return _add_world(request, World(clock, settings, name=name, store=request.worlds.create_store()))


def fork_world(request: ControlRequest) -> WorldInfo:
    """Create a copy of this world."""
    return _add_world(request, request.world.fork(_choose_name(request, request.body.name)))


def delete_world(request: ControlRequest) -> Empty:
    """Delete a world and everything in it."""
    name = request.path["name"]
    world = request.worlds.find(name)
    if world is None:
        raise not_found(f"there is no world {name!r}")
    if world is request.worlds.default:
        raise invalid_argument("the default world cannot be deleted; reset it instead")
    request.worlds.drop(name)
    return Empty()


def list_snapshots(request: ControlRequest) -> SnapshotList:
    """Return the names of the world's snapshots."""
    return SnapshotList(snapshots=list(request.world.store.snapshots))


def put_snapshot(request: ControlRequest) -> SnapshotList:
    """Store a snapshot of the world; it replaces one of the same name."""
    snapshots, name = request.world.store.snapshots, request.path["name"]
    if len(snapshots) >= MAX_SNAPSHOTS and name not in snapshots:
        raise invalid_argument(f"a world has at most {MAX_SNAPSHOTS} snapshots: delete one")
    snapshots[name] = request.world.snapshot()
    return list_snapshots(request)


def restore_snapshot(request: ControlRequest) -> Empty:
    """Restore the world, including its clock, from a snapshot."""
    name = request.path["name"]
    snapshot = request.world.store.snapshots.get(name)  # looked up once: somebody may delete it meanwhile
    if snapshot is None:
        raise not_found(f"there is no snapshot {name!r}")
    request.world.restore(snapshot)
    return Empty()


def delete_snapshot(request: ControlRequest) -> Empty:
    """Delete a snapshot."""
    if request.world.store.snapshots.pop(request.path["name"], None) is None:
        raise not_found(f"there is no snapshot {request.path['name']!r}")
    return Empty()


def _choose_name(request: ControlRequest, name: str | None) -> str:
    if name is not None and request.worlds.find(name) is not None:
        raise invalid_argument(f"the world {name!r} already exists")
    return name or request.worlds.new_name()


def _add_world(request: ControlRequest, world: World) -> WorldInfo:
    with translate_errors():
        request.worlds.add(world)
    return _describe_world(world)


def _describe_world(world: World) -> WorldInfo:
    credentials = world.credentials
    return WorldInfo(
        name=world.name,
        project=credentials.project,
        api_key=credentials.api_key,
        token=credentials.token,
        clock=time.describe_clock(world.clock),
    )


def _plain(settings: Settings) -> Json:
    values = ((it, getattr(settings, name)) for name, it in declarations(Settings).items() if not it.is_secret)
    return {it.name: None if value is None else it.kind.json(value) for it, value in values}


def _change_settings(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    if unknown := unknown_names(changes, CHANGEABLE, "setting"):
        raise invalid_argument(unknown)
    try:
        return replace(settings, **with_today(changes))
    except BadOption as error:
        raise invalid_argument(str(error)) from None


OPERATIONS = (
    Operation("GET", "/settings", "How the world behaves", get_settings, answer=ShownSettings),
    Operation("PATCH", "/settings", "Change that", patch_settings, ChangedSettings, answer=ShownSettings),
    Operation("POST", "/reset", "Delete all resources, answers, faults and calls", reset_world),
    Operation("GET", "/worlds", "List the worlds", list_worlds, answer=WorldList),
    Operation("POST", "/worlds", "Create an empty world", create_world, NewWorld, answer=WorldInfo),
    Operation("POST", "/worlds/fork", "Create a copy of the world", fork_world, Fork, answer=WorldInfo),
    Operation("DELETE", "/worlds/{name}", "Delete a world", delete_world),
    Operation("GET", "/snapshots", "List the snapshots", list_snapshots, answer=SnapshotList),
    Operation("PUT", "/snapshots/{name}", "Store a snapshot", put_snapshot, answer=SnapshotList),
    Operation("POST", "/snapshots/{name}/restore", "Restore a snapshot", restore_snapshot),
    Operation("DELETE", "/snapshots/{name}", "Delete a snapshot", delete_snapshot),
)
