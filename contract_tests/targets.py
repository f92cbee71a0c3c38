"""Where the tests of Google's API are run: against us in process, against us over a socket, ...

    make test ARGS="--target live"        only that one; may be given several times

A test that takes `client` runs once a target. What each target saw is counted at the end of the run.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import httpx
import pytest

from contract_tests.environment import HANGS
from contract_tests.harvest import Harvest
from mockserver.app import create_app
from mockserver.doors.inprocess import App, AppRequest, send_request
from mockserver.doors.live import LiveServer
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World, Worlds

TARGETS = ("inprocess", "live", "transcript", "real")
OURS = ("inprocess", "live")
DEFAULT = ("inprocess", "live", "transcript")


class InProcess(httpx.BaseTransport):
    """httpx straight into the app."""

    def __init__(self, app: App) -> None:
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """What the app answers, all of it."""
        asked = AppRequest(request.method, str(request.url), request.headers.multi_items(), request.read())
        answered = send_request(self._app, asked)
        return httpx.Response(answered.status, headers=answered.headers, content=b"".join(answered.pieces))


class Client(httpx.Client):
    """A client that sends a key, and the world it speaks to, whose clock the test owns.

    What it hears goes into the harvest of the run.
    """

    def __init__(self, world: World, harvest: Harvest | None = None, **where: Any) -> None:
        headers = {"x-goog-api-key": "key-one", "accept-encoding": "identity"}
        super().__init__(headers=headers, timeout=HANGS, **where)
        self.world = world
        self._harvest = harvest or Harvest()

    @property
    def clock(self) -> ManualClock:
        """The world's clock, which moves when the test says so."""
        clock = self.world.clock
        assert isinstance(clock, ManualClock)
        return clock

    def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        """Send a request; an answer that is read at once is kept."""
        answer = super().send(request, stream=stream, **options)
        if not stream:
            self._harvest.hear(request, answer)
        return answer

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Be done, and count what the world was asked."""
        self._harvest.note(self.world.calls)
        super().__exit__(exc_type, exc_value, traceback)


def in_process(world: World, harvest: Harvest | None = None) -> Client:
    """A client of a world that needs no socket."""
    return Client(world, harvest, transport=InProcess(create_app(world)), base_url="http://mock")


class Live:
    """One server on a socket for the whole run; each test puts its own world into it."""

    def __init__(self) -> None:
        self._worlds = Worlds(World(ManualClock(), Settings()))
        self._server = LiveServer(create_app(self._worlds))
        self.url = self._server.start()
        # Building one takes 20 ms, most of it for TLS that is not used here.
        self._transport = httpx.HTTPTransport()

    @contextmanager
    def client(self, world: World, harvest: Harvest | None = None) -> Iterator[Client]:
        """A client of a world, over the socket."""
        with (
            self._worlds.replaced(world),
            Client(world, harvest, transport=_Shared(self._transport), base_url=self.url) as client,
        ):
            yield client

    def stop(self) -> None:
        """Close the socket."""
        self._transport.close()
        self._server.stop()


class _Shared(httpx.BaseTransport):
    """A transport that outlives its clients."""

    def __init__(self, transport: httpx.HTTPTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._transport.handle_request(request)


def chosen(config: pytest.Config) -> tuple[str, ...]:
    """The targets of this run."""
    return tuple(config.getoption("--target")) or DEFAULT


def target_of(nodeid: str) -> str:
    """The target a test ran against, its first parameter; tests of our own laws have none."""
    first = nodeid.partition("[")[2].rstrip("]").partition("-")[0]
    return first if first in TARGETS else "no target"


def tally(reports: Iterable[tuple[str, pytest.TestReport]]) -> list[str]:
    """A line a target: how many passed, failed and were skipped, and why they were."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome, report in reports:
        target = target_of(report.nodeid)
        counts[target][outcome] += 1
        if outcome == "skipped" and isinstance(report.longrepr, tuple):
            reasons[target][report.longrepr[2].removeprefix("Skipped: ")] += 1
    lines = []
    for target in sorted(counts, key=[*TARGETS, "no target"].index):
        lines.append(f"{target}: " + ", ".join(f"{counts[target][it]} {it}" for it in ("passed", "failed", "skipped")))
        lines += [f"    {number} skipped: {reason}" for reason, number in reasons[target].most_common()]
    return lines
