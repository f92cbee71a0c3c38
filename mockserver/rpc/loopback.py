"""Checks whether a host is this machine."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Return whether a host name or address, of a URL or to listen on, is reachable from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return False
