"""Response headers: which, and in which order."""

import json
from pathlib import Path
from typing import Any

import pytest

from mockserver.http.headers import EVENTS, Headers, ReplyHead, retry_after_seconds

AT = 1_787_149_092 * 1_000_000_000  # Wed, 19 Aug 2026 14:18:12 GMT
ORIGIN = "https://app.example"


def names(headers: Headers) -> list[str]:
    """The names in order."""
    return [name.decode() for name, _ in headers]


def values(headers: Headers) -> list[tuple[str, str]]:
    """Names and values that do not vary with the moment or with the recorder's luck."""
    varying = {"date", "server-timing", "transfer-encoding", "content-length", "vary"}
    return [(name.decode(), value.decode()) for name, value in headers if name.decode() not in varying]


def of_recording(example: dict[str, Any]) -> Headers:
    """What we would send where this was recorded."""
    recorded = {name.lower(): value for name, value in example["headers"]}
    head = ReplyHead(server=recorded["server"], timing_ms=1 if "server-timing" in recorded else None)
    tier = recorded.get("x-gemini-service-tier")
    if recorded["content-type"] == EVENTS:
        return head.events(AT)
    return (head.success if example["status"] == 200 else head.error)(AT, tier=tier)


def is_ours(example: dict[str, Any]) -> bool:
    """Whether an example is of our two services; the 302 echoes the request's headers, which only Google's own do."""
    return "googleapis.com/v1" in example["request"] and example["status"] != 302


def test_headers_are_those_of_the_recordings(transcripts: Path) -> None:
    """Names in order and the values that stand still, of every example."""
    table = json.loads((transcripts / "wire-headers.json").read_text())
    examples = [example for example in table["examples"] if is_ours(example)]

    assert examples
    for example in examples:
        recorded = [(name.lower().encode(), value.encode()) for name, value in example["headers"]]
        assert names(recorded) == names(of_recording(example))
        assert values(recorded) == values(of_recording(example))


def test_vary_is_three_lines() -> None:
    """In one of the orders seen."""
    headers = ReplyHead().success(AT)

    assert [b"Origin", b"X-Origin", b"Referer"] == [value for name, value in headers if name == b"vary"]


def test_the_date_is_the_clocks() -> None:
    """Not the machine's."""
    assert dict(ReplyHead().success(AT))[b"date"] == b"Wed, 19 Aug 2026 14:18:12 GMT"


@pytest.mark.parametrize(
    ("length", "last"), [(None, (b"transfer-encoding", b"chunked")), (3, (b"content-length", b"3"))]
)
def test_a_body_is_chunked_or_counted(length: int | None, last: tuple[bytes, bytes]) -> None:
    """Never both, and it comes last."""
    assert last == ReplyHead().success(AT, length)[-1] == ReplyHead().error(AT, length)[-1]


def test_compression_is_said_before_the_date() -> None:
    """As recorded; a stream of events is never compressed."""
    order = names(ReplyHead(gzip=True).success(AT))

    assert order.index("content-encoding") + 1 == order.index("date")
    assert "content-encoding" not in names(ReplyHead(gzip=True).events(AT))


def test_a_challenge_leads() -> None:
    """WWW-Authenticate and its like come first."""
    first = ReplyHead().error(AT, extra={"WWW-Authenticate": "Bearer"})[0]

    assert (b"www-authenticate", b"Bearer") == first


def test_a_page_knows_nothing_of_apis() -> None:
    """No scaffolding, no Vary."""
    page = dict(ReplyHead().page(AT, 1675))

    assert (b"text/html; charset=UTF-8", b"1675") == (page[b"content-type"], page[b"content-length"])
    assert not {b"vary", b"server", b"x-xss-protection"} & set(page)


def test_cors_is_for_browsers_only(transcripts: Path) -> None:
    """With an Origin it is echoed, in errors and events too; without one nothing is said."""
    seen = json.loads((transcripts / "wire-cors.json").read_text())["actual_request"]["response_headers"]
    for headers in (
        ReplyHead(origin=ORIGIN).success(AT),
        ReplyHead(origin=ORIGIN).error(AT),
        ReplyHead(origin=ORIGIN).events(AT),
    ):
        sent = dict(headers)

        assert seen["Access-Control-Allow-Origin"].encode() == sent[b"access-control-allow-origin"]
        assert seen["Access-Control-Expose-Headers"].encode() == sent[b"access-control-expose-headers"]
    assert not [name for name in names(ReplyHead().success(AT)) if name.startswith("access-control")]


def test_a_preflight_is_answered_as_seen(transcripts: Path) -> None:
    """The headers asked for are echoed, all verbs are allowed, for an hour."""
    seen = json.loads((transcripts / "wire-cors.json").read_text())["preflight"]
    status, headers = ReplyHead(origin=ORIGIN).preflight(AT, seen["request_headers"]["Access-Control-Request-Headers"])
    sent = {name: value for name, value in headers if name != b"vary"}
    expected = {
        name.lower().encode(): value.encode() for name, value in seen["response_headers"].items() if name != "Vary"
    }

    assert seen["status"] == status
    assert expected == {name: sent[name] for name in expected}
    assert seen["response_headers"]["Vary"] == [value.decode() for name, value in headers if name == b"vary"]


@pytest.mark.parametrize("asked", ["x-stainless-lang", "api-revision", "content-type, X-Stainless-OS"])
def test_a_header_outside_the_list_is_no_cors(asked: str) -> None:
    """403 and no Access-Control header, which a browser reports as a CORS failure."""
    status, headers = ReplyHead(origin=ORIGIN).preflight(AT, asked)

    assert status == 403
    assert not [name for name in names(headers) if name.startswith("access-control")]


def test_a_preflight_may_ask_for_no_headers() -> None:
    """Nothing to refuse."""
    assert ReplyHead(origin=ORIGIN).preflight(AT, "")[0] == 200


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        (" 0 ", 0),
        ("Wed, 19 Aug 2026 14:19:12 GMT", 60),
        ("Wed, 19 Aug 2026 14:17:12 GMT", 0),
        ("Wed, 19 Aug 2026 14:19:12", 0),
        ("soon", 0),
        ("-5", 0),
        ("\u0663", 0),
        ("9" * 1000, 999_999_999),
    ],
)
def test_retry_after_is_a_number_or_a_time(text: str, seconds: float) -> None:
    """A time counts from the Date of the same answer; what is neither requests nothing."""
    headers = [("Retry-After", text), ("date", "Wed, 19 Aug 2026 14:18:12 GMT")]

    assert seconds == retry_after_seconds(headers)
    assert 0 == retry_after_seconds(headers[1:])
