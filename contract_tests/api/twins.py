"""One world twice, in process and behind a socket: every request goes to both, and both have to say the same."""

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import httpx

from contract_tests.targets import Client, Live, in_process
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

Json = dict[str, Any]

START = datetime(2024, 11, 5, 9, 30, 0, 250000, tzinfo=UTC)


class Twins:
    """Two clients whose worlds began alike."""

    def __init__(self, live: Live, settings: Settings) -> None:
        self._live = live
        self._open = ExitStack()
        self._worlds = [World(ManualClock(START), settings) for _ in range(2)]
        self._clients = self._connect()

    def _connect(self) -> list[Client]:
        one, other = self._worlds
        return [self._open.enter_context(in_process(one)), self._open.enter_context(self._live.client(other))]

    def ask(self, verb: str, path: str, user: str, **options: Any) -> httpx.Response:
        """What both answer a user."""
        headers = {"authorization": f"Bearer {user}", "x-goog-api-key": ""}
        one, other = [client.request(verb, path, headers=headers, **options) for client in self._clients]
        assert (one.status_code, one.content) == (other.status_code, other.content)
        assert one.headers["content-type"] == other.headers["content-type"]
        assert one.status_code < 500, one.text
        return one

    def good(self, verb: str, path: str, user: str, **options: Any) -> Json:
        """The body of an answer that has to be 200."""
        answer = self.ask(verb, path, user, **options)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    def pages(self, path: str, user: str, size: int, kind: str) -> list[Json]:
        """A list, page by page, joined."""
        found: list[Json] = []
        token = ""
        while True:
            page = self.good("GET", path, user, params={"pageSize": size} | ({"pageToken": token} if token else {}))
            assert len(page.get(kind, ())) <= size
            found += page.get(kind, ())
            token = page.get("nextPageToken", "")
            if not token:
                return found

    def advance(self, seconds: float) -> None:
        """Let time pass in both."""
        for world in self._worlds:
            world.clock.advance(seconds)

    @property
    def now(self) -> int:
        """The moment, in nanoseconds."""
        return self._worlds[0].clock.now()

    def restart(self) -> None:
        """Go on in new servers with what was kept."""
        self._open.close()
        self._worlds = [world.fork("default") for world in self._worlds]
        self._clients = self._connect()

    def stop(self) -> None:
        """Close both clients."""
        self._open.close()
