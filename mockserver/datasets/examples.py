"""The training data of a tuned model, by input."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property


class Examples(Mapping[str, str]):
    """The training data of a tuned model: outputs by input. The first inexact lookup builds an index, so reuse it."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._outputs = dict(pairs)

    def find_output(self, text: str) -> str | None:
        """Return the output of this input: of the exact input, else ignoring case and white space."""
        return self._outputs[text] if text in self._outputs else self._folded.get(_fold(text))

    @cached_property
    def _folded(self) -> dict[str, str]:
        return {_fold(text): output for text, output in self._outputs.items()}

    def to_json(self) -> list[list[str]]:
        """Return all pairs in their order."""
        return [list(pair) for pair in self._outputs.items()]

    @classmethod
    def from_json(cls, pairs: Iterable[list[str]]) -> "Examples":
        """Create the training data from these pairs."""
        return cls((text, output) for text, output in pairs)

    def __getitem__(self, text: str) -> str:
        return self._outputs[text]

    def __iter__(self) -> Iterator[str]:
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._outputs)


def _fold(text: str) -> str:
    return " ".join(text.split()).casefold()
