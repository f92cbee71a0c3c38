"""The training data of a tuned model, to be looked up when the model is asked."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property


class Examples(Mapping[str, str]):
    """The training data of a tuned model, input to output. Keep it: it learns to look things up quickly."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._outputs = dict(pairs)

    def recall(self, text: str) -> str | None:
        """The training output of this input: exactly, else whatever its case and white space."""
        return self._outputs[text] if text in self._outputs else self._folded.get(_folded(text))

    @cached_property
    def _folded(self) -> dict[str, str]:
        return {_folded(given): output for given, output in self._outputs.items()}

    def to_json(self) -> list[list[str]]:
        """All pairs, in their order."""
        return [list(pair) for pair in self._outputs.items()]

    @classmethod
    def from_json(cls, pairs: Iterable[list[str]]) -> "Examples":
        """The training data of these pairs."""
        return cls((given, output) for given, output in pairs)

    def __getitem__(self, given: str) -> str:
        return self._outputs[given]

    def __iter__(self) -> Iterator[str]:
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._outputs)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
