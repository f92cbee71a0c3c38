"""Whose a tuned model is, and who else may do what with it. No HTTP."""

from typing import Any

import pytest

from contract_tests.laws.gemini.calls import (
    ALICE,
    BOB,
    CAROL,
    advance,
    invoke,
    new_world,
    operation_of,
    refusal,
    request,
    trained,
    tune,
)
from mockserver.rpc.errors import ApiError
from mockserver.state.world import World

Json = dict[str, Any]

ACTIONS: dict[str, tuple[str, Json, str]] = {
    "use": ("tunedModels.generateContent", {"contents": [{"parts": [{"text": "1"}]}]}, "model"),
    "see": ("tunedModels.get", {}, "name"),
    "list permissions": ("tunedModels.permissions.list", {}, "parent"),
    "share": (
        "tunedModels.permissions.create",
        {"permission": {"role": "READER", "granteeType": "EVERYONE"}},
        "parent",
    ),
    "change": ("tunedModels.patch", {"tunedModel": {"description": "d"}}, "tunedModel"),
    "give away": ("tunedModels.transferOwnership", {"emailAddress": CAROL}, "name"),
    "delete": ("tunedModels.delete", {}, "name"),
}
ALLOWED = {
    "NOBODY": set[str](),
    "READER": {"use", "see"},
    "WRITER": {"use", "see", "list permissions", "share", "change"},
    "OWNER": set(ACTIONS),
}


def share(world: World, name: str, role: str, email: str | None = None, kind: str = "USER") -> Json:
    """Give a role; the permission."""
    grantee = {"granteeType": kind} | ({"emailAddress": email} if email else {})
    message = {"parent": name, "permission": grantee | {"role": role}}
    return invoke(world, "tunedModels.permissions.create", message)


def listed(world: World, **message: str) -> list[str]:
    """The names that tunedModels.list answers Bob."""
    return [model["name"] for model in invoke(world, "tunedModels.list", message, bearer=BOB).get("tunedModels", [])]


def permissions(world: World, name: str, bearer: str = ALICE) -> list[tuple[str, str]]:
    """Grantee and role of every permission."""
    permissions = invoke(world, "tunedModels.permissions.list", {"parent": name}, bearer=bearer)["permissions"]
    return [(each.get("emailAddress", each["granteeType"]), each["role"]) for each in permissions]


def attempt(world: World, name: str, action: str, **who: str) -> str:
    """What becomes of an action: "" when it is done, else the status."""
    method, message, field = ACTIONS[action]
    message = {**message, "tunedModel": {**message["tunedModel"], "name": name}} if field == "tunedModel" else message
    message = message if field == "tunedModel" else {**message, field: name}
    try:
        invoke(world, method, message, **who)
    except ApiError as error:
        return error.code.name
    return ""


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("role", ALLOWED)
def test_roles_decide(role: str, action: str) -> None:
    """A reader uses, a writer changes and shares too, the owner gives away and deletes too; all others nothing."""
    world = new_world()
    name = trained(world)
    if role in {"READER", "WRITER"}:
        share(world, name, role, BOB)
    who = ALICE if role == "OWNER" else BOB

    assert attempt(world, name, action, bearer=who) == ("" if action in ALLOWED[role] else "PERMISSION_DENIED")


def test_refusals_are_in_the_real_words() -> None:
    """To generate, the whole name; else the id alone [both seen]."""
    world = new_world()
    name = trained(world, id="hers")
    message = {"model": name, "contents": [{"parts": [{"text": "1"}]}]}
    start = "You do not have permission to access tuned model"

    assert ("PERMISSION_DENIED", f"{start} tunedModels/hers") == refusal(
        world, "tunedModels.generateContent", message, bearer=BOB
    )
    assert ("PERMISSION_DENIED", f"{start} hers") == refusal(world, "tunedModels.get", {"name": name}, bearer=BOB)


def test_generating_does_not_tell_what_exists() -> None:
    """Permission comes before existence: nobody's model and another's are refused alike."""
    message = {"model": "tunedModels/nobodys", "contents": [{"parts": [{"text": "1"}]}]}

    assert refusal(new_world(), "tunedModels.generateContent", message) == (
        "PERMISSION_DENIED",
        "You do not have permission to access tuned model tunedModels/nobodys",
    )


def test_everyone_may_be_granted() -> None:
    """Who has no role of their own has everyone's; it needs no address and takes none."""
    world = new_world()
    name = trained(world)
    granted = share(world, name, "READER", kind="EVERYONE")
    with_address = {"granteeType": "EVERYONE", "emailAddress": BOB, "role": "READER"}
    refused = refusal(world, "tunedModels.permissions.create", {"parent": name, "permission": with_address})

    assert "emailAddress" not in granted
    assert "" == attempt(world, name, "use", bearer=BOB)
    assert "PERMISSION_DENIED" == attempt(world, name, "change", bearer=BOB)
    assert "INVALID_ARGUMENT" == refused[0]


def test_a_group_has_no_members_we_know() -> None:
    """A grant to a group is kept and listed, and gives nobody anything."""
    world = new_world()
    name = trained(world)
    share(world, name, "WRITER", BOB, kind="GROUP")

    assert [(ALICE, "OWNER"), (BOB, "WRITER")] == permissions(world, name)
    assert "PERMISSION_DENIED" == attempt(world, name, "see", bearer=BOB)


def test_a_reader_project_may_read() -> None:
    """Whoever calls in one of the `readerProjectNumbers` may use the model, and no more."""
    world = new_world()
    name = trained(world, readerProjectNumbers=[123456789012])

    assert "" == attempt(world, name, "use", bearer=BOB, project="123456789012")
    assert "PERMISSION_DENIED" == attempt(world, name, "change", bearer=BOB, project="123456789012")
    assert "PERMISSION_DENIED" == attempt(world, name, "use", bearer=BOB)


def test_what_a_key_makes_belongs_to_its_project() -> None:
    """The key itself owns it, and so does whoever calls in the same project; another key is a stranger."""
    world = new_world()
    operation = invoke(world, "tunedModels.create", request(), key="key-one", project="p1")
    name = operation["metadata"]["tunedModel"]
    advance(world, 3600)

    assert "" == attempt(world, name, "see", key="key-one", project="p1")
    assert "" == attempt(world, name, "change", bearer=BOB, project="p1")
    assert "PERMISSION_DENIED" == attempt(world, name, "see", key="key-two")
    assert "PERMISSION_DENIED" == attempt(world, name, "see", bearer=BOB)


def test_a_key_and_a_token_of_one_project_are_one_owner() -> None:
    """additions.md, Identity: seed 002 creates with `?key=` and lists with a token and a project."""
    world = new_world()
    token = {"bearer": "made-up-token", "project": "my-project-id"}
    by_key = invoke(world, "tunedModels.create", request(id="by-key"), key="key-one")["metadata"]["tunedModel"]
    by_token = invoke(world, "tunedModels.create", request(id="by-token"), **token)["metadata"]["tunedModel"]
    advance(world, 3600)
    seen = {
        whose: [model["name"] for model in invoke(world, "tunedModels.list", {}, **who).get("tunedModels", [])]
        for whose, who in {"token": token, "key": {"key": "key-one"}, "other": {"key": "key-two"}}.items()
    }

    assert {"token": [by_key, by_token], "key": [by_key, by_token], "other": [by_token]} == seen
    assert "" == attempt(world, by_key, "delete", **token)
    assert "" == attempt(world, by_token, "delete", key="key-one")


def test_addresses_and_strict_worlds_keep_callers_apart() -> None:
    """additions.md, Identity: a token that is an e-mail address is its own user; so is everybody in a strict world."""
    world, strict = new_world(), new_world(auth="strict", accepted_credentials=frozenset({"key-one", "token"}))
    names = [
        invoke(each, "tunedModels.create", request(), key="key-one")["metadata"]["tunedModel"]
        for each in (world, strict)
    ]

    assert "PERMISSION_DENIED" == attempt(world, names[0], "see", bearer=BOB)
    assert "PERMISSION_DENIED" == attempt(strict, names[1], "see", bearer="token")
    assert [] == invoke(strict, "tunedModels.list", {}, bearer="token")["tunedModels"]


def test_where_nobody_is_asked_everybody_may() -> None:
    """With `auth="off"` there are no callers to tell apart."""
    world = new_world(auth="off")
    name = trained(world)

    assert [""] * 3 == [attempt(world, name, action, bearer=BOB) for action in ("see", "change", "delete")]


def test_the_owner_is_listed_first() -> None:
    """The owner's is a permission like others, and comes first; pages joined are the list."""
    world = new_world()
    name = tune(world)
    share(world, name, "WRITER", BOB)
    share(world, name, "READER", CAROL)
    pages: list[Json] = []
    token: str | None = ""
    while token is not None:
        answer = invoke(world, "tunedModels.permissions.list", {"parent": name, "pageSize": 1, "pageToken": token})
        pages += answer["permissions"]
        token = answer.get("nextPageToken")

    assert [(ALICE, "OWNER"), (BOB, "WRITER"), (CAROL, "READER")] == permissions(world, name)
    assert pages == invoke(world, "tunedModels.permissions.list", {"parent": name})["permissions"]


def test_a_page_goes_on_though_its_last_member_is_gone() -> None:
    """Who lists and takes back as they go is not told that their token is none."""
    world = new_world()
    name = tune(world)
    gone, _ = [share(world, name, "READER", email) for email in (BOB, CAROL)]
    page = invoke(world, "tunedModels.permissions.list", {"parent": name, "pageSize": 2})
    invoke(world, "tunedModels.permissions.delete", {"name": gone["name"]})
    token = page["nextPageToken"]
    rest = invoke(world, "tunedModels.permissions.list", {"parent": name, "pageToken": token})

    assert gone == page["permissions"][-1]
    assert [CAROL] == [each["emailAddress"] for each in rest["permissions"]]


def test_a_permission_lives() -> None:
    """Created, read, changed and taken back."""
    world = new_world()
    name = trained(world)
    granted = share(world, name, "READER", BOB)
    body = {"permission": {"name": granted["name"], "role": "WRITER"}, "updateMask": ["role"]}
    changed = invoke(world, "tunedModels.permissions.patch", body)

    assert (
        changed
        == {**granted, "role": "WRITER"}
        == invoke(world, "tunedModels.permissions.get", {"name": granted["name"]})
    )
    assert "" == attempt(world, name, "change", bearer=BOB)
    assert {} == invoke(world, "tunedModels.permissions.delete", {"name": granted["name"]})
    assert "PERMISSION_DENIED" == attempt(world, name, "see", bearer=BOB)
    assert "NOT_FOUND" == refusal(world, "tunedModels.permissions.get", {"name": granted["name"]})[0]


@pytest.mark.parametrize(
    "granted",
    [
        {},
        {"role": "READER"},
        {"role": "READER", "granteeType": "USER"},
        {"role": "OWNER", "granteeType": "USER", "emailAddress": BOB},
        {"granteeType": "USER", "emailAddress": BOB},
        {"role": "READER", "granteeType": "USER", "emailAddress": "nobody"},
        {"role": 7, "granteeType": "USER", "emailAddress": BOB},
    ],
)
def test_a_permission_needs_grantee_and_role(granted: Json) -> None:
    """Without them it is a 400, and ownership is not given like this."""
    world = new_world()
    message = {"parent": tune(world), "permission": granted}

    assert "INVALID_ARGUMENT" == refusal(world, "tunedModels.permissions.create", message)[0]


def test_one_permission_a_grantee() -> None:
    """A second one is a conflict; the owner has one already."""
    world = new_world()
    name = tune(world)
    share(world, name, "READER", BOB)
    for email in (BOB, ALICE):
        message = {"parent": name, "permission": {"role": "WRITER", "granteeType": "USER", "emailAddress": email}}

        assert "ALREADY_EXISTS" == refusal(world, "tunedModels.permissions.create", message)[0]


@pytest.mark.parametrize("mask", [None, [], ["email_address"], ["role", "grantee_type"]])
def test_only_the_role_changes_and_the_mask_says_so(mask: list[str] | None) -> None:
    """`updateMask` is required, and `role` is all it may name."""
    world = new_world()
    granted = share(world, tune(world), "READER", BOB)
    message: Json = {"permission": {"name": granted["name"], "role": "WRITER"}}
    if mask is not None:
        message["updateMask"] = mask

    assert "INVALID_ARGUMENT" == refusal(world, "tunedModels.permissions.patch", message)[0]


def test_the_owners_permission_stays() -> None:
    """It is neither changed nor deleted: ownership is transferred."""
    world = new_world()
    name = tune(world)
    owner = invoke(world, "tunedModels.permissions.list", {"parent": name})["permissions"][0]["name"]
    change = {"permission": {"name": owner, "role": "READER"}, "updateMask": ["role"]}

    assert "INVALID_ARGUMENT" == refusal(world, "tunedModels.permissions.patch", change)[0]
    assert "INVALID_ARGUMENT" == refusal(world, "tunedModels.permissions.delete", {"name": owner})[0]


def test_transfer_makes_the_old_owner_a_writer() -> None:
    """The new owner may delete, the old one not any more; a permission the new one had is gone."""
    world = new_world()
    name = tune(world)
    share(world, name, "READER", BOB)

    assert {} == invoke(world, "tunedModels.transferOwnership", {"name": name, "emailAddress": BOB})
    assert [(BOB, "OWNER"), (ALICE, "WRITER")] == permissions(world, name, BOB)
    assert "PERMISSION_DENIED" == attempt(world, name, "delete", bearer=ALICE)
    assert "" == attempt(world, name, "delete", bearer=BOB)


def test_operations_are_their_models() -> None:
    """A reader may follow the operation, only a writer may cancel it; nobody else sees that there is one."""
    world = new_world()
    name = tune(world)
    operation = {"name": operation_of(world, name)["name"]}
    denied = [refusal(world, f"tunedModels.operations.{verb}", operation, bearer=BOB)[0] for verb in ("get", "cancel")]
    share(world, name, "READER", BOB)

    assert ["PERMISSION_DENIED"] * 2 == denied
    assert operation["name"] == invoke(world, "tunedModels.operations.get", operation, bearer=BOB)["name"]
    assert "PERMISSION_DENIED" == refusal(world, "tunedModels.operations.cancel", operation, bearer=BOB)[0]
    assert [operation["name"]] == [
        each["name"] for each in invoke(world, "operations.list", {"name": "operations"})["operations"]
    ]


def test_lists_hold_what_is_the_callers() -> None:
    """Oldest first: one's own and what was shared by name, but not what is everyone's, unless asked for."""
    world = new_world()
    names = {}
    for whose, bearer in (("shared", ALICE), ("public", ALICE), ("own", BOB), ("hers", ALICE)):
        names[whose] = tune(world, id=whose, description=f"About {whose} Things", bearer=bearer)
        advance(world, 1)
    share(world, names["shared"], "WRITER", BOB)
    share(world, names["public"], "READER", kind="EVERYONE")

    assert [names["shared"], names["own"]] == listed(world)
    assert [names["own"]] == listed(world, filter="owner:me")
    assert [names["shared"], names["own"]] == listed(world, filter="writers:me")
    assert [names["shared"], names["own"]] == listed(world, filter="readers:me")
    assert [names["public"]] == listed(world, filter="readers:everyone")
    assert [names["own"]] == listed(world, filter="OWN things")
    assert [names["own"]] == listed(world, filter='"own things"')
    assert [] == listed(world, filter="shared owner:me")
    assert "INVALID_ARGUMENT" == refusal(world, "tunedModels.list", {"filter": "owner:bob"}, bearer=BOB)[0]


def test_pages_joined_are_the_list() -> None:
    """Whatever their size, and though a model of an earlier page is deleted meanwhile."""
    world = new_world()
    names = [tune(world, bearer=BOB) for _ in range(5)]
    whole = listed(world)
    joined: list[str] = []
    token: str | None = ""
    while token is not None:
        answer = invoke(world, "tunedModels.list", {"pageSize": 2, "pageToken": token}, bearer=BOB)
        joined += [model["name"] for model in answer["tunedModels"]]
        token = answer.get("nextPageToken")
        if token and len(joined) == 2:
            invoke(world, "tunedModels.delete", {"name": joined[-1]}, bearer=BOB)

    assert sorted(names) == sorted(whole) == sorted(joined)
    assert whole == joined
