"""Which texts are secrets that Google issues, and what the log shows of them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.rpc.redaction import find_real_secret, redact

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
PIECES = ("-----BEGIN PRIVATE KEY-----", "-----END KEY-----", "-----END ", "-----", "AIza", "ya29.", "x" * 35, "\n")


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_secrets_are_redacted_as_a_plain_expression_finds_them(text: str) -> None:
    """Which takes a time that grows with the square of the keys that do not end."""
    assert PLAIN.sub(lambda secret: f"{secret[0][:4]}...({len(secret[0])} characters)", text) == redact(text)
