"""The records of tuned models, how they are found, and who may do what with them.

A tuned model, its run and its permissions are one record: a change of owner is one change, and a deletion removes
all of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from mockserver.datasets.examples import Examples
from mockserver.dispatch.routing import Call
from mockserver.dispatch.runs import RunCollection
from mockserver.gemini import errors, owners
from mockserver.simulation.names import project_number
from mockserver.simulation.tuning import Progress, Run, State, observe, state
from mockserver.state.store import Index, Missing, Position

EVERYONE = "everyone"

STATES = {
    State.PENDING: "CREATING",
    State.RUNNING: "CREATING",
    State.CANCELLING: "CREATING",
    State.SUCCEEDED: "ACTIVE",
    State.FAILED: "FAILED",
    State.CANCELLED: "FAILED",  # our choice: not seen; of the three words the one that says it was not completed
}


class Role(IntEnum):
    """What a grantee may do: use, or change and share too, or delete too."""

    READER = 1
    WRITER = 2
    OWNER = 3


@dataclass(frozen=True, slots=True)
class Permission:
    """A role of a principal: "user:<email>", "group:<email>", "key:<hash>" or EVERYONE.

    A model's permissions are kept and listed by `place`: the owner's is the lowest.
    """

    id: str
    principal: str
    role: Role
    place: int = 0

    @property
    def email(self) -> str:
        """The grantee's address; "" for everyone and for the owner of a model made with an API key."""
        kind, _, email = self.principal.partition(":")
        return email if kind in {"user", "group"} else ""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class TunedModel:
    """A tuned model as it was created or last updated.

    `name` and `base_model` are resource names, `operation_id` is the last part of its operation's; `source` is the
    tuned model that this one was tuned from, or "". `project` is its creator's. `version` is the API version of the
    create request, and of the operation's types. `learning_rate_multiplier` is set when the caller gave that rather
    than a rate. `examples` are the training data, input to output.
    """

    name: str
    operation_id: str
    version: str
    project: str
    run: Run
    base_model: str
    permissions: tuple[Permission, ...]
    source: str = ""
    display_name: str = ""
    description: str = ""
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    reader_projects: tuple[int, ...] = ()
    learning_rate_multiplier: float | None = None
    examples: Examples = field(default_factory=Examples)

    @property
    def owner(self) -> str:
        """The principal of its owner."""
        return next(filter(_is_owner, self.permissions)).principal

    @property
    def operation(self) -> str:
        """The name of the operation that makes it."""
        return f"{self.name}/operations/{self.operation_id}"

    def state(self, now: int) -> State:
        """Return the state of its run."""
        return state(self.run, now)

    def progress(self, now: int) -> Progress:
        """Return the progress of its run."""
        return observe(self.run, now)


def _is_owner(permission: Permission) -> bool:
    return permission.role is Role.OWNER


def _reader_keys(model: TunedModel) -> Iterator[str]:
    """Yield the partitions of the index that hold a tuned model: see `own_role` and `public_role`.

    "" holds all of them.
    """
    yield ""
    yield from {
        _reader_key(permission.role, part)
        for permission in model.permissions
        for part in owners.partitions(permission.principal)
    }
    if model.owner.startswith("key:"):
        yield _reader_key(Role.OWNER, f"project:{model.project}")
    yield from {_reader_key(Role.READER, f"number:{number}") for number in model.reader_projects}


def _reader_key(role: Role, principal: str) -> str:
    return f"{role.name} {principal}"


BY_READER: Index[TunedModel] = Index("reader", _reader_keys, lambda model: model.run.created)

TUNED_MODELS: RunCollection[TunedModel] = RunCollection(
    "gemini.tunedModels",
    TunedModel,
    (BY_READER,),
    save=lambda store, model: store.replace(TUNED_MODELS, model.name, model),
)


def find_tuned_model(call: Call, name: str, role: Role) -> TunedModel:
    """Return the tuned model, if the caller has at least the role.

    Raises 404 for an unknown name, 403 for too small a role.
    """
    model = _get(call, name)
    if model is None:
        raise errors.tuned_model_not_found(name)
    if not has_role(model, call, role):
        raise errors.access_denied(name)
    return model


def find_generating_model(call: Call, name: str) -> TunedModel:
    """Return the tuned model, if the caller may generate with it.

    403 does not tell whether the model exists [seen: for other people's models and for unknown names].
    """
    model = _get(call, name)
    if model is None or not has_role(model, call, Role.READER):
        raise errors.generation_denied(name)
    return model


def _get(call: Call, name: str) -> TunedModel | None:
    try:
        return call.world.store.get(TUNED_MODELS, name)
    except Missing:
        return None


def walk_tuned_models(call: Call, keys: Iterable[str], after: Position | None) -> Iterator[TunedModel]:
    """Return the tuned models of some partitions of the index, each once, oldest first, behind a position."""
    return owners.walk_partitions(call, TUNED_MODELS, BY_READER, keys, after)


def own_keys(call: Call, role: Role = Role.READER) -> set[str]:
    """Return the partitions that hold every model in which the caller has at least this role of their own."""
    caller = call.caller
    keys = {_reader_key(Role.OWNER, f"project:{caller.project}")}
    keys |= {key for part in owners.own_partitions(call) for key in principal_keys(part, role)}
    if role == Role.READER:
        keys.add(_reader_key(Role.READER, f"number:{int(project_number(caller.project))}"))
    return keys


def principal_keys(principal: str, role: Role = Role.READER) -> set[str]:
    """Return the partitions that hold every model in which a principal has at least this role."""
    return {_reader_key(each, principal) for each in Role if each >= role}


def has_role(model: TunedModel, call: Call, role: Role) -> bool:
    """Return whether the caller has at least this role. Without authentication everybody has every role."""
    return call.settings.auth == "off" or own_role(model, call) >= role or public_role(model) >= role


def own_role(model: TunedModel, call: Call) -> int:
    """Return the caller's role by a grant to them or to their project, 0 for none.

    We know no group's members: a grant to a group gives nobody anything. # our choice
    """
    caller = call.caller
    own = owners.own_partitions(call)
    roles: list[int] = []
    for each in model.permissions:
        if not own.isdisjoint(owners.partitions(each.principal)):
            if each.role is Role.OWNER:
                return Role.OWNER
            roles.append(each.role)
    if caller.project == model.project and model.owner.startswith("key:"):
        roles.append(Role.OWNER)  # what a key makes belongs to its project
    if model.reader_projects and int(project_number(caller.project)) in model.reader_projects:
        roles.append(Role.READER)
    return max(roles, default=0)


def public_role(model: TunedModel) -> int:
    """Return the role of everyone, 0 for none."""
    return max((permission.role for permission in model.permissions if permission.principal == EVERYONE), default=0)
