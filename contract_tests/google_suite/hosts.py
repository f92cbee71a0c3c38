"""Where the SDK's requests go: sandbox hosts to the public ones, and in a run over a socket all to the server."""

import functools
import re
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest

_SANDBOX = re.compile(
    r"(?:(?P<region>[a-z]+-[a-z]+[0-9]+)-)?(?:autopush|staging)-(?P<service>aiplatform|generativelanguage)"
    r"(?:\.(?P<multiregion>[a-z]+)\.rep)?\.sandbox\.googleapis\.com"
)
_GOOGLE = re.compile(
    r"(?:[a-z0-9.-]+\.|[a-z0-9-]+-)?(?:aiplatform|generativelanguage)(?:\.[a-z]+\.rep)?\.googleapis\.com"
)


def public_host(host: str) -> str:
    """Return the public host that stands for one of Google's sandboxes; any other host as it is."""
    match = _SANDBOX.fullmatch(host)
    if match is None:
        return host
    region = f"{match['region']}-" if match["region"] else ""
    multiregion = f".{match['multiregion']}.rep" if match["multiregion"] else ""
    return f"{region}{match['service']}{multiregion}.googleapis.com"


def redirected(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Until the test ends, redirect what httpx, httpx2 and aiohttp send.

    With an `url` that is where Google's hosts are.
    """
    for library in (httpx, httpx2):
        for client in (library.Client, library.AsyncClient):
            monkeypatch.setattr(client, "send", _redirect_send(client.send, library, url))
    request = aiohttp.ClientSession._request  # noqa: SLF001 - what all its methods send a request with
    monkeypatch.setattr(aiohttp.ClientSession, "_request", _redirect_request(request, url))


def _target(host: str, scheme: str, port: int | None, url: str) -> tuple[str, str, str, int | None]:
    """Return the Host header, and the scheme, host and port to connect to."""
    name = public_host(host)
    if url and _GOOGLE.fullmatch(name):
        server = httpx2.URL(url)
        return name, server.scheme, server.host, server.port
    return name, scheme, name, port


def _redirect_send(original: Any, library: Any, url: str) -> Any:
    @functools.wraps(original)  # the SDK looks at the parameters
    def send(self: Any, request: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(request, library.Request):
            name, scheme, host, port = _target(request.url.host, request.url.scheme, request.url.port, url)
            if host != request.url.host:
                request.url = request.url.copy_with(scheme=scheme, host=host, port=port)
                request.headers["host"] = name
        return original(self, request, *arguments, **options)

    return send


def _redirect_request(original: Any, url: str) -> Any:
    @functools.wraps(original)  # the SDK looks at the parameters
    def request(self: Any, method: str, target: Any, **options: Any) -> Any:
        before = httpx2.URL(str(target))
        name, scheme, host, port = _target(before.host, before.scheme, before.port, url)
        if host != before.host:
            options["headers"] = {**(options.get("headers") or {}), "Host": name}
            target = str(before.copy_with(scheme=scheme, host=host, port=port))
        return original(self, method, target, **options)

    return request
