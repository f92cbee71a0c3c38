"""Answers that a tester writes, and the rules that say when to give them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from mockserver.scripting.safety import category_name, level_name
from mockserver.scripting.summary import summary_repr
from mockserver.settings import LONGEST_SECONDS

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

    __repr__ = summary_repr


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

    __repr__ = summary_repr

    def answers(self, prompt: Prompt, used: int = 0) -> bool:
        """Whether the rule answers this prompt, having answered `used` times already."""
        return next(self.mismatches(prompt, used), None) is None

    def mismatches(self, prompt: Prompt, used: int = 0) -> Iterator[str]:
        """Each thing about the prompt that does not fit."""
        if self.model is not None and not _names(self.model, prompt.model):
            yield f"the model is {prompt.model}, not {self.model}"
        if self.text is not None and prompt.text != self.text:
            yield f"the text is {shorten(prompt.text)}, not {shorten(self.text)}"
        if self.regex is not None and not re.search(self.regex, prompt.text):
            yield f"{self.regex!r} is not found in {shorten(prompt.text)}"
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


def _names(glob: str, model: str) -> bool:
    return fnmatchcase(model, glob) or fnmatchcase(model.rpartition("/")[2], glob)


def shorten(text: str) -> str:
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
