"""What a tester told a world: what to answer, which calls to spoil; and how much of it has come true.

Rules and faults are records of the world's store, in the order they were added, with their counts.
"""

import copy
import logging
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mockserver.rpc.errors import ApiError, Code
from mockserver.scripting.answers import Answer, Prompt, Rule, matching, nearest, scripted
from mockserver.scripting.faults import Fault, FaultRecord, Signature, strike
from mockserver.state.store import ALL, Conflict, Entry, Kind, Missing, Store

log = logging.getLogger(__name__)

Nanos = int


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """A rule in a world, and how often it has answered."""

    rule: Rule
    used: int = 0


RULES: Kind[AnswerRecord] = Kind("scenario.rules", AnswerRecord)
FAULTS: Kind[FaultRecord] = Kind("scenario.faults", FaultRecord)

MOST = 1_000_000
"""More rules or faults than there will be."""

# Rules are matched by one thread at a time, so that a test's functions are asked once a call and no two at once.
# A predicate or an answer that is a function may script more.
_matching = threading.RLock()


class Scenario:
    """The rules and faults of a world, in order, and how often each has struck: a view of its store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def answers(self) -> tuple[AnswerRecord, ...]:
        """Each rule, first to last, with how often it has answered."""
        return tuple(entry.record for entry in self._rules())

    def _rules(self) -> list[Entry[AnswerRecord]]:
        return self._store.page(RULES, ALL, "", limit=MOST)

    def add(self, *rules: Rule) -> None:
        """Further rules, after those that are there. ValueError for a function that a shared store cannot keep."""
        self._check(rules)
        self._store.transact(lambda transaction: self._insert(transaction, rules))

    def replace(self, rules: Sequence[Rule]) -> None:
        """Other rules instead; none has answered yet. ValueError as for `add`."""
        self._check(rules)

        def change(transaction: Store) -> None:
            for entry in transaction.page(RULES, ALL, "", limit=MOST):
                transaction.delete(RULES, entry.name)
            self._insert(transaction, rules)

        self._store.transact(change)

    def _check(self, rules: Sequence[Rule]) -> None:
        for rule in rules if self._store.shared else ():
            if callable(rule.answer) or rule.predicate is not None:
                raise ValueError(
                    f"{rule!r} has a function, which stays in the process that made it: other processes use the same"
                    " store, so give the answer and its conditions as data"
                )

    def _insert(self, transaction: Store, rules: Sequence[Rule]) -> None:
        for rule in rules:
            transaction.insert(RULES, _name(transaction), AnswerRecord(rule))

    def answer(self, prompt: Prompt) -> tuple[Answer | None, str]:
        """The answer of the first rule that fits the prompt, whose `call` is counted here; else None, and why none fits.

        Raises ApiError INTERNAL if a function of the tester's fails, so that the client is told.
        """
        try:
            return self._scripted(prompt)
        except Exception as error:
            log.exception("%s: a function that the test gave failed", prompt.model)
            # our choice: the real service runs no functions
            raise ApiError(Code.INTERNAL, f"A function that the test gave failed: {error!r}") from error

    def _scripted(self, prompt: Prompt) -> tuple[Answer | None, str]:
        call = self._store.count(f"calls of {prompt.model}")
        if not self._rules():
            return None, ""
        prompt = replace(prompt, call=call)
        with _matching:
            rule, mismatch = self._take_rule(prompt)
        return (None, mismatch) if rule is None else (scripted(rule, prompt), "")

    def _take_rule(self, prompt: Prompt) -> tuple[Rule | None, str]:
        """The rule that answers, counted; or None, and why none does."""
        while True:
            entries = self._rules()
            rules = [entry.record.rule for entry in entries]
            used = {place: entry.record.used for place, entry in enumerate(entries)}
            place = matching(rules, prompt, used)
            if place is None:
                return None, _mismatch(rules, prompt, used)
            if self._use(entries[place]):
                return rules[place], ""

    def _use(self, entry: Entry[AnswerRecord]) -> bool:
        """Count a rule once more; False if it was used or replaced since it was read, so that it may not fit now."""
        used = replace(entry.record, used=entry.record.used + 1)
        try:
            self._store.replace(RULES, entry.name, used, version=entry.version)
        except (Missing, Conflict):
            return False
        return True

    @property
    def faults(self) -> tuple[FaultRecord, ...]:
        """Each fault, with how many calls it has seen and struck."""
        entries = self._store.page(FAULTS, ALL, "", limit=MOST)
        return tuple([entry.record for entry in entries]) if entries else ()

    def add_fault(self, fault: Fault, now: Nanos) -> None:
        """A further fault, about from now on."""
        self._store.transact(
            lambda transaction: transaction.insert(FAULTS, _name(transaction), FaultRecord(fault, since=now))
        )

    def replace_faults(self, records: Sequence[FaultRecord] = ()) -> None:
        """Other faults instead, or none."""

        def change(transaction: Store) -> None:
            for entry in transaction.page(FAULTS, ALL, "", limit=MOST):
                transaction.delete(FAULTS, entry.name)
            for record in records:
                transaction.insert(FAULTS, _name(transaction), record)

        self._store.transact(change)

    def strike(self, method: str, resource: str, now: Nanos, rng: random.Random) -> Fault | None:
        """Show a call to the faults: what is to go wrong with it, if anything."""

        def change(transaction: Store) -> Fault | None:
            entries = transaction.page(FAULTS, ALL, "", limit=MOST)
            # The change may be made again: then with the same chances.
            after, fault = strike([entry.record for entry in entries], Signature(method, resource), now, copy.copy(rng))
            for entry, record in zip(entries, after, strict=True):
                if record != entry.record:
                    transaction.replace(FAULTS, entry.name, record)
            return fault

        return self._store.transact(change)


def _name(store: Store) -> str:
    return str(store.count("scenario"))


def _mismatch(rules: Sequence[Rule], prompt: Prompt, used: dict[int, int]) -> str:
    closest = nearest(rules, prompt, used)
    if closest is None:
        return ""
    rule, reasons = closest
    return f"none of the {len(rules)} answer rules fits; nearest is {rule!r}, but {reasons}"
