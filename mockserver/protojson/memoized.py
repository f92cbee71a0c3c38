"""Messages that are over and done with."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


class Settled(list[Any]):
    """A list nobody changes any more, such as the snapshots of a run: what is made of it is made once and kept.

    It is kept as long as the list is. Two makers are told apart by identity, so a maker should be one that stays.
    """

    def __init__(self, items: Iterable[Any] = ()) -> None:
        super().__init__(items)
        self._made: dict[Callable[[list[Any]], Any], Any] = {}

    def made(self, maker: Callable[[list[Any]], T]) -> T:
        """What `maker` makes of the list."""
        if maker not in self._made:
            self._made[maker] = maker(self)
        made: T = self._made[maker]
        return made
