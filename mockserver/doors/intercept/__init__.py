"""Catching requests inside the process: unchanged code calls Google's hosts, the app answers.

A file a client library. Each patches the one method through which the library hands a request to the
network, and puts it back on the way out. A library that is not loaded yet is patched when it is.
"""

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from urllib.parse import urlsplit

from mockserver.doors.inprocess import Answered, App, Asked, ask, ask_waiting
from mockserver.state.clock import SECOND, Clock, ManualClock, Nanos

_GOOGLE = re.compile(
    r"(?:generativelanguage|oauth2|(?:[a-z0-9-]+-)?aiplatform|aiplatform\.[a-z0-9-]+\.rep)\.googleapis\.com"
)


class TimedOut(Exception):
    """The client's patience ended before the app answered, by the app's clock."""


@dataclass(frozen=True, slots=True)
class Net:
    """What catches: the app and the clock it goes by."""

    app: App
    clock: Clock

    def catches(self, url: str) -> bool:
        """Whether this URL is one of Google's that the app answers for."""
        return _GOOGLE.fullmatch(urlsplit(url).hostname or "") is not None

    def ask(self, asked: Asked, patience: float | None = None) -> Answered:
        """The app's answer. TimedOut if it, or a piece of its body, takes longer than `patience` seconds.

        The time a manual clock leaves out is waited for all the same: a client would have given up by then.
        """
        if not isinstance(self.clock, ManualClock):
            return ask_waiting(self.app, asked)
        start = self.clock.now()
        answered = ask(self.app, asked)
        self._check(start, patience)
        return replace(answered, pieces=self._in_time(answered.pieces, patience))

    def _in_time(self, pieces: Iterator[bytes], patience: float | None) -> Iterator[bytes]:
        start = self.clock.now()
        for piece in pieces:
            self._check(start, patience)
            yield piece
            start = self.clock.now()

    def _check(self, start: Nanos, patience: float | None) -> None:
        if patience is not None and self.is_late(start, patience):
            raise TimedOut

    def is_late(self, since: Nanos, patience: float) -> bool:
        """Whether a clock that leaves time out has left out more than `patience` seconds since then."""
        return isinstance(self.clock, ManualClock) and self.clock.now() - since > patience * SECOND


# The module whose presence shows that a library is in use, and the module of ours that patches it.
_LIBRARIES = {
    "httpx": "httpx",
    "httpx2": "httpx2",
    "requests": "requests",
    "aiohttp": "aiohttp",
    "httplib2": "httplib2",
    "grpc": "grpc",
}


@contextlib.contextmanager
def intercepting(net: Net) -> Iterator[None]:
    """While inside, requests to Google's hosts are answered by the net's app."""
    with contextlib.ExitStack() as patches:

        def patch(library: str) -> None:
            module = importlib.import_module(f"{__name__}.{_LIBRARIES[library]}")
            patches.enter_context(module.patched(net))

        for library in _LIBRARIES:
            if library in sys.modules:
                patch(library)
        patches.enter_context(_when_loaded([name for name in _LIBRARIES if name not in sys.modules], patch))
        yield


@contextlib.contextmanager
def _when_loaded(names: Sequence[str], then: Callable[[str], None]) -> Iterator[None]:
    finder = _Watcher(set(names), then)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Watcher(importlib.abc.MetaPathFinder):
    """Tells when one of the named modules has been loaded; finds nothing itself."""

    def __init__(self, names: set[str], then: Callable[[str], None]) -> None:
        self._names = names
        self._then = then

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the import system passes it
        target: ModuleType | None = None,  # noqa: ARG002 - the import system passes it
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec another finder has for the module, with a loader that tells once it has run."""
        if fullname not in self._names:
            return None
        self._names.discard(fullname)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Telling(spec.loader, lambda: self._then(fullname))
        return spec


class _Telling(importlib.abc.Loader):
    """Another's loader, and a word afterwards."""

    def __init__(self, loader: importlib.abc.Loader, then: Callable[[], None]) -> None:
        self._loader = loader
        self._then = then

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """As the other does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """As the other does, then tell."""
        self._loader.exec_module(module)
        self._then()
