"""The scenario of a world: the scripted rules and faults, in the order they were added, with their counts."""

import copy
import logging
import random
import sys
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mockserver.rpc.errors import ApiError, Code
from mockserver.scripting.answers import Answer, Prompt, Rule, find_match, resolve_answer
from mockserver.scripting.faults import CallTarget, Fault, FaultRecord, select_fault
from mockserver.state.store import ALL, Collection, Conflict, Entry, Missing, Store, Unavailable

log = logging.getLogger("mockserver")

Nanos = int


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """A rule in a world, and how often it has answered."""

    rule: Rule
    used: int = 0


RULES: Collection[AnswerRecord] = Collection("scenario.rules", AnswerRecord)
FAULTS: Collection[FaultRecord] = Collection("scenario.faults", FaultRecord)

NO_LIMIT = sys.maxsize
"""Rules and faults are read at once: `walk` reads page by page, and might mix those before and after a change."""

# One thread at a time matches the rules of a world, so that a test's predicates need no lock of their own. Each is
# called once for a prompt, unless the rules change meanwhile. A lock is reentrant because a predicate may ask for
# something itself. Functions that answer are called without it: one may wait for what another thread asks for.
_locks: weakref.WeakKeyDictionary[Store, threading.RLock] = weakref.WeakKeyDictionary()


class Scenario:
    """The rules and faults of a world, in order, with their counts: a view of its store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def answers(self) -> tuple[AnswerRecord, ...]:
        """Return the rules with how often each has answered."""
        return tuple(entry.record for entry in self._rules())

    def _rules(self) -> list[Entry[AnswerRecord]]:
        return self._store.page(RULES, ALL, "", limit=NO_LIMIT)

    def add_rules(self, *rules: Rule) -> None:
        """Add rules after the existing ones. ValueError for a function, which a shared store cannot hold."""
        self._check(rules)
        self._store.transact(lambda transaction: self._insert(transaction, rules))

    def replace_rules(self, rules: Sequence[Rule]) -> None:
        """Replace all rules; the counts of the new ones are 0. ValueError as for `add_rules`."""
        self._check(rules)

        def change(transaction: Store) -> None:
            for entry in transaction.page(RULES, ALL, "", limit=NO_LIMIT):
                transaction.delete(RULES, entry.name)
            self._insert(transaction, rules)

        self._store.transact(change)

    def _check(self, rules: Sequence[Rule]) -> None:
        for rule in rules if self._store.shared else ():
            if callable(rule.answer) or rule.predicate is not None:
                raise ValueError(
                    f"{rule!r} has a function, which other processes cannot call, but they share the store: "
                    "write the answer and its conditions as data"
                )

    def _insert(self, transaction: Store, rules: Sequence[Rule]) -> None:
        for rule in rules:
            transaction.insert(RULES, _new_name(transaction), AnswerRecord(rule))

    def choose_answer(self, prompt: Prompt) -> tuple[Answer | None, str]:
        """Return the answer of the first rule that matches the prompt; else None, and why no rule matches.

        It counts the prompt as a call of its model. Raises ApiError INTERNAL if a function of the test fails, so that
        the client gets the error.
        """
        call = self._store.count(f"calls of {prompt.model}")
        if not (self._store.revision(RULES) and self._rules()):
            return None, ""
        prompt = replace(prompt, call=call)
        try:
            with _locks.setdefault(self._store.origin, threading.RLock()):
                rule, mismatch = self._use_first_match(prompt)
            return (None, mismatch) if rule is None else (resolve_answer(rule, prompt), "")
        except Unavailable:
            raise
        except Exception as error:  # the function is the test's, so it may raise anything
            log.exception("%s: a function of the test failed", prompt.model)
            # our choice: the real service runs no functions
            raise ApiError(Code.INTERNAL, f"A function that the test gave failed: {error!r}") from error

    def _use_first_match(self, prompt: Prompt) -> tuple[Rule | None, str]:
        """Find the first matching rule and count its use; else return None, and why no rule matches."""
        while True:
            entries = self._rules()
            rules = [entry.record.rule for entry in entries]
            index, mismatch = find_match(rules, prompt, [entry.record.used for entry in entries])
            if index is None:
                return None, mismatch
            entry = entries[index]
            record = replace(entry.record, used=entry.record.used + 1)
            try:
                self._store.replace(RULES, entry.name, record, version=entry.version)
            except (Missing, Conflict):  # used or replaced meanwhile: it may not match any more
                continue
            return rules[index], ""

    @property
    def faults(self) -> tuple[FaultRecord, ...]:
        """Return the faults with how many calls each matched and was injected into."""
        entries = self._store.page(FAULTS, ALL, "", limit=NO_LIMIT)
        return tuple([entry.record for entry in entries]) if entries else ()

    def add_fault(self, fault: Fault, now: Nanos) -> None:
        """Add a fault, effective from now on."""
        self._store.transact(
            lambda transaction: transaction.insert(FAULTS, _new_name(transaction), FaultRecord(fault, since=now))
        )

    def replace_faults(self, records: Sequence[FaultRecord] = ()) -> None:
        """Replace all faults."""

        def change(transaction: Store) -> None:
            for entry in transaction.page(FAULTS, ALL, "", limit=NO_LIMIT):
                transaction.delete(FAULTS, entry.name)
            for record in records:
                transaction.insert(FAULTS, _new_name(transaction), record)

        self._store.transact(change)

    def select_fault(self, target: CallTarget, now: Nanos, rng: random.Random) -> Fault | None:
        """Match a call with all faults, count it, and return the fault to inject, if any."""

        def change(transaction: Store) -> Fault | None:
            entries = transaction.page(FAULTS, ALL, "", limit=NO_LIMIT)
            records = [entry.record for entry in entries]
            # A copy of the generator: the transaction may be repeated, and must draw the same numbers.
            new_records, fault = select_fault(records, target, now, copy.copy(rng))
            for entry, record in zip(entries, new_records, strict=True):
                if record != entry.record:
                    transaction.replace(FAULTS, entry.name, record)
            return fault

        return self._store.transact(change)

    def withdraw_fault(self, fault: Fault) -> None:
        """Count a fault as not injected that was selected for a call, and did not happen in it."""

        def change(transaction: Store) -> None:
            for entry in transaction.page(FAULTS, ALL, "", limit=NO_LIMIT):
                if entry.record.fault == fault and entry.record.injected:
                    transaction.replace(FAULTS, entry.name, replace(entry.record, injected=entry.record.injected - 1))
                    return

        self._store.transact(change)


def _new_name(store: Store) -> str:
    return str(store.count("scenario"))
