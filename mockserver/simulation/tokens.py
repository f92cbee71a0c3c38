"""Splits a text into tokens, as an approximation of Google's tokenizer, which is not published.

The rules reproduce the counts of the recordings (2025-06 to 2026-06): a word takes the space before
it ("Say this is a test" is 5), a digit stands alone and so does the space before it ("What is 2 + 2?"
is 8: `What| is| |2| +| |2|?`), a run of punctuation is one ("**Paris**." is `**|Paris|**.`), and so is
a line break. Ideographs count one each, other scripts a token for every four letters.
"""

import re
from functools import lru_cache

from mockserver.simulation.noise import seed_of

IMAGE_TOKENS = 258
"""The tokens of an image part, whatever its size (documented)."""

_VOCABULARY = 256_000  # the size of the published sibling's vocabulary (Gemma)

_LATIN = "a-z\u00df-\u00f6\u00f8-\u024f"
_TOKEN = re.compile(
    "|".join(
        (
            # Words come first, because most tokens are words; the next four match nothing that begins like one.
            rf" [{_LATIN}]{{1,12}}",
            rf"[{_LATIN}]{{1,12}}",
            rf" ?[A-Z][{_LATIN}]{{1,12}}",
            r"\n+",
            r" {2,}(?= )",  # indentation; its last space belongs to the word
            r" (?=\d)",
            r"\d",
            rf" ?[A-Z]{{1,4}}(?![{_LATIN}])",
            r" ?[A-Z]",
            r" ?[\u3040-\u30ff\uac00-\ud7af]{1,2}",  # kana and hangul
            r" ?[\u3400-\u9fff\uf900-\ufaff]",
            r" ?[^\W\d_A-Za-z]{1,4}",
            r" ?[!-/:-@\[-`{-~]{1,4}",
            r" ?[^\w\s]",
            r"\s",
            r".",
        )
    ),
    re.DOTALL,
)


_CACHED_LENGTH = 8192
"""The length of texts whose tokens are cached, so that the caches take 9 MB at most.

Most texts come again: the turns of a conversation in its next request, the answers to the prompts of a test.
"""


def split(text: str) -> tuple[str, ...]:
    """Split a text into its tokens; joined they are the text."""
    return _split_cached(text) if len(text) <= _CACHED_LENGTH else _split(text)


def _split(text: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(text))


_split_cached = lru_cache(maxsize=64)(_split)


def count_tokens(text: str) -> int:
    """Return how many tokens a text has."""
    return _count_cached(text) if len(text) <= _CACHED_LENGTH else _count(text)


def _count(text: str) -> int:
    """Add up the tokens of the words, most of which come again: a space begins a token, but in a run of three."""
    if "   " in text:
        return len(_split(text))
    first, *words = text.split(" ")
    return len(_split(first)) + sum(map(_count_word, words))


_count_cached = lru_cache(maxsize=64)(_count)


class _WordCounts(dict[str, int]):
    """How many tokens words have with the space before them: at most 4096 words of at most 24 characters."""

    def __missing__(self, word: str) -> int:
        count = len(_split(f" {word}"))
        if len(word) <= 24:
            if len(self) >= 4096:
                self.clear()
            self[word] = count
        return count


_count_word = _WordCounts().__getitem__


@lru_cache(maxsize=4096)
def token_id(token: str) -> int:
    """Return the id of a token: a fixed number of the vocabulary."""
    return seed_of("token", token) % _VOCABULARY
