"""The arguments of a function call: what a prompt says that fits the schema, else what merely fits it.

Numbers, quoted texts, names, words of an enum and expressions are taken from the prompt in their order.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mockserver.generation.schema_values import NoValueError, example_value, is_as_long, is_within
from mockserver.generation.words import COMMON_WORDS, sentences

Json = dict[str, Any]


class Arguments(NamedTuple):
    """The arguments of a call, and how many of them the prompt says exactly: an integer for an integer."""

    values: Json
    exact: int


_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")
_QUOTED = re.compile(r'"([^"\n]{1,200})"|“([^”\n]{1,200})”|`([^`\n]{1,200})`|(?<!\w)\'([^\'\n]{1,100})\'(?!\w)')
_ADDRESS = re.compile(r"\b[\w.+-]{1,64}@[\w.-]{1,200}\w|\bhttps?://\S+|\bgs://\S+")
_NAME = re.compile(r"\b[A-Z][\w'&-]*(?: [A-Z][\w'&-]*)*")
_AFTER = re.compile(r"\b(?:in|of|for|from|at|to|named|called|about) (?:the |a |an )?([^\W\d]\w*)")
_WORDS = re.compile(r"\w+")
_EXPRESSION = re.compile(r"[\d(][\d\s.+*/()^%\u00d7\u00f7-]{0,100}[\d)]")

# Names of parameters that take what the user said as it is, and of those that take an expression.
_WHOLE = frozenset(
    {"query", "question", "prompt", "message", "q", "request", "search_query", "user_input", "input", "answer"}
)
_EXPRESSIONS = frozenset({"expression", "equation", "formula", "calculation"})


def prompt_arguments(schema: Any, asking: str, prompt: str = "", *, complete: bool = False) -> Arguments:
    """Return arguments that fit the schema, from the sentences `asking` for the function, else from the whole prompt.

    Parameters that are not required and that the prompt says nothing of are left out, unless `complete`.
    """
    source = _PromptValues(asking, prompt or asking, complete=complete)
    try:
        arguments = example_value(schema, source)
    except NoValueError:
        arguments = {}
    return Arguments(arguments if isinstance(arguments, dict) else {}, source.exact)


class _PromptValues:
    """The values that a prompt has for a schema. What has been taken is not taken again."""

    def __init__(self, asking: str, prompt: str, *, complete: bool) -> None:
        self.uses = 0
        self.exact = 0
        self.complete = complete
        self._asking = asking
        self._prompt = prompt
        self._words = frozenset(_WORDS.findall(asking.lower()))
        self._numbers = [*_NUMBER.findall(asking)] or [*_NUMBER.findall(prompt)]
        self._texts = [*_texts(asking)] or [*_texts(prompt)]

    def find(self, kind: str, schema: Mapping[str, Any], name: str) -> Any:
        """Return what the prompt has for a text, a number or a word of an enum; None if it has nothing."""
        value: Any = None
        if "const" in schema or kind not in {"string", "integer", "number"}:
            return None
        if schema.get("enum"):
            value = self._find_word(kind, schema["enum"])
        elif kind == "string":
            value = self._find_text(schema, name)
        else:
            value = self._find_number(schema, whole=kind == "integer")
        self.uses += value is not None
        return value

    def _find_word(self, kind: str, words: Any) -> Any:
        if kind != "string":
            return None
        return next((word for word in words if isinstance(word, str) and word.lower() in self._words), None)

    def _find_number(self, schema: Mapping[str, Any], *, whole: bool) -> float | None:
        for index, text in enumerate(self._numbers):
            number = float(text)
            if is_within(number, schema, whole=whole):
                del self._numbers[index]
                self.exact += not whole or "." not in text
                return int(number) if "." not in text or whole else number
        return None

    def _find_text(self, schema: Mapping[str, Any], name: str) -> str | None:
        if name.lower() in _WHOLE and is_as_long(self._prompt, schema):
            return self._prompt
        if name.lower() in _EXPRESSIONS and (match := _EXPRESSION.search(self._asking)):
            return match[0] if is_as_long(match[0], schema) else None
        for index, text in enumerate(self._texts):
            if is_as_long(text, schema):
                del self._texts[index]
                self.exact += 1
                return text
        return None


def _texts(prompt: str) -> Iterator[str]:
    """Yield what may be the value of a text: quotations and addresses, then names, else what a preposition is about."""
    texts = [next(filter(None, each)) for each in _QUOTED.findall(prompt)] + _ADDRESS.findall(prompt)
    texts += [name for sentence in sentences(prompt) for name in _names(sentence)]
    yield from dict.fromkeys(texts or _AFTER.findall(prompt))


def _names(sentence: str) -> Iterator[str]:
    """Yield the capitalized words of a sentence, without a label or a common word that begins it: "What" is no name."""
    label = _NAME.match(sentence)
    if label and sentence.startswith(":", label.end()):
        sentence = sentence[label.end() + 1 :].lstrip()
    for match in _NAME.finditer(sentence):
        first, _, rest = match[0].partition(" ")
        begins = match.start() == 0 and (first.lower() in COMMON_WORDS or not (rest or first.isupper()))
        name = rest if begins else match[0]
        if name and name != "I":
            yield name
