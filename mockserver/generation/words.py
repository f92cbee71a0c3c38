"""The words of a text that say what it is about, and its sentences: enough to see which function a prompt asks for."""

import re
from collections.abc import Iterator
from functools import lru_cache

LONGEST_TEXT = 5_000
"""The beginning of a prompt that is read for a function call, in characters."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_a-zA-Z]+")
_OPERATION = re.compile(r"\d\)? ?([-+*/x\u00d7\u00f7]) ?\(?\d")
_SENTENCE_END = re.compile(r"[.?!;](?:\s|$)|\n")

_OPERATIONS = {
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "x": "multiply",
    "\u00d7": "multiply",
    "/": "divide",
    "\u00f7": "divide",
}
_SAME = {
    "sum": "add", "plus": "add", "addition": "add",
    "minus": "subtract", "difference": "subtract", "subtraction": "subtract",
    "times": "multiply", "product": "multiply", "multiplication": "multiply",
    "division": "divide", "quotient": "divide",
}  # fmt: skip
_CALCULATING = ("calculate", "calculator", "compute", "math", "arithmetic", "evaluate")

COMMON_WORDS = frozenset(
    """
    a about after all also an and answer any are as at be been but by call can could current data did do does each
    execute fetch final find for from function get give given had has have her here him his how i if in information
    input into is it its just let like list make many may me more most much my name need new no not now number of on
    one or other our out output perform please print provide query response result results retrieve return run set
    should show so some string take tell that the their them then there these they this those to tool two up use user
    using value want was we were what when where which who why will with would you your
    """.split()  # noqa: SIM905 - words, not lines
)
"""Words that are in prompts and descriptions of all kinds."""


def content_words(text: str) -> Iterator[str]:
    """Yield the stems of the words of a text that are not common ones: "get_cityWeather" has "citi" and "weather"."""
    for match in _WORD.finditer(text):
        word = match[0].lower()
        if word not in COMMON_WORDS and len(word) > 1:
            yield _stem(_SAME.get(word, word))
    for operation in _OPERATION.finditer(text):
        yield _stem(_OPERATIONS[operation[1]])
        yield from map(_stem, _CALCULATING)


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text."""
    return filter(None, (each.strip() for each in _SENTENCE_END.split(text)))


@lru_cache(maxsize=4096)
def _stem(word: str) -> str:
    """Return the word without the ending of a plural or a participle."""
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    return f"{word[:-1]}i" if word.endswith("y") else word
