"""Quotas of requests and tokens: counted for each model of a project, a minute and a day, on the world's clock.

A minute begins with the first call that counts in it. A day ends at midnight in California [documented], which here is
always at 8:00 UTC. # our choice: not seen how the real service's minutes begin, and no daylight saving time
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import Literal

from mockserver.dispatch.routing import Call
from mockserver.dispatch.service import Service
from mockserver.generation.prompt import count_input_tokens
from mockserver.rpc.outages import Violation
from mockserver.rpc.redaction import redact
from mockserver.state.clock import SECOND, Nanos
from mockserver.state.store import Collection, Missing, Store
from mockserver.state.world import World

MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
MIDNIGHT = 8 * 60 * MINUTE


@dataclass(frozen=True, slots=True)
class Usage:
    """What one model of a project has used of a quota until it begins anew, at `end`."""

    end: Nanos = 0
    amount: int = 0


USAGE: Collection[Usage] = Collection("quotas.usage", Usage)

_UNITS: Mapping[str, tuple[Literal["requests", "tokens"], Literal["minute", "day"]]] = {
    "requests_per_minute": ("requests", "minute"),
    "tokens_per_minute": ("tokens", "minute"),
    "requests_per_day": ("requests", "day"),
    "tokens_per_day": ("tokens", "day"),
}


_limits = attrgetter(*_UNITS)
_UNLIMITED = (None,) * len(_UNITS)


def count_call(service: Service, call: Call) -> None:
    """Count a call, or raise the service's 429 if that would exceed a quota. A refused call does not count."""
    values = _limits(call.settings)
    if values == _UNLIMITED:
        return
    limits = {name: limit for name, limit in zip(_UNITS, values, strict=True) if limit is not None}
    if not any(fnmatchcase(call.route.id, pattern) for pattern in service.metered_methods):
        return
    key = service.quota_key(call)
    counted = f"{redact(key.project)}/{key.model}"
    tokens = count_input_tokens(call.message) if any(name.startswith("tokens") for name in limits) else 0
    amounts = {"requests": 1, "tokens": tokens}

    def count(transaction: Store) -> list[Violation]:
        usages = {name: _usage(transaction, f"{counted}/{name}", name, call.now) for name in limits}
        violations = list(_violations(limits, usages, amounts, call.now))
        if not violations:
            for name, usage in usages.items():
                used = Usage(usage.end, usage.amount + amounts[_UNITS[name][0]])
                transaction.put(USAGE, f"{counted}/{name}", used)
        return violations

    if violations := call.world.store.transact(count):
        raise service.quota_error(call, key, violations)


@dataclass(frozen=True, slots=True)
class QuotaState:
    """What a model of a project has used of a quota, and the seconds until it begins anew."""

    project: str
    model: str
    quota: str
    used: int
    limit: int
    seconds_left: float


def list_quotas(world: World) -> Iterator[QuotaState]:
    """Yield the quotas that have been used in this minute or day, in the order of their first use."""
    now, settings = world.clock.now(), world.settings
    for entry in world.store.walk(USAGE):
        project, model, name = entry.name.rsplit("/", 2)  # a project is whatever a client says it is
        limit, end = getattr(settings, name), entry.record.end
        if limit is not None and end - now >= SECOND:
            yield QuotaState(project, model, name, entry.record.amount, limit, (end - now) / SECOND)


def _violations(
    limits: Mapping[str, int], usages: Mapping[str, Usage], amounts: Mapping[str, int], now: Nanos
) -> Iterator[Violation]:
    for name, limit in limits.items():
        unit, period = _UNITS[name]
        if usages[name].amount + amounts[unit] > limit:
            yield Violation(unit, period, limit, (usages[name].end - now) / SECOND)


def _usage(store: Store, name: str, quota: str, now: Nanos) -> Usage:
    """Return what is used of a quota now.

    It begins anew in the second of its end: RetryInfo has whole seconds [seen], and who waits that long is served.
    """
    try:
        usage = store.get(USAGE, name)
    except Missing:
        usage = Usage()
    if usage.end - now >= SECOND:
        return usage
    return Usage(now + MINUTE if _UNITS[quota][1] == "minute" else (now - MIDNIGHT) // DAY * DAY + DAY + MIDNIGHT)
