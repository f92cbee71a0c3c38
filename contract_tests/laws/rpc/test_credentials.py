"""Which caller the credentials of a request identify."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.http.parameters import parse_query
from mockserver.rpc.credentials import Credentials, identify, read_credentials

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


EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@given(st.text(alphabet="a@. "))
def test_addresses_are_those_of_a_plain_expression(text: str) -> None:
    """Something, an @, something, a dot, something; no spaces and no other @."""
    assert bool(EMAIL.fullmatch(text)) == (identify(Credentials(bearer=text), default_user="nobody").email == text)
