"""Decorated functions and classes of tests: whatever their kind, all of their code runs inside of a context."""

import functools
import inspect
import unittest
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import AbstractContextManager, aclosing, contextmanager
from typing import Any, Protocol

from mockserver.state.store import Snapshot


class Restorable(Protocol):
    """A server whose world can be copied and put back."""

    def snapshot(self) -> Snapshot:
        """Return a copy."""

    def restore(self, snapshot: Snapshot) -> None:
        """Put it back."""


Enter = Callable[[], AbstractContextManager[object]]
Function = Callable[..., Any]


def run_inside(function: Any, begin: Enter, go_on: Enter) -> Any:
    """Return a function of the same kind, all of whose code runs inside of `begin()`.

    A generator, such as a fixture, is inside from its first piece to its end. If a function without `async` or `yield`
    returns a coroutine or a generator, that runs later, inside of `go_on()`. TypeError for what is no function, and for
    a function whose code runs at a time that nobody here can tell.
    """
    if isinstance(function, staticmethod | classmethod):
        return type(function)(run_inside(function.__func__, begin, go_on))
    if isinstance(function, functools.partialmethod):
        inside = run_inside(function.func, begin, go_on)
        return functools.partialmethod(inside, *function.args, **function.keywords)
    _check(function)
    if inspect.iscoroutinefunction(function):
        return _coroutine_function(function, begin)
    if inspect.isgeneratorfunction(function):
        return _generator_function(function, begin)
    if inspect.isasyncgenfunction(function):
        return _async_generator_function(function, begin)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with begin():
            result = function(*args, **kwargs)
        return _run_later(result, go_on)

    return _like_set_up(function, call)


def _like_set_up(function: Any, call: Function) -> Function:
    """Return a set-up function with as many parameters as it has itself: pytest counts them before it calls it."""
    code = getattr(function, "__code__", None)
    if code is None or not code.co_name.startswith(("setup_", "teardown_")) or code.co_argcount == 0:
        return call

    @functools.wraps(function)
    def call_with_one(first: Any) -> Any:
        return call(first)

    @functools.wraps(function)
    def call_with_two(first: Any, second: Any) -> Any:
        return call(first, second)

    return call_with_one if code.co_argcount == 1 else call_with_two


def _check(function: Any) -> None:
    name = getattr(function, "__qualname__", type(function).__name__)
    if not callable(function):
        raise TypeError(f"mockserver: intercepting() decorates functions and classes, not a {name}")
    is_fixture = type(function).__name__ == "FixtureFunctionDefinition" or hasattr(function, "_pytestfixturefunction")
    original = inspect.unwrap(function)
    if is_fixture or (_is_generator_function(original) and not _is_generator_function(function)):
        raise TypeError(
            f"mockserver: intercepting() cannot tell when the code of {name} runs, because of another decorator;"
            " put intercepting() below that one, directly above def"
        )


def _is_generator_function(function: Any) -> bool:
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def _coroutine_function(function: Function, enter: Enter) -> Function:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        with enter():
            return await function(*args, **kwargs)

    return call


def _generator_function(function: Function, enter: Enter) -> Function:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with enter():
            return (yield from function(*args, **kwargs))

    return call


def _async_generator_function(function: Function, enter: Enter) -> Function:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with enter():
            async with aclosing(function(*args, **kwargs)) as pieces:
                step = pieces.asend(None)
                while True:
                    try:
                        piece = await step
                    except StopAsyncIteration:
                        return
                    try:
                        step = pieces.asend((yield piece))
                    except GeneratorExit:
                        raise
                    except BaseException as error:  # noqa: BLE001 - it is the generator's
                        step = pieces.athrow(error)

    return call


def _run_later(result: Any, enter: Enter) -> Any:
    """Return what a function has returned; code that has yet to run will run inside of `enter()`."""
    if inspect.isasyncgen(result):
        return _async_generator_function(lambda: result, enter)()
    if inspect.isawaitable(result):
        return _coroutine_function(lambda: result, enter)()
    if inspect.isgenerator(result):
        return _generator_function(lambda: result, enter)()
    return result


def decorate(decorated: Any, server: Restorable, enter: Enter) -> Any:
    """Return the function, or the class with its tests, to be run inside of `enter()`.

    Each call, or each test, begins with the server's world of now.
    """
    beginning = _Beginning(server, enter)
    if not inspect.isclass(decorated):
        return run_inside(decorated, beginning.of_test, enter)
    of_class, of_set_up, of_test = beginning.of_class, beginning.of_set_up, beginning.of_test
    if issubclass(decorated, unittest.TestCase):
        moments = {"setUpClass": of_class, "run": of_test, "debug": of_test, "tearDownClass": enter}
        moments["doClassCleanups"] = enter
    else:
        moments = {"setup_class": of_class, "setup_method": of_set_up}
        moments |= {"teardown_method": enter, "teardown_class": enter}
        moments |= {name: of_test for name in dir(decorated) if name.startswith("test")}
    for name, begin in moments.items():
        value = inspect.getattr_static(decorated, name, None)
        if inspect.isroutine(value):
            setattr(decorated, name, run_inside(value, begin, enter))
        elif callable(value) and not inspect.isclass(value):  # as functools.partial, which gets no self
            setattr(decorated, name, staticmethod(run_inside(value, begin, enter)))
    for name in dir(decorated):
        value = inspect.getattr_static(decorated, name)
        if name.startswith("Test") and inspect.isclass(value):
            decorate(value, server, enter)
    return decorated


class _Beginning:
    """The world that the tests of a class begin with: as it was decorated, and with what was set up since."""

    def __init__(self, server: Restorable, enter: Enter) -> None:
        self._server = server
        self._enter = enter
        self._decorated = self._of_tests = server.snapshot()
        self._is_set_up = False

    @contextmanager
    def of_class(self) -> Iterator[None]:
        """Set up for all tests of the class."""
        self._server.restore(self._decorated)
        with self._enter():
            yield
        self._of_tests = self._server.snapshot()

    @contextmanager
    def of_set_up(self) -> Iterator[None]:
        """Set up for one test, which goes on where this ends."""
        self._server.restore(self._of_tests)
        with self._enter():
            yield
        self._is_set_up = True

    @contextmanager
    def of_test(self) -> Iterator[None]:
        """Run one test."""
        if not self._is_set_up:
            self._server.restore(self._of_tests)
        self._is_set_up = False
        with self._enter():
            yield
