"""Restricts control of the server to local programs; requests from other machines need the token.

Web pages are refused: a browser also sends requests to 127.0.0.1, under a host name that an attacker's DNS may
have chosen (Host) and with the page's own address (Origin).
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from mockserver.rpc.errors import ApiError, Code
from mockserver.rpc.hosts import hostname, is_loopback

HEADER = "x-mockserver-token"

COOKIE = "mockserver_token"
"""The cookie that carries the token for the dashboard: a browser cannot send a header when it loads a page."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Checks requests to control a server; `token` is None if only this machine can reach the server."""

    token: str | None = None

    def check(self, headers: Mapping[str, str], cookies: Mapping[str, str] | None = None) -> None:
        """Raise ApiError PERMISSION_DENIED if the request may not control the server. Header names in lower case.

        Pages for people pass the `cookies` too. A page of another site may not use the cookie.
        """
        if self.token is not None:
            value = headers.get(HEADER, "")
            if not value and cookies and _is_same_site(headers):
                value = cookies.get(COOKIE, "")
            if hmac.compare_digest(value.encode(), self.token.encode()):
                return
            raise _refuse(f"this server has a control token, which it printed at start: send it in the header {HEADER}")
        host = hostname(f"//{headers.get('host', '')}")
        if not is_loopback(host):
            raise _refuse(f"Host {host!r} is not this machine: use 127.0.0.1 or localhost")
        origin = headers.get("origin")
        if origin is not None and not is_loopback(hostname(origin)):
            raise _refuse(f"a web page of {origin!r} may not control the server")


def _is_same_site(headers: Mapping[str, str]) -> bool:
    origin = headers.get("origin")
    return origin is None or hostname(origin) == hostname(f"//{headers.get('host', '')}")


def _refuse(reason: str) -> ApiError:
    return ApiError(Code.PERMISSION_DENIED, reason)
