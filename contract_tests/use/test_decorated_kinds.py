"""Whatever kind of function or class `intercepting()` decorates: none of its code runs uncaught and asks Google."""

import asyncio
import functools
import unittest
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from io import StringIO
from typing import Any

import httpx
import pytest

from mockserver import MockServer

server = MockServer()


def ask() -> int:
    """Return how many requests the server has had, with this one."""
    assert httpx.get("https://generativelanguage.googleapis.com/v1beta/models?key=any-key").is_success
    return len(server.calls)


@pytest.fixture
@server.intercepting()
def during_test() -> Iterator[int]:
    """Ask before and after the test."""
    yield ask()
    assert 3 == ask()


def test_fixture_is_answered_until_its_end(during_test: int) -> None:
    """What the test asks while it uses the fixture, too."""
    assert (1, 2) == (during_test, ask())


@server.intercepting()
def count() -> Generator[int, str, str]:
    """Ask for each piece."""
    received = yield ask()
    try:
        yield ask()
    except ValueError as error:
        received += str(error)
    return f"{received} {ask()}"


def test_generator_is_answered_at_each_piece() -> None:
    """Values and errors that are sent into it arrive, and its result comes back."""
    pieces = count()
    assert 1 == next(pieces)
    assert 2 == pieces.send("sent")
    with pytest.raises(StopIteration) as end:
        pieces.throw(ValueError(" thrown"))

    assert "sent thrown 3" == end.value.value


left: list[int] = []


@server.intercepting()
async def count_later() -> AsyncGenerator[int, str]:
    """Ask for each piece, and at the end."""
    try:
        received = yield ask()
        assert "sent" == received
        try:
            yield ask()
        except ValueError:
            yield ask()
    finally:
        left.append(ask())


def test_async_generator_is_answered_at_each_piece() -> None:
    """Until it is closed; values and errors that are sent into it arrive."""

    async def run() -> list[int]:
        pieces: Any = count_later()
        found = [await anext(pieces), await pieces.asend("sent"), await pieces.athrow(ValueError())]
        await pieces.aclose()
        return found

    left.clear()
    assert [1, 2, 3] == asyncio.run(run())
    assert [4] == left


@contextmanager
@server.intercepting()
def opened() -> Iterator[int]:
    """Ask at the beginning and at the end."""
    yield ask()
    assert 2 == ask()


@asynccontextmanager
@server.intercepting()
async def opened_later() -> AsyncIterator[int]:
    """Ask at the beginning and at the end."""
    yield ask()
    assert 2 == ask()


def test_context_managers_are_answered_until_their_end() -> None:
    """Of both kinds."""

    async def run() -> int:
        async with opened_later() as number:
            return number

    with opened() as number:
        assert 1 == number
    assert 1 == asyncio.run(run())


@server.intercepting()
def start() -> Coroutine[Any, Any, int]:
    """Ask, and return a coroutine that asks."""
    ask()

    async def ask_later() -> int:
        return ask()

    return ask_later()


class Asking:
    """Can be called, and awaited then."""

    async def __call__(self) -> int:
        return ask()


@pytest.mark.parametrize(("function", "number"), [(start, 2), (server.intercepting()(Asking()), 1)])
def test_returned_coroutine_is_answered(function: Callable[[], Awaitable[int]], number: int) -> None:
    """It runs when the function has returned, and goes on in the same world."""

    async def run() -> int:
        return await function()

    assert number == asyncio.run(run())


def _generate() -> Iterator[int]:
    yield ask()


async def _generate_later() -> AsyncIterator[int]:
    yield ask()


@server.intercepting()
def generate() -> Iterator[int]:
    """Return a generator; this is no generator function."""
    return _generate()


@server.intercepting()
def generate_later() -> AsyncIterator[int]:
    """Return a generator; this is no generator function."""
    return _generate_later()


def test_returned_generators_are_answered() -> None:
    """They run when the function has returned."""

    async def read() -> list[int]:
        return [number async for number in generate_later()]

    assert [1] == list(generate())
    assert [1] == asyncio.run(read())


def _ask(times: int) -> int:
    return [ask() for _ in range(times)][-1]


ask_twice = server.intercepting()(functools.partial(_ask, 2))


def test_partial_function_is_answered() -> None:
    """With its arguments."""
    assert 2 == ask_twice()


class Methods:
    """Has methods that are decorated one by one, above or below what makes them one of the class."""

    @server.intercepting()
    @staticmethod
    def static() -> int:
        """Ask."""
        return ask()

    @staticmethod
    @server.intercepting()
    def static_too() -> int:
        """Ask."""
        return ask()

    @server.intercepting()
    @classmethod
    def of_class(cls) -> tuple[type, int]:
        """Ask."""
        return cls, ask()

    @classmethod
    @server.intercepting()
    def of_class_too(cls) -> tuple[type, int]:
        """Ask."""
        return cls, ask()

    @server.intercepting()
    def of_object(self) -> tuple[type, int]:
        """Ask."""
        return type(self), ask()

    of_partial = server.intercepting()(functools.partialmethod(of_object))  # type: ignore[type-var]  # a descriptor


def test_methods_are_answered() -> None:
    """They get what they get without the decorator."""
    methods = Methods()

    assert (1, 1, 1) == (Methods.static(), methods.static(), methods.static_too())
    assert ((Methods, 1), (Methods, 1)) == (Methods.of_class(), methods.of_class_too())
    assert (Methods, 1) == methods.of_object() == methods.of_partial()


@server.intercepting()
class TestEveryKind:
    """Its tests are of all kinds, and are set up."""

    @classmethod
    def setup_class(cls) -> None:
        """Ask before all tests."""
        assert 1 == ask()

    def setup_method(self, method: Callable[[], None]) -> None:
        """Ask before each test."""
        assert callable(method)
        assert 2 == ask()

    def teardown_method(self) -> None:
        """Ask after each test."""
        assert 4 == ask()

    @classmethod
    def teardown_class(cls) -> None:
        """Ask after all tests."""
        assert 5 == ask()

    def test_method(self) -> None:
        """An ordinary one."""
        assert 3 == ask()

    @classmethod
    def test_class_method(cls) -> None:
        """One of the class."""
        assert cls is TestEveryKind
        assert 3 == ask()

    @staticmethod
    def test_static_method() -> None:
        """One that needs nothing."""
        assert 3 == ask()

    def _check(self, number: int) -> None:
        assert number == ask()

    test_partial_function = functools.partial(lambda number: TestEveryKind()._check(number), 3)  # noqa: SLF001 - itself


@server.intercepting()
class TestOuter:
    """Has a class in it."""

    class TestInner:
        """Has a test."""

        def test_inner(self) -> None:
            """Begins anew."""
            assert 1 == ask()


def test_class_of_unittest_is_answered_from_its_set_up_to_its_clean_up() -> None:
    """In a run, and in a debugger."""
    server.reset()

    @server.intercepting()
    class Case(unittest.TestCase):
        """Is set up as a whole."""

        @classmethod
        def setUpClass(cls) -> None:
            """Ask before all tests."""
            cls.addClassCleanup(ask)
            assert 1 == ask()

        @classmethod
        def tearDownClass(cls) -> None:
            """Ask after all tests."""
            ask()

        def test_first(self) -> None:
            """Each test begins with what was set up."""
            assert 2 == ask()

        def test_second(self) -> None:
            """See nothing of the other test."""
            assert 2 == ask()

    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Case)
    result = unittest.TextTestRunner(StringIO()).run(suite)

    assert (2, [], []) == (result.testsRun, result.errors, result.failures)
    assert 4 == len(server.calls)  # set-up, the last test, tear-down, clean-up
    Case("test_first").debug()


def test_hidden_code_is_refused_when_it_is_decorated() -> None:
    """A decorator in between makes something else of a generator or a fixture, which runs later."""
    for made in contextmanager(count), pytest.fixture(count), pytest.fixture(ask):
        with pytest.raises(TypeError, match=r"put intercepting\(\) below that one, directly above def"):
            server.intercepting()(made)
    with pytest.raises(TypeError, match="decorates functions and classes, not a property"):
        server.intercepting()(property(Methods.static))  # type: ignore[arg-type, type-var]  # the mistake
