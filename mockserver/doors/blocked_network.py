"""No way out: while it is blocked, this process reaches nobody but itself."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from mockserver.rpc.loopback import is_loopback


class NetworkBlocked(OSError):
    """Somebody was asked who is not on this machine; HTTP libraries wrap it into their own connection error."""


@contextlib.contextmanager
def blocked() -> Iterator[None]:
    """While inside, looking up or connecting to another machine raises NetworkBlocked, whichever library tries."""
    look_up, connect, connect_ex = socket.getaddrinfo, socket.socket.connect, socket.socket.connect_ex

    def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        _check(host)
        return look_up(host, *args, **kwargs)

    def guarded(original: Callable[..., Any]) -> Callable[..., Any]:
        def connect_to(self: socket.socket, address: Any) -> Any:
            if isinstance(address, tuple):  # the others are local: files, pipes
                _check(address[0])
            return original(self, address)

        return connect_to

    with (
        mock.patch.object(socket, "getaddrinfo", guarded_look_up),
        mock.patch.object(socket.socket, "connect", guarded(connect)),
        mock.patch.object(socket.socket, "connect_ex", guarded(connect_ex)),
    ):
        yield


def _check(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name and not is_loopback(name):
        raise NetworkBlocked(f"mockserver: block_network is on, and {name} is not one of the hosts it answers for")
