"""tunedModels.permissions and transferOwnership, over the wire."""

from contract_tests.api.generativelanguage import Gemini, say
from contract_tests.targets import Client

BOB = "bob@example.com"


def test_permissions_take_no_keys(client: Client) -> None:
    """A lone API key is the 401 that asks for OAuth, with the rpc in its details [seen: June 2025]."""
    answer = Gemini(client, email=None).ask("GET", "tunedModels/x/permissions")

    error = answer.json()["error"]
    assert (401, "UNAUTHENTICATED") == (answer.status_code, error["status"])
    assert error["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "CREDENTIALS_MISSING",
            "domain": "googleapis.com",
            "metadata": {
                "service": "generativelanguage.googleapis.com",
                "method": "google.ai.generativelanguage.v1beta.PermissionService.ListPermissions",
            },
        }
    ]


def test_a_model_is_shared_as_google_generativeai_does_it(client: Client) -> None:
    """Enums sent as numbers; members back in the order of theirs; pages; a mask for the role; `{}` in the end."""
    gemini, bob = Gemini(client), Gemini(client, email=BOB)
    name = gemini.trained()
    body = {"granteeType": 1, "emailAddress": BOB, "role": 3}

    granted = gemini.post(f"{name}/permissions", body)
    said = bob.post(f"{name}:generateContent", say("3"))
    listed = gemini.get(f"{name}/permissions", pageSize=1)
    rest = gemini.get(f"{name}/permissions", pageToken=listed["nextPageToken"])
    changed = gemini.good("PATCH", granted["name"], json={"role": 2}, params={"updateMask": "role"})
    revoked = gemini.ask("DELETE", granted["name"])

    assert ["name", "granteeType", "emailAddress", "role"] == list(granted)
    assert ("USER", BOB, "READER") == (granted["granteeType"], granted["emailAddress"], granted["role"])
    assert granted["name"].startswith(f"{name}/permissions/")
    assert granted["name"].rpartition("/")[2].isalnum()
    assert "4" == said["candidates"][0]["content"]["parts"][0]["text"]
    assert "OWNER" == listed["permissions"][0]["role"]
    assert [granted] == rest["permissions"]
    assert granted | {"role": "WRITER"} == changed
    assert b"{}\n" == revoked.content
    assert 403 == bob.refused("GET", name)[0]


def test_everyone_has_no_address(client: Client) -> None:
    """The member is absent, and the model shows in the list of those for everyone only."""
    gemini, bob = Gemini(client), Gemini(client, email=BOB)
    name = gemini.trained()

    granted = gemini.post(f"{name}/permissions", {"granteeType": "EVERYONE", "role": "READER"})

    assert ["name", "granteeType", "role"] == list(granted)
    assert {} == bob.get("tunedModels")
    assert [name] == [model["name"] for model in bob.get("tunedModels", filter="readers:everyone")["tunedModels"]]


def test_ownership_moves(client: Client) -> None:
    """`{}`; then the new owner may delete and the old one may not."""
    gemini, bob = Gemini(client), Gemini(client, email=BOB)
    name = gemini.trained()

    answer = gemini.ask("POST", f"{name}:transferOwnership", json={"email_address": BOB})

    assert (200, b"{}\n") == (answer.status_code, answer.content)
    assert 403 == gemini.refused("DELETE", name)[0]
    assert {} == bob.good("DELETE", name)


def test_a_permission_field_is_bound_once(client: Client) -> None:
    """`optional` fields are oneofs to the front end: sent twice they are refused."""
    gemini = Gemini(client)
    name = gemini.trained()

    answer = gemini.ask("POST", f"{name}/permissions", content=b'{"role": "READER", "role": "WRITER"}')

    assert answer.json()["error"]["message"] == (
        "Invalid value at 'permission' (oneof), oneof field '_role' is already set. Cannot set 'role'"
    )
