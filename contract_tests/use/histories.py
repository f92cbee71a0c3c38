"""Records what concurrent clients did to a few models, and checks that one server could have done it in some order.

    python -m contract_tests.use.histories [ROUNDS] [--store URL]

Two processes serve one database; one of them is killed now and then. A request without an answer may have happened at
any time after it was sent, or never. The check is the search of Wing and Gong for a linearization, with the memo of
Lowe.
"""

import argparse
import math
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Self

import httpx

from contract_tests.use.kills import ABSENT, BASE, EXAMPLES
from contract_tests.use.serving import serving

CLIENTS = 6
MODELS = 3
OK, CONFLICT, MISSING = "ok", "conflict", "missing"

UNKNOWN = ""
"""The result of a request that got no answer."""


@dataclass(frozen=True)
class Operation:
    """What a client did to a model, from when until when, and the result; `text` is the description written or read."""

    action: str
    text: str
    start: float
    end: float
    result: str


def apply(operation: Operation, state: str) -> str | None:
    """Return the state of the model after the operation; None if the operation cannot have had its result."""
    action, text, result = operation.action, operation.text, operation.result
    if action == "create":
        expected, after = (OK, text) if state == ABSENT else (CONFLICT, state)
    elif state == ABSENT:
        expected, after = MISSING, state
    else:
        expected, after = OK, {"patch": text, "delete": ABSENT, "get": state}[action]
        if action == "get" and result == OK and text != state:
            return None
    return after if result in {expected, UNKNOWN} else None


def is_linearizable(operations: Sequence[Operation]) -> bool:
    """Return whether the operations on one model, which was absent before, could have happened one after the other."""
    history = sorted(operations, key=lambda operation: operation.start)
    answered = sum(1 << place for place, operation in enumerate(history) if operation.result != UNKNOWN)
    stack, seen = [(0, ABSENT)], {(0, ABSENT)}
    while stack:
        done, state = stack.pop()
        if done & answered == answered:
            return True
        deadline = math.inf
        for place, operation in enumerate(history):
            if done >> place & 1:
                continue
            if operation.start > deadline:
                break
            deadline = min(deadline, operation.end)
            after = apply(operation, state)
            if after is not None and (following := (done | 1 << place, after)) not in seen:
                seen.add(following)
                stack.append(following)
    return False


class Recorder:
    """Clients that do things to the same models until they are told to stop."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._name = url, name
        self._texts = count()
        self._stop = threading.Event()
        self.histories: dict[str, list[Operation]] = defaultdict(list)
        self._threads = [threading.Thread(target=self._work, args=[random.Random(number)]) for number in range(CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, rng: random.Random) -> None:
        while not self._stop.is_set():
            # A new client now and then, so that each comes to every process.
            with httpx.Client(base_url=self._url, headers={"x-goog-api-key": "one"}, timeout=30) as client:
                for _ in range(rng.randint(1, 8)):
                    model = f"{self._name}-{rng.randrange(MODELS)}"
                    action = rng.choice(["create", "create", "patch", "patch", "get", "get", "delete"])
                    self.histories[model].append(self._do(client, model, action))

    def _do(self, client: httpx.Client, model: str, action: str) -> Operation:
        text = str(next(self._texts)) if action in {"create", "patch"} else ""
        start = time.monotonic()  # noqa: TID251 - the order of real events
        try:
            answer = _send(client, model, action, text)
        except httpx.TransportError:
            return Operation(action, text, start, math.inf, UNKNOWN)
        end = time.monotonic()  # noqa: TID251 - as above
        result = {200: OK, 409: CONFLICT, 404: MISSING, 403: MISSING}[answer.status_code]
        if action == "get" and result == OK:
            text = answer.json()["description"]
        return Operation(action, text, start, end, result)


def _send(client: httpx.Client, model: str, action: str, text: str) -> httpx.Response:
    path = f"/v1beta/tunedModels/{model}"
    if action == "create":
        body = {"displayName": "x", "description": text, "baseModel": BASE, "tuningTask": {"trainingData": EXAMPLES}}
        return client.post("/v1beta/tunedModels", params={"tunedModelId": model}, json=body)
    if action == "patch":
        return client.patch(path, json={"description": text})
    return client.delete(path) if action == "delete" else client.get(path)


def record(
    rounds: int, options: Sequence[str], folder: Path, *, kills: bool = True
) -> Mapping[str, Sequence[Operation]]:
    """Let clients work on two processes for so many rounds of about a second, and kill a process in each."""
    histories: dict[str, list[Operation]] = {}
    moments = random.Random(7)
    with serving(folder / "log", "--quiet", "--workers", "2", "--clock", "manual", *options) as served:
        for number in range(rounds):
            with Recorder(served.base_url, f"m{number}") as recorder:
                time.sleep(moments.uniform(0.2, 0.5))  # noqa: TID251 - the kill comes at some moment
                if kills:
                    children = Path(f"/proc/{served.pid}/task/{served.pid}/children").read_text().split()
                    os.kill(int(moments.choice(children)), signal.SIGKILL)
                time.sleep(0.5)  # noqa: TID251 - as above
            histories |= recorder.histories
    return histories


def main() -> int:
    """Print how many histories were checked; 1 if one cannot have been."""
    parser = argparse.ArgumentParser(prog="python -m contract_tests.use.histories", description=__doc__)
    parser.add_argument("rounds", type=int, nargs="?", default=50)
    parser.add_argument("--store", help="a new SQLite file by default")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        histories = record(chosen.rounds, ["--store", chosen.store or f"sqlite:///{folder}/store.db"], Path(folder))
    wrong = [model for model, history in histories.items() if not is_linearizable(history)]
    operations = sum(map(len, histories.values()))
    print(f"{len(histories)} histories of {operations} operations checked, {len(wrong)} wrong {wrong}")  # noqa: T201 - for who runs it
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
