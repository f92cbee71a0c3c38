"""Libraries that look up hosts below Python's sockets, guarded where they are told of a host."""

import contextlib
import importlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlsplit

from mockserver.doors.import_hook import patched_when_imported
from mockserver.doors.patching import replaced

Check = Callable[[Any], None]
"""Raises if the host must not be reached."""


def foreign_sockets_guarded(check: Check) -> AbstractContextManager[None]:
    """Ask before one of these libraries reaches a host, while inside; also of those that are imported meanwhile."""

    def guard(name: str) -> Callable[[Any], AbstractContextManager[None]]:
        return lambda library: _LIBRARIES[name](library, check)

    return patched_when_imported({name: guard(name) for name in _LIBRARIES})


@contextlib.contextmanager
def _uvloop(uvloop: Any, check: Check) -> Iterator[None]:
    """Libuv looks up hosts itself."""
    look_up, connect = uvloop.Loop.getaddrinfo, uvloop.Loop.create_connection

    def guarded_look_up(self: Any, host: Any, *args: Any, **kwargs: Any) -> Any:
        check(host)
        return look_up(self, host, *args, **kwargs)

    def guarded_connect(self: Any, factory: Any, host: Any = None, *args: Any, **kwargs: Any) -> Any:
        check(host)
        return connect(self, factory, host, *args, **kwargs)

    with (
        replaced(uvloop.Loop, "getaddrinfo", guarded_look_up),
        replaced(uvloop.Loop, "create_connection", guarded_connect),
    ):
        yield


def _pycurl(pycurl: Any, check: Check) -> AbstractContextManager[None]:
    """Libcurl has sockets of its own."""

    class Curl(pycurl.Curl):  # type: ignore[misc]  # a class of a library that is not there for the type check
        """A handle that asks when it gets a URL."""

        def setopt(self, option: int, value: Any) -> Any:
            if option == pycurl.URL:
                check(_host(value))
            return super().setopt(option, value)

    return replaced(pycurl, "Curl", Curl)


def _curl_cffi(curl_cffi: Any, check: Check) -> AbstractContextManager[None]:
    """Guard libcurl in another binding."""
    original = curl_cffi.Curl.setopt

    def setopt(self: Any, option: Any, value: Any) -> Any:
        if option == curl_cffi.CurlOpt.URL:
            check(_host(value))
        return original(self, option, value)

    return replaced(curl_cffi.Curl, "setopt", setopt)


def _twisted(endpoints: Any, check: Check) -> AbstractContextManager[None]:
    """Guard Twisted, which looks up hosts in a thread and waits for ever if that ends with an unknown error."""
    original = endpoints.HostnameEndpoint.connect

    def connect(self: Any, factory: Any) -> Any:
        try:
            check(self._hostText)
        except Exception:  # noqa: BLE001 - whatever the guard raises, as Twisted's own errors arrive
            return importlib.import_module("twisted.internet.defer").fail()
        return original(self, factory)

    return replaced(endpoints.HostnameEndpoint, "connect", connect)


def _host(url: Any) -> str:
    return urlsplit(url.decode("latin-1") if isinstance(url, bytes) else str(url)).hostname or ""


_LIBRARIES: dict[str, Callable[[Any, Check], AbstractContextManager[None]]] = {
    "curl_cffi": _curl_cffi,
    "pycurl": _pycurl,
    "twisted.internet.endpoints": _twisted,
    "uvloop": _uvloop,
}
