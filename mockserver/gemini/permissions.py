"""tunedModels.permissions: create, get, list, patch, delete; and tunedModels.transferOwnership.

The sentences of all refusals here but the front end's are our choice: none was ever seen.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mockserver.dispatch.lists import list_response
from mockserver.dispatch.routing import Call
from mockserver.dispatch.transactions import transactional
from mockserver.gemini.errors import invalid_fields
from mockserver.gemini.store import EVERYONE, TUNED_MODELS, Permission, Role, TunedModel, find_tuned_model
from mockserver.rpc.errors import ApiError, Code, invalid_argument
from mockserver.simulation.names import permission_id

Json = dict[str, Any]

_GRANTEES = {"user": "USER", "key": "USER", "group": "GROUP", EVERYONE: "EVERYONE"}


def find_permission(model: TunedModel, name: str) -> Permission:
    """Return the permission of a tuned model. Raises 404."""
    id_ = name.rpartition("/")[2]
    for permission in model.permissions:
        if permission.id == id_:
            return permission
    raise ApiError(Code.NOT_FOUND, f"Permission {name} does not exist.")


def _find_changeable(model: TunedModel, name: str) -> Permission:
    permission = find_permission(model, name)
    if permission.role is Role.OWNER:
        raise invalid_argument("The permission of the owner cannot be changed. Use TransferOwnership instead.")
    return permission


@transactional
def create_permission(call: Call) -> Json:
    """Share a tuned model with a user, a group or everyone. A grantee has one permission."""
    permission = new_permission(call)

    def add(model: TunedModel) -> TunedModel:
        if any(other.principal == permission.principal for other in model.permissions):
            grantee = permission.email or permission.principal
            raise ApiError(Code.ALREADY_EXISTS, f"Permission for {grantee} already exists.")
        last = replace(permission, place=model.permissions[-1].place + 1)
        return replace(model, permissions=(*model.permissions, last))

    return show_permission(_change_model(call, call.message["parent"], Role.WRITER, add), permission)


def new_permission(call: Call) -> Permission:
    """Return the record of the permission that a request asks for."""
    body = call.message.get("permission", {})
    return Permission(permission_id(call.world.rng("gemini.permissions")), _read_principal(body), _read_role(body))


def get_permission(call: Call) -> Json:
    """Return a permission of a tuned model."""
    name = call.message["name"]
    model = find_tuned_model(call, _model_name(name), Role.WRITER)
    return show_permission(model, find_permission(model, name))


def list_permissions(call: Call) -> Json:
    """List the permissions of a tuned model, its owner's first [documented], then the oldest."""
    model = find_tuned_model(call, call.message["parent"], Role.WRITER)
    collection = f"{model.name}/permissions"
    return list_response(
        call,
        "permissions",
        sorted(model.permissions, key=lambda permission: (permission.place, permission.id)),
        show=lambda permission: show_permission(model, permission),
        key=lambda permission: f"{collection}/{permission.id}",
        rank=lambda permission: permission.place,
        default=10,
        maximum=1000,
        scope=collection,
    )


@transactional
def update_permission(call: Call) -> Json:
    """Give a grantee another role. The mask is required, and may name `role` only."""
    name = call.message.get("permission", {})["name"]
    paths = call.message.get("updateMask")
    if not paths:
        raise invalid_fields("UpdatePermissionRequest.update_mask: update_mask is not specified")
    if any(path not in {"role", "*"} for path in paths):
        raise invalid_fields("UpdatePermissionRequest.update_mask: only role can be updated")
    role = _read_role(call.message["permission"])

    def change(model: TunedModel) -> TunedModel:
        old = _find_changeable(model, name)
        new = replace(old, role=role)
        return replace(model, permissions=tuple(new if each is old else each for each in model.permissions))

    model = _change_model(call, _model_name(name), Role.WRITER, change)
    return show_permission(model, find_permission(model, name))


@transactional
def transfer_ownership(call: Call) -> Json:
    """Give a tuned model to another user. The old owner becomes a writer (comment of permission_service.proto)."""
    email = call.message.get("emailAddress", "")
    if "@" not in email:
        raise invalid_fields("TransferOwnershipRequest.email_address: email_address is not specified")
    new_owner = Permission(permission_id(call.world.rng("gemini.permissions")), f"user:{email}", Role.OWNER)

    def transfer(model: TunedModel) -> TunedModel:
        if model.owner == new_owner.principal:
            return model
        others = [
            replace(each, role=Role.WRITER) if each.role is Role.OWNER else each
            for each in model.permissions
            if each.principal != new_owner.principal
        ]
        first = replace(new_owner, place=model.permissions[0].place - 1)
        return replace(model, permissions=(first, *others))

    _change_model(call, call.message["name"], Role.OWNER, transfer)
    return {}


@transactional
def delete_permission(call: Call) -> Json:
    """Delete a permission. The owner's stays as long as the model does."""
    name = call.message["name"]

    def remove(model: TunedModel) -> TunedModel:
        permission = _find_changeable(model, name)
        return replace(model, permissions=tuple(each for each in model.permissions if each is not permission))

    _change_model(call, _model_name(name), Role.WRITER, remove)
    return {}


def show_permission(model: TunedModel, permission: Permission) -> Json:
    """Return the resource."""
    resource: Json = {
        "name": f"{model.name}/permissions/{permission.id}",
        "granteeType": _GRANTEES.get(permission.principal.partition(":")[0], "USER"),
        "role": permission.role.name,
    }
    return resource | ({"emailAddress": permission.email} if permission.email else {})


def _change_model(call: Call, name: str, role: Role, change: Callable[[TunedModel], TunedModel]) -> TunedModel:
    model = change(find_tuned_model(call, name, role))
    call.world.store.replace(TUNED_MODELS, name, model)
    return model


def _read_principal(body: Json) -> str:
    grantee_type, email = body.get("granteeType", "USER"), body.get("emailAddress", "")
    if grantee_type == "EVERYONE":
        if email:
            raise invalid_argument("email_address must not be set when grantee_type is EVERYONE.")
        return EVERYONE
    if grantee_type not in {"USER", "GROUP", "GRANTEE_TYPE_UNSPECIFIED"}:
        raise invalid_fields("CreatePermissionRequest.permission.grantee_type: unknown grantee type")
    if "@" not in email:
        raise invalid_fields("CreatePermissionRequest.permission.email_address: email_address is not specified")
    return f"group:{email}" if grantee_type == "GROUP" else f"user:{email}"


def _read_role(body: Json) -> Role:
    role = body.get("role", "ROLE_UNSPECIFIED")
    if role == "OWNER":
        raise invalid_argument("Ownership cannot be granted. Use TransferOwnership instead.")
    if role not in Role.__members__:
        raise invalid_fields("Permission.role: role is not specified")
    return Role[role]


def _model_name(name: str) -> str:
    return name.partition("/permissions/")[0]
