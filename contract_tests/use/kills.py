"""Kills a server again and again while clients write, and counts what it had acknowledged and lost.

    python -m contract_tests.use.kills [ROUNDS] [--store URL]

Each client owns its models: it creates, patches and deletes them one after the other, so that it knows what they must
be. Whatever a request was doing when the server was killed may have happened or not.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from contract_tests.use.serving import serving

CLIENTS = 4

EXAMPLES = {"examples": {"examples": [{"textInput": "one", "output": "two"}]}}
BASE = "models/gemini-1.5-flash-001-tuning"

ABSENT = "absent"


@dataclass
class Writer:
    """A client. `models` has what each model's description was acknowledged to be; `pending` what may be instead."""

    number: int
    models: dict[str, str] = field(default_factory=dict)
    pending: tuple[str, str] | None = None
    acknowledged: int = 0
    rng: random.Random = field(default_factory=random.Random)

    def write(self, url: str) -> None:
        """Write until the server is killed."""
        with httpx.Client(base_url=url, headers={"x-goog-api-key": f"writer-{self.number}"}, timeout=30) as client:
            try:
                while True:
                    self._write_once(client)
            except httpx.TransportError:
                return

    def _write_once(self, client: httpx.Client) -> None:
        alive = [name for name, text in self.models.items() if text != ABSENT]
        action = self.rng.choice(["create", "patch", "patch", "delete"]) if alive else "create"
        if action == "create":
            name, text = f"w{self.number}-{len(self.models)}", str(self.acknowledged)
            self.pending = (name, text)
            body = {
                "displayName": "x",
                "description": text,
                "baseModel": BASE,
                "tuningTask": {"trainingData": EXAMPLES},
            }
            answer = client.post("/v1beta/tunedModels", params={"tunedModelId": name}, json=body)
        else:
            name = self.rng.choice(alive)
            text = ABSENT if action == "delete" else str(self.acknowledged)
            self.pending = (name, text)
            path = f"/v1beta/tunedModels/{name}"
            answer = client.delete(path) if action == "delete" else client.patch(path, json={"description": text})
        assert 200 == answer.status_code, (action, answer.text)
        self.models[name], self.pending = text, None
        self.acknowledged += 1

    def check(self, url: str) -> list[str]:
        """Return a sentence for each model that is not as it was acknowledged, and go on from what is there."""
        lost = []
        with httpx.Client(base_url=url, headers={"x-goog-api-key": f"writer-{self.number}"}, timeout=30) as client:
            names = dict.fromkeys([*self.models, *([self.pending[0]] if self.pending else [])])
            for name in names:
                answer = client.get(f"/v1beta/tunedModels/{name}")
                found = answer.json().get("description", "") if answer.status_code == 200 else ABSENT
                expected = self.models.get(name, ABSENT)
                allowed = {expected, self.pending[1]} if self.pending and self.pending[0] == name else {expected}
                if found not in allowed:
                    lost.append(f"{name}: {found!r}, expected {' or '.join(sorted(allowed))}")
                self.models[name] = found
        self.pending = None
        return lost


@dataclass(frozen=True)
class Tally:
    """What came of it."""

    kills: int
    acknowledged: int
    lost: tuple[str, ...]


def kill_again_and_again(rounds: int, options: Sequence[str], folder: Path) -> Tally:
    """Kill a server `rounds` times while clients write, and compare what is there after each kill.

    The kill comes after some number of writes: after some time, a busy machine would not have written anything.
    """
    writers = [Writer(number, rng=random.Random(number)) for number in range(CLIENTS)]
    moments = random.Random(7)
    lost: list[str] = []
    for _ in range(rounds):
        with serving(folder / "log", "--quiet", *options, end_with=signal.SIGKILL) as served:
            for writer in writers:
                lost += writer.check(served.base_url)
            with _writing(writers, served.base_url, at_least=moments.randint(1, 40)):
                os.kill(served.pid, signal.SIGKILL)
    with serving(folder / "log", "--quiet", *options) as served:
        for writer in writers:
            lost += writer.check(served.base_url)
    return Tally(rounds, sum(writer.acknowledged for writer in writers), tuple(lost))


@contextmanager
def _writing(writers: Sequence[Writer], url: str, *, at_least: int) -> Iterator[None]:
    """Let the writers work; enter the block while they do, once so many writes more are acknowledged."""
    enough = sum(writer.acknowledged for writer in writers) + at_least
    threads = [threading.Thread(target=writer.write, args=[url]) for writer in writers]
    for thread in threads:
        thread.start()
    while sum(writer.acknowledged for writer in writers) < enough and any(thread.is_alive() for thread in threads):
        time.sleep(0.001)  # noqa: TID251 - a real server's writes take real time
    yield
    for thread in threads:
        thread.join()


def main() -> int:
    """Print the tally; 1 if something was lost."""
    parser = argparse.ArgumentParser(prog="python -m contract_tests.use.kills", description=__doc__)
    parser.add_argument("rounds", type=int, nargs="?", default=200)
    parser.add_argument("--store", help="a new SQLite file by default")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = chosen.store or f"sqlite:///{folder}/store.db"
        tally = kill_again_and_again(chosen.rounds, ["--store", store], Path(folder))
    print(f"{tally.kills} kills, {tally.acknowledged} writes acknowledged, {len(tally.lost)} lost")  # noqa: T201 - for who runs it
    for sentence in tally.lost:
        print(f"    {sentence}")  # noqa: T201 - as above
    return 1 if tally.lost else 0


if __name__ == "__main__":
    sys.exit(main())
