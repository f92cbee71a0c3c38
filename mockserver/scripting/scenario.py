"""What a tester told a world: what to answer, which calls to spoil; and how much of it has come true."""

import logging
import random
import threading
from collections import Counter
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace

from mockserver.rpc.errors import ApiError, Code
from mockserver.scripting.answers import Answer, Prompt, Rule, matching, nearest, scripted
from mockserver.scripting.faults import Fault, FaultRecord, Signature, strike

log = logging.getLogger(__name__)

Nanos = int


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """A rule in a world, and how often it has answered."""

    rule: Rule
    used: int = 0


# Why no rule fitted the prompt that was answered last in this context; "" when one did, or there are none.
unmatched: ContextVar[str] = ContextVar("unmatched", default="")


class Scenario:
    """The rules and faults of a world, in order, and how often each has struck."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._rules = tuple(rules)
        self._used: Counter[int] = Counter()
        self._asked: Counter[str] = Counter()
        self._faults: tuple[FaultRecord, ...] = ()
        self._lock = threading.RLock()  # a predicate or an answer that is a function may script more

    @property
    def answers(self) -> tuple[AnswerRecord, ...]:
        """Each rule, first to last, with how often it has answered."""
        return tuple(AnswerRecord(rule, self._used[index]) for index, rule in enumerate(self._rules))

    def add(self, *rules: Rule) -> None:
        """Further rules, after those that are there."""
        with self._lock:
            self._rules += rules

    def replace(self, rules: Sequence[Rule]) -> None:
        """Other rules instead; none has answered yet."""
        with self._lock:
            self._rules = tuple(rules)
            self._used.clear()

    def answer(self, prompt: Prompt) -> Answer | None:
        """The answer of the first rule that fits the prompt, whose `call` is counted here; None if none fits.

        Raises ApiError INTERNAL if a function of the tester's fails, so that the client is told.
        """
        try:
            return self._scripted(prompt)
        except Exception as error:
            log.exception("%s: a function that the test gave failed", prompt.model)
            # our choice: the real service runs no functions
            raise ApiError(Code.INTERNAL, f"A function that the test gave failed: {error!r}") from error

    def _scripted(self, prompt: Prompt) -> Answer | None:
        with self._lock:
            prompt = replace(prompt, call=self._asked[prompt.model])
            self._asked[prompt.model] += 1
            index = matching(self._rules, prompt, self._used)
            if index is not None:
                self._used[index] += 1
            unmatched.set("" if index is not None else self._mismatch(prompt))
        return None if index is None else scripted(self._rules[index], prompt)

    def _mismatch(self, prompt: Prompt) -> str:
        closest = nearest(self._rules, prompt, self._used)
        if closest is None:
            return ""
        rule, reasons = closest
        return f"none of the {len(self._rules)} answer rules fits; nearest is {rule!r}, but {reasons}"

    @property
    def faults(self) -> tuple[FaultRecord, ...]:
        """Each fault, with how many calls it has seen and struck."""
        return self._faults

    def add_fault(self, fault: Fault, now: Nanos) -> None:
        """A further fault, about from now on."""
        with self._lock:
            self._faults += (FaultRecord(fault, since=now),)

    def replace_faults(self, records: Sequence[FaultRecord] = ()) -> None:
        """Other faults instead, or none."""
        with self._lock:
            self._faults = tuple(records)

    def strike(self, method: str, resource: str, now: Nanos, rng: random.Random) -> Fault | None:
        """Show a call to the faults: what is to go wrong with it, if anything."""
        if not self._faults:
            return None
        with self._lock:
            self._faults, fault = strike(self._faults, Signature(method, resource), now, rng)
        return fault

    def clear(self) -> None:
        """No rules, no faults, no counts."""
        with self._lock:
            self._rules = ()
            self._faults = ()
            self._used.clear()
            self._asked.clear()

    def fork(self) -> "Scenario":
        """The same rules, counted as far."""
        twin = Scenario(self._rules)
        twin._used, twin._asked = Counter(self._used), Counter(self._asked)
        twin._faults = self._faults
        return twin
