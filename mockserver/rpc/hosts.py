"""Finds the host of a URL or of a Host header, checks whether it is this machine, and how this machine reaches it."""

import ipaddress
from urllib.parse import urlsplit


def hostname(url: str) -> str:
    """Return the host of a URL in lower case; "" if there is none, or none that can be read."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # "[": an address of IPv6 that does not end
        return ""


def host_without_port(header: str) -> str:
    """Return the name in a Host header, in lower case."""
    return header.partition(":")[0].rstrip(".").lower()


def without_host(path: str) -> str:
    """Return the path without a first segment that is an API host of Google's: the path of a URL may name one."""
    first, slash, rest = path[1:].partition("/")
    return slash + rest if first.endswith(".googleapis.com") else path


def is_loopback(host: str) -> bool:
    """Return whether a host name or address, of a URL or to listen on, is reachable from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return False


def reachable_host(host: str) -> str:
    """Return the host, for a URL, by which this machine reaches a server that listens on a host.

    Every address is one to listen on, and none to connect to.
    """
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104 - compared with what somebody has chosen
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
