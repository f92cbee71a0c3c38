"""A client of a fresh world, once for each target that is ours."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from contract_tests.harvest import HARVEST
from contract_tests.stores import STORES
from contract_tests.targets import OURS, Client, chosen, in_process
from mockserver.protojson.memoized import MemoizedMessage
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

START = datetime(2024, 3, 14, 15, 0, 0, tzinfo=UTC)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what takes a client against each of the chosen targets that are ours."""
    if "client" in metafunc.fixturenames:
        metafunc.parametrize("target", [name for name in OURS if name in chosen(metafunc.config)])


@pytest.fixture(autouse=True)
def unchanged_messages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody changes a message that others will get too: one that is read once, or shown again."""
    shared: list[tuple[MemoizedMessage, str]] = []
    create = MemoizedMessage.__init__

    def create_and_remember(message: MemoizedMessage, members: Mapping[str, Any]) -> None:
        create(message, members)
        shared.append((message, repr(message)))

    monkeypatch.setattr(MemoizedMessage, "__init__", create_and_remember)
    yield
    assert [before for _, before in shared] == [repr(message) for message, _ in shared]


@pytest.fixture
def target(request: pytest.FixtureRequest) -> str:
    """Which target the test runs against."""
    name: str = request.param
    return name


@pytest.fixture
def settings() -> Settings:
    """How the world of `client` behaves; a test module may say otherwise."""
    return Settings(seed=1)


@pytest.fixture
def client(request: pytest.FixtureRequest, target: str, settings: Settings) -> Iterator[Client]:
    """A fresh world on a manual clock that stands at 2024-03-14T15:00Z."""
    world = World(ManualClock(START), settings, store=STORES[request.config.getoption("--store")]())
    harvest = request.config.stash[HARVEST]
    if target == "inprocess":
        with in_process(world, harvest) as client:
            yield client
    else:
        with request.getfixturevalue("live").client(world, harvest) as client:
            yield client
