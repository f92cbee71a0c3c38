"""Who may control the server: local programs; from further away, only who knows the token.

A web page must not: a browser sends its requests to 127.0.0.1 too, under a name that an attacker's DNS
chose (Host) and with the page's own address (Origin).
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from mockserver.rpc.errors import ApiError, Code
from mockserver.rpc.loopback import is_loopback

HEADER = "x-mockserver-token"


@dataclass(frozen=True, slots=True)
class Guard:
    """The rule of a server: `token` is None where only the machine itself can reach it."""

    token: str | None = None

    def check(self, headers: Mapping[str, str]) -> None:
        """Raise ApiError PERMISSION_DENIED for a request that may not control the server."""
        if refusal := self.refusal(headers):
            raise ApiError(Code.PERMISSION_DENIED, refusal)

    def refusal(self, headers: Mapping[str, str]) -> str | None:
        """Why a request may not control the server; None if it may. Header names in lower case."""
        if self.token is not None:
            sent = headers.get(HEADER, "")
            if hmac.compare_digest(sent.encode(), self.token.encode()):
                return None
            return f"the server is reachable from other machines, so {HEADER} must carry the token it printed"
        host = _host(f"//{headers.get('host', '')}")
        if not is_loopback(host):
            return f"Host {host!r} is not this machine: ask for 127.0.0.1 or localhost"
        origin = headers.get("origin")
        if origin is not None and not is_loopback(_host(origin)):
            return f"a page of {origin!r} may not control the server"
        return None


def _host(url: str) -> str:
    """The host in a URL; "" where there is none, or what stands there cannot be one."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # "[": an address of IPv6 that does not end
        return ""
