"""A long life: a mix of all requests, jobs, forks and snapshots, after which the server is as large as it was early on.

The world has everything, and every route is asked. All fills up in the first sixth - the log of calls, the worlds
beside the default one, the snapshots - and is replaced once in the second. After a third the process must not grow.
"""

import gc
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx
import orjson

from contract_tests.api.everything import Example, examples, fork
from contract_tests.attacks.tally import Tally, resident_bytes
from contract_tests.environment import HANGS
from mockserver.app import create_app
from mockserver.doors.inprocess import AppRequest, send_request
from mockserver.doors.live import LiveServer
from mockserver.state.calls import CallLog
from mockserver.state.world import Worlds

Json = dict[str, Any]
Ask = Callable[[str, str, bytes, dict[str, str]], int]

LONG, SHORT = 150_000, 3_000
SLACK_BYTES = 24 * 2**20
"""What may come and go with the allocator.

A leak of a kilobyte a request would be four times as much in the long form.
"""

TEXTS = ("", "x" * 3000, "\u00e9\n", "[mock: text=hello]", "*", "tunedModels/numbers")


class Life:
    """A server, in process and on a socket, and who uses it."""

    def __init__(self, tally: Tally, total: int) -> None:
        self.tally = tally
        self.total = total
        self.rng = random.Random(1)
        self.examples = list(examples())
        self.world = fork()
        self.world.store.log = CallLog(total // 15)  # 10,000 calls in the long form, as it is by default
        self.app = create_app(Worlds(self.world, capacity=total // 150))  # 1,000 in the long form, as by default
        self.numbers = count()
        self.forks: list[str] = []
        self.sizes: list[int] = []

    def in_process(self, verb: str, path: str, body: bytes, headers: dict[str, str]) -> int:
        """Ask without a socket; the whole answer is read."""
        said = [*headers.items(), ("content-type", "application/json"), ("content-length", str(len(body)))]
        answer = send_request(self.app, AppRequest(verb, f"http://mock{path}", said, body))
        for _ in answer.pieces:
            pass
        return answer.status

    def control(self, verb: str, path: str, body: Json | None = None) -> None:
        """Ask the control API, which has to do it."""
        status = self.in_process(verb, f"/_mock{path}", orjson.dumps(body or {}), {"host": "127.0.0.1"})
        assert status == 200, (verb, path, status)

    def live(self, asked: int, over_socket: Ask) -> None:
        """Send so many requests, a tenth of them over the socket; do what a tester does between them."""
        for number in range(asked):
            ask = over_socket if number % 10 == 0 else self.in_process
            verb, path, body, headers = self._request(self.rng.choice(self.examples))

            def answered() -> int:
                status = ask(verb, path, body, headers)  # noqa: B023 - called at once
                assert status < 500 or status == 501, (verb, path, status)  # noqa: B023 - as above
                return status

            self.tally.status(f"{verb} {path[:80]}", answered)
            self._test(number)

    def _request(self, example: Example) -> tuple[str, str, bytes, dict[str, str]]:
        """The example, in one of five cases damaged; for the default world, or in one of three cases for a fork."""
        body = b"" if example.body is None else orjson.dumps(example.body)
        if body and self.rng.random() < 0.2:
            place = self.rng.randrange(len(body))
            body = body[:place] + self.rng.choice(TEXTS).encode() + body[place + self.rng.randrange(3) :]
        headers = dict(example.headers) or {"x-goog-api-key": "key-one"}
        if self.forks and self.rng.random() < 0.3:
            headers["x-goog-api-key"] = f"mockserver-{self.rng.choice(self.forks[-20:])}-key"
        query = "&".join(f"{name}={value}" for name, value in example.params.items())
        return example.verb, f"{example.path}?{query}", body, headers

    def _test(self, number: int) -> None:
        """What a tester does: the clock moves, worlds are forked, snapshots are made, and the world returns to one."""
        if number % 20 == 0:
            self.control("POST", "/clock/advance", {"seconds": 60})
        if number % 25 == 0:
            name = f"f{next(self.numbers)}"
            self.control("POST", "/worlds/fork", {"name": name})
            self.forks = [*self.forks[-100:], name]
        if number % 100 == 0:
            self.control("PUT", f"/snapshots/s{number // 100 % 10}")
        if number % (self.total // 12) == 0:  # when the log is full; else there would be more jobs with every request
            self.control("POST", "/snapshots/start/restore")

    @contextmanager
    def socket(self) -> Iterator[Ask]:
        """How to ask over a socket."""
        server = LiveServer(self.app)
        with httpx.Client(base_url=server.start(), timeout=HANGS) as client:
            try:
                yield (
                    lambda verb, path, body, headers: (
                        client.request(
                            verb, path, content=body, headers={**headers, "content-type": "application/json"}
                        ).status_code
                    )
                )
            finally:
                server.stop()

    def measure(self) -> None:
        """Note how large the process is."""
        gc.collect()
        self.sizes.append(resident_bytes())


def attack(tally: Tally, *, long: bool) -> None:
    """Live, and measure after each third."""
    total = LONG if long else SHORT
    life = Life(tally, total)
    life.control("PUT", "/snapshots/start")
    with life.socket() as over_socket:
        for _ in range(3):
            life.live(total // 3, over_socket)
            life.measure()
    first, *later = life.sizes
    megabytes = [f"{size / 2**20:.0f} MiB" for size in life.sizes]
    tally.expect(f"the process grew: {', '.join(megabytes)}", right=max(later) <= first + SLACK_BYTES)
