"""Which emulator is asked for an object that is not here."""

import pytest

from mockserver.datasets.storage import EMULATOR_VARIABLE, buckets, served_at
from mockserver.state.clock import ManualClock
from mockserver.state.world import World


@pytest.mark.parametrize(
    ("variable", "asked"),
    [
        ("http://127.0.0.1:8765", False),
        ("localhost:8765", False),
        ("http://[::1]:8765/", False),
        ("http://127.0.0.1:8766", True),
        ("http://storage.test:8765", True),
        ("not a url", True),  # and reading says so
    ],
)
def test_a_server_does_not_ask_itself(variable: str, *, asked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that sends its clients here by STORAGE_EMULATOR_HOST sets it for the server in its process too."""
    monkeypatch.setenv(EMULATOR_VARIABLE, variable)
    world = World(ManualClock())
    with served_at("http://127.0.0.1:8765"), served_at("http://127.0.0.1:8765"):
        inside = buckets(world)

    assert (variable if asked else None) == inside.emulator
    assert variable == buckets(world).emulator
