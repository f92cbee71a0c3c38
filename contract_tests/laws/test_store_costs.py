"""What a request asks of a database: the same statements on every machine."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mockserver.app import create_app
from mockserver.doors.inprocess import AppRequest, send_request
from mockserver.grpc.codec import encode
from mockserver.grpc.face import GrpcFace, GrpcRequest
from mockserver.inspection.services import route_table
from mockserver.state import sql_calls, sql_counters
from mockserver.state.call_batches import BATCH_CALLS
from mockserver.state.clock import ManualClock
from mockserver.state.sql import SqlStore
from mockserver.state.sql_calls import CallQueue
from mockserver.state.sql_worlds import open_worlds
from mockserver.state.world import World, Worlds

EXAMPLES = {"examples": {"examples": [{"textInput": "1", "output": "2"}] * 20}}
MODEL = {
    "displayName": "m",
    "baseModel": "models/gemini-1.5-flash-001-tuning",
    "tuningTask": {"trainingData": EXAMPLES},
}
PROMPT = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}

CHECK = "PRAGMA data_version"
"""Has another process committed anything? It is asked after a commit, of whichever process: see `wal_index`."""

VERSION = "SELECT value FROM counters"
"""What it has committed: records, or only calls and counters?"""

WRITER = "INSERT INTO writers"

DROP = {"DELETE FROM call_batches WHERE", "UPDATE spaces SET call_bytes"}
"""The beginnings of the statements that drop the oldest calls, for every 64 new ones."""


class Servers:
    """Two processes' applications on one SQLite file, and the statements of the first one."""

    def __init__(self, url: str) -> None:
        self.one, self.other = (open_worlds(url, {"clock": "manual", "seed": 1}, frozenset())[0] for _ in range(2))
        self._grpc = GrpcFace(self.one, route_table())
        self.statements: list[str] = []
        created = json.loads(self.send(self.one, "POST", "/v1beta/tunedModels?tunedModelId=mine", MODEL))
        self.operation = created["name"]
        self.one.default.clock.advance(hours=2)
        for send in (self.get, self.poll, self.generate, self.get_by_grpc, self.get_bucket):  # these fill caches
            send()
        store = self.one.default.store
        assert isinstance(store, SqlStore)
        store.log.settle()
        store.database._driver.set_trace_callback(self.statements.append)  # noqa: SLF001 - it alone sees all statements

    def send(self, worlds: Worlds, verb: str, path: str, message: object = None, key: str = "any") -> bytes:
        """The body of an answer, which must be 200."""
        body = b"" if message is None else json.dumps(message).encode()
        headers = [("x-goog-api-key", key), ("content-type", "application/json"), ("content-length", str(len(body)))]
        reply = send_request(create_app(worlds), AppRequest(verb, f"http://127.0.0.1{path}", headers, body))
        text = b"".join(reply.pieces)
        assert 200 == reply.status, text
        return text

    def get(self) -> None:
        self.send(self.one, "GET", "/v1beta/tunedModels/mine")

    def poll(self) -> None:
        self.send(self.one, "GET", f"/v1beta/{self.operation}")

    def generate(self) -> None:
        self.send(self.one, "POST", "/v1beta/tunedModels/mine:generateContent", PROMPT)

    def get_bucket(self) -> None:
        self.send(self.one, "GET", "/storage/v1/b/mine")

    def patch(self) -> None:
        self.send(self.one, "PATCH", "/v1beta/tunedModels/mine", {"description": "new"})

    def get_by_grpc(self) -> None:
        package = "google.ai.generativelanguage.v1beta"
        body = encode(f"{package}.GetTunedModelRequest", {"name": "tunedModels/mine"})
        request = GrpcRequest(f"/{package}.ModelService/GetTunedModel", (("x-goog-api-key", "any"),), body)
        assert list(self._grpc.answer(request).pieces)

    def run(self, send: Callable[[], None]) -> list[str]:
        """The beginnings of the statements of a request."""
        self.statements.clear()
        send()
        return [" ".join(statement.partition("(")[0].split()[:4]) for statement in self.statements]


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Servers]:
    """Servers that write calls when there are enough of them, and not after a while; none has been alone for long."""
    monkeypatch.setattr(sql_counters, "ALONE_SECONDS", 60.0)
    monkeypatch.setattr(CallQueue, "_wake_thread", lambda *_: None)
    monkeypatch.setattr(sql_calls, "QUEUE_SECONDS", 60.0)
    servers = Servers(f"sqlite:///{tmp_path}/store.db")
    yield servers
    servers.one.close()
    servers.other.close()


def test_a_read_asks_nothing_if_nobody_has_committed_anything(servers: Servers) -> None:
    """The first one since the last calls were written says that there will be calls to write."""
    assert [CHECK, WRITER] == servers.run(servers.get)
    assert [CHECK] == servers.run(servers.get)
    assert [] == servers.run(servers.get)
    assert [] == servers.run(servers.poll)
    assert [] == servers.run(servers.get_by_grpc)


def test_a_read_asks_once_where_the_index_cannot_be_looked_at(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it needs of the database."""
    store = servers.one.default.store
    assert isinstance(store, SqlStore)
    monkeypatch.setattr(store.database, "_index", -1)
    servers.get()

    for send in (servers.get, servers.poll, servers.get_by_grpc, servers.get_bucket):
        assert [CHECK] == servers.run(send)


def test_a_world_costs_nothing_more(servers: Servers) -> None:
    """A request that names one asks the same, once the process knows it and nothing has changed."""
    servers.one.add(World(ManualClock(), name="second", store=servers.one.create_store()))

    def list_models() -> None:
        servers.send(servers.one, "GET", "/v1beta/tunedModels", key="mockserver-second-key")

    for _ in range(3):
        list_models()
    assert [] == servers.run(list_models)


def test_an_answer_also_takes_a_number(servers: Servers) -> None:
    """That of its id, which no other process may take."""
    servers.get()

    assert [CHECK, "INSERT INTO counters"] == servers.run(servers.generate)


def test_a_process_that_is_alone_reserves_numbers(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the first answer, and as many again with each batch of calls, until none comes any more."""
    monkeypatch.setattr(sql_counters, "ALONE_SECONDS", 0.0)
    begin, end = "BEGIN IMMEDIATE", "COMMIT"
    first = servers.run(servers.generate)
    others = [servers.run(servers.generate) for _ in range(BATCH_CALLS - 2)]
    batches = [servers.run(servers.generate) for _ in range(3 * BATCH_CALLS + 1)]

    assert [CHECK, begin, "INSERT INTO counters", "UPDATE counters SET value", WRITER, end] == first
    assert [[CHECK], *([] for _ in others[1:])] == others
    for number, statements in enumerate(batches):
        written = [
            *(begin, "UPDATE counters SET value", "UPDATE spaces SET calls", "INSERT INTO call_batches"),
            *(WRITER, end),
        ]
        expected = {0: written, 1: [CHECK]}.get(number % BATCH_CALLS, [])
        assert expected == [name for name in statements if name not in DROP]


def test_a_change_is_two_transactions(servers: Servers) -> None:
    """One for the records and one for the call. What this process has changed itself is not read again."""
    patched = servers.run(servers.patch)
    begin, end = "BEGIN IMMEDIATE", "COMMIT"

    assert [
        CHECK,
        *(begin, "UPDATE counters SET value", "SELECT epoch, revision, purged"),
        *("INSERT INTO records", "INSERT INTO collections", "UPDATE spaces SET revision", end),
        *(begin, "UPDATE spaces SET calls", "INSERT INTO call_batches", end),
    ] == patched
    assert [CHECK, WRITER] == servers.run(servers.get)


def test_many_calls_are_written_in_one_transaction(servers: Servers) -> None:
    """And in one row: a commit for each would cost more than most requests, and a row a tenth of one."""
    statements = Counter(statement for _ in range(BATCH_CALLS) for statement in servers.run(servers.get))

    assert 2 == statements.pop(CHECK)
    assert {
        WRITER: 2,
        "BEGIN IMMEDIATE": 1,
        "UPDATE spaces SET calls": 1,
        "INSERT INTO call_batches": 1,
        "COMMIT": 1,
    } == {name: count for name, count in statements.items() if name not in DROP}


def test_what_another_process_has_logged_is_not_read(servers: Servers) -> None:
    """But what it has changed is read: the records that are new, in one transaction."""
    servers.send(servers.other, "GET", "/v1beta/tunedModels/mine")
    assert servers.other.default.calls
    assert [CHECK, VERSION, WRITER] == servers.run(servers.get)
    servers.send(servers.other, "PATCH", "/v1beta/tunedModels/mine", {"description": "new"})

    assert [
        CHECK,
        VERSION,
        "SELECT epoch, revision, purged",
        "BEGIN",
        "SELECT epoch, revision, purged",
        "SELECT name, revision, inserted",
        "SELECT name, version, ordinal,",
        "COMMIT",
    ] == servers.run(servers.get)
