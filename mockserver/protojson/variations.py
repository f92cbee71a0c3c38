"""Messages that differ in a few values, as answers to prompts do: the rest is built, trimmed and encoded once."""

import marshal
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from mockserver.protojson.formatting import double_text, float32_text, timestamp_text
from mockserver.protojson.layout import dumps_text

Json = dict[str, Any]
Writer = Callable[[Mapping[str, Any]], bytes]
Trim = Callable[[Mapping[str, Any]], Any]
T = TypeVar("T")
WriteValue = Callable[[Any], str]


class Hole(NamedTuple):
    """A kind of value in which messages of a pattern differ.

    `sample` returns the value that stands for others in the hole of that index, one of two. `write` returns the JSON of
    a value; integers need none.
    """

    sample: Callable[[int, int], Any]
    write: Callable[[Any], str] | None


def _write_number(number: float) -> str:
    text = double_text(number)
    return f'"{text}"' if text[-1] in "Ny" else text  # NaN and Infinity are strings


def _write_time(nanos: int) -> str:
    return f'"{timestamp_text(nanos)}"'


TEXT = Hole(lambda index, which: f"\x02{which}\x03{index}\x02", dumps_text)
"""A text that is not left out: one that is not empty, or of a oneof."""
ID = Hole(lambda index, which: f"sample_{which}-{index}", '"%s"'.__mod__)
"""A text of ASCII letters, digits, - and _."""
COUNT = Hole(lambda index, which: 100_000_007 + 10_000_019 * which + index, None)
"""An integer above 0, because a zero is left out of JSON."""
NUMBER = Hole(lambda index, which: -(7_654_321.25 + which / 2 + index), _write_number)
"""A double other than 0, which may be left out."""
SCORE = Hole(lambda index, which: 0.25 + which / 256 + index / 1024, lru_cache(maxsize=4096)(float32_text))
"""A float above 0 and below 1, with few digits."""
TIME = Hole(lambda index, which: (986_000_000 + 2 * index + which) * 1_000_000_000 + 123_456_789, _write_time)
"""A time in nanoseconds."""


class Format(NamedTuple):
    """How to write the messages of a pattern: `writes` are the functions for the values that need one, by index.

    `pick` selects the values in the order of the holes of `line`.
    """

    line: str
    pick: Callable[[list[Any]], Any]
    writes: list[tuple[int, Callable[[Any], str]]]


class Pattern:
    """What messages have in common that differ in the values of some holes. `build` creates one from its values.

    Which members there are must not depend on the values. A value may stand in several places, or in none. Messages
    are built from two samples of values: where they differ are the holes. If that is not clear, as when a sample
    stands in what all messages share, each message is built, trimmed and written alone.
    """

    def __init__(self, build: Callable[..., Json], *holes: Hole) -> None:
        self.build = build
        self._holes = holes
        self._samples = [[hole.sample(index, which) for index, hole in enumerate(holes)] for which in (0, 1)]
        self._originals = [build(*samples) for samples in self._samples]
        self.formats: dict[Writer, Format | None] = {}
        self.trimmed: dict[Trim, Pattern] = {}
        self.tree = self._find_tree()
        """The message with the indexes of values, as complex numbers, in their places; None if these are not clear."""
        self.template = b"" if self.tree is None else marshal.dumps(self.tree)
        """The same as bytes; empty if there is none."""
        self.pickled_restore = pickle.dumps(partial(restore, self.template))
        """The function that returns the members of a message from its values, for the log of calls."""
        self._results: dict[Callable[[Pattern], Any], Any] = {}

    def compute(self, function: "Callable[[Pattern], T]") -> T:
        """Return `function(self)`, computed at the first call only. Pass one that outlives the call."""
        if function not in self._results:
            self._results[function] = function(self)
        result: T = self._results[function]
        return result

    def new_trimmed(self, trim: Trim) -> "Pattern":
        """Return the pattern of what `trim` leaves of the messages, which is this one if nothing is dropped."""
        build, original = self.build, self._originals[0]
        if trim(original) is original:
            return self
        return Pattern(lambda *values: dict(trim(build(*values))), *self._holes)

    def new_format(self, writer: Writer) -> Format | None:
        """Return how to write the messages as `writer` does; None if it is not clear where the values are."""
        writes = [hole.write for hole in self._holes]
        one, other = (
            self._split(writer(original).decode(), samples, writes)
            for original, samples in zip(self._originals, self._samples, strict=True)
        )
        line, indexes = one
        used = [(index, write) for index in set(indexes) if (write := writes[index]) is not None]
        return Format(line, itemgetter(*indexes), used) if one == other and indexes else None

    @staticmethod
    def _split(line: str, samples: list[Any], writes: list[WriteValue | None]) -> tuple[str, list[int]]:
        """Return the text of a sample with conversions in the place of its values, and which values these are."""
        values = [
            str(sample) if write is None else write(sample) for sample, write in zip(samples, writes, strict=True)
        ]
        longest_first = sorted(values, key=len, reverse=True)  # one may begin like another
        pieces = re.split(f"({'|'.join(map(re.escape, longest_first))})", line)
        indexes = [values.index(value) for value in pieces[1::2]]
        pieces[::2] = [piece.replace("%", "%%") for piece in pieces[::2]]
        pieces[1::2] = ["%d" if writes[index] is None else "%s" for index in indexes]
        return "".join(pieces), indexes

    def _find_tree(self) -> Json | None:
        try:
            one, other = self._originals
            tree: Json = _mark_holes(one, other, list(zip(*self._samples, strict=True)))
        except ValueError:
            return None
        return tree


class Variation(Mapping[str, Any]):
    """A message of a pattern, with its values. Its members are built when somebody looks at them."""

    __slots__ = ("_members", "hole_values", "pattern")

    def __init__(self, pattern: Pattern, values: tuple[Any, ...]) -> None:
        self.pattern = pattern
        self.hole_values = values
        self._members: Json | None = None

    @property
    def members(self) -> Json:
        """Return the message as an object of its members."""
        if self._members is None:
            self._members = self.pattern.build(*self.hole_values)
        return self._members

    def trim(self, trim: Trim) -> "Variation":
        """Return what `trim` makes of the message, which is the message itself if it has nothing to trim."""
        patterns = self.pattern.trimmed
        if trim not in patterns:
            patterns[trim] = self.pattern.new_trimmed(trim)
        return self if patterns[trim] is self.pattern else Variation(patterns[trim], self.hole_values)

    def write(self, writer: Writer) -> bytes:
        """Return the bytes of the message, as `writer` writes it."""
        pattern = self.pattern
        if writer not in pattern.formats:
            pattern.formats[writer] = pattern.new_format(writer)
        format_ = pattern.formats[writer]
        if format_ is None:
            return writer(self.members)
        line, pick, writes = format_
        values = list(self.hole_values)
        for index, write in writes:
            values[index] = write(values[index])
        text: str = line % pick(values)
        return text.encode()

    @property
    def packed_parts(self) -> tuple[bytes, Any]:
        """Return what the log of calls keeps: the bytes that messages of the pattern share, and the values."""
        pattern = self.pattern
        return (pattern.pickled_restore, self.hole_values) if pattern.template else (b"", self.members)

    def __reduce__(self) -> tuple[Callable[..., Json], tuple[Any, ...]]:
        """Pickle it as the template of its pattern and its values."""
        template = self.pattern.template
        return (restore, (template, self.hole_values)) if template else (dict, (self.members,))

    def __getitem__(self, name: str) -> Any:
        return self.members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)


Message = Json | Variation
"""A message that is written: an object of its members, or one that is built when it is looked at."""


class SentMessages(list[Message]):
    """The messages that a stream has sent."""

    @property
    def packed_parts(self) -> tuple[bytes, Any]:
        """Return what the log of calls keeps: how to restore them, pickled, and the template and values of each."""
        return _PICKLED_RESTORE_ALL, [
            (message.pattern.template, message.hole_values)
            if type(message) is Variation and message.pattern.template
            else message
            for message in self
        ]


def restore_all(messages: list[Any]) -> list[Json]:
    """Return the members of the messages that a stream has sent."""
    return [restore(*message) if type(message) is tuple else message for message in messages]


_PICKLED_RESTORE_ALL = pickle.dumps(restore_all)


def restore(template: bytes, values: tuple[Any, ...]) -> Json:
    """Return the members of a message of a pattern, from the template of the pattern."""
    message: Json = _fill_holes(marshal.loads(template), values)  # noqa: S302 - it was written here
    return message


def _mark_holes(one: Any, other: Any, samples: list[tuple[Any, Any]]) -> Any:
    """Return the tree of one sample with its values replaced by their indexes, as complex numbers: no message has any.

    Raises ValueError if the trees of the two samples differ elsewhere.
    """
    if isinstance(one, dict) and one.keys() == other.keys():
        return {name: _mark_holes(item, other[name], samples) for name, item in one.items()}
    if isinstance(one, list) and len(one) == len(other):
        return [_mark_holes(*items, samples) for items in zip(one, other, strict=True)]
    if (one, other) in samples:
        return complex(samples.index((one, other)))
    if one != other:
        msg = f"{one!r} and {other!r} are no samples"
        raise ValueError(msg)
    return one


def _fill_holes(tree: Any, values: tuple[Any, ...]) -> Any:
    kind = type(tree)
    if kind is dict:
        return {name: _fill_holes(item, values) for name, item in tree.items()}
    if kind is list:
        return [_fill_holes(item, values) for item in tree]
    return values[int(tree.real)] if kind is complex else tree
