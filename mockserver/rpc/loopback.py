"""Whether a host is this machine itself."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a name or an address, as in a URL or given to listen on, reaches this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return False
