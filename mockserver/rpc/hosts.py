"""The host of a URL or of a Host header, and whether a host is this machine."""

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


def is_loopback(host: str) -> bool:
    """Return whether a host name or address, of a URL or to listen on, is reachable from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return False
