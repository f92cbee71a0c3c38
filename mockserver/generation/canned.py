"""The answer to a prompt that no rule of the tester fits.

magic words in the prompt, else the training data, else the table, else what the caller offers, else a sentence
"""

from collections.abc import Mapping
from dataclasses import replace

from mockserver.datasets.examples import Examples
from mockserver.generation.answer_table import ANY_MODEL, TUNED_MODEL, Entry
from mockserver.scripting.answers import FINISH_REASONS, Answer, Prompt, shorten
from mockserver.scripting.faults import directed_fault
from mockserver.scripting.magic_words import FAULT_WORDS, magic_directives, without_magic
from mockserver.scripting.safety import category_name
from mockserver.scripting.scenario import Scenario


def choose_answer(
    scenario: Scenario, prompt: Prompt, examples: Mapping[str, str], *, magic: bool, otherwise: Answer | None = None
) -> Answer:
    """The answer to a prompt: a scripted one where a rule fits, else a canned one.

    Raises ApiError INTERNAL if a function of the tester's fails.
    """
    scripted = scenario.answer(prompt)
    return canned(prompt, examples, magic=magic, otherwise=otherwise) if scripted is None else scripted


def canned(
    prompt: Prompt, examples: Mapping[str, str], *, magic: bool = True, otherwise: Answer | None = None
) -> Answer:
    """The answer when no rule fits: magic words in the prompt, training data, the table, `otherwise` or a sentence."""
    if magic:
        spell = _spell(prompt, examples, otherwise)
        if spell is not None:
            return spell
    learned = examples if isinstance(examples, Examples) else Examples(examples.items())
    output = learned.recall(prompt.text)
    if output is not None:
        return Answer(output)
    entry = (TUNED_MODEL.get(prompt.text) if prompt.is_tuned else None) or ANY_MODEL.get(prompt.text)
    return _tabled(entry) if entry else otherwise or Answer(sentence(prompt))


def sentence(prompt: Prompt) -> str:
    """What a model says that nobody told what to say."""
    return f"Mock answer of {prompt.model} to {shorten(prompt.text)}."


def _spell(prompt: Prompt, examples: Mapping[str, str], otherwise: Answer | None) -> Answer | None:
    """The answer that magic words in the prompt ask for; to a misspelt one, a sentence that says so."""
    directives = magic_directives(prompt.text)
    if not directives:
        return None
    try:
        directed_fault(directives)  # struck elsewhere; read here so that a misspelt one is told
        return _spelled(canned(_plain(prompt), examples, magic=False, otherwise=otherwise), directives)
    except ValueError as error:
        return Answer(f"Mock cannot read the magic words of this prompt: {error}.")


def _plain(prompt: Prompt) -> Prompt:
    turns = tuple(replace(turn, text=without_magic(turn.text)) for turn in prompt.turns)
    return replace(prompt, turns=turns)


def _spelled(answer: Answer, directives: Mapping[str, str]) -> Answer:
    text, finish, block = answer.text, answer.finish, answer.block
    ratings, prompt_ratings = dict(answer.ratings), dict(answer.prompt_ratings)
    for word, value in directives.items():
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
    parts = () if "text" in directives else answer.parts
    return Answer(text, parts=parts, finish=finish, block=block, ratings=ratings, prompt_ratings=prompt_ratings)


def _tabled(entry: Entry) -> Answer:
    return Answer(entry.text, ratings=entry.ratings)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
