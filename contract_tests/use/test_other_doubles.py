"""Other test doubles in the same test: each answers for its hosts, and we for Google's."""

import asyncio
import re

import httpx
import pytest
import requests
import requests_mock
import responses
import respx
from pytest_httpx import HTTPXMock

from mockserver import Answer, Fault, MockServer
from mockserver.testing.respx import route

HOST = "generativelanguage.googleapis.com"
MODELS = f"https://{HOST}/v1beta/models?key=any-key"
STREAM = f"https://{HOST}/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse&key=any-key"
BODY = {"contents": [{"parts": [{"text": "hello"}]}]}
THEIRS = "https://theirs.example.com/"


@pytest.mark.httpx_mock(
    should_mock=lambda request: not request.url.host.endswith((".googleapis.com", "theirs.example.com"))
)
def test_all_of_them_at_once(httpx_mock: HTTPXMock) -> None:
    """respx, pytest-httpx, responses and requests-mock, entered on both sides of ours."""
    httpx_mock.add_response(url="https://pytest-httpx.example.com/", status_code=201)
    with responses.RequestsMock() as outside, MockServer().intercepting() as server, respx.mock() as router:
        outside.get("https://responses.example.com/", status=202)
        outside.add_passthru(re.compile(r"https://[^/]*\.googleapis\.com"))
        router.get(THEIRS).respond(203)
        with requests_mock.Mocker(real_http=True) as inside:
            inside.get("https://requests-mock.example.com/", status_code=204)

            assert 201 == httpx.get("https://pytest-httpx.example.com/").status_code
            assert 202 == requests.get("https://responses.example.com/", timeout=5).status_code
            assert 204 == requests.get("https://requests-mock.example.com/", timeout=5).status_code
            assert 203 == httpx.get(THEIRS).status_code
            assert 200 == httpx.get(MODELS).status_code
            assert 200 == requests.get(MODELS, timeout=5).status_code

    assert 2 == len(server.calls)


@pytest.mark.parametrize("ours_first", [True, False])
def test_respx_needs_no_word_from_us(*, ours_first: bool) -> None:
    """Google's hosts never get to its routes, whoever comes first."""
    ours, theirs = MockServer().intercepting(), respx.mock()
    first, second = (ours, theirs) if ours_first else (theirs, ours)
    with first, second:
        theirs.get(THEIRS).respond(203)

        assert 203 == httpx.get(THEIRS).status_code
        assert 200 == httpx.get(MODELS).status_code
        with pytest.raises(AssertionError, match="not mocked"):
            httpx.get("https://nobody.example.com/")


def test_a_route_for_a_router_of_the_testers_own(respx_mock: respx.MockRouter) -> None:
    """Sync and async, beside their own routes, without anything of ours patched; the calls are respx's too."""
    server = MockServer()
    server.answer(Answer(chunks=["one ", "two "]))
    google = respx_mock.add(route(server))
    respx_mock.get(THEIRS).respond(203)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient() as client:
            return await client.post(STREAM, json=BODY)

    assert 203 == httpx.get(THEIRS).status_code
    assert 200 == httpx.get(MODELS).status_code
    assert [True, True] == [word in asyncio.run(ask()).text for word in ("one ", "two ")]
    assert ["models.list", "models.streamGenerateContent", "models.streamGenerateContent"] == [
        call.method for call in server.calls
    ]
    assert 3 == google.call_count


def test_a_route_fails_as_a_socket_does(respx_mock: respx.MockRouter) -> None:
    """Broken connections and timeouts are errors of httpx."""
    server = MockServer()
    respx_mock.add(route(server))
    server.fault(Fault(reset=True, times=1))
    with pytest.raises(httpx.ReadError):
        httpx.get(MODELS)
    server.fault(Fault(latency_seconds=6))
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(MODELS, timeout=5)
