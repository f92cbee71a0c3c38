"""Which caller the credentials of a request identify."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.http.parameters import parse_query
from mockserver.rpc.credentials import Credentials, find_real_secret, identify, read_credentials, redact

secrets = st.text(min_size=1)


@pytest.mark.parametrize(
    ("headers", "query", "found"),
    [
        ({}, "", Credentials()),
        ({}, "key=K", Credentials(key="K")),
        ({"x-goog-api-key": "K"}, "", Credentials(key="K")),
        ({"x-goog-api-key": "H"}, "key=Q", Credentials(key="H")),
        ({"authorization": "Bearer T"}, "", Credentials(bearer="T")),
        ({"authorization": "bearer T"}, "", Credentials(bearer="T")),
        ({"authorization": "Basic T"}, "", Credentials()),
        ({"authorization": "Bearer "}, "", Credentials()),
        ({}, "access_token=T", Credentials(bearer="T")),
        ({}, "oauth_token=T", Credentials(bearer="T")),
        ({"authorization": "Bearer T"}, "key=K", Credentials(key="K", bearer="T")),
        ({"authorization": "Bearer T", "x-goog-user-project": "p"}, "", Credentials(bearer="T", project="p")),
        ({}, "page_token=X?key=K", Credentials()),
        ({}, "key=", Credentials()),
    ],
)
def test_credentials_come_by_header_or_query(headers: dict[str, str], query: str, found: Credentials) -> None:
    """A request may have both a key and a bearer token; the key of the broken "next page" sample is not a key."""
    assert found == read_credentials(headers, parse_query(query))


def test_of_a_repeated_parameter_the_first_counts() -> None:
    """The first value counts, as for every system parameter."""
    assert Credentials(key="a b") == read_credentials({}, [("key", "a b"), ("key", "c")])


def test_a_bearer_that_is_an_address_names_its_user() -> None:
    """Any other bearer token is the default user."""
    alice = identify(Credentials(bearer="alice@example.com"))
    someone = identify(Credentials(bearer="ya29.made-up"), default_user="dev@example.com")

    assert ("user:alice@example.com", "alice@example.com", "bearer") == (alice.principal, alice.email, alice.via)
    assert ("user:dev@example.com", "dev@example.com") == (someone.principal, someone.email)


def test_nobody_is_nobody() -> None:
    """A request without credentials has no principal."""
    nobody = identify(Credentials())

    assert ("", None, "none") == (nobody.principal, nobody.email, nobody.via)


@given(secrets, secrets)
def test_a_key_is_a_caller_with_a_project_of_its_own(one: str, other: str) -> None:
    """The same key is the same caller in the same project, another key another one."""
    first, again, second = (identify(Credentials(key=key)) for key in (one, one, other))

    assert first == again
    assert (one == other) == (first.principal == second.principal) == (first.project == second.project)
    assert len(first.project) == 12
    assert first.project.isdigit()


@given(st.builds(Credentials, key=st.none() | secrets, bearer=st.none() | secrets, project=st.none() | secrets))
def test_a_principal_never_shows_a_key(credentials: Credentials) -> None:
    """With a bearer token the caller is the user, else the key; x-goog-user-project is the billed project."""
    caller = identify(credentials)

    assert caller.via == ("bearer" if credentials.bearer else "key" if credentials.key else "none")
    assert credentials.project in {None, caller.project}
    if caller.via == "key":
        assert caller.principal.startswith("key:")
        assert len(caller.principal) == 12


SECRETS = {
    "AIza" + "x" * 35: "an API key",
    "AQ." + "a" * 40: "an API key",
    "ya29." + "a" * 40: "an access token",
    "-----BEGIN PRIVATE KEY-----\nMII": "a private key",
    "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----": "a private key",
}


@pytest.mark.parametrize(("secret", "kind"), SECRETS.items())
def test_secrets_google_issues_are_recognised(secret: str, kind: str) -> None:
    """They are found by their format, anywhere in a text."""
    assert kind == find_real_secret(f"take {secret} and keep it")


@pytest.mark.parametrize("text", ["AIza" + "x" * 34, "test-key", "alice@example.com", "ya29.made-up", ""])
def test_made_up_secrets_are_not(text: str) -> None:
    """Text of any other format is not a secret."""
    assert "" == find_real_secret(text)


@given(st.sampled_from(sorted(SECRETS)), st.text("ab c"), st.text(" \nxy"))
def test_no_secret_survives_redaction(secret: str, before: str, after: str) -> None:
    """Secrets are redacted anywhere in a tree; everything else stays."""
    tree = {"kept": [1, None, "plain"], "parts": [{"text": f"{before} {secret}\n{after}"}]}

    shown = redact(tree)

    assert secret[4:30] not in str(shown)
    assert tree["kept"] == shown["kept"]
    assert shown["parts"][0]["text"].startswith(before)
    assert "" == find_real_secret(str(shown))


PLAIN = re.compile(
    r"AIza[\w-]{35}|AQ\.[\w.-]{20,}|ya29\.[\w.-]{20,}"
    r"|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:.*?-----END [A-Z ]+-----)?",
    re.ASCII | re.DOTALL,
)
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
PIECES = ("-----BEGIN PRIVATE KEY-----", "-----END KEY-----", "-----END ", "-----", "AIza", "ya29.", "x" * 35, "\n")


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_secrets_are_redacted_as_a_plain_expression_finds_them(text: str) -> None:
    """Which takes a time that grows with the square of the keys that do not end."""
    assert PLAIN.sub(lambda secret: f"{secret[0][:4]}...({len(secret[0])} characters)", text) == redact(text)


@given(st.text(alphabet="a@. "))
def test_addresses_are_those_of_a_plain_expression(text: str) -> None:
    """Something, an @, something, a dot, something; no spaces and no other @."""
    assert bool(EMAIL.fullmatch(text)) == (identify(Credentials(bearer=text), default_user="nobody").email == text)
