"""Patches that several users share, who may start and stop in any order and in any thread.

A patch is made for its first user and undone after its last. While there are users, the patched function asks
for the newest one. Without users it does what the original does: somebody may have kept a reference to it.
A user that the process ends with never leaves: other code still runs then, and half of Python is gone already.
"""

import atexit
import ctypes
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SharedPatch(Generic[T]):
    """One patch and the values of its live users, oldest first."""

    def __init__(self) -> None:
        self._patches = ExitStack()
        # Reentrant: collecting a forgotten generator may leave in the middle of an entry.
        self._lock = threading.RLock()
        self._users: tuple[tuple[threading.Thread, T], ...] = ()  # replaced as a whole, so that readers need no lock
        self._is_ending = sys.is_finalizing
        atexit.register(self._keep)

    @contextmanager
    def used_with(self, value: T, make: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
        """Keep the patch, which `make` makes for the first user, in place while inside."""
        user = (threading.current_thread(), value)  # not its number, which a later thread may get too
        with self._lock:
            if not self._users:
                self._patches.enter_context(make())
            self._users = (*self._users, user)
        try:
            yield
        finally:
            if not self._is_ending():
                self._leave(user)

    def _leave(self, user: tuple[threading.Thread, T]) -> None:
        with self._lock:
            self._users = tuple(other for other in self._users if other is not user)
            if not self._users:
                self._patches.close()

    def _keep(self) -> None:
        """Never collect a patch that is in use when the process ends."""
        if self._users and sys.implementation.name == "cpython":
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))

    def values(self) -> list[T]:
        """Return the values of all live users, oldest first."""
        return [value for _, value in self._users]

    def has_users_of_this_thread_alone(self) -> bool:
        """Return whether no user has started in another thread."""
        here = threading.current_thread()
        return all(thread is here for thread, _ in self._users)

    def newest_of_thread(self) -> T | None:
        """Return the value of the newest user that started in this thread."""
        here = threading.current_thread()
        return next((value for thread, value in reversed(self._users) if thread is here), None)

    def newest(self) -> T | None:
        """Return the value of the newest user that started in this thread, or else of the newest of all."""
        users = self._users
        if len(users) > 1 and (value := self.newest_of_thread()) is not None:
            return value
        return users[-1][1] if users else None


@contextmanager
def replaced(owner: Any, name: str, function: Any) -> Iterator[None]:
    """Have `owner.name` be the function, or another value, while inside.

    On the way out it stays if somebody else has replaced it since: their undoing would only bring ours back.
    """
    original = vars(owner).get(name)
    setattr(owner, name, function)
    try:
        yield
    finally:
        if vars(owner).get(name) is function:
            if original is None:
                delattr(owner, name)
            else:
                setattr(owner, name, original)
