"""Function calling: which declared functions the model calls, and what it says after their results.

Mode ANY calls a function in every turn: the first allowed one that the conversation has no result of yet, else the last
one, which in an agent is the tool for its final answer. Otherwise a prompt that shares words with the name or the
description of a function gets a call of it, and the results are followed by text.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.generation.call_arguments import Arguments, prompt_arguments
from mockserver.generation.prompt import content_text, declaration_texts, declared_functions
from mockserver.generation.words import LONGEST_TEXT, content_words, sentences
from mockserver.scripting.answers import Answer
from mockserver.simulation.tokens import count_tokens

Json = dict[str, Any]

MOST_FUNCTIONS = 128
"""How many declarations are compared with a prompt [the documented limit of a request]."""

_NAMES = re.compile(r"\w+")
_QUOTED_NAMES = re.compile(r"""["']([\w.:-]{1,128})["']""")
# Members in which frameworks wrap a result: google-genai, LangChain, Strands, Pydantic AI ...
_RESULT_MEMBERS = ("result", "output", "content", "response", "text", "return_value")


def function_call_answer(message: Mapping[str, Any]) -> Answer | None:
    """Return the calls that a model makes in this turn; None for text."""
    config = message.get("toolConfig", {}).get("functionCallingConfig", {})
    mode, allowed = config.get("mode", "AUTO"), frozenset(config.get("allowedFunctionNames", ()))
    if mode == "NONE":
        return None
    functions = [each for each in declared_functions(message) if not allowed or each.get("name") in allowed]
    contents = message.get("contents", ())
    if mode == "ANY":
        return _calls([_next_call(functions, contents)]) if functions else None
    if not contents or results(contents):
        return None
    return _calls([*_fitting_calls(functions[:MOST_FUNCTIONS], _last_text(contents))])


def results(contents: Sequence[Mapping[str, Any]]) -> list[Json]:
    """Return the function results in the last turn."""
    parts = contents[-1].get("parts", ()) if contents else ()
    return [part["functionResponse"] for part in parts if "functionResponse" in part]


def results_text(contents: Sequence[Mapping[str, Any]]) -> str:
    """Return a text that uses the results in the last turn, a sentence each; "" if there are none."""
    last = results(contents)
    if not last:
        return ""
    arguments = {
        part["functionCall"].get("id") or part["functionCall"].get("name"): part["functionCall"].get("args", {})
        for content in contents[-2:-1]
        for part in content.get("parts", ())
        if "functionCall" in part
    }
    pairs = [(each, arguments.get(each.get("id")) or arguments.get(each.get("name"), {})) for each in last]
    return " ".join(_result_sentence(result, of) for result, of in pairs)


def _result_sentence(result: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """Return a sentence with the result, after the texts among the call's arguments that it does not have."""
    value: Any = result.get("response", {})
    if "name" in value and value["name"] == result.get("name"):  # the AI SDK and Genkit name the function here too
        value = {name: member for name, member in value.items() if name != "name"}
    if isinstance(value, dict) and len(value) == 1 and (name := next(iter(value))) in _RESULT_MEMBERS:
        value = value[name]
    text = _value_text(value).strip() or f"{result.get('name', 'The function')} returned nothing"
    missing = [each for each in arguments.values() if isinstance(each, str) and each not in text]
    text = f"{', '.join(missing)}: {text}" if missing else text
    return text if text[-1] in ".!?" else f"{text}."


def _value_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value and isinstance(value, list) and all(isinstance(each, dict) and [*each] == ["text"] for each in value):
        return " ".join(_value_text(each["text"]) for each in value)
    if isinstance(value, dict):
        return ", ".join(
            f"{name}: {member if isinstance(member, str) else _json(member)}" for name, member in value.items()
        )
    return _json(value)


def _next_call(functions: Sequence[Json], contents: Sequence[Mapping[str, Any]]) -> Json:
    """Return the call of the first function that has no result yet, else of the last one."""
    answered = {*_answered_functions(contents)}
    function = next((each for each in functions if each.get("name") not in answered), functions[-1])
    arguments = prompt_arguments(parameters(function), _last_text(contents), complete=True)
    return {"name": function.get("name", ""), "args": arguments.values}


def _answered_functions(contents: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the functions that a conversation has results of, and the names that the model's own text has in quotes.

    Agents such as those of smolagents write calls and results into the text of turns.
    """
    for content in contents:
        if content.get("role") == "model":
            yield from _QUOTED_NAMES.findall(content_text(content)[:LONGEST_TEXT])
        for part in content.get("parts", ()):
            if "functionResponse" in part:
                yield part["functionResponse"].get("name", "")


def parameters(function: Mapping[str, Any]) -> Any:
    """Return the schema of a function's parameters, in either dialect."""
    return function.get("parametersJsonSchema", function.get("parameters", {"type": "object"}))


def _last_text(contents: Sequence[Mapping[str, Any]]) -> str:
    """Return the text of the last turn of the user's that has any."""
    texts = (content_text(each) for each in reversed(contents) if each.get("role") != "model")
    return next(filter(None, texts), "")[:LONGEST_TEXT]


@dataclass(frozen=True, slots=True)
class _Fit:
    """A function that a prompt asks for: the words that they share, and the arguments of its call."""

    function: Json
    words: frozenset[str]
    score: int
    arguments: Arguments


def _fitting_calls(functions: Sequence[Json], prompt: str) -> Iterator[Json]:
    """Yield the calls that a prompt asks for, in its order. A word of the prompt asks for one function."""
    sentence_words = [(sentence, _words(sentence)) for sentence in sentences(prompt)]
    places: dict[str, int] = {}
    for word in (word for _, words in sentence_words for word in words):
        places.setdefault(word, len(places))
    fits = [fit for function in functions if (fit := _fit(function, sentence_words, places))]
    selection: list[_Fit] = []
    used_words: set[str] = set()
    for fit in sorted(fits, key=lambda each: (-each.score, -each.arguments.exact)):
        if not used_words.issuperset(fit.words):
            used_words.update(fit.words)
            selection.append(fit)
    for fit in sorted(selection, key=lambda each: min(map(places.__getitem__, each.words))):
        yield {"name": fit.function["name"], "args": fit.arguments.values}


def _words(sentence: str) -> dict[str, None]:
    """Return the words of a sentence in their order: stems, and as they are, because a function may be named."""
    return dict.fromkeys((*content_words(sentence), *_NAMES.findall(sentence)))


def _fit(
    function: Json, sentence_words: Sequence[tuple[str, Mapping[str, None]]], places: Mapping[str, int]
) -> _Fit | None:
    """Return how a function fits a prompt: one word of its name is enough, or two of its description."""
    name = function.get("name", "")
    name_words = places.keys() & {name, *content_words(name)}
    description_words = places.keys() & {word for text in declaration_texts(function) for word in content_words(text)}
    if not name or (not name_words and len(description_words) < 2):
        return None
    asking = " ".join(
        sentence for sentence, words in sentence_words if not words.keys().isdisjoint(name_words | description_words)
    )
    arguments = prompt_arguments(parameters(function), asking, " ".join(sentence for sentence, _ in sentence_words))
    return _Fit(
        function, frozenset(name_words or description_words), len(description_words) + 3 * len(name_words), arguments
    )


def _calls(calls: Iterable[Json]) -> Answer | None:
    """Return calls as recorded on Vertex AI in 2026-08, without thought signatures. `args` is there even if empty."""
    parts = [{"functionCall": call} for call in calls]
    tokens = sum(count_tokens(_json(part["functionCall"])) for part in parts)
    return Answer(parts=parts, usage={"candidates": tokens}) if parts else None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
