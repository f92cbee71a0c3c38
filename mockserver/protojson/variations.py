"""Messages that differ in a text and a few numbers, as the events of a stream do: what they share is encoded once."""

from collections.abc import Callable, Mapping
from typing import Any

from mockserver.protojson.layout import dumps
from mockserver.protojson.memoized import MemoizedMessage

Json = dict[str, Any]
Writer = Callable[[Mapping[str, Any]], bytes]

# What stands for the values in the bytes of a pattern. Bytes that contain one of them elsewhere are not used.
_TEXT = "\x02\x03"
_NUMBERS = (2_000_000_011, 2_000_000_089)


class Pattern:
    """What such messages share. `build` creates one from its text and its numbers, of which there are `numbers`.

    A number is an integer above 0, because a zero is left out of JSON.
    """

    def __init__(self, build: Callable[..., Json], numbers: int = 0) -> None:
        self._build = build
        self._values = (_TEXT, *_NUMBERS[:numbers])
        self._pieces: dict[Writer, list[bytes]] = {}
        self.original = MemoizedMessage(build(*self._values))
        """The message with the values that stand for others."""

    def vary(self, text: str, *numbers: int) -> "Variation":
        """Return the message with these values."""
        return Variation(self, self._build(text, *numbers), text, numbers)

    def find_pieces(self, writer: Writer) -> list[bytes]:
        """Return the bytes around the values, as `writer` writes them; none if it is not clear where the values are."""
        if writer not in self._pieces:
            self._pieces[writer] = self._split(self.original.compute(writer))
        return self._pieces[writer]

    def _split(self, original: bytes) -> list[bytes]:
        values = [dumps(value, pretty=False) for value in self._values]
        if any(original.count(value) != 1 for value in values):
            return []
        pieces: list[bytes] = []
        for value in values:
            piece, found, original = original.partition(value)
            if not found:  # the values stand in another order
                return []
            pieces.append(piece)
        return [*pieces, original]


class Variation(dict[str, Any]):
    """A message of a pattern, with its values."""

    __slots__ = ("numbers", "pattern", "text")

    def __init__(self, pattern: Pattern, members: Json, text: str, numbers: tuple[int, ...]) -> None:
        super().__init__(members)
        self.pattern = pattern
        self.text = text
        self.numbers = numbers

    def trim(self, trim: Callable[[Mapping[str, Any]], Any]) -> Any:
        """Return what `trim` makes of the message, which is the message itself if it has nothing to trim."""
        original = self.pattern.original
        return self if original.compute(trim) is original else trim(dict(self))

    def write(self, writer: Writer) -> bytes:
        """Return the bytes of the message, as `writer` writes it."""
        pieces = self.pattern.find_pieces(writer)
        if not pieces:
            return writer(dict(self))
        line = pieces[0] + dumps(self.text, pretty=False) + pieces[1]
        for number, piece in zip(self.numbers, pieces[2:], strict=True):
            line += b"%d%b" % (number, piece)
        return line
