"""Which names the API answers to, and which web pages may read it, where only this machine can reach the server.

A browser sends a page's requests to 127.0.0.1 too: under a name that an attacker's DNS chose (Host), with the page's
own address (Origin), or as a script, of which nothing but Sec-Fetch-Site and Referer tell.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from mockserver.http import identity
from mockserver.rpc.errors import ApiError, Code
from mockserver.rpc.hosts import hostname, is_loopback
from mockserver.rpc.redaction import redact

ANY_HOST = "*"


@dataclass(frozen=True, slots=True)
class HostGuard:
    """The rule of a server that listens on loopback.

    Allowed are this machine's names and addresses, those that are listed ("*" allows all), and, as the name that a
    request asks for but not as a page, Google's hosts.
    """

    allowed: frozenset[str] = frozenset()

    def check(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Raise ApiError PERMISSION_DENIED for a request that is not for this server, or of a foreign page."""
        if ANY_HOST in self.allowed:
            return
        if refusal := _refusal(self.allowed, tuple([header for header in headers if header[0] in _NAMES])):
            # our choice: not seen. The real service is used by any page, and this protects the machine that runs ours.
            raise ApiError(Code.PERMISSION_DENIED, f"mockserver: {refusal}")


@lru_cache(maxsize=64)  # a client's headers are the same in each of its requests, and reading addresses takes long
def _refusal(allowed: frozenset[str], headers: tuple[tuple[bytes, bytes], ...]) -> str | None:
    """Return why a request with these headers is refused; None if it is not."""
    texts = {name: str(redact(value.decode("latin-1"))) for name, value in headers}
    host, origin = texts.get(b"host"), texts.get(b"origin")
    if host is not None and not (_is_google(name := hostname(f"//{host}")) or _allows(allowed, name)):
        return f"Host {host!r} is not this machine: ask for 127.0.0.1 or localhost, or {_advice(name)}"
    if origin is not None:
        if not _allows(allowed, name := hostname(origin)):
            return f"a page of {origin!r} may not use this server: {_advice(name)}"
    elif texts.get(b"sec-fetch-site") == "cross-site" and texts.get(b"sec-fetch-mode") != "navigate":
        page = hostname(texts.get(b"referer", ""))
        if not _allows(allowed, page):
            return f"a page of {page or 'another site'!r} may not use this server: {_advice(page)}"
    return None


def _allows(allowed: frozenset[str], name: str) -> bool:
    return is_loopback(name) or name in allowed


def _is_google(name: str) -> bool:
    """Return whether a name is one of Google's, under which no attacker's DNS finds this machine.

    A page there is foreign all the same: anybody's bucket at storage.googleapis.com can hold one.
    """
    return name.endswith(".googleapis.com") or name in _GOOGLE


_GOOGLE = frozenset({*identity.HOSTS, identity.METADATA_HOST})


_NAMES = frozenset({b"host", b"origin", b"referer", b"sec-fetch-site", b"sec-fetch-mode"})


def _advice(name: str) -> str:
    return f"start the server with --allow-host {name or 'NAME'}"
