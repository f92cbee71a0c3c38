"""Which texts are secrets that Google issues, and what the log shows of them."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.rpc.redaction import find_real_secret, redact, redact_pieces

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


@given(st.sampled_from(sorted(SECRETS)), st.lists(st.integers(0, 60), max_size=4), st.text("ab ", max_size=9))
def test_no_secret_survives_in_pieces(secret: str, cuts: list[int], around: str) -> None:
    """However it is spread over the messages of a stream; everything else stays."""
    whole = f"{around} {secret} \n{around}"
    bounds = [0, *sorted(cuts), len(whole)]
    stream = [{"model": "x", "parts": [{"text": whole[start:end]}]} for start, end in itertools.pairwise(bounds)]

    shown = redact_pieces(stream)

    assert redact(whole) == "".join(message["parts"][0]["text"] for message in shown)
    assert ["x"] * len(stream) == [message["model"] for message in shown]


def test_names_of_members_and_bytes_have_no_secret() -> None:
    """A client chooses those too."""
    secret = "AIza" + "x" * 35

    assert {"AIza...(39 characters)": [b"a AIza...(39 characters)"]} == redact({secret: [f"a {secret}".encode()]})


PLAIN = re.compile(
    r"AIza[\w-]{35}|AQ\.[\w.-]{20,}|ya29\.[\w.-]{20,}"
    r"|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:.*?-----END [A-Z ]+-----)?",
    re.ASCII | re.DOTALL,
)
PIECES = ("-----BEGIN PRIVATE KEY-----", "-----END KEY-----", "-----END ", "-----", "AIza", "ya29.", "x" * 35, "\n")


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_secrets_are_redacted_as_a_plain_expression_finds_them(text: str) -> None:
    """Which takes a time that grows with the square of the keys that do not end."""
    assert PLAIN.sub(lambda secret: f"{secret[0][:4]}...({len(secret[0])} characters)", text) == redact(text)
