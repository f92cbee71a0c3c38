"""The training data of a tuned model, by input."""

import marshal
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache


class Examples(Mapping[str, str]):
    """The training data of a tuned model: outputs by input.

    It is kept as bytes: strings and a dictionary would take four times as much. Those that were used last are decoded.
    """

    __slots__ = ("_packed",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._packed = marshal.dumps(dict(pairs))

    def find_output(self, text: str) -> str | None:
        """Return the output of this input: of the exact input, else ignoring case and white space."""
        outputs = _unpack(self._packed)
        return outputs[text] if text in outputs else _fold_all(self._packed).get(_fold(text))

    def to_json(self) -> list[list[str]]:
        """Return all pairs in their order."""
        return [list(pair) for pair in self.items()]

    @classmethod
    def from_json(cls, pairs: Iterable[list[str]]) -> "Examples":
        """Create the training data from these pairs."""
        return cls((text, output) for text, output in pairs)

    def __getitem__(self, text: str) -> str:
        return _unpack(self._packed)[text]

    def __iter__(self) -> Iterator[str]:
        return iter(_unpack(self._packed))

    def __len__(self) -> int:
        return len(_unpack(self._packed))


@lru_cache(maxsize=32)
def _unpack(packed: bytes) -> dict[str, str]:
    outputs: dict[str, str] = marshal.loads(packed)  # noqa: S302 - it was written here
    return outputs


@lru_cache(maxsize=32)
def _fold_all(packed: bytes) -> dict[str, str]:
    return {_fold(text): output for text, output in _unpack(packed).items()}


def _fold(text: str) -> str:
    return " ".join(text.split()).casefold()
