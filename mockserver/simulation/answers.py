"""What a model answers: scripted rules first, then magic words, training data, a table, a plain sentence.

    matching(rules, prompt) -> scripted(rule, prompt)    the answer of the first rule that fits
    canned(prompt, examples)                             the answer where none does
    generation.generate(prompt, answer, ...)             what becomes of it: thresholds, limits, tokens, chunks

An `Answer` is what a tester writes, and what everything else is turned into.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from mockserver.simulation.answer_table import ANY_MODEL, TUNED_MODEL, Entry
from mockserver.simulation.faults import LONGEST_SECONDS, directed_fault
from mockserver.simulation.magic import FAULT_WORDS, magic_directives, without_magic
from mockserver.simulation.safety import category_name, level_name
from mockserver.simulation.terse import terse_repr

# Developer API and Vertex AI together; a surface that lacks one prints it all the same, as the real one prints new values.
FINISH_REASONS = (
    "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
    "MALFORMED_FUNCTION_CALL", "MODEL_ARMOR", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
    "IMAGE_OTHER", "UNEXPECTED_TOOL_CALL", "NO_IMAGE", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE",
)  # fmt: skip
BLOCK_REASONS = ("SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "MODEL_ARMOR", "IMAGE_SAFETY", "JAILBREAK")
USAGE_COUNTS = ("prompt", "candidates", "thoughts", "cached")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation. `other_tokens` are those of its parts that are not text (an image: 258)."""

    role: str
    text: str
    other_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked.

    `model` is the name the client used ("tunedModels/x", "models/y", ".../endpoints/1"), `base` the base
    model under it; they differ for a tuned model. `call` is how many times that model answered before,
    `tool_tokens` what the functions that are declared count for.
    """

    model: str
    base: str = ""
    turns: tuple[Turn, ...] = ()
    system: str = ""
    call: int = 0
    tool_tokens: int = 0

    @property
    def text(self) -> str:
        """The text of the last turn that is not the model's."""
        return next((turn.text for turn in reversed(self.turns) if turn.role != "model"), "")

    @property
    def turn(self) -> int:
        """Which turn of the user's this is, from 1."""
        return sum(turn.role != "model" for turn in self.turns)

    @property
    def is_tuned(self) -> bool:
        """Whether a tuned model is asked."""
        return self.base not in {"", self.model}


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

    def __getitem__(self, given: str) -> str:
        return self._outputs[given]

    def __iter__(self) -> Iterator[str]:
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._outputs)


@dataclass(frozen=True, slots=True)
class Citation:
    """A passage of the answer that is quoted: from `start` to `end`, in bytes."""

    start: int
    end: int
    uri: str = ""
    license: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What a model is to say.

        Answer("LXIV")
        Answer("No", finish="SAFETY", ratings={"HARASSMENT": "HIGH"})
        Answer(chunks=["Once ", "upon ", "a time"], delays=[0, 0.5, 2])
        Answer(block="SAFETY", prompt_ratings={"HATE_SPEECH": "HIGH"})

    `parts` are Google's parts as JSON, for an answer that is more than text. `chunks` are the pieces a
    stream sends, `delays` the seconds before each of them; without, the text is cut for you. `ratings` rate
    the answer and `prompt_ratings` the prompt: a rating above the client's threshold blocks as the
    real one does, while `finish` and `block` say so whatever the client asked for. `citations` quote.
    `usage` overrides token counts: "prompt", "candidates", "thoughts", "cached". `logprobs` are
    (token, log probability) pairs, for a client that asks for them. `others` are the texts of further
    candidates; beyond them every candidate says the same.

    Raises ValueError for a word Google does not have, naming those it has.
    """

    text: str = ""
    parts: Sequence[Json] = ()
    chunks: Sequence[str] = ()
    delays: Sequence[float] = ()
    finish: str = "STOP"
    ratings: Mapping[str, str] = field(default_factory=dict)
    prompt_ratings: Mapping[str, str] = field(default_factory=dict)
    block: str | None = None
    citations: Sequence[Citation] = ()
    usage: Mapping[str, int] = field(default_factory=dict)
    logprobs: Sequence[tuple[str, float]] = ()
    others: Sequence[str] = ()

    def __post_init__(self) -> None:
        _check_texts(self)
        _check_numbers(self)
        put = object.__setattr__  # the fields are put into their one spelling, once
        for name in ("parts", "chunks", "delays", "citations", "logprobs", "others"):
            put(self, name, tuple(getattr(self, name)))
        put(self, "text", self.text or "".join(self.chunks) or "".join(map(spoken, self.parts)))
        put(self, "finish", _word("finish reason", self.finish, FINISH_REASONS))
        put(self, "block", self.block and _word("block reason", self.block, BLOCK_REASONS))
        put(self, "ratings", _ratings(self.ratings))
        put(self, "prompt_ratings", _ratings(self.prompt_ratings))

    __repr__ = terse_repr


@dataclass(frozen=True, slots=True, repr=False)
class Rule:
    """An answer and when to give it: when everything that is set fits. The first rule that fits answers.

    `model` is a glob over the model's name or the last part of it, `text` the exact prompt, `regex` is
    searched in the prompt, `predicate` is asked. `turn` counts the user's turns of the conversation and
    `call` the calls of that model, both from 1; `times` is how often the rule answers at most. The
    answer may be a text, or a function of the prompt that returns a text or an Answer.

    Raises ValueError for a regex that is none and for numbers below 1.
    """

    answer: Answer | str | Callable[[Prompt], Answer | str]
    model: str | None = None
    text: str | None = None
    regex: str | None = None
    predicate: Callable[[Prompt], bool] | None = None
    turn: int | None = None
    call: int | None = None
    times: int | None = None

    def __post_init__(self) -> None:
        for name in ("turn", "call", "times"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise ValueError(f"{name} counts from 1, so it cannot be {number}")
        if self.regex is not None:
            try:
                re.compile(self.regex)
            except re.error as error:
                raise ValueError(f"the regex {self.regex!r} is none: {error}") from error

    __repr__ = terse_repr

    def answers(self, prompt: Prompt, used: int = 0) -> bool:
        """Whether the rule answers this prompt, having answered `used` times already."""
        return next(self.mismatches(prompt, used), None) is None

    def mismatches(self, prompt: Prompt, used: int = 0) -> Iterator[str]:
        """Each thing about the prompt that does not fit."""
        if self.model is not None and not _names(self.model, prompt.model):
            yield f"the model is {prompt.model}, not {self.model}"
        if self.text is not None and prompt.text != self.text:
            yield f"the text is {_shown(prompt.text)}, not {_shown(self.text)}"
        if self.regex is not None and not re.search(self.regex, prompt.text):
            yield f"{self.regex!r} is not found in {_shown(prompt.text)}"
        if self.turn is not None and prompt.turn != self.turn:
            yield f"it is turn {prompt.turn}, not {self.turn}"
        if self.call is not None and prompt.call + 1 != self.call:
            yield f"it is call {prompt.call + 1} of the model, not {self.call}"
        if self.times is not None and used >= self.times:
            yield f"it has answered {used} times already"
        if self.predicate is not None and not self.predicate(prompt):
            yield "its predicate says no"


def spoken(part: Json) -> str:
    """The text of one of Google's parts; a thought is not said aloud."""
    return "" if part.get("thought") else str(part.get("text", ""))


def matching(rules: Sequence[Rule], prompt: Prompt, used: Mapping[int, int] | None = None) -> int | None:
    """The index of the first rule that answers this prompt, if any."""
    used = used or {}
    return next((i for i, rule in enumerate(rules) if rule.answers(prompt, used.get(i, 0))), None)


def nearest(rules: Sequence[Rule], prompt: Prompt, used: Mapping[int, int] | None = None) -> tuple[Rule, str] | None:
    """Of rules none of which answers the prompt, the one that would have for the least change, and that change."""
    used = used or {}
    misses = [(rule, list(rule.mismatches(prompt, used.get(i, 0)))) for i, rule in enumerate(rules)]
    if not misses:
        return None
    rule, reasons = min(misses, key=lambda miss: len(miss[1]))
    return rule, "; ".join(reasons)


def scripted(rule: Rule, prompt: Prompt) -> Answer:
    """What the rule says to the prompt. TypeError for a function that says something else than an answer."""
    answer: Any = rule.answer(prompt) if callable(rule.answer) else rule.answer  # or whatever a slip says
    if not isinstance(answer, Answer | str):
        msg = f"{answer!r} is neither an Answer nor a text"
        raise TypeError(msg)
    return Answer(answer) if isinstance(answer, str) else answer


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
    return f"Mock answer of {prompt.model} to {_shown(prompt.text)}."


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


def _names(glob: str, model: str) -> bool:
    return fnmatchcase(model, glob) or fnmatchcase(model.rpartition("/")[2], glob)


def _shown(text: str) -> str:
    """A text in quotes, not all of it when it is long."""
    return f'"{text}"' if len(text) <= 80 else f'"{text[:77]}..."'


def _check_texts(answer: Answer) -> None:
    if answer.text and answer.chunks and "".join(answer.chunks) != answer.text:
        raise ValueError("the chunks of an answer, joined, are its text: give one or the other")
    if answer.chunks and len(answer.delays) > len(answer.chunks):
        raise ValueError(f"{len(answer.delays)} delays are more than there are chunks ({len(answer.chunks)})")
    if not all(0 <= delay <= LONGEST_SECONDS for delay in answer.delays):
        raise ValueError(f"a delay is a number of seconds from 0 to {LONGEST_SECONDS}")


def _check_numbers(answer: Answer) -> None:
    if any(value > 0 for _, value in answer.logprobs):
        raise ValueError("a log probability is the logarithm of a number up to 1, so not above 0")
    for name, count in answer.usage.items():
        if name not in USAGE_COUNTS:
            raise ValueError(f"unknown token count {name!r}; the known ones are {', '.join(USAGE_COUNTS)}")
        if count < 0:
            raise ValueError(f"the token count {name!r} cannot be {count}")


def _ratings(ratings: Mapping[str, str]) -> dict[str, str]:
    return {category_name(category): level_name(level) for category, level in ratings.items()}


def _word(what: str, word: str, words: tuple[str, ...]) -> str:
    name = word.upper()
    if name not in words:
        raise ValueError(f"unknown {what} {word!r}; the known ones are {', '.join(words)}")
    return name
