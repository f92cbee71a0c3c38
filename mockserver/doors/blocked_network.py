"""The network of this process, guarded: looking up or connecting to a host may be refused, whichever library tries."""

import _socket
import contextlib
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from mockserver.doors.foreign_sockets import foreign_sockets_guarded
from mockserver.doors.patching import SharedPatch, replaced
from mockserver.doors.redirection import redirected
from mockserver.rpc.hosts import is_loopback

Guard = Callable[[str], None]
"""Raises if the host must not be reached."""


class NetworkBlocked(OSError):
    """The host is not on this machine. HTTP libraries wrap this into their own connection error."""


def guarded(guard: Guard) -> AbstractContextManager[None]:
    """Ask the guard before this process looks up or connects to a host, while inside."""
    return _guards.used_with(guard, _patched)


def blocked() -> AbstractContextManager[None]:
    """Raise NetworkBlocked when this process looks up or connects to another machine, while inside."""
    return guarded(_refuse_other_machines)


def _refuse_other_machines(host: str) -> None:
    if not is_loopback(host):
        raise NetworkBlocked(f"mockserver: block_network is on, and {host} is not one of the hosts it answers for")


def _check(host: Any) -> None:
    name = host.decode("latin-1") if isinstance(host, bytes | bytearray) else host
    if name:
        for guard in _guards.values():
            guard(name)


def _tunnelled_host(data: bytes) -> bytes:
    """Return the host for which a connection's first bytes request a tunnel, by HTTP or SOCKS 5, else ""."""
    if data.startswith(b"CONNECT "):
        return data.split(b" ", 2)[1].rpartition(b":")[0]
    if data.startswith(b"\x05\x01\x00\x03"):
        return data[5 : 5 + data[4]] if len(data) > 4 else b""
    return b""


def _guarded_look_up(original: Callable[..., Any]) -> Callable[..., Any]:
    def look_up(*args: Any, **kwargs: Any) -> Any:
        _check(args[0] if args else kwargs.get("host"))
        return original(*args, **kwargs)

    return look_up


@contextlib.contextmanager
def _patched() -> Iterator[None]:
    def guarded_connect(original: Callable[..., Any]) -> Callable[..., Any]:
        def connect(self: socket.socket, address: Any) -> Any:
            if isinstance(address, tuple):  # the others are local: files, pipes
                _check(address[0])
            return original(self, address)

        return connect

    def guarded_send(original: Callable[..., Any]) -> Callable[..., Any]:
        def send(self: socket.socket, data: Any, *args: Any) -> Any:
            if host := _tunnelled_host(bytes(memoryview(data)[:300])):
                _check(host)
            return original(self, data, *args)

        return send

    with contextlib.ExitStack() as stack:
        # Libraries keep references to these functions: so the functions change. And a test may have put one of its own
        # there.
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
            stack.enter_context(replaced(socket, name, _guarded_look_up(getattr(socket, name))))
            stack.enter_context(redirected(_socket, name, _guarded_look_up))
        stack.enter_context(foreign_sockets_guarded(_check))
        for name in ("connect", "connect_ex"):
            stack.enter_context(replaced(socket.socket, name, guarded_connect(getattr(socket.socket, name))))
        for name in ("send", "sendall"):
            stack.enter_context(replaced(socket.socket, name, guarded_send(getattr(socket.socket, name))))
        yield


_guards = SharedPatch[Guard]()
