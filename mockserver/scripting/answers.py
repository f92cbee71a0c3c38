"""Scripted answers, and the rules that choose among them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from mockserver.rpc.redaction import redact
from mockserver.scripting.expressions import searcher
from mockserver.scripting.names import checked_name
from mockserver.scripting.safety import category_name, level_name
from mockserver.scripting.summary import summary_repr
from mockserver.settings import LONGEST_SECONDS

# Those of both services. A service prints OTHER for a reason that its service does not have.
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
    """One turn of a conversation. `other_tokens` counts its parts that are not text (an image: 258)."""

    role: str
    text: str
    other_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt to a model.

    `model` is the name in the request ("tunedModels/x", "models/y", ".../endpoints/1"), `base` the base model under
    it; they differ for a tuned model. `call` is how many prompts to that model came before, `tool_tokens` the tokens of
    the declared functions.
    """

    model: str
    base: str = ""
    turns: tuple[Turn, ...] = ()
    system: str = ""
    call: int = 0
    tool_tokens: int = 0
    text: str = field(init=False, repr=False, compare=False)
    """The text of the last turn that is not the model's."""

    def __post_init__(self) -> None:
        texts = [turn.text for turn in self.turns if turn.role != "model"]
        object.__setattr__(self, "text", texts[-1] if texts else "")

    @property
    def turn(self) -> int:
        """Return the number of the user's turn, from 1."""
        return sum(turn.role != "model" for turn in self.turns)

    @property
    def other_tokens(self) -> int:
        """Return the tokens of all turns that are not text."""
        return sum([turn.other_tokens for turn in self.turns])

    @property
    def is_tuned(self) -> bool:
        """Return whether the prompt is to a tuned model."""
        return self.base not in {"", self.model}


@dataclass(frozen=True, slots=True)
class Citation:
    """A passage of the answer that quotes a source: from `start` to `end`, in bytes."""

    start: int
    end: int
    uri: str = ""
    license: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """An answer of a model.

        Answer("LXIV")
        Answer("No", finish="SAFETY", ratings={"HARASSMENT": "HIGH"})
        Answer(chunks=["Once ", "upon ", "a time"], delays=[0, 0.5, 2])
        Answer(block="SAFETY", prompt_ratings={"HATE_SPEECH": "HIGH"})

    `parts` are Google's parts as JSON, for an answer that is more than text. `chunks` are the pieces of a stream and
    `delays` the seconds before each of them; without chunks, the text is split as the real service splits it. `ratings`
    rate the answer and `prompt_ratings` the prompt: a rating above the client's threshold blocks, while `finish` and
    `block` apply whatever the thresholds are. `citations` are printed with the answer. `usage` overrides token
    counts: "prompt", "candidates", "thoughts", "cached". `logprobs` are (token, log probability) pairs, for a client
    that requests them. `others` are the texts of further candidates; candidates beyond them have the text of the first.

    Raises ValueError for a name that Google does not have; the message lists the names that it has.
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
        if self.chunks or self.delays:
            _check_texts(self)
        if self.logprobs or self.usage:
            _check_numbers(self)
        put = object.__setattr__  # fields are normalized once, although the class is frozen
        for name in ("parts", "chunks", "delays", "citations", "logprobs", "others"):
            if type(value := getattr(self, name)) is not tuple:
                put(self, name, tuple(value))
        if not self.text:
            put(self, "text", "".join(self.chunks) or "".join(map(visible_text, self.parts)))
        if self.finish not in FINISH_REASONS:
            put(self, "finish", checked_name("finish reason", self.finish, self.finish.upper(), FINISH_REASONS))
        if self.block:
            put(self, "block", checked_name("block reason", self.block, self.block.upper(), BLOCK_REASONS))
        for name in ("ratings", "prompt_ratings"):
            if ratings := getattr(self, name):
                put(self, name, {category_name(category): level_name(level) for category, level in ratings.items()})

    __repr__ = summary_repr


@dataclass(frozen=True, slots=True, repr=False)
class Rule:
    """An answer and its conditions. A rule matches a prompt if all conditions hold; the first matching rule answers.

    `model` is a glob for the model's name or the last part of it, `text` the exact prompt, `regex` a regular expression
    that is searched in the prompt (in Python's syntax, without look-around and back-references), `predicate` a function
    of the prompt, called if all other conditions hold. `turn` is the number of the user's turn in the conversation and
    `call` the number of the call of that model, both from 1; `times` is how often the rule answers at most. The answer
    may be a text, or a function of the prompt that returns a text or an Answer.

    Raises ValueError for an invalid regular expression and for numbers below 1.
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
                raise ValueError(f"{name} must be at least 1, not {number}")
        if self.regex is not None:
            searcher(self.regex)

    __repr__ = summary_repr

    def mismatches(self, prompt: Prompt, uses: int = 0) -> list[str]:
        """Return the conditions that do not hold for the prompt, each as a sentence; none if the rule matches.

        `uses` is how often the rule has answered. The predicate is called only if all other conditions hold.
        """
        mismatches: list[str] = []
        last_part = prompt.model.rpartition("/")[2]
        if self.model is not None and not any(fnmatchcase(name, self.model) for name in (prompt.model, last_part)):
            mismatches.append(f"the model is {prompt.model}, not {self.model}")
        if self.text is not None and prompt.text != self.text:
            mismatches.append(f"the text is {shorten(prompt.text)}, not {shorten(self.text)}")
        if self.regex is not None and not searcher(self.regex)(prompt.text):
            mismatches.append(f"{self.regex!r} is not found in {shorten(prompt.text)}")
        if self.turn is not None and prompt.turn != self.turn:
            mismatches.append(f"it is turn {prompt.turn}, not {self.turn}")
        if self.call is not None and prompt.call + 1 != self.call:
            mismatches.append(f"it is call {prompt.call + 1} of the model, not {self.call}")
        if self.times is not None and uses >= self.times:
            mismatches.append(f"it has answered {uses} times already")
        if self.predicate is not None and not mismatches and not self.predicate(prompt):
            mismatches.append("its predicate is false")
        return mismatches


def visible_text(part: Json) -> str:
    """Return the text of one of Google's parts. The text of a thought is not part of the answer."""
    return "" if part.get("thought") else str(part.get("text", ""))


def find_match(rules: Sequence[Rule], prompt: Prompt, uses: Sequence[int]) -> tuple[int | None, str]:
    """Return the index of the first rule that matches the prompt; else None, and why none matches.

    `uses` is how often each rule has answered. Each predicate is called once at most.
    """
    attempts: list[list[str]] = []
    for index, rule in enumerate(rules):
        mismatches = rule.mismatches(prompt, uses[index])
        if not mismatches:
            return index, ""
        attempts.append(mismatches)
    return None, _describe_nearest(rules, attempts)


def _describe_nearest(rules: Sequence[Rule], attempts: Sequence[Sequence[str]]) -> str:
    """Name the rule with the fewest failed conditions, and those conditions."""
    if not rules:
        return ""
    rule, mismatches = min(zip(rules, attempts, strict=True), key=lambda attempt: len(attempt[1]))
    return f"none of the {len(rules)} answer rules matches; the nearest is {rule!r}, but {'; '.join(mismatches)}"


def resolve_answer(rule: Rule, prompt: Prompt) -> Answer:
    """Return the answer of a rule to a prompt. TypeError for a function that returns neither a text nor an Answer."""
    answer: Any = rule.answer(prompt) if callable(rule.answer) else rule.answer
    if not isinstance(answer, Answer | str):
        msg = f"{answer!r} is neither an Answer nor a text"
        raise TypeError(msg)
    return Answer(answer) if isinstance(answer, str) else answer


def shorten(text: str) -> str:
    """Quote a text without its secrets, of which a part would not be known for one; shorten it if it is long."""
    text = str(redact(text))
    return f'"{text}"' if len(text) <= 80 else f'"{text[:77]}..."'


def _check_texts(answer: Answer) -> None:
    if answer.text and answer.chunks and "".join(answer.chunks) != answer.text:
        raise ValueError("the joined chunks differ from text: set only one of the two")
    if answer.chunks and len(answer.delays) > len(answer.chunks):
        raise ValueError(
            f"there are {len(answer.delays)} delays for {len(answer.chunks)} chunks: set at most one for each chunk"
        )
    if answer.delays and not all(0 <= delay <= LONGEST_SECONDS for delay in answer.delays):
        raise ValueError(f"delays must be numbers of seconds from 0 to {LONGEST_SECONDS}")


def _check_numbers(answer: Answer) -> None:
    for token, value in answer.logprobs:
        if value > 0:
            raise ValueError(f"a log probability must be at most 0, not {value} (of {token!r})")
    for name, count in answer.usage.items():
        checked_name("token count", name, name, USAGE_COUNTS)
        if count < 0:
            raise ValueError(f"the token count {name!r} must be at least 0, not {count}")
