"""The worlds of a server: how one behaves, beginning anew, worlds of one's own, and snapshots."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError

from mockserver.control import time
from mockserver.control.operations import Asked, Body, Done, Json, Operation, invalid, missing, told
from mockserver.state.clock import FASTEST
from mockserver.state.world import Settings, World

NAME = "^[a-z0-9]{1,40}$"

# A folder of this machine is named by who starts the server, not by who can reach it.
_FIXED = frozenset({"gcs_root"})

MOST_SNAPSHOTS = 100

_ADAPTER = TypeAdapter(Settings)


class ShownSettings(BaseModel):
    """How a world behaves: see `mockserver serve --help`."""

    settings: Json


class ChangedSettings(Body):
    """The settings to change; the others stay."""

    settings: Json


class NewWorld(Body):
    """A world to make. Without a name it is given one."""

    name: str | None = Field(default=None, pattern=NAME)
    factor: float = Field(
        default=0, ge=0, le=FASTEST, description="how fast its clock goes; 0 stands until it is moved"
    )
    start_time: AwareDatetime | None = None
    settings: Json = Field(default_factory=dict)


class Fork(Body):
    """The name of the world to make, if it is to have a certain one."""

    name: str | None = Field(default=None, pattern=NAME)


class ShownWorld(BaseModel):
    """A world, and what a client sends to be in it: any one of the three is enough."""

    name: str
    project: str
    api_key: str
    token: str
    clock: time.Time


class ShownWorlds(BaseModel):
    """The worlds there are; the first serves everybody who names none."""

    worlds: list[ShownWorld]


class Snapshots(BaseModel):
    """The names of a world's snapshots."""

    snapshots: list[str]


def get_settings(asked: Asked) -> ShownSettings:
    """How the world behaves."""
    return ShownSettings(settings=_plain(asked.world.settings))


def patch_settings(asked: Asked) -> ShownSettings:
    """Let it behave otherwise, from now on."""
    asked.world.settings = _changed(asked.world.settings, asked.body.settings)
    return get_settings(asked)


def reset_world(asked: Asked) -> Done:
    """Forget every fact, answer, fault and call; the clock goes on."""
    asked.world.reset()
    return Done()


def list_worlds(asked: Asked) -> ShownWorlds:
    """Every world."""
    return ShownWorlds(worlds=[_shown(world) for world in asked.worlds])


def create_world(asked: Asked) -> ShownWorld:
    """A world in which nothing has happened yet."""
    body: NewWorld = asked.body
    settings = _changed(asked.worlds.default.settings, body.settings)
    return _added(asked, World(time.made(body.factor, body.start_time), settings, name=_name(asked, body.name)))


def fork_world(asked: Asked) -> ShownWorld:
    """A world that starts from this one's facts and moment."""
    return _added(asked, asked.world.fork(_name(asked, asked.body.name)))


def delete_world(asked: Asked) -> Done:
    """Forget a world and all that is in it."""
    name = asked.path["name"]
    world = asked.worlds.named(name)
    if world is None:
        raise missing(f"there is no world {name!r}")
    if world is asked.worlds.default:
        raise invalid("the default world stays; reset it instead")
    asked.worlds.drop(name)
    return Done()


def list_snapshots(asked: Asked) -> Snapshots:
    """The snapshots of the world."""
    return Snapshots(snapshots=list(asked.world.snapshots))


def put_snapshot(asked: Asked) -> Snapshots:
    """Keep the world as it is now under a name, instead of any other of that name."""
    kept, name = asked.world.snapshots, asked.path["name"]
    if len(kept) >= MOST_SNAPSHOTS and name not in kept:
        raise invalid(f"a world keeps {MOST_SNAPSHOTS} snapshots at most: delete one")
    kept[name] = asked.world.snapshot()
    return list_snapshots(asked)


def restore_snapshot(asked: Asked) -> Done:
    """Put the world back to how it was, its clock included."""
    name = asked.path["name"]
    if name not in asked.world.snapshots:
        raise missing(f"there is no snapshot {name!r}")
    asked.world.restore(asked.world.snapshots[name])
    return Done()


def delete_snapshot(asked: Asked) -> Done:
    """Forget a snapshot."""
    if asked.world.snapshots.pop(asked.path["name"], None) is None:
        raise missing(f"there is no snapshot {asked.path['name']!r}")
    return Done()


def _name(asked: Asked, wanted: str | None) -> str:
    if wanted is not None and asked.worlds.named(wanted) is not None:
        raise invalid(f"there is a world {wanted!r} already")
    return wanted or asked.worlds.mint()


def _added(asked: Asked, world: World) -> ShownWorld:
    try:
        asked.worlds.add(world)
    except ValueError as error:
        raise invalid(str(error)) from None
    return _shown(world)


def _shown(world: World) -> ShownWorld:
    ours = world.credentials
    return ShownWorld(
        name=world.name, project=ours.project, api_key=ours.api_key, token=ours.token, clock=time.seen(world.clock)
    )


def _plain(settings: Settings) -> Json:
    shown: Json = _ADAPTER.dump_python(settings, mode="json")
    return {name: value for name, value in shown.items() if name != "accepted_credentials"}


def _changed(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    known = {field.name: getattr(settings, field.name) for field in fields(Settings)}
    for name in changes:
        if name not in known or name in _FIXED:
            free = ", ".join(known.keys() - _FIXED)
            raise invalid(f"there is no setting {name!r} to change; there are {free}")
    try:
        return _ADAPTER.validate_python({**known, **changes})
    except ValidationError as refused:
        raise invalid(told(refused)) from None


OPERATIONS = (
    Operation("GET", "/settings", "How the world behaves", get_settings, answer=ShownSettings),
    Operation("PATCH", "/settings", "Change that", patch_settings, ChangedSettings, answer=ShownSettings),
    Operation("POST", "/reset", "Forget every fact, answer, fault and call", reset_world),
    Operation("GET", "/worlds", "The worlds", list_worlds, answer=ShownWorlds),
    Operation("POST", "/worlds", "Make an empty world", create_world, NewWorld, answer=ShownWorld),
    Operation("POST", "/worlds/fork", "Make a world that starts from here", fork_world, Fork, answer=ShownWorld),
    Operation("DELETE", "/worlds/{name}", "Forget a world", delete_world),
    Operation("GET", "/snapshots", "The snapshots of the world", list_snapshots, answer=Snapshots),
    Operation("PUT", "/snapshots/{name}", "Keep the world as it is", put_snapshot, answer=Snapshots),
    Operation("POST", "/snapshots/{name}/restore", "Put the world back", restore_snapshot),
    Operation("DELETE", "/snapshots/{name}", "Forget a snapshot", delete_snapshot),
)
