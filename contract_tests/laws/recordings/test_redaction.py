"""Redaction: secrets are put in every position and searched for in every spelling."""

import base64
import binascii
import json
import re
from contextlib import suppress
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.recordings.redaction import Redactor
from mockserver.recordings.secret_detectors import Secret
from mockserver.transcripts.exchange import Exchange, RecordedRequest, RecordedResponse, write

LETTERS = "abcdefghijkmnopqrstuvwxyz"
words = st.text(LETTERS, min_size=7, max_size=12)
tails = st.text(LETTERS + LETTERS.upper() + "0123456789_-", min_size=30, max_size=40)
project_ids = st.builds("{}-{}".format, words, st.integers(100, 999))
project_numbers = st.integers(10**10, 10**12 - 1).map(str)
emails = st.builds("{}.{}@{}.org".format, words, words, words)
api_keys = tails.map(lambda tail: "AIza" + tail[:26])
tokens = tails.map("ya29.{}".format)
opaque = tails.map(lambda tail: "Zq" + tail)
private_keys = tails.map("-----BEGIN PRIVATE KEY-----\nMII{}\n-----END PRIVATE KEY-----\n".format)

JSON = (("content-type", "application/json; charset=UTF-8"),)
URL = "https://us-central1-aiplatform.googleapis.com/v1/x"


def ask(url: str = URL, headers: tuple[tuple[str, str], ...] = (), body: Any = None) -> RecordedRequest:
    """Return a request; a body that is not text becomes JSON."""
    text = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
    return RecordedRequest("POST", url, (*JSON, *headers) if not isinstance(body, str) else headers, text.encode())


def reply(body: Any = None, *headers: tuple[str, str]) -> RecordedResponse:
    """Return a response with pretty JSON."""
    return RecordedResponse(200, (*JSON, *headers), (json.dumps(body or {}, indent=2) + "\n").encode())


def written(*exchanges: Exchange) -> str:
    """Return everything that is written for the redacted exchanges, as one text."""
    redacted = Redactor().redact(exchanges)
    return "\n".join(
        "\n".join([it.request.url, repr(it.request.headers), (it.request.body or b"").decode()])
        + "\n".join([repr(it.response.headers), it.response.body.decode()])
        for it in redacted
    )


def survives(secret: str, text: str) -> bool:
    """Return whether a text contains a secret: plain, in a URL, in JSON, in HTML, in base64."""
    unescaped = text.encode().decode("unicode_escape") if "\\u" in text else text
    views = [text, unquote_plus(text), unescape(text), unescaped, text.replace("\\", "")]
    return any(secret in view for view in [*views, *decoded(text)])


def decoded(text: str) -> list[str]:
    """Decode the words of a text that are base64."""
    found = []
    for word in re.findall(r"[\w+/-]{16,}={0,2}", text):
        plain = word.rstrip("=").replace("-", "+").replace("_", "/")
        with suppress(binascii.Error):
            found.append(base64.b64decode(plain + "=" * (-len(plain) % 4)).decode("latin-1"))
    return found


def places(secret: str) -> dict[str, Exchange]:
    """Return exchanges with a credential in each position or under each name that identifies one."""
    return {
        "bearer": Exchange(ask(headers=(("authorization", f"Bearer {secret}"),)), reply()),
        "api key header": Exchange(ask(headers=(("x-goog-api-key", secret),)), reply()),
        "cookie": Exchange(ask(headers=(("cookie", f"SID={secret}; theme=dark"),)), reply()),
        "set-cookie": Exchange(ask(), reply({}, ("set-cookie", f"SID={secret}; Path=/; Secure"))),
        "unknown header": Exchange(ask(headers=(("x-company-session", secret),)), reply()),
        "unknown reply header": Exchange(ask(), reply({}, ("x-debug-trace", secret))),
        "key in the query": Exchange(ask(f"{URL}?alt=json&key={quote_plus(secret)}"), reply()),
        "token in the query": Exchange(ask(f"{URL}?access_token={quote_plus(secret)}"), reply()),
        "password in the URL": Exchange(ask(f"https://user:{quote(secret, safe='')}@host.example/v1/x"), reply()),
        "body member": Exchange(ask(body={"client_secret": secret}), reply()),
        "deep member": Exchange(ask(body={"a": [{"b": {"refreshToken": secret}}]}), reply()),
        "JSON in JSON": Exchange(ask(body={"config": json.dumps({"auth": {"private_key": secret}})}), reply()),
        "form": Exchange(ask(body=f"grant_type=x&refresh_token={quote_plus(secret)}"), reply()),
        "reply member": Exchange(ask(), reply({"access_token": secret})),
        "page token": Exchange(ask(), reply({"nextPageToken": secret})),
        "stream": Exchange(
            ask(),
            RecordedResponse(
                200,
                (("content-type", "text/event-stream"),),
                f"data: {json.dumps({'idToken': secret})}\r\n\r\n".encode(),
            ),
        ),
    }


@given(secret=st.one_of(opaque, tokens, api_keys))
def test_a_credential_survives_in_no_place_that_gives_it_away(secret: str) -> None:
    """Headers, query, URL, bodies at any depth, JSON in JSON, forms, replies, streams."""
    assert [] == [place for place, exchange in places(secret).items() if survives(secret, written(exchange))]


@given(secret=opaque, place=st.sampled_from(sorted(places(""))))
def test_what_one_place_gives_away_is_found_everywhere(secret: str, place: str) -> None:
    """A key found once is redacted in prose, paths, member names, other exchanges and base64."""
    if place.startswith("unknown reply"):  # only dropped: nothing says that it is a secret
        return
    hidden = [
        Exchange(ask(f"{URL}/{secret}:do"), reply({"message": f"no such thing: {secret}."})),
        Exchange(ask(body={secret: {"note": f"({secret})"}}), reply([f"<{secret}>"])),
        Exchange(ask(), reply({"opaque": base64.urlsafe_b64encode(f"prefix {secret} suffix".encode()).decode()})),
        Exchange(ask(), RecordedResponse(404, (("content-type", "text/html"),), f"<p>{secret}</p>".encode())),
    ]

    assert not survives(secret, written(*hidden, places(secret)[place]))


@given(secret=st.one_of(api_keys, tokens, emails, private_keys))
def test_what_looks_like_a_secret_needs_no_place_to_give_it_away(secret: str) -> None:
    """Google's keys and tokens, private keys and e-mail addresses are found by their pattern, anywhere."""
    exchanges = [
        Exchange(ask(body={"contents": [{"parts": [{"text": f"mine is {secret} ok"}]}]}), reply({"note": secret})),
        Exchange(ask(f"{URL}?q={quote_plus(secret)}"), reply()),
        Exchange(ask(headers=(("user-agent", f"tool ({quote(secret)})"),)), reply()),
        Exchange(ask(body={"nested": json.dumps({"deeper": json.dumps([secret])})}), reply()),
        Exchange(ask(), RecordedResponse(200, JSON, json.dumps({"e": secret}).replace("@", "\\u0040").encode())),
    ]
    core = secret.strip().splitlines()[len(secret.strip().splitlines()) // 2]

    assert not survives(core, written(*exchanges))


@given(project=project_ids, number=project_numbers)
def test_no_project_survives(project: str, number: str) -> None:
    """A project's id and number are redacted in names, buckets, accounts, messages, URLs and lists of numbers."""
    exchanges = [
        Exchange(
            ask(
                f"https://us-central1-aiplatform.googleapis.com/v1/projects/{project}/locations/us-central1/tuningJobs",
                (("x-goog-request-params", f"parent=projects%2F{project}%2Flocations%2Fus-central1"),),
                {"supervisedTuningSpec": {"trainingDatasetUri": f"gs://{project}-data/train.jsonl"}},
            ),
            reply({"name": f"projects/{number}/locations/us-central1/tuningJobs/5", "readerProjectNumbers": [number]}),
        ),
        Exchange(
            ask(body={"serviceAccount": f"tuner@{project}.iam.gserviceaccount.com"}),
            reply({"message": f"API has not been used in project {number} before: see ...overview?project={number}"}),
        ),
        Exchange(
            ask(), reply({"projectNumber": int(number), "who": f"service-{number}@gcp-sa.iam.gserviceaccount.com"})
        ),
    ]
    text = written(*exchanges)

    assert (False, False) == (survives(project, text), survives(number, text))


@given(project=project_ids, key=api_keys, email=emails)
def test_one_secret_is_one_placeholder(project: str, key: str, email: str) -> None:
    """A replay can still see that two names have the same project, and two calls the same caller."""
    name = f"projects/{project}/locations/us-central1"
    exchanges = [
        Exchange(ask(f"{URL}?key={key}", body={"owner": email}), reply({"parent": name})),
        Exchange(ask(headers=(("x-goog-api-key", key),), body={"parent": name}), reply({"emailAddress": email})),
    ]
    first, second = Redactor().redact(exchanges)

    assert json.loads(first.response.body)["parent"] == json.loads(second.request.body or b"")["parent"]
    assert json.loads(first.request.body or b"")["owner"] == json.loads(second.response.body)["emailAddress"]
    assert first.request.url.partition("key=")[2] == dict(second.request.headers)["x-goog-api-key"]


@given(number=project_numbers)
def test_a_number_stays_as_long_as_it_was(number: str) -> None:
    """A placeholder for a number has as many digits, so that byte counts stay the same."""
    [redacted] = Redactor().redact([Exchange(ask(), reply({"name": f"projects/{number}/x"}))])

    assert len(f"projects/{number}/x") == len(json.loads(redacted.response.body)["name"])


def test_what_holds_no_secret_stays_byte_for_byte() -> None:
    """Prompts, answers, all digits of numbers, the order of members and public ids stay."""
    body = (
        b'{\n  "candidates": [\n    {\n      "content": {"parts": [{"text": "LXIV \\u003c b"}], "role": "model"},\n'
        b'      "avgLogprobs": -0.88457053899765015,\n      "logprobsResult": {"chosenCandidates": [{"token": "secretary", '
        b'"tokenId": 236778, "logProbability": -0.01972555}]}\n    }\n  ],\n  "responseId": "1lpeaM2zA_H_2PgPh_z--AY"\n}\n'
    )
    exchange = Exchange(
        ask(
            "https://generativelanguage.googleapis.com/v1beta/tunedModels/a-1:generateContent?$alt=json%3Benum-encoding=int"
        ),
        RecordedResponse(
            200, (*JSON, ("server-timing", "gfet4t7; dur=15"), ("date", "Mon, 18 Aug 2025 12:41:00 GMT")), body
        ),
    )

    assert [exchange] == Redactor().redact([exchange])


@pytest.mark.parametrize("body", [b"\xff\xd8\xff\xe0 a picture", b"\x00\x01"])
def test_what_cannot_be_read_is_not_written(body: bytes) -> None:
    """It may contain anything, so its length is written instead."""
    [redacted] = Redactor().redact([Exchange(ask(), RecordedResponse(200, (("content-type", "image/jpeg"),), body))])

    assert f"[{len(body)} bytes of image/jpeg left out]".encode() == redacted.response.body


@pytest.mark.parametrize("piece", ["y", "a.", "1"])
def test_a_long_word_is_read_once(piece: str) -> None:
    """Base64 of an image is one word: a pattern that starts a match at each letter would take a quarter of an hour."""
    word = piece * (300_000 // len(piece))
    [redacted] = Redactor().redact([Exchange(ask(body={"data": word}), reply({"mail": "jane.doe@acme.org"}))])

    assert word[:1000] == json.loads(redacted.request.body or b"")["data"][:1000]
    assert "jane.doe" not in redacted.response.body.decode()


def test_secrets_known_beforehand_are_found_though_nothing_gives_them_away() -> None:
    """A key of the environment is a secret, whatever its pattern."""
    redactor = Redactor([Secret("key", "open-sesame-42")])
    [redacted] = redactor.redact([Exchange(ask(body={"text": "say open-sesame-42 twice"}), reply())])

    assert {"text": "say scrubbed-key-1 twice"} == json.loads(redacted.request.body or b"")


def test_a_transcript_is_never_written_over(tmp_path: Path) -> None:
    """It raises FileExistsError and does not change the file."""
    path = tmp_path / "t.json"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        write(path, [Exchange(ask(), reply())])

    assert "mine" == path.read_text()


@given(email=emails)
def test_a_token_that_is_an_address_stays_one(email: str) -> None:
    """The mock server maps such a token to the person, and so does a replay."""
    exchange = Exchange(ask(headers=(("authorization", f"Bearer {email}"),)), reply({"emailAddress": email}))
    [redacted] = Redactor().redact([exchange])
    address = json.loads(redacted.response.body)["emailAddress"]

    assert address.endswith("@example.com")
    assert f"Bearer {address}" == dict(redacted.request.headers)["authorization"]


@pytest.mark.parametrize("value", ["Bearer *", "Bearer -", "Bearer ", "Bearer  ", "*", "Basic *", ""])
@pytest.mark.parametrize("name", ["authorization", "proxy-authorization", "x-goog-api-key", "x-goog-user-project"])
def test_credentials_that_are_none_are_dropped(name: str, value: str) -> None:
    """As every credential that is not known."""
    redactor = Redactor()
    [redacted] = redactor.redact([Exchange(ask(headers=((name, value),)), reply())])

    assert "scrubbed" in dict(redacted.request.headers)[name]
    assert not redactor.failures


def test_half_a_character_can_be_secret() -> None:
    """In JSON it is an escape."""
    body = r'{"apiKey": "\ud800-open-sesame-42"}'
    redactor = Redactor()
    [redacted] = redactor.redact([Exchange(ask(body=body, headers=JSON), reply())])

    assert b"open-sesame" not in (redacted.request.body or b"")
    assert not redactor.failures


@pytest.mark.parametrize("deep", ["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000])
def test_an_exchange_that_cannot_be_redacted_is_left_out(deep: str) -> None:
    """The others are redacted, and which one it was is said."""
    secret = "AIza" + "x" * 35
    good = Exchange(ask(headers=(("x-goog-api-key", secret),)), reply())
    redactor = Redactor()
    redacted = redactor.redact([good, Exchange(ask(body=deep, headers=JSON), reply()), good])

    assert 2 == len(redacted)
    assert secret not in str(redacted)
    assert ["exchange 2 (RecursionError)"] == redactor.failures
