"""What is kept of a tuned model, and who may do what with it.

A tuned model, its run and its permissions are one record: a change of owner is one change, and what is
deleted takes everything along.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from mockserver.datasets.examples import Examples
from mockserver.dispatch import runs
from mockserver.dispatch.routing import Call
from mockserver.gemini import errors
from mockserver.simulation.names import project_number
from mockserver.simulation.tuning import Progress, Run, State, observe, state
from mockserver.state.store import Index, Kind, Missing, Position

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
    """A role given to a principal: "user:<email>", "group:<email>", "key:<hash>" or EVERYONE.

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


@dataclass(frozen=True, slots=True)
class TunedModel:
    """A tuned model as it was asked for.

    `name`, `operation` and `base_model` are resource names; `source` is the tuned model it goes on from,
    or "". `project` is its maker's. `version` is the API's that made it: the operation speaks in it.
    `learning_rate_multiplier` is set when the caller gave that rather than a rate. `examples` are the training
    data, input to output.
    """

    name: str
    operation: str
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
        """The principal it belongs to."""
        return next(permission.principal for permission in self.permissions if permission.role is Role.OWNER)

    def state(self, now: int) -> State:
        """Where its training stands."""
        return state(self.run, now)

    def progress(self, now: int) -> Progress:
        """How far it has been trained."""
        return observe(self.run, now)


def _readers(model: TunedModel) -> Iterator[str]:
    """Whose lists a tuned model may be in: see `own_role` and `public_role`. One list has them all."""
    yield ""
    yield from {permission.principal for permission in model.permissions}
    if model.owner.startswith("key:"):
        yield f"project:{model.project}"
    yield from {f"number:{number}" for number in model.reader_projects}


BY_READER: Index[TunedModel] = Index("reader", _readers, lambda model: model.run.created)

TUNED_MODELS: Kind[TunedModel] = Kind(
    "gemini.tunedModels",
    TunedModel,
    (BY_READER, runs.by_quota(lambda model: model.run)),
)


def own_lists(call: Call) -> set[str]:
    """The lists that hold every model in which the caller has a role of their own."""
    caller = call.caller
    return {caller.principal, f"project:{caller.project}", f"number:{int(project_number(caller.project))}"}


def walk(call: Call, lists: Iterable[str], after: tuple[int, str] | None) -> Iterator[TunedModel]:
    """The tuned models of some lists, each once, the oldest first, behind the creation and name of one."""
    behind = None if after is None else Position(*after)
    walks = [call.world.store.walk(TUNED_MODELS, BY_READER, each, after=behind) for each in lists]
    last = ""
    for entry in heapq.merge(*walks, key=lambda entry: entry.position):
        if entry.name != last:
            last = entry.name
            yield entry.record


def find(call: Call, name: str, need: Role) -> TunedModel:
    """The tuned model, for a caller who has at least the role.

    404 for a name that leads nowhere, 403 for too small a role. Generating has an order of its own: `find_to_use`.
    """
    model = _lookup(call, name)
    if model is None:
        raise errors.no_such_tuned_model(name)
    if not allows(model, call, need):
        raise errors.no_access(name)
    return model


def find_to_use(call: Call, name: str) -> TunedModel:
    """The tuned model, for a caller who wants to generate with it.

    Who may not use it is not told whether it exists [seen: 403 for other people's and for nobody's].
    """
    model = _lookup(call, name)
    if model is None or not allows(model, call, Role.READER):
        raise errors.no_use(name)
    return model


def allows(model: TunedModel, call: Call, need: Role) -> bool:
    """Whether the caller has at least this role. Where nobody is asked who they are, everybody has every one."""
    return call.world.settings.auth == "off" or max(own_role(model, call), public_role(model)) >= need


def own_role(model: TunedModel, call: Call) -> int:
    """The caller's role by a grant to them or to their project, 0 for none.

    We know no group's members: a grant to a group gives nobody anything. # our choice
    """
    caller = call.caller
    roles = [permission.role for permission in model.permissions if permission.principal == caller.principal]
    if model.owner.startswith("key:") and caller.project == model.project:
        roles.append(Role.OWNER)  # what a key makes belongs to its project
    if model.reader_projects and int(project_number(caller.project)) in model.reader_projects:
        roles.append(Role.READER)
    return max(roles, default=0)


def public_role(model: TunedModel) -> int:
    """The role everyone has, 0 for none."""
    return max((permission.role for permission in model.permissions if permission.principal == EVERYONE), default=0)


def _lookup(call: Call, name: str) -> TunedModel | None:
    try:
        return call.world.store.get(TUNED_MODELS, name)
    except Missing:
        return None
