"""Functions and types in C that do something else for a while: for whoever holds them, and afterwards as before."""

import _socket
import ctypes
import gc
import math
import pickle
import queue
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from mockserver.doors import redirection
from mockserver.doors.redirection import methods_replaced, redirected

# A function of each calling convention of C, and a call of it.
FUNCTIONS: dict[str, tuple[ModuleType, str, tuple[Any, ...], dict[str, Any]]] = {
    "no arguments": (time, "monotonic_ns", (), {}),
    "one argument": (time, "sleep", (0,), {}),
    "arguments": (_socket, "gethostbyname", ("127.0.0.1",), {}),
    "arguments and keywords": (_socket, "getaddrinfo", ("127.0.0.1", 80), {"family": 2}),
    "fast arguments and keywords": (math, "isclose", (1.0, 1.5), {"abs_tol": 1.0}),
}


def noting(seen: list[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What makes a replacement that notes its arguments and the original's result, and returns "other"."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def replacement(*args: Any, **kwargs: Any) -> str:
            seen.append((args, kwargs, original(*args, **kwargs)))
            return "other"

        return replacement

    return make


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_whoever_holds_a_function_calls_the_other(kind: str) -> None:
    """Arguments and results go through, the original can be called, it is the same object, and it is undone."""
    module, name, args, kwargs = FUNCTIONS[kind]
    held = getattr(module, name)
    before = redirection._flags(held), held.__self__, type(held(*args, **kwargs))
    seen: list[Any] = []
    for _ in range(3):
        with redirected(module, name, noting(seen)), redirected(module, name, noting(seen)):
            assert ["other"] * 50 == [held(*args, **kwargs) for _ in range(50)]
            assert held is getattr(module, name)
            assert held is pickle.loads(pickle.dumps(held))
        gc.collect()
        assert before == (redirection._flags(held), held.__self__, type(held(*args, **kwargs)))

    assert {(args, *kwargs.items())} == {(each[0], *each[1].items()) for each in seen}


def test_an_error_goes_through() -> None:
    """What the other function raises, and what the caller did wrong."""
    pause = time.sleep

    def make(_: Callable[..., Any]) -> Callable[..., Any]:
        def replacement(seconds: float) -> None:
            raise ZeroDivisionError(seconds)

        return replacement

    with redirected(time, "sleep", make):
        with pytest.raises(ZeroDivisionError, match="7"):
            pause(7)
        with pytest.raises(TypeError, match="exactly one argument"):
            pause()  # type: ignore[call-arg]  # the mistake


@pytest.mark.parametrize("name", ["hypot", "gcd"])
def test_an_unknown_calling_convention_is_replaced_by_name(name: str) -> None:
    """Such as fast arguments without keywords: the attribute is replaced, a kept reference calls the original."""
    held = getattr(math, name)
    with redirected(math, name, noting([])):
        is_redirected = held(3, 4) == "other"
        assert "other" == getattr(math, name)(3, 4)
    assert held is getattr(math, name)
    assert is_redirected is (redirection._flags(held) in redirection._CALLERS)


def test_without_access_to_c_a_function_is_replaced_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a Python without a lock: nothing is written into memory that is not ours."""
    monkeypatch.setattr(redirection, "_reaches_into_c", lambda: False)
    held, lock = time.sleep, type(threading.Lock()).acquire
    with redirected(time, "sleep", noting([])), methods_replaced(type(threading.Lock()), {"acquire": None}):
        held(0)  # the original
        by_name: Callable[..., Any] = time.sleep
        assert "other" == by_name(0)
        assert lock is type(threading.Lock()).acquire
    assert held is time.sleep


def test_a_method_in_c_is_another_for_a_while() -> None:
    """Also where the interpreter has remembered the original; who replaced it since keeps it."""
    items = queue.SimpleQueue[int]()
    empty: list[object] = [items.empty() for _ in range(50)]
    with methods_replaced(queue.SimpleQueue, {"empty": lambda _: "other"}):
        other: list[object] = [items.empty() for _ in range(50)]
    again: list[object] = [items.empty() for _ in range(50)]

    assert ([True] * 50, ["other"] * 50, [True] * 50) == (empty, other, again)
    assert isinstance(vars(queue.SimpleQueue)["empty"], type(queue.SimpleQueue.qsize))


def test_the_structures_are_those_of_this_python() -> None:
    """The flags and the name that C has are those that Python tells."""
    method = redirection._Method.from_address(redirection._Builtin.from_address(id(time.sleep)).target[0])

    assert b"sleep" == ctypes.string_at(method.name)
    assert id(time) == redirection._Builtin.from_address(id(time.sleep)).target[1]
