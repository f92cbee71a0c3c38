"""Interception inside the process: unchanged code sends requests to Google's hosts, the app answers them.

A file a client library. Each patches what the library hands a request to the network with. What is not intercepted
and looks up one of Google's API hosts is refused.
"""

import contextlib
import importlib
import sys
from collections.abc import Iterator

from mockserver.doors.blocked_network import guarded
from mockserver.doors.import_hook import after_import
from mockserver.doors.intercept.interceptors import Interceptor, is_answered, refuse_google
from mockserver.doors.intercept.outliving_threads import outliving_threads_refused, refuse_outliving_thread
from mockserver.doors.patching import SharedPatch

# A module whose presence shows that a library is in use, and the module here that patches it.
_LIBRARIES = {
    "aiohttp": "aiohttp",
    "grpc": "grpc",
    "http.client": "http_client",
    "httplib2": "httplib2",
    "httpx": "httpx",
    "httpx2": "httpx",
    "urllib3": "urllib3",
}


@contextlib.contextmanager
def intercepting(interceptor: Interceptor) -> Iterator[None]:
    """While inside, requests to Google's hosts are answered by the interceptor's app.

    Of several interceptors the newest of the request's thread answers, or else the newest of all.
    """
    with (
        outliving_threads_refused(_interceptors.has_users_of_this_thread_alone),
        _interceptors.used_with(interceptor, _patched),
        guarded(_refuse),
    ):
        yield


def _refuse(host: str) -> None:
    interceptor = _interceptors.newest()
    refuse_google(host, interceptor.note_refusal if interceptor is not None else lambda _: None)


def _find(host: str) -> Interceptor | None:
    if not is_answered(host):
        return None
    refuse_outliving_thread(host)
    return _interceptors.newest()


@contextlib.contextmanager
def _patched() -> Iterator[None]:
    """Patch the libraries that are loaded, and others as soon as they are."""
    patched = set()
    with contextlib.ExitStack() as patches:

        def patch(name: str) -> None:
            library = sys.modules[name]
            if library not in patched:  # a test may throw a module away and import it anew
                patched.add(library)
                module = importlib.import_module(f"{__name__}.{_LIBRARIES[name]}")
                patches.enter_context(module.patched(library, _find))

        patches.enter_context(after_import(list(_LIBRARIES), patch))
        for name in _LIBRARIES:
            if name in sys.modules:
                patch(name)
        yield


_interceptors = SharedPatch[Interceptor]()
