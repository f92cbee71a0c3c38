"""Chooses the answer to a prompt for which the tester has no rule.

It takes the first of: magic words in the prompt; the training data; the answer table; structured output, if the request
asks for it; a placeholder sentence.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mockserver.datasets.examples import Examples
from mockserver.generation.answer_table import find_entry, placeholder_text
from mockserver.generation.structured_output import structured_answer
from mockserver.scripting.answers import FINISH_REASONS, Answer, Prompt
from mockserver.scripting.faults import fault_from_words
from mockserver.scripting.magic_words import FAULT_WORDS, parse_magic_words, strip_magic_words
from mockserver.scripting.safety import category_name

EMPTY_MESSAGE: Mapping[str, Any] = {}


def unscripted_answer(
    prompt: Prompt, examples: Mapping[str, str], *, magic: bool, message: Mapping[str, Any] = EMPTY_MESSAGE
) -> Answer:
    """Return the answer if no rule matches, structured as `message` asks."""
    answer = default_answer(prompt, examples, magic=magic, structured=structured_answer(message, prompt))
    return _with_thoughts(answer) if _asks_for_thoughts(message) else answer


def _asks_for_thoughts(message: Mapping[str, Any]) -> bool:
    thinking = message.get("generationConfig", {}).get("thinkingConfig", {})
    return bool(thinking.get("includeThoughts")) and thinking.get("thinkingBudget") != 0


def _with_thoughts(answer: Answer) -> Answer:
    """Return the answer after a summary of thoughts.

    That there is one is in Google's own tests; its words are our choice.
    """
    if answer.parts or not answer.text:
        return answer
    thought = {"text": "I read the prompt and answer it.", "thought": True}
    return replace(answer, parts=(thought, {"text": answer.text}))


def default_answer(
    prompt: Prompt, examples: Mapping[str, str], *, magic: bool = True, structured: Answer | None = None
) -> Answer:
    """Return the answer if no rule matches: magic words, training data, the table, `structured` or a placeholder."""
    text = prompt.text
    if magic and "[" in text and (words := parse_magic_words(text)):
        return _magic_answer(prompt, examples, structured, words)
    if examples:
        examples = examples if isinstance(examples, Examples) else Examples(examples, examples.values())
        output = examples.find_output(text)
        if output is not None:
            return Answer(output)
    if entry := find_entry(prompt):
        return Answer(entry.text, ratings=entry.ratings)
    return structured or Answer(placeholder_text(prompt))


def _magic_answer(
    prompt: Prompt, examples: Mapping[str, str], structured: Answer | None, words: Mapping[str, str]
) -> Answer:
    """Return the answer that magic words in the prompt ask for. If one is invalid, the answer says so."""
    try:
        fault_from_words(words)  # only a check: fault injection acts on these words
        turns = tuple(replace(turn, text=strip_magic_words(turn.text)) for turn in prompt.turns)
        answer = default_answer(replace(prompt, turns=turns), examples, magic=False, structured=structured)
        return _apply_words(answer, words)
    except ValueError as error:
        return Answer(f"Mock cannot read the magic words of this prompt: {error}.")


def _apply_words(answer: Answer, words: Mapping[str, str]) -> Answer:
    text, finish, block = answer.text, answer.finish, answer.block
    ratings, prompt_ratings = dict(answer.ratings), dict(answer.prompt_ratings)
    for word, value in words.items():
        if word == "text":
            text = value
        elif word == "finish":
            finish = value
        elif word == "block":
            block = value or "SAFETY"
        elif word.startswith("prompt_"):
            prompt_ratings[category_name(word.removeprefix("prompt_"))] = value
        elif not value and word.upper() in FINISH_REASONS:
            finish = word
        elif word not in FAULT_WORDS:
            ratings[category_name(word)] = value
    parts = () if "text" in words else answer.parts
    return Answer(text, parts=parts, finish=finish, block=block, ratings=ratings, prompt_ratings=prompt_ratings)
