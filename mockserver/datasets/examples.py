"""The training data of a tuned model, by input."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache

from mockserver.simulation.noise import SEPARATOR, seed_of_bytes, seed_of_texts

_Packed = bytes | tuple[str, ...]


class Examples(Mapping[str, str]):
    """The training data of a tuned model: outputs by input. Of an input that comes twice, the last output counts.

    It is kept as bytes: strings and a dictionary would take four times as much. Those that were used last are decoded.
    """

    __slots__ = ("_packed",)

    def __init__(self, inputs: Collection[str] = (), outputs: Collection[str] = ()) -> None:
        texts = [""] * (2 * len(inputs))
        texts[::2], texts[1::2] = inputs, outputs
        text = SEPARATOR.join(texts)
        self._packed: _Packed = text.encode("utf-8", "surrogatepass")
        if text.count(SEPARATOR) != len(texts) - 1:  # one of them contains it, or there are none
            self._packed = tuple(texts)

    @property
    def seed(self) -> int:
        """Return a seed derived from all texts in their order."""
        packed = self._packed
        return seed_of_bytes(packed) if isinstance(packed, bytes) else seed_of_texts(packed)

    def find_output(self, text: str) -> str | None:
        """Return the output of this input: of the exact input, else ignoring case and white space."""
        outputs = _unpack(self._packed)
        return outputs[text] if text in outputs else _fold_all(self._packed).get(_fold(text))

    def to_json(self) -> list[list[str]]:
        """Return all pairs in their order."""
        return [list(pair) for pair in self.items()]

    @classmethod
    def from_json(cls, pairs: Iterable[tuple[str, str]]) -> "Examples":
        """Create the training data from these pairs."""
        outputs = dict(pairs)
        return cls(outputs, outputs.values())

    def __getitem__(self, text: str) -> str:
        return _unpack(self._packed)[text]

    def __iter__(self) -> Iterator[str]:
        return iter(_unpack(self._packed))

    def __len__(self) -> int:
        return len(_unpack(self._packed))


@lru_cache(maxsize=32)
def _unpack(packed: _Packed) -> dict[str, str]:
    texts = packed.decode("utf-8", "surrogatepass").split(SEPARATOR) if isinstance(packed, bytes) else packed
    return dict(zip(texts[::2], texts[1::2], strict=True))


@lru_cache(maxsize=32)
def _fold_all(packed: _Packed) -> dict[str, str]:
    return {_fold(text): output for text, output in _unpack(packed).items()}


def _fold(text: str) -> str:
    return " ".join(text.split()).casefold()
