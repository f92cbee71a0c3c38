"""tunedModels.permissions: create, list, get, patch, delete; and tunedModels.transferOwnership.

The sentences of all refusals here but the front end's are our choice: none was ever seen.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.dispatch.transactions import transactional
from mockserver.gemini.errors import invalid
from mockserver.gemini.store import EVERYONE, TUNED_MODELS, Permission, Role, TunedModel, find
from mockserver.rpc.errors import ApiError, Code, invalid_argument
from mockserver.rpc.paging import page
from mockserver.simulation.names import permission_id

Json = dict[str, Any]

_GRANTEES = {"user": "USER", "key": "USER", "group": "GROUP", EVERYONE: "EVERYONE"}


def permission(model: TunedModel, granted: Permission) -> Json:
    """The resource."""
    shown: Json = {
        "name": f"{model.name}/permissions/{granted.id}",
        "granteeType": _GRANTEES.get(granted.principal.partition(":")[0], "USER"),
        "role": granted.role.name,
    }
    return shown | ({"emailAddress": granted.email} if granted.email else {})


@transactional
def create_permission(call: Call) -> Json:
    """Share a tuned model with a user, a group or everyone. One permission a grantee."""
    asked = call.message.get("permission", {})
    granted = Permission(permission_id(call.world.rng("gemini.permissions")), _principal(asked), _role(asked))

    def share(model: TunedModel) -> TunedModel:
        if any(other.principal == granted.principal for other in model.permissions):
            raise ApiError(Code.ALREADY_EXISTS, f"Permission for {_grantee(granted)} already exists.")
        last = replace(granted, place=model.permissions[-1].place + 1)
        return replace(model, permissions=(*model.permissions, last))

    return permission(_change(call, call.message["parent"], Role.WRITER, share), granted)


def list_permissions(call: Call) -> Json:
    """The permissions of a tuned model, its owner's first [documented], then the oldest."""
    asked = call.message
    model = find(call, asked["parent"], Role.WRITER)
    prefix = f"{model.name}/permissions/"
    shown, token = page(
        sorted(model.permissions, key=lambda granted: (granted.place, granted.id)),
        key=lambda granted: prefix + granted.id,
        rank=lambda granted: granted.place,
        page_size=asked.get("pageSize"),
        page_token=asked.get("pageToken"),
        default=10,
        maximum=1000,
        scope=f"{model.name}/permissions",
    )
    found: Json = {"permissions": [permission(model, granted) for granted in shown]}
    return found | ({"nextPageToken": token} if token else {})


def get_permission(call: Call) -> Json:
    """A permission of a tuned model."""
    name = call.message["name"]
    model = find(call, _parent(name), Role.WRITER)
    return permission(model, _granted(model, name))


@transactional
def patch_permission(call: Call) -> Json:
    """Give a grantee another role. The mask is required, and `role` is all it may name."""
    asked = call.message.get("permission", {})
    name, role = asked["name"], _masked_role(call)

    def change(model: TunedModel) -> TunedModel:
        old = _changeable(model, name)
        new = replace(old, role=role)
        return replace(model, permissions=tuple(new if each is old else each for each in model.permissions))

    model = _change(call, _parent(name), Role.WRITER, change)
    return permission(model, _granted(model, name))


@transactional
def delete_permission(call: Call) -> Json:
    """Take a permission back. The owner's stays as long as the model does."""
    name = call.message["name"]

    def revoke(model: TunedModel) -> TunedModel:
        gone = _changeable(model, name)
        return replace(model, permissions=tuple(each for each in model.permissions if each is not gone))

    _change(call, _parent(name), Role.WRITER, revoke)
    return {}


@transactional
def transfer_ownership(call: Call) -> Json:
    """Give a tuned model to another user. The old owner becomes a writer (comment of permission_service.proto)."""
    email = call.message.get("emailAddress", "")
    if "@" not in email:
        raise invalid("TransferOwnershipRequest.email_address: email_address is not specified")
    heir = Permission(permission_id(call.world.rng("gemini.permissions")), f"user:{email}", Role.OWNER)

    def transfer(model: TunedModel) -> TunedModel:
        if model.owner == heir.principal:
            return model
        kept = [_demoted(each) for each in model.permissions if each.principal != heir.principal]
        first = replace(heir, place=model.permissions[0].place - 1)
        return replace(model, permissions=(first, *kept))

    _change(call, call.message["name"], Role.OWNER, transfer)
    return {}


def _change(call: Call, name: str, need: Role, edit: Callable[[TunedModel], TunedModel]) -> TunedModel:
    model = edit(find(call, name, need))
    call.world.store.replace(TUNED_MODELS, name, model)
    return model


def _principal(asked: Json) -> str:
    kind, email = asked.get("granteeType", "USER"), asked.get("emailAddress", "")
    if kind == "EVERYONE":
        if email:
            raise invalid_argument("email_address must not be set when grantee_type is EVERYONE.")
        return EVERYONE
    if kind not in {"USER", "GROUP", "GRANTEE_TYPE_UNSPECIFIED"}:
        raise invalid("CreatePermissionRequest.permission.grantee_type: unknown grantee type")
    if "@" not in email:
        raise invalid("CreatePermissionRequest.permission.email_address: email_address is not specified")
    return f"group:{email}" if kind == "GROUP" else f"user:{email}"


def _role(asked: Json) -> Role:
    role = asked.get("role", "ROLE_UNSPECIFIED")
    if role == "OWNER":
        raise invalid_argument("Ownership cannot be granted. Use TransferOwnership instead.")
    if role not in Role.__members__:
        raise invalid("Permission.role: role is not specified")
    return Role[role]


def _masked_role(call: Call) -> Role:
    paths = call.message.get("updateMask")
    if not paths:
        raise invalid("UpdatePermissionRequest.update_mask: update_mask is not specified")
    if any(path not in {"role", "*"} for path in paths):
        raise invalid("UpdatePermissionRequest.update_mask: only role can be updated")
    return _role(call.message["permission"])


def _granted(model: TunedModel, name: str) -> Permission:
    wanted = name.rpartition("/")[2]
    for granted in model.permissions:
        if granted.id == wanted:
            return granted
    raise ApiError(Code.NOT_FOUND, f"Permission {name} does not exist.")


def _changeable(model: TunedModel, name: str) -> Permission:
    granted = _granted(model, name)
    if granted.role is Role.OWNER:
        raise invalid_argument("The permission of the owner cannot be changed. Use TransferOwnership instead.")
    return granted


def _demoted(granted: Permission) -> Permission:
    return replace(granted, role=Role.WRITER) if granted.role is Role.OWNER else granted


def _grantee(granted: Permission) -> str:
    return granted.email or granted.principal


def _parent(name: str) -> str:
    return name.partition("/permissions/")[0]
