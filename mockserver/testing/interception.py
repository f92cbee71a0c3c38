"""Interception by a server as a context manager, as a decorator, and from a start to a stop."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

from mockserver.testing.decoration import Restorable, decorate

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


Server = TypeVar("Server", bound=Restorable)


class Interception(AbstractContextManager[Server], Generic[Server]):
    """Answers this process's requests to Google's hosts.

        with server.intercepting(): ...         in a block
        @server.intercepting()                  in a function of any kind, such as a fixture, or each test of a class
        interception = server.intercepting()    between two cells of a notebook, or from setUp to tearDown
        interception.start()
        interception.stop()

    Each call of a decorated function begins with the server's world as it was when the function was decorated.
    """

    def __init__(self, server: Server, enter: Callable[[], AbstractContextManager[None]]) -> None:
        self._server = server
        self._enter = enter
        self._entered: list[AbstractContextManager[None]] = []

    def __enter__(self) -> Server:
        entered = self._enter()
        entered.__enter__()
        self._entered.append(entered)
        return self._server

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._entered.pop().__exit__(kind, error, traceback)

    def start(self) -> Server:
        """Begin to intercept, until `stop` or the end of the process, whether or not somebody keeps this object."""
        server = self.__enter__()
        _started.append(self)
        return server

    def stop(self) -> None:
        """End what the latest `start` began. RuntimeError if there is none."""
        if self not in _started:
            raise RuntimeError("mockserver: stop() without a start()")
        _started.remove(self)
        self.__exit__(None, None, None)

    def __call__(self, decorated: Decorated) -> Decorated:
        """Intercept while the function runs, or each test of the class.

        TypeError for what is neither, or if another decorator hides when the code runs.
        """
        return cast(Decorated, decorate(decorated, self._server, self._enter))


_started: list[Interception[Any]] = []
