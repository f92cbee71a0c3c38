"""The API as a few lines of plain Python: what the machine's answers are held to.

It knows who may do what, what exists and in which order, and which observations may follow which. How long a run takes
it does not know.
"""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from math import ceil
from typing import Any

Json = dict[str, Any]

EVERYONE = "everyone"
RANKS = {"READER": 1, "WRITER": 2, "OWNER": 3}


@dataclass
class TunedModel:
    """A tuned model as its users left it.

    `roles` and the names of `permissions` are by user; `answers` is what it was taught.
    """

    name: str
    operation: str
    examples: int
    epochs: int
    batch: int
    steps: int
    roles: dict[str, str]
    answers: dict[str, str]
    texts: dict[str, str] = field(default_factory=lambda: {"displayName": "numbers", "description": ""})
    permissions: dict[str, str] = field(default_factory=dict)
    cancelled: bool = False
    seen: Json = field(default_factory=dict)

    def rank(self, user: str) -> int:
        """What the user may do: 1 use, 2 change and share, 3 delete too, 0 nothing."""
        return max(RANKS.get(self.roles.get(who, ""), 0) for who in (user, EVERYONE))

    def observe(self, shown: Json, now: int) -> None:
        """Check that a resource can be what became of the one seen before."""
        task = shown["tuningTask"]
        snapshots = task.get("snapshots", [])
        assert {key: shown.get(key, "") for key in self.texts} == self.texts
        assert ordered(shown["createTime"], task.get("startTime"), task.get("completeTime")) <= now
        assert ordered(task.get("startTime"), *(step["computeTime"] for step in snapshots)) <= now
        assert [step["step"] for step in snapshots] == [*range(1, len(snapshots) + 1)]
        assert [step.get("epoch", 0) for step in snapshots] == [
            min(number * self.batch // self.examples, self.epochs) for number in range(1, len(snapshots) + 1)
        ]
        assert (shown["state"] == "ACTIVE") <= (len(snapshots) == self.steps)
        assert (shown["state"] == "FAILED") <= self.cancelled
        assert ("completeTime" in task) == (shown["state"] == "ACTIVE")
        self._follow(shown)
        self.seen = shown

    def _follow(self, shown: Json) -> None:
        """Ended stays ended, times stay, snapshots are only added."""
        if not self.seen:
            return
        before, after = self.seen["tuningTask"], shown["tuningTask"]
        snapshots = before.get("snapshots", [])
        assert self.seen["createTime"] == shown["createTime"]
        assert before["hyperparameters"] == after["hyperparameters"]
        assert after.get("snapshots", [])[: len(snapshots)] == snapshots
        assert before.get("startTime", after.get("startTime")) == after.get("startTime")
        if self.seen["state"] != "CREATING":
            assert before == after
            assert self.seen["state"] == shown["state"]


def moment(text: str) -> int:
    """Nanoseconds since 1970 of a time as answers write it, with 0 to 9 digits of fraction."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return int(datetime.fromisoformat(f"{whole}+00:00").timestamp()) * 10**9 + int(fraction.ljust(9, "0"))


def ordered(*times: str | None) -> int:
    """The last of these times, none of which is before the one before it; the absent ones aside."""
    moments = [moment(time) for time in times if time]
    assert all(sooner <= later for sooner, later in pairwise(moments)), times
    return moments[-1] if moments else 0


def total_steps(examples: int, epochs: int, batch: int) -> int:
    """How many steps a run takes: a batch a step, as many epochs, and a last one for what is left."""
    return ceil(examples * epochs / batch)


PENDING, RUNNING = "JOB_STATE_PENDING", "JOB_STATE_RUNNING"
SUCCEEDED, CANCELLING, CANCELLED = "JOB_STATE_SUCCEEDED", "JOB_STATE_CANCELLING", "JOB_STATE_CANCELLED"

# What may be seen after what, of a job that nobody cancelled, and of one that somebody did.
NEXT = {
    PENDING: {PENDING, RUNNING, SUCCEEDED},
    RUNNING: {RUNNING, SUCCEEDED},
    SUCCEEDED: {SUCCEEDED},
}
NEXT_CANCELLED = {
    PENDING: {CANCELLING, CANCELLED},
    RUNNING: {CANCELLING, CANCELLED},
    CANCELLING: {CANCELLING, CANCELLED},
    CANCELLED: {CANCELLED},
}
ENDED = {SUCCEEDED, CANCELLED}


@dataclass
class TuningJob:
    """A tuning job as it was last seen."""

    seen: Json
    cancelled: bool = False

    @property
    def name(self) -> str:
        """Its resource name."""
        name: str = self.seen["name"]
        return name

    @property
    def can_be_cancelled(self) -> bool:
        """Whether it has neither ended nor been cancelled."""
        return not self.cancelled and self.seen["state"] not in ENDED

    def observe(self, shown: Json, now: int) -> None:
        """Check that a job can be what became of the one seen before."""
        before, after = self.seen["state"], shown["state"]
        assert after in (NEXT_CANCELLED if self.cancelled else NEXT)[before]
        assert ordered(shown["createTime"], shown.get("startTime"), shown.get("endTime")) <= now
        assert ordered(shown["createTime"], self.seen["updateTime"], shown["updateTime"]) <= now
        assert ("endTime" in shown) == (after in ENDED)
        assert ("error" in shown) == (after == CANCELLED)
        assert (after == SUCCEEDED) <= ("endpoint" in shown.get("tunedModel", {}))
        if before in ENDED:
            assert self.seen == shown
        self.seen = shown
