"""Magic words: texts in a prompt or in a job's name that script an answer or a fault, like a test card number.

They are for clients that cannot reach the control API. In a prompt, anywhere, once or more, in any case:

    [mock: text=LXIV]                           the answer, up to the bracket, so it stands last
    [mock: finish=SAFETY harassment=HIGH]       finish reason, and ratings of the answer
    [mock: max_tokens]                          a lone finish reason is one too
    [mock: block=SAFETY prompt-hate_speech=HIGH]    a blocked prompt, and ratings of the prompt
    [mock: error=429 retry-after=30]            a fault: also latency, chunk-delay, after, cut (chunks), reset,
                                                truncate, garble

In the display name, description or labels of a job:

    mock-fail-at-step-10    mock-stall-at-step-5    mock-never-finish    mock-finish-now

The rest of the text has its ordinary meaning.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mockserver.rpc.redaction import redact
from mockserver.simulation.tuning import Run, finish

FAULT_WORDS = frozenset(
    {"error", "message", "retry_after", "latency", "chunk_delay", "after", "cut", "reset", "truncate", "garble"}
)
"""The words of a prompt that inject a fault."""

_OPENING = re.compile(r"\[mock:", re.IGNORECASE)
_WORD = re.compile(
    r"""text=(?P<text>.*)|(?P<key>[\w-]+)(?:=(?P<value>"[^"]*"|'[^']*'|\S*))?""", re.IGNORECASE | re.DOTALL
)
_JOB_WORD = re.compile(
    r"\bmock-(?:(?P<verb>fail|stall)-at-step-(?P<step>\d{1,9})|(?P<never>never-finish)|(?P<now>finish-now))\b",
    re.IGNORECASE,
)


def parse_magic_words(text: str) -> Mapping[str, str]:
    """Return the words of every `[mock: ...]` in a text: names, in lower case with `_`, and values, "" if none."""
    words: dict[str, str] = {}
    for _, inside, _ in _brackets(text):
        for word in _WORD.finditer(inside.strip()):
            if word["text"] is not None:
                words["text"] = _unquoted(word["text"])
            else:
                words[str(redact(word["key"])).lower().replace("-", "_")] = _unquoted(word["value"] or "")
    return words


def strip_magic_words(text: str) -> str:
    """Return the text without its `[mock: ...]`."""
    if "[" not in text:
        return text
    result, position = "", 0
    for start, _, end in _brackets(text):
        result += text[position:start].rstrip()
        position = end
    return (result + text[position:]).strip()


def _brackets(text: str) -> Iterator[tuple[int, str, int]]:
    """Find where each `[mock: ...]` starts, what is inside, and where it ends.

    Brackets without an end are plain text, and so is everything after them: the text is read once, in linear time.
    """
    end = 0
    while (opening := _OPENING.search(text, end)) and (closing := text.find("]", opening.end())) >= 0:
        end = closing + 1
        yield opening.start(), text[opening.end() : closing], end


@dataclass(frozen=True, slots=True)
class JobDirectives:
    """How a new job ends, or that it never ends, as scripted."""

    fail_at_step: int | None = None
    stall_at_step: int | None = None
    never_finish: bool = False
    finish_now: bool = False

    def apply_to(self, run: Run) -> Run:
        """Apply the directives to a run. A run that would fail earlier still does."""
        if self.never_finish:
            run = replace(run, stall_at_step=max(run.total_steps - 1, 0))
        if self.stall_at_step is not None:
            run = replace(run, stall_at_step=self.stall_at_step)
        if self.fail_at_step is not None and (run.fail_at_step is None or self.fail_at_step < run.fail_at_step):
            run = replace(run, fail_at_step=self.fail_at_step)
        return finish(run, run.created) if self.finish_now else run


def job_directives(*texts: str) -> JobDirectives:
    """Return the directives of the magic words in these texts; of two that contradict each other, the last."""
    words = list(_JOB_WORD.finditer(" ".join(texts)))
    if not words:
        return JobDirectives()
    steps = {word["verb"].lower(): int(word["step"]) for word in words if word["verb"]}
    return JobDirectives(
        fail_at_step=steps.get("fail"),
        stall_at_step=steps.get("stall"),
        never_finish=any(word["never"] for word in words),
        finish_now=any(word["now"] for word in words),
    )


def _unquoted(value: str) -> str:
    value = value.strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
