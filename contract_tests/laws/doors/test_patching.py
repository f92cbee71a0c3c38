"""Shared patches: whoever is inside is served, in whatever order they come and go; afterwards all is as it was."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from mockserver.doors.patching import SharedPatch, replaced


def patch_of(owner: SimpleNamespace) -> tuple[SharedPatch[int], Callable[[], AbstractContextManager[None]]]:
    """A patch that has `owner.ask()` return the newest value, and "original" without one; and what makes it."""
    patch = SharedPatch[int]()

    @contextmanager
    def make() -> Iterator[None]:
        original: Callable[[], object] = owner.ask

        def ask() -> object:
            value = patch.newest()
            return original() if value is None else value

        with replaced(owner, "ask", ask):
            yield

    return patch, make


def original() -> str:
    """What is patched."""
    return "original"


@given(st.lists(st.integers(0, 4), max_size=30))
def test_users_come_and_go_in_any_order(toggled: list[int]) -> None:
    """Each number enters when it is outside and leaves when it is inside. The newest that is inside counts."""
    owner = SimpleNamespace(ask=original)
    patch, make = patch_of(owner)
    inside: dict[int, ExitStack] = {}
    for number in toggled:
        if number in inside:
            inside.pop(number).close()
        else:
            inside[number] = ExitStack()
            inside[number].enter_context(patch.used_with(number, make))

        assert list(inside) == patch.values()
        assert (next(reversed(inside)) if inside else "original") == owner.ask()
        assert (owner.ask is original) is not bool(inside)
    for stack in inside.values():
        stack.close()

    assert owner.ask is original


def test_a_thread_has_its_own_newest_and_may_leave_for_another() -> None:
    """Two tests in two threads are each answered by their own; who has none is answered by the newest of all."""
    owner = SimpleNamespace(ask=original)
    patch, make = patch_of(owner)
    seen: list[object] = []
    with ExitStack() as first:
        first.enter_context(patch.used_with(1, make))
        second = ExitStack()

        def enter() -> None:
            second.enter_context(patch.used_with(2, make))
            seen.append(owner.ask())

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        seen.append(owner.ask())
        third = threading.Thread(target=lambda: seen.append(owner.ask()))
        third.start()
        third.join()
        second.close()
        seen.append(owner.ask())

    assert [2, 1, 2, 1] == seen
    assert owner.ask is original


def test_a_patch_of_somebody_elses_above_ours_is_kept() -> None:
    """They undo theirs later, which puts ours back: by then it does what the original does."""
    owner = SimpleNamespace(ask=original)
    patch, make = patch_of(owner)
    with ExitStack() as ours:
        ours.enter_context(patch.used_with(1, make))
        below = owner.ask
        owner.ask = lambda: ("theirs", below())
    assert ("theirs", "original") == owner.ask()
    owner.ask = below
    assert "original" == owner.ask()

    with patch.used_with(2, make):
        assert 2 == owner.ask()
    assert "original" == owner.ask()
